"""What is counted while a world runs, and the figures that are made of it."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

# Refusals that no scheduler avoids, because they follow the recipient, the message or chance, not how much is sent from where.
UNAVOIDABLE = frozenset({"unknown", "disabled", "full", "content", "trouble", "drop"})
QUIET_SECONDS, QUIET_ATTEMPTS = 30.0, 2  # a lane was left when it makes no more than so many attempts in so long: probes
HEALED_SHARE, HEALED_WINDOW = 0.5, 10.0  # a lane is back with this share of its speed from before the block


class Watch(NamedTuple):
    """A block that is looked at: from when until when, on which lane."""

    egress: str
    site: str
    start: float
    until: float


@dataclass
class Tally:
    """Counts of one run."""

    delivered: Counter[str] = field(default_factory=Counter)  # by site
    refused: Counter[str] = field(default_factory=Counter)  # attempts by rule
    attempts: int = 0
    wasted: int = 0
    connects: int = 0
    connects_refused: int = 0
    wrongly_suppressed: int = 0
    sent_at: dict[tuple[str, str], list[float]] = field(default_factory=dict)  # attempts and connects of watched lanes
    passed_at: dict[tuple[str, str], list[float]] = field(default_factory=dict)  # deliveries of watched lanes

    def watch(self, watches: Sequence[Watch]) -> None:
        for watch in watches:
            self.sent_at[watch.egress, watch.site] = []
            self.passed_at[watch.egress, watch.site] = []


def leave_seconds(tally: Tally, watch: Watch) -> float:
    """How long a blocked lane was used on: until the time after which it only probes."""
    times = tally.sent_at[watch.egress, watch.site]
    for time in (watch.start, *times[bisect_left(times, watch.start) : bisect_left(times, watch.until)]):
        later = bisect_right(times, min(time + QUIET_SECONDS, watch.until)) - bisect_right(times, time)
        if later <= QUIET_ATTEMPTS:
            return time - watch.start
    return watch.until - watch.start


def heal_seconds(tally: Tally, watch: Watch, end: float) -> float | None:
    """How long a healed lane took to come back; None when it was not back at the end of the run."""
    times = tally.passed_at[watch.egress, watch.site]
    lead = min(60.0, watch.start)
    before = (bisect_left(times, watch.start) - bisect_left(times, watch.start - lead)) / lead if lead else 0.0
    wanted = max(1.0, HEALED_SHARE * before * HEALED_WINDOW)
    for i in range(bisect_left(times, watch.until), len(times)):
        if bisect_right(times, times[i] + HEALED_WINDOW) - i >= wanted:
            return times[i] - watch.until
    return None


def fairness(shares: Sequence[float]) -> float:
    """Jain's index: 1 when all shares are equal, 1/n when one has all."""
    squares = sum(x * x for x in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0
