"""Quotas of the day: a lane that has used one waits for the next day, and asks seldom until it knows that it is one."""

from collections import Counter

import pytest

from actors.reputation import volume
from actors.reputation.actor import Reputation
from actors.reputation.state import CLOSED, LaneState
from tests.fakes.clock import FakeClock
from tests.unit import lane_world
from tests.unit.lane_world import BLOCKED, OK, SimLane, run

QUOTA = 50


class Daily:
    """A receiver that takes QUOTA mails a day (UTC), and does not say so."""

    def __init__(self) -> None:
        self.taken: Counter[int] = Counter()

    def __call__(self, now: float) -> str:
        day = int(now // volume.DAY)
        if self.taken[day] >= QUOTA:
            return BLOCKED
        self.taken[day] += 1
        return OK


def begin(clock: FakeClock) -> None:
    clock.advance(volume.DAY - clock.now % volume.DAY)


async def test_a_quota_that_nobody_tells_is_learned_on_the_first_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_world, "STEP", 5.0)  # days are long
    clock = FakeClock()
    begin(clock)
    receiver, reputation = Daily(), Reputation(clock)
    lane, start = SimLane("a", receiver, seconds=5.0, demand=1.0), clock.now
    await run(reputation, clock, [lane], 3 * volume.DAY)
    refused = [lane.between(start + i * volume.DAY, start + (i + 1) * volume.DAY, BLOCKED) for i in range(3)]
    taken = [lane.between(start + i * volume.DAY, start + (i + 1) * volume.DAY) for i in range(3)]
    assert taken == [QUOTA, QUOTA, QUOTA]
    assert refused[0] < 70
    assert max(refused[1:]) < 25


def lane_of(reply: str) -> LaneState:
    lane = LaneState("s.test", "192.0.2.1", 4, closed_at=1000.0)
    lane.day, lane.today, lane.last_reply = 0, 100, reply
    return lane


def test_a_receiver_that_says_so_is_believed_at_once() -> None:
    lane = lane_of("450 4.7.1 daily quota exceeded, try again tomorrow")
    assert volume.pause(lane, 30.0, False, 1000.0) == volume.DAY - 1000.0 + volume.SETTLED
    lane.today = 3  # it has not delivered enough to have met a quota
    assert volume.pause(lane, 30.0, False, 1000.0) == 30.0


def test_pauses_grow_with_the_time_that_it_has_been_closed() -> None:
    lane = lane_of("421 4.7.0 not now")
    waits = [volume.pause(lane, 300.0, True, 1000.0 + t) for t in (0, 1700, 3600, 40_000, 85_000)]
    assert waits == [300.0, 300.0, 1800.0, 3600.0, pytest.approx(volume.DAY - 86_000 + volume.SETTLED)]


def test_mail_taken_at_the_days_beginning_shows_a_quota_and_at_another_time_none() -> None:
    lane = lane_of("421 4.7.0 not now")
    lane.circuit = CLOSED
    volume.passed(lane, volume.DAY + 60)
    assert lane.by_day == 1
    lane.closed_at = volume.DAY + 10
    volume.passed(lane, volume.DAY + 9 * 3600.0)
    assert lane.by_day == 0
