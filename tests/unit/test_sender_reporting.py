"""Lane reports: none is cut off half-way, speeds are measured over the time that has passed, lanes in use are not forgotten."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from actors.model.errors import Unavailable
from actors.model.lanes import LaneLimits, LaneReport
from actors.sender import reporting
from actors.sender.reporting import LimitsKept, Reporting


@dataclass
class StubConnections:
    sessions: set[int] = field(default_factory=set)
    there: int = 0


@dataclass
class StubLane:
    """As much of a lane as is reported. `seen`: mails since the last report."""

    seen: int = 0
    rate: float = -1.0
    open: int = 0
    empty: bool = True
    used_at: float = math.inf  # loop time
    limits: LaneLimits = LaneLimits(concurrency=4)
    connections: StubConnections = field(default_factory=StubConnections)
    measured: list[float] = field(default_factory=list)

    def measure(self, seconds: float) -> None:
        self.measured.append(seconds)

    def report(self) -> LaneReport | None:
        seen, self.seen = self.seen, 0
        return LaneReport("a.test", delivered=seen)

    def unreported(self, report: LaneReport) -> None:
        self.seen += report.delivered


@dataclass
class StubHand:
    lanes: dict[str, StubLane]
    works: tuple[()] = ()


class SlowReputation:
    """Answers the first report after `seconds`."""

    def __init__(self, seconds: float):
        self.seconds, self.taken, self.answered = seconds, 0, asyncio.Event()

    async def report(self, _egress: str, reports: Iterable[LaneReport]) -> dict[str, LaneLimits]:
        seconds, self.seconds = self.seconds, 0.0
        await asyncio.sleep(seconds)
        self.taken += sum(report.delivered for report in reports)
        self.answered.set()
        return {}


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "REPORT_SECONDS", 0.05)


def of(lanes: dict[str, StubLane], reputation: object, looked: Callable[[], None] = lambda: None) -> Reporting:
    kept = LimitsKept(LaneLimits(concurrency=4))
    return Reporting("127.0.0.2", StubHand(lanes), reputation, None, kept, lambda *_: None, looked)  # type: ignore[arg-type]


@asynccontextmanager
async def running(told: Reporting) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(told.reports())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_report_of_a_new_lane_that_takes_long_is_not_lost() -> None:
    reputation = SlowReputation(0.15)
    told = of({"a.test": StubLane(seen=3)}, reputation)
    told.lane_is_new()
    async with running(told), asyncio.timeout(5):
        await reputation.answered.wait()
    assert reputation.taken == 3


async def test_speeds_are_measured_over_the_time_that_has_passed() -> None:
    rounds, lane = asyncio.Event(), StubLane()

    def looked() -> None:
        if len(lane.measured) == 2:
            rounds.set()

    async with running(of({"a.test": lane}, SlowReputation(0.15), looked)), asyncio.timeout(5):
        await rounds.wait()
    assert 0.05 <= lane.measured[0] < 0.15
    assert lane.measured[1] >= 0.2


async def test_an_unused_lane_is_forgotten_once_nothing_of_it_is_under_way() -> None:
    now = asyncio.get_running_loop().time()
    unused = now - reporting.LANE_KEPT - 1
    lanes = {
        "connecting": StubLane(used_at=unused, connections=StubConnections(there=1)),
        "full": StubLane(used_at=unused, empty=False),
        "fresh": StubLane(used_at=now),
        "unused": StubLane(used_at=unused),
    }
    rounds = asyncio.Event()
    async with running(of(lanes, SlowReputation(0.0), rounds.set)), asyncio.timeout(5):
        await rounds.wait()
    assert list(lanes) == ["connecting", "full", "fresh"]


async def test_counts_that_reach_nobody_go_into_the_next_report() -> None:
    class Away:
        async def report(self, _egress: str, _reports: object) -> dict[str, LaneLimits]:
            raise Unavailable("reputation", "away")

    rounds, lane = asyncio.Event(), StubLane(seen=3)
    async with running(of({"a.test": lane}, Away(), rounds.set)), asyncio.timeout(5):
        await rounds.wait()
    assert lane.seen == 3
