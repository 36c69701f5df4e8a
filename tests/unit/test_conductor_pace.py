"""A capped rate: never more than rate x time and one burst, and close to it for who asks often enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.conductor.pace import BURST_SECONDS, Pace


@given(
    st.floats(0.01, 5000),
    st.lists(st.tuples(st.floats(0, 30), st.integers(0, 2000), st.floats(0, 1)), min_size=1, max_size=60),
)
def test_never_faster_than_the_cap(rate: float, steps: list[tuple[float, int, float]]) -> None:
    pace, now, sent = Pace(rate), 1000.0, 0
    for wait, wanted, back in steps:
        now += wait
        rows = min(wanted, pace.allowed(now))
        pace.took(rows)
        returned = int(rows * back)
        pace.took(-returned)
        sent += rows - returned
        assert sent <= rate * (now - 1000.0) + max(1.0, rate * BURST_SECONDS) + 1e-6


@pytest.mark.parametrize("rate", [0.2, 3.0, 250.0])
def test_the_cap_is_used(rate: float) -> None:
    pace, sent = Pace(rate), 0
    for second in range(1, 601):
        rows = pace.allowed(1000.0 + second)
        pace.took(rows)
        sent += rows
    assert rate * 599 - 1 <= sent <= rate * 600 + 1


def test_the_first_row_goes_at_once() -> None:
    assert Pace(1 / 3600).allowed(5.0) == 1


def test_a_clock_that_goes_back_gives_nothing() -> None:
    pace = Pace(10.0)
    pace.took(pace.allowed(100.0))
    assert pace.allowed(50.0) == 0
