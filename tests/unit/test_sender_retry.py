"""The retry curve."""

from hypothesis import given
from hypothesis import strategies as st

from actors.model.states import Blame
from actors.sender.retry import CURVES, HOUR, JITTER, MINUTE, chance, delay, next_attempt

SPREAD = st.floats(0, 0.999)


@given(st.integers(1, 50), st.sampled_from(list(Blame)), SPREAD)
def test_delays_grow_and_stay_bounded(attempt: int, blame: Blame, spread: float) -> None:
    assert MINUTE <= delay(attempt, blame, spread) <= 8 * HOUR * (1 + JITTER)
    assert delay(attempt, blame, spread) <= delay(attempt + 1, blame, spread)


def test_greylisting_comes_back_after_five_to_ten_minutes() -> None:
    assert delay(1, Blame.BUSY, 0.0) == 5 * MINUTE
    assert delay(1, Blame.BUSY, 0.999) < 10 * MINUTE


@given(st.sampled_from(list(CURVES)), SPREAD, st.floats(0, 2e5), st.floats(0, 2e5))
def test_never_after_the_end(blame: Blame, spread: float, retry_for: float, deadline_in: float) -> None:
    now = 1e9
    at = next_attempt(now, now - 1000, 2, blame, spread, retry_for, now + deadline_in)
    if at:
        assert now < at <= min(now - 1000 + retry_for, now + deadline_in)
    else:
        wanted = now + delay(2, blame, spread)
        assert wanted > min(now - 1000 + retry_for, now + deadline_in)


def test_a_first_attempt_counts_from_now_and_no_deadline_is_none() -> None:
    assert next_attempt(1e9, 0.0, 1, Blame.NETWORK, 0.0, HOUR, 0.0) == 1e9 + 2 * MINUTE


def test_chance_is_the_same_everywhere_and_spread() -> None:
    assert chance("J", 1, 1) == chance("J", 1, 1)
    values = [chance("J", row, 1) for row in range(2000)]
    assert 0.45 < sum(values) / 2000 < 0.55
    assert 0 <= min(values) < 0.01
    assert 0.99 < max(values) < 1
