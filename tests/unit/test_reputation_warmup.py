"""Warm-up: a day's volume grows after used and clean days, steps back after others, and is never gone over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.lanes import NO_QUOTA
from actors.reputation.warmup import BACK, CLEAN, DAY, FORGET_GRANT, Curve, EgressState, take

CURVE = Curve(start=100, growth=2.0, until=5_000)
NOON = 20_000 * DAY + DAY / 2


def fresh() -> EgressState:
    return EgressState("192.0.2.1", born=NOON)


def day(state: EgressState, number: int, begun: int, bad: float = 0.0) -> int:
    """A day on which so many mails were begun; gives the quota that the day begins with."""
    at = NOON + number * DAY
    quota, until = take(state, CURVE, "a.test", 0, 0, 0.0, at)
    take(state, CURVE, "a.test", begun, max(0, begun - int(bad)), bad, at + 1.0)
    assert until == (NOON // DAY + number + 1) * DAY or quota == NO_QUOTA
    return quota


def test_used_and_clean_days_grow_until_it_is_warm() -> None:
    state = fresh()
    quotas = [day(state, n, 100 * 2**n) for n in range(7)]
    assert [2 * quota for quota in quotas[:6]] == [100, 200, 400, 800, 1600, 3200]  # half of it to the lane that asks
    assert quotas[6] == NO_QUOTA


@pytest.mark.parametrize(
    ("begun", "bad", "step"), [(400, 0.0, 3), (200, 0.0, 3), (199, 0.0, 2), (400, 30.0, 2 - BACK), (0, 0.0, 2)]
)
def test_what_a_day_was_like_says_how_it_goes_on(begun: int, bad: float, step: int) -> None:
    state = fresh()
    state.step, state.day = 2, int(NOON // DAY)
    assert (bad > CLEAN * begun) is (step == 2 - BACK)
    take(state, CURVE, "a.test", begun, int(begun - bad), bad, NOON)
    take(state, CURVE, "a.test", 0, 0, 0.0, NOON + DAY)
    assert state.step == step


REPORTS = st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0.0, 400.0)), min_size=1, max_size=80)


@given(REPORTS, st.integers(1, 500))
def test_lanes_together_never_begin_more_than_the_day_allows(reports: list[tuple[str, float]], start: int) -> None:
    """Each lane that reports in time has begun all that it was granted; one that was silent for longer has begun nothing."""
    state, curve, now = fresh(), Curve(start, 1.5, 10**6), NOON
    granted: dict[str, tuple[int, float]] = {}
    begun = 0
    for site, later in reports:
        now = min(now + later / len(reports), NOON + DAY / 2 - 1)
        used, since = granted.pop(site, (0, now))
        used = used if now - since < FORGET_GRANT else 0
        begun += used
        quota, until = take(state, curve, site, used, used, 0.0, now)
        assert quota >= 0
        assert until > now
        granted[site] = (quota, now)
        assert begun + sum(n for n, at in granted.values() if now - at < FORGET_GRANT) <= start


def test_what_the_ledger_keeps_goes_on_without_its_grants() -> None:
    state = fresh()
    take(state, CURVE, "a.test", 10, 10, 0.0, NOON)
    again = EgressState(**state.data())
    assert (again.begun, again.granted) == (10, {})
    assert take(again, CURVE, "b.test", 0, 0, 0.0, NOON + 1)[0] == 45
