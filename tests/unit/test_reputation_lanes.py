"""What a lane learns from its reports."""

from actors.model.delivery import LaneReport
from actors.reputation.actor import FORGET_AFTER, Reputation
from actors.reputation.lanes import CALM_SECONDS, FIRST_PAUSE, LONGEST_PAUSE, Lane
from tests.fakes.clock import FakeClock


def good(connections: int) -> LaneReport:
    return LaneReport("s", delivered=100, connections=connections)


def test_grows_while_all_goes_well_and_all_is_used() -> None:
    lane = Lane(start=2, most=20)
    assert [lane.take(good(lane.concurrency), 0.0).concurrency for _ in range(5)] == [4, 8, 16, 20, 20]


def test_does_not_grow_beyond_what_is_used() -> None:
    lane = Lane(start=4, most=20)
    assert lane.take(good(3), 0.0).concurrency == 4


def test_halves_on_busy_once_a_while_and_then_grows_by_one() -> None:
    lane = Lane(start=16, most=20)
    busy = LaneReport("s", delivered=10, busy=30, connections=16, last_reply="421 too many")
    assert lane.take(busy, 0.0).concurrency == 8
    still = LaneReport("s", delivered=10, busy=30, connections=8, last_reply="421 too many")
    assert lane.take(still, 0.5).concurrency == 8
    assert lane.take(good(8), 1.0).concurrency == 8
    assert lane.take(good(8), CALM_SECONDS + 1).concurrency == 9


def test_a_single_busy_reply_is_noise() -> None:
    lane = Lane(start=4, most=20)
    assert lane.take(LaneReport("s", delivered=100, busy=1, connections=4), 0.0).concurrency == 8


def test_never_below_one() -> None:
    lane = Lane(start=1, most=20)
    assert lane.take(LaneReport("s", busy=30, connections=1), 0.0).concurrency == 1


def test_failed_connects_close_for_growing_pauses_and_success_opens() -> None:
    lane, now, pauses = Lane(start=4, most=20), 0.0, []
    failed = LaneReport("s", connect_failures=1, last_reply="0 refused")
    assert lane.take(failed, now).closed_until == 0.0
    for _ in range(40):
        now = max(now, lane.closed_until) + 1
        lane.take(failed, now)
        if lane.closed_until > now:
            pauses.append(lane.closed_until - now)
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert max(pauses) == LONGEST_PAUSE
    limits = lane.take(LaneReport("s", delivered=1, connections=1), now)
    assert (limits.closed_until, limits.concurrency) == (0.0, 2)


async def test_a_new_actor_takes_open_connections_as_proof() -> None:
    clock = FakeClock()
    reputation = Reputation(clock, start=2, most=20)
    limits = await reputation.report("e", [good(12), LaneReport("t", delivered=1, connections=1)])
    assert limits["s"].concurrency == 20
    assert limits["t"].concurrency == 2
    assert await reputation.stats() == {"lanes": 2.0, "closed_lanes": 0.0}
    clock.advance(FORGET_AFTER + 1)
    await reputation.report("e", [LaneReport("u")])
    assert list(await reputation.limits()) == [("e", "u")]


async def test_lanes_of_two_egresses_are_apart() -> None:
    reputation = Reputation(FakeClock(), start=4, most=20)
    await reputation.report("a", [LaneReport("s", busy=50, connections=4)])
    assert (await reputation.report("b", [LaneReport("s")]))["s"].concurrency == 4
