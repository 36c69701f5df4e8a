"""What all tests share: seeds, and the border between the three speeds."""

import sys
from collections.abc import Iterator

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


@pytest.fixture(autouse=True)
def _no_ray_in_unit_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    """A unit test that imports Ray is no unit test."""
    unit = "/tests/unit/" in str(request.path)
    before = "ray" in sys.modules
    yield
    if unit and not before and "ray" in sys.modules:
        pytest.fail("this unit test imported ray")
