"""A lane begins no more mails than its limits allow, however late the limits come."""

from hypothesis import given
from hypothesis import strategies as st

from actors.model.lanes import LaneLimits
from actors.sender.pacing import BURST_SECONDS, Pace


def spend(pace: Pace, now: float, most: int = 10_000) -> int:
    """Begins all that may be begun."""
    for count in range(most):
        if not pace.may_begin(now):
            return count
        pace.begin()
    return most


def test_without_limits_anything_goes() -> None:
    assert spend(Pace(LaneLimits(4), 0.0), 0.0, 500) == 500


@given(st.floats(0.05, 500.0), st.lists(st.floats(0.001, 20.0), min_size=1, max_size=60))
def test_never_more_than_the_rate_and_a_burst(rate: float, steps: list[float]) -> None:
    pace, now, begun = Pace(LaneLimits(4, rate=rate), 0.0), 0.0, 0
    for step in steps:
        now += step
        begun += spend(pace, now)
        assert begun <= 1.001 + max(1.0, rate * BURST_SECONDS) + rate * now


def test_the_rate_is_reached() -> None:
    pace, begun = Pace(LaneLimits(4, rate=7.0), 0.0), 0
    for tick in range(1, 1001):
        begun += spend(pace, tick * 0.1)
    assert 698 <= begun <= 708


def test_a_rate_that_comes_late_asks_for_no_debt() -> None:
    pace = Pace(LaneLimits(4), 0.0)
    spend(pace, 0.0, 500)
    pace.follow(LaneLimits(4, rate=2.0), 1.0)
    assert pace.wait(1.0) <= 0.5
    assert spend(pace, 2.0) >= 1


def test_wait_is_exact() -> None:
    pace = Pace(LaneLimits(4, rate=0.5), 0.0)
    assert spend(pace, 0.0) == 1
    wait = pace.wait(0.0)
    assert 1.99 < wait <= 2.0
    assert not pace.may_begin(wait - 0.01)
    assert pace.may_begin(wait + 1e-6)


@given(st.floats(0.01, 500.0), st.integers(1, 50))
def test_waiting_as_told_is_enough_at_any_time_since_the_epoch(rate: float, mails: int) -> None:
    now = 1_764_547_200.123
    pace, turns = Pace(LaneLimits(4, rate=rate), now), 0
    while mails:
        turns += 1
        assert turns < 500
        if pace.may_begin(now):
            pace.begin()
            mails -= 1
        else:
            now += pace.wait(now)


def test_what_was_begun_without_a_rate_is_no_debt() -> None:
    pace = Pace(LaneLimits(4), 0.0)
    assert spend(pace, 0.0, 1000) == 1000
    pace.report()
    pace.follow(LaneLimits(4, rate=2.0), 0.5)
    assert spend(pace, 1.5) >= 1


def test_quota_counts_what_was_begun_while_the_limits_were_on_their_way() -> None:
    pace = Pace(LaneLimits(4), 0.0)
    assert spend(pace, 0.0, 10) == 10
    assert pace.report() == 10
    assert spend(pace, 0.1, 3) == 3
    pace.follow(LaneLimits(4, quota=5, quota_until=100.0), 0.2)
    assert pace.allowed(0.3) == 2
    assert spend(pace, 0.3) == 2
    assert spend(pace, 99.0) == 0
    assert pace.allowed(100.0) == float("inf")
    assert spend(pace, 100.0, 7) == 7
    assert pace.report() == 12


def test_a_probe_is_used_up() -> None:
    pace = Pace(LaneLimits(1, probe=2), 0.0)
    assert spend(pace, 0.0) == 2
    assert pace.report() == 2
    pace.unreported(2)
    assert spend(pace, 50.0) == 0
    assert pace.report() == 2
    pace.follow(LaneLimits(1, probe=1), 51.0)
    assert spend(pace, 51.0) == 1


def test_closed_begins_nothing() -> None:
    pace = Pace(LaneLimits(4, closed_until=10.0), 0.0)
    assert (spend(pace, 9.9), pace.allowed(9.9)) == (0, 0.0)
    assert spend(pace, 10.0, 5) == 5


@given(st.data())
def test_a_quota_is_never_passed_whatever_the_order_of_reports(data: st.DataObject) -> None:
    """The one who gives the limits knows what was reported; the total stays within what it has given."""
    given_total = 20
    pace = Pace(LaneLimits(4, quota=given_total), 0.0)
    told = begun = 0
    for _ in range(data.draw(st.integers(1, 30))):
        begun += spend(pace, 0.0, data.draw(st.integers(0, 5)))
        count = pace.report()
        begun += spend(pace, 0.0, data.draw(st.integers(0, 5)))
        if data.draw(st.booleans()):
            pace.unreported(count)
        else:
            told += count
            pace.follow(LaneLimits(4, quota=given_total - told), 0.0)
        assert begun <= given_total
