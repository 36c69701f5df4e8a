"""A receiver and a sender in half-second steps of simulated time, small enough to see through: what reputation is tested with.

The sender begins what its limits allow (`Pace`), one mail takes `seconds` on a connection; the receiver says what happens to
each mail. No sockets, no waiting.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from actors.model.lanes import JobTally, LaneLimits, LaneReport
from actors.reputation.actor import Reputation
from actors.sender.pacing import Pace
from tests.fakes.clock import FakeClock

STEP = 0.5
OK, UNKNOWN, BUSY, BLOCKED, DOWN, GREY = "ok", "unknown", "busy", "blocked", "down", "grey"
WORDS = {
    BUSY: "451 4.7.1 too fast",
    BLOCKED: "550 5.7.1 client host blocked",
    UNKNOWN: "550 5.1.1 no such user",
    DOWN: "0 refused",
    GREY: "451 4.7.1 greylisted",
}


class Bucket:
    """A receiver that takes `rate` mails a second from each address."""

    def __init__(self, rate: float, burst: float = 0.0):
        self.rate, self.burst = rate, max(burst or rate, 1.0)
        self._level, self._at = self.burst, 0.0

    def __call__(self, now: float) -> str:
        self._level = min(self.burst, self._level + (now - self._at) * self.rate) if self._at else self.burst
        self._at = now
        if self._level < 1:
            return BUSY
        self._level -= 1
        return OK


@dataclass
class SimLane:
    """One egress's side. `receiver(now)` says what becomes of a mail, `connects(now, open)` whether a connection is let in."""

    egress: str
    receiver: Callable[[float], str]
    connects: Callable[[float, int], bool] = lambda _now, _open: True
    seconds: float = 0.1
    job: str = "J"
    demand: float = float("inf")  # mails a second that there are for it
    limits: LaneLimits = LaneLimits(4)
    counts: dict[str, int] = field(default_factory=dict)
    sent_at: list[tuple[float, str]] = field(default_factory=list)
    open: int = 0
    pace: Pace | None = None
    left: float = 0.0

    def step(self, now: float, site: str) -> LaneReport:
        pace = self.pace = self.pace or Pace(self.limits, now)
        failed = 0
        closed = self.limits.closed_until > now
        if closed:
            self.open = 0
        while not closed and self.open < self.limits.concurrency and not failed:
            if self.connects(now, self.open):
                self.open += 1
            else:
                failed = 1
        self.open = min(self.open, self.limits.concurrency)
        seen = dict.fromkeys(WORDS, 0) | {OK: 0}
        self.left = min(self.left + self.demand * STEP, 1e6)
        room = int(self.open * STEP / self.seconds)
        last = "421 too many connections" if failed and self.open else "0 refused" if failed else ""
        for i in range(room):
            at = now + STEP * i / max(1, room)
            if self.left < 1 or not pace.may_begin(at):
                continue
            pace.begin()
            self.left -= 1
            end = self.receiver(at)
            seen[end] += 1
            self.sent_at.append((at, end))
            last = WORDS.get(end, last)
        for kind, n in seen.items():
            self.counts[kind] = self.counts.get(kind, 0) + n
        begun = pace.report()
        return LaneReport(
            site,
            delivered=seen[OK],
            refused=seen[UNKNOWN],
            busy=seen[BUSY],
            egress=seen[BLOCKED],
            network=seen[DOWN],
            greylisted=seen[GREY],
            connections=self.open,
            connect_failures=failed,
            connects_refused=failed if self.open else 0,
            started=begun,
            settled=sum(seen.values()),
            last_reply=last,
            jobs=(JobTally(self.job, seen[OK], seen[BLOCKED]),) if sum(seen.values()) else (),
        )

    def follow(self, limits: LaneLimits, now: float) -> None:
        self.limits = limits
        assert self.pace
        self.pace.follow(limits, now)

    def between(self, start: float, end: float, kind: str = OK) -> int:
        return sum(start <= at < end and what == kind for at, what in self.sent_at)


async def run(reputation: Reputation, clock: FakeClock, lanes: list[SimLane], seconds: float, site: str = "s.test") -> None:
    """Moves all lanes on by so many seconds."""
    until = clock.now + seconds
    while clock.now < until:
        for lane in lanes:
            report = lane.step(clock.now, site)
            limits = await reputation.report(lane.egress, [report])
            lane.follow(limits[site], clock.now)
        clock.advance(STEP)
