"""What all tests share: seeds, folders in memory, and the border between the three speeds."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.examples import DEFAULT, examples

settings.register_profile(
    "hongyan",
    derandomize=True,
    deadline=None,
    max_examples=examples(DEFAULT),
    database=None,  # the same examples each time: there is nothing to remember
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("hongyan")

RAY = (
    "/tests/ray/",
    "test_api_cli.py",
    "test_crash_matrix.py",
    "test_graceful_stop.py",
    "test_ray_closed.py",
    "test_two_nodes.py",
)
MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 << 30  # a container may have 64 MB there


def pytest_configure() -> None:
    """Temporary folders lie in memory where that has room: tests kill processes and never the machine, so an fsync proves
    nothing here, and on a busy disk it takes most of a ledger test's time."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES:
        tempfile.tempdir = str(MEMORY)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What two processes (`-n 2 --dist loadgroup`) share out: whole files, for their fixtures, and all that start Ray in one
    process: two clusters on one machine would want the same ports."""
    for item in items:
        path = str(item.path)
        item.add_marker(pytest.mark.xdist_group("ray" if any(part in path for part in RAY) else item.path.stem))


@pytest.fixture(autouse=True)
def _no_ray_in_unit_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    """A unit test that imports Ray is no unit test."""
    unit = "/tests/unit/" in str(request.path)
    before = "ray" in sys.modules
    yield
    if unit and not before and "ray" in sys.modules:
        pytest.fail("this unit test imported ray")
