"""What one lane may do, learned from its reports. Pure: counts and times in, limits out.

Concurrency doubles while all goes well and the lane uses what it has, until the receiver is busy; then it halves, and grows by
one from there. Connections that fail again and again close the lane for pauses that grow; one that works ends all of that.
"""

from dataclasses import dataclass, field

from actors.model.delivery import LaneLimits, LaneReport

BUSY_SHARE = 0.1  # fewer busy replies than this are noise
FAILURES_TO_CLOSE = 3  # connects in a row without one that worked
FIRST_PAUSE = 30.0
LONGEST_PAUSE = 900.0  # a receiver that comes back is noticed within a quarter of an hour
CALM_SECONDS = 5.0  # after halving: replies to what was under way are still coming in
MESSAGES_PER_CONNECTION = 1000


@dataclass(slots=True)
class Lane:
    """The state of one (egress, site) pair."""

    start: int
    most: int
    concurrency: int = field(init=False)
    ceiling: int = field(init=False)  # doubling ends here
    failures: int = 0
    pause: float = 0.0
    closed_until: float = 0.0
    calm_until: float = 0.0
    why: str = ""

    def __post_init__(self) -> None:
        self.concurrency = min(self.start, self.most)
        self.ceiling = self.most

    def take(self, report: LaneReport, now: float) -> LaneLimits:
        """Learns from one report."""
        answered = report.delivered + report.refused
        if answered:
            self.failures, self.pause, self.closed_until, self.why = 0, 0.0, 0.0, ""
        self.concurrency = min(max(self.concurrency, report.connections), self.most)  # after a restart: what is there works
        if report.connect_failures and not answered:
            self._failed(report, now)
        elif report.busy > BUSY_SHARE * (answered + report.busy):
            self._busy(report, now)
        elif answered and report.connections >= self.concurrency and now >= self.calm_until:
            self._grow()
        return self.limits()

    def limits(self) -> LaneLimits:
        return LaneLimits(self.concurrency, MESSAGES_PER_CONNECTION, self.closed_until, self.why)

    def _failed(self, report: LaneReport, now: float) -> None:
        self.failures += report.connect_failures
        if self.failures >= FAILURES_TO_CLOSE and now >= self.closed_until:
            self.pause = min(max(FIRST_PAUSE, 2 * self.pause), LONGEST_PAUSE)
            self.closed_until = now + self.pause
            self.why = report.last_reply or "no connection"
            self.concurrency = 1

    def _busy(self, report: LaneReport, now: float) -> None:
        if now >= self.calm_until:
            self.concurrency = self.ceiling = max(1, self.concurrency // 2)
            self.calm_until = now + CALM_SECONDS
        self.why = report.last_reply

    def _grow(self) -> None:
        grown = 2 * self.concurrency if self.concurrency < self.ceiling else self.concurrency + 1
        self.concurrency = min(grown, self.most)
