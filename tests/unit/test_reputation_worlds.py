"""Lanes in small worlds of simulated time: they find the rate, leave a block, come back, tell noise from limits."""

import random

import pytest

from actors.model.lanes import LaneReport
from actors.reputation.actor import Reputation
from actors.reputation.lanes import replay
from actors.reputation.state import CLOSED
from tests.fakes.clock import FakeClock
from tests.unit.lane_world import BLOCKED, BUSY, OK, UNKNOWN, Bucket, SimLane, run


@pytest.mark.parametrize(("rate", "minutes"), [(1.0, 60), (5.0, 30), (40.0, 10)])
async def test_settles_at_the_rate_of_the_receiver(rate: float, minutes: int) -> None:
    clock = FakeClock()
    lane = SimLane("a", Bucket(rate))
    start = clock.now
    await run(Reputation(clock), clock, [lane], 60.0 * minutes)
    assert lane.counts[OK] > 0.93 * rate * 60 * minutes
    assert lane.counts[BUSY] < 0.03 * lane.counts[OK]
    half = 30.0 * minutes
    assert lane.between(start + half, clock.now, BUSY) < 0.015 * lane.between(start + half, clock.now)


async def test_follows_a_receiver_that_takes_less_and_then_more() -> None:
    clock = FakeClock()
    bucket = Bucket(20.0)
    lane, reputation = SimLane("a", bucket), Reputation(clock)
    await run(reputation, clock, [lane], 300)
    bucket.rate = bucket.burst = 5.0
    await run(reputation, clock, [lane], 60)
    less = clock.now
    await run(reputation, clock, [lane], 240)
    assert lane.between(less, clock.now) > 0.9 * 240 * 5
    assert lane.between(less, clock.now, BUSY) < 0.04 * 240 * 5
    bucket.rate = bucket.burst = 30.0
    await run(reputation, clock, [lane], 300)
    more = clock.now
    await run(reputation, clock, [lane], 120)
    assert lane.between(more, clock.now) > 0.85 * 120 * 30


async def test_refusals_whatever_the_pace_are_noise() -> None:
    """Three in a hundred are refused at any pace: a lane that took them for a limit would come to a stand."""
    clock, chance = FakeClock(), random.Random(7)
    bucket = Bucket(20.0)
    lane = SimLane("a", lambda now: BUSY if chance.random() < 0.03 else bucket(now))
    await run(Reputation(clock), clock, [lane], 3600)
    half = clock.now
    await run(Reputation(clock), clock, [lane], 0)
    assert lane.between(half - 1800, half) > 0.88 * 1800 * 20


async def test_a_blocked_egress_loses_its_traffic_within_seconds_and_gets_it_back() -> None:
    clock = FakeClock()
    start = clock.now
    until = start + 900

    def receiver(now: float) -> str:
        return BLOCKED if start + 300 <= now < until else first(now)

    first = Bucket(10.0)
    lanes = [SimLane("a", receiver), *(SimLane(x, Bucket(10.0)) for x in "bcd")]
    reputation = Reputation(clock)
    await run(reputation, clock, lanes, 330)
    assert reputation_of(reputation, "a").circuit == CLOSED
    wasted = lanes[0].between(start, until + 1, BLOCKED)
    assert wasted < 60
    await run(reputation, clock, lanes, 570)
    assert lanes[0].between(start + 310, until, BLOCKED) < 12  # tries only
    await run(reputation, clock, lanes, 400)
    assert lanes[0].between(clock.now - 60, clock.now) > 0.8 * 600
    assert all(lane.between(start + 300, until) > 0.95 * 6000 for lane in lanes[1:])


async def test_unknown_recipients_are_no_refusal_of_the_lane() -> None:
    clock, chance = FakeClock(), random.Random(3)
    lane = SimLane("a", lambda now: UNKNOWN if chance.random() < 0.6 else OK, demand=20.0)
    reputation = Reputation(clock)
    await run(reputation, clock, [lane], 300)
    limits = (await reputation.limits())["a", "s.test"]
    assert (limits.rate, limits.closed_until) == (0.0, 0.0)


