"""How many mails a new egress may send a day. Pure.

A receiver that has never seen an address wants to see little of it at first. The day's volume grows by a factor after each day
that was used and clean, stays after one that was not used, and steps back after one that was not clean. What does not fit is
carried by other addresses: a lane without a quota takes no rows.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from actors.model.lanes import NO_QUOTA

DAY = 86_400.0
CLEAN = 0.05  # refusals about load or address to all answers: more is not clean
USED = 0.5  # of a day's volume: less says nothing about more
BACK = 2  # steps after a day that was not clean
FORGET_GRANT = 60.0  # a lane that does not report gives its grant back


@dataclass(frozen=True, slots=True)
class Curve:
    """The operator's word for one egress: first day's mails, daily factor, and the volume at which it is warm."""

    start: int
    growth: float = 1.4
    until: int = 200_000

    def allowed(self, step: int) -> int:
        """Mails of a day; NO_QUOTA when it is warm."""
        volume = self.start * self.growth ** max(0, step)
        return NO_QUOTA if volume >= self.until else int(volume)


@dataclass(slots=True)
class EgressState:
    """What is known of one egress. `born`: when it was first seen, which the ledger keeps."""

    egress: str
    born: float
    day: int = -1
    step: int = 0
    begun: int = 0  # mails of today
    good: float = 0.0
    bad: float = 0.0
    granted: dict[str, tuple[int, float]] = field(default_factory=dict)  # site -> mails it may still begin, and since when

    def data(self) -> dict[str, Any]:
        """For the ledger; grants are given anew."""
        return {k: v for k, v in asdict(self).items() if k != "granted"}


def take(state: EgressState, curve: Curve, site: str, begun: int, good: int, bad: float, now: float) -> tuple[int, float]:
    """Counts a report of one lane; gives (quota of this lane, until when), NO_QUOTA when the egress is warm."""
    _new_day(state, curve, now)
    state.begun += begun
    state.good += good
    state.bad += bad
    allowed = curve.allowed(state.step)
    if allowed == NO_QUOTA:
        return NO_QUOTA, 0.0
    state.granted.pop(site, None)
    state.granted = {s: g for s, g in state.granted.items() if now - g[1] < FORGET_GRANT}
    left = max(0, allowed - state.begun - sum(count for count, _ in state.granted.values()))
    share = -(-left // (2 * (len(state.granted) + 1)))
    if share:
        state.granted[site] = (share, now)
    return share, (state.day + 1) * DAY


def _new_day(state: EgressState, curve: Curve, now: float) -> None:
    day = int(now // DAY)
    if day == state.day:
        return
    if state.day >= 0:
        answers = state.good + state.bad
        allowed = curve.allowed(state.step)
        if answers and state.bad > CLEAN * answers:
            state.step = max(0, state.step - BACK)
        elif allowed != NO_QUOTA and state.begun >= USED * allowed:
            state.step += 1
    state.day, state.begun, state.good, state.bad, state.granted = day, 0, 0.0, 0.0, {}
