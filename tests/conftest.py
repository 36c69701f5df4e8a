"""What all tests share: seeds, folders in memory, and the border between the three speeds."""

import shutil
import sys
import tempfile
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

MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 << 30  # a container may have 64 MB there

CLUSTERS = ("tests/ray/", "tests/e2e/standing/")  # each starts one for all of its files, and two at once would be too much


def pytest_configure() -> None:
    """Temporary folders lie in memory where that has room: tests kill processes and never the machine, so an fsync proves
    nothing here, and on a busy disk it takes most of a ledger test's time."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES:
        tempfile.tempdir = str(MEMORY)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the files, one begins with the clusters. Of the others, those that wait for receivers and
    those that compute take turns: so they fill the processors together."""
    if not hasattr(config, "workerinput"):
        return
    groups: dict[bool, dict[Path, None]] = {True: {}, False: {}}
    turn: dict[Path, tuple[float, str]] = {}
    for item in items:
        if item.nodeid.startswith(CLUSTERS):
            turn[item.path] = (0.0, str(item.path))
        else:
            groups["e2e" in item.path.parts][item.path] = None
    turn |= {path: ((n + 0.5) / len(group), str(path)) for group in groups.values() for n, path in enumerate(group)}
    items.sort(key=lambda item: turn[item.path])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Whole files to a process, as --dist loadfile does, and those of the clusters to the same one."""
    from xdist.scheduler import LoadFileScheduling

    class Files(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return "clusters" if file.startswith(CLUSTERS) else file

    return Files(config, log)


@pytest.fixture(autouse=True)
def _no_ray_in_unit_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit test cannot import Ray, though others in its process may have done so."""
    if "/tests/unit/" in str(request.path):
        monkeypatch.setitem(sys.modules, "ray", None)