async def test_a_refused_job_is_told_from_a_blocked_egress() -> None:
    """One job is refused everywhere, another passes everywhere: no lane closes."""
    clock = FakeClock()
    bad = [SimLane(x, lambda _: BLOCKED, job="bad", demand=2.0) for x in "ab"]
    good = [SimLane(x, lambda _: OK, job="good", demand=20.0) for x in "ab"]
    reputation = Reputation(clock)
    closed = 0
    for _ in range(240):
        for egress in range(2):
            reports = [lane.step(clock.now, "s.test") for lane in (bad[egress], good[egress])]
            joint = join(*reports)
            limits = await reputation.report("ab"[egress], [joint])
            closed += limits["s.test"].closed_until > clock.now
            for lane in (bad[egress], good[egress]):
                lane.follow(limits["s.test"], clock.now)
        clock.advance(0.5)
    assert closed < 120
    assert (await reputation.stats())["closed_lanes"] == 0.0


async def test_an_outage_of_the_site_is_asked_about_by_few_and_ends_for_all() -> None:
    clock = FakeClock()
    start = clock.now
    up = lambda now, _open: not start + 60 <= now < start + 1260  # noqa: E731
    asked: list[tuple[float, str]] = []

    def asking(egress: str):  # type: ignore[no-untyped-def]
        def connects(now: float, there: int) -> bool:
            if start + 200 <= now < start + 1260:
                asked.append((now, egress))
            return up(now, there)

        return connects

    lanes = [SimLane(x, lambda _: OK, connects=asking(x), demand=10.0) for x in "abcd"]
    reputation = Reputation(clock)
    await run(reputation, clock, lanes, 60)
    for lane in lanes:
        lane.open = 0
        lane.receiver = lambda now: OK
    await run(reputation, clock, lanes, 1200)
    assert len(asked) < 24  # four lanes by themselves would each have asked at 30, 60, 120 ... seconds
    await run(reputation, clock, lanes, 930)
    assert (await reputation.stats())["closed_lanes"] == 0.0


async def test_a_new_lane_takes_over_what_another_egress_has_found() -> None:
    """Four addresses with equal limits: to find them costs little more than once."""
    clock = FakeClock()
    lanes = [SimLane(name, Bucket(3.0, 10.0)) for name in "abcd"]
    reputation = Reputation(clock)
    start = clock.now
    await run(reputation, clock, lanes, 300)
    told = {d.egress: d.rule for d in reversed(await reputation.decisions("s.test"))}  # the first of each
    assert told == {"a": "rate found", "b": "rate taken over", "c": "rate taken over", "d": "rate taken over"}
    assert sum(lane.between(start + 1, start + 60, BUSY) for lane in lanes) < 4 * 10
    assert sum(lane.counts[OK] for lane in lanes) > 0.85 * 4 * 3.0 * 300


async def test_single_refusals_in_other_words_than_the_limits_are_no_matter_of_pace() -> None:
    """The limit is told in words about our address; two in a hundred are refused for trouble of the receiver's own."""
    clock, chance = FakeClock(), random.Random(3)
    bucket = Bucket(5.0)

    def receiver(now: float) -> str:
        return BUSY if chance.random() < 0.02 else OK if bucket(now) == OK else BLOCKED

    lane = SimLane("a", receiver)
    await run(Reputation(clock), clock, [lane], 900)
    assert lane.between(clock.now - 600, clock.now) > 0.9 * 600 * 5
    assert lane.between(clock.now - 600, clock.now, BLOCKED) < 0.02 * 600 * 5


async def test_lanes_of_two_egresses_are_apart_and_decisions_are_told() -> None:
    clock = FakeClock()
    lanes = [SimLane("a", Bucket(2.0)), SimLane("b", lambda _: OK, demand=5.0)]
    reputation = Reputation(clock)
    await run(reputation, clock, lanes, 120)
    limits = await reputation.limits()
    assert limits["a", "s.test"].rate > 0
    assert limits["b", "s.test"].rate == 0 or limits["b", "s.test"].rate > 10.0  # what `a` met does not hold it for long
    assert lanes[1].counts[OK] > 0.9 * 5.0 * 120
    told = await reputation.decisions("s.test", "a")
    assert {d.egress for d in told} == {"a"}
    assert [replay(d) for d in told] == [d.new for d in told]
    assert await reputation.decisions("other.test") == []


def reputation_of(reputation: Reputation, egress: str):  # type: ignore[no-untyped-def]
    return reputation._lanes[egress, "s.test"]


def join(one: LaneReport, other: LaneReport) -> LaneReport:
    """What one lane with both jobs would have told."""
    counts = ("delivered", "egress", "busy", "started", "settled")
    summed = {name: getattr(one, name) + getattr(other, name) for name in counts}
    return LaneReport("s.test", connections=other.connections, jobs=one.jobs + other.jobs, last_reply=one.last_reply, **summed)
