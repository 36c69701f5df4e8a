"""What a lane has learned, as plain numbers: they go to the ledger and come back, and a decision is replayed from them.

The rules that change these numbers: `pace` (mails a second), `connections`, `circuit`, `greylist`. Nothing here decides.
"""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

MESSAGES_PER_CONNECTION = 1000  # where nothing else is known
OPEN, CLOSED, HALF_OPEN = "open", "closed", "half-open"
BLOCK, BUSY, DEAD = "block", "busy", "dead"  # why a lane closed: our address, their load, no connection


@dataclass(slots=True)
class LaneState:
    """One (egress, site) pair. Times are seconds since the epoch, 0 = never; counts with a decay are floats."""

    site: str
    egress: str
    concurrency: int
    at: float = 0.0  # the last report
    # pace
    rate: float = 0.0  # mails a second it may begin; 0 = no limit is known
    wall: float = 0.0  # the receiver's rate, as far as is known; 0 = it was never met
    clean: float = 0.0  # mails accepted since there were too many refusals
    clean_at: float = 0.0  # when that was
    flow: float = 0.0  # mails accepted a second, lately
    recent: float = 0.0  # answers lately, decaying with every answer
    recent_bad: float = 0.0  # of them busy or egress
    recent_busy: float = 0.0  # of them busy
    kind: str = ""  # busy or egress: in whose words it is told that it goes too fast; "" = not known
    measured: float = 0.0  # seconds since `flow` was begun anew
    met: int = 0  # how often since then it was refused: the more often, the better it is known
    found_at: float = 0.0  # when the first limit was found
    noise: float = 0.0  # share of such replies that no slower pace makes smaller
    sustained: float = 0.0  # mails accepted a second over some more time
    top: float = 0.0  # the most of it in the last minutes
    long: float = 0.0  # answers over a long time, decaying
    long_bad: float = 0.0
    dip_rate: float = 0.0  # the rate to come back to after a dip; 0 = there is none
    dip: float = 0.0  # answers in it
    dip_share: float = 0.0  # of refusals, that it looks into
    dip_bad: float = 0.0
    dips: int = 0  # so far
    dip_after: float = 0.0  # not before this time
    calm: float = 0.0  # answers of all dips, decaying
    calm_bad: float = 0.0
    since: float = 0.0  # answers since there were more refusals than noise explains
    since_bad: float = 0.0
    held_until: float = 0.0  # after a cut: answers to what was under way are still coming in
    # choice
    good: float = 0.0  # accepted, decaying over some hundred answers and with time
    # connections
    most_open: int = 0  # more than this was refused; 0 = never refused
    cut_at: float = 0.0
    try_more_at: float = 0.0
    more_at: float = 0.0  # the last doubling
    more_gap: float = 0.0
    messages: int = 0  # mails a connection, where the receiver ends it; 0 = it does not
    messages_at: float = 0.0
    closes_seen: int = 0  # the same number was seen so many times in a row
    last_close: int = 0
    # circuit
    circuit: str = OPEN
    cause: str = ""
    pause: float = 0.0
    closed_until: float = 0.0
    probe: int = 0  # mails that the half-open lane may try in all
    probed: int = 0  # of them begun
    probe_good: int = 0
    probe_bad: int = 0
    probe_at: float = 0.0  # when the try began
    half_open_at: float = 0.0
    got_through: int = 0  # mails since then
    good_at: float = 0.0  # the last acceptance
    streak: float = 0.0  # refusals without one acceptance between
    failures: int = 0  # connects in a row without one that worked
    closed_at: float = 0.0  # the last closing
    opened_at: float = 0.0  # the last time that tries had opened it again
    cycle_good: float = 0.0  # accepted since the closing before it
    cycle_bad: float = 0.0
    last_reply: str = ""
    # volume
    day: int = 0  # since the epoch
    today: int = 0  # mails accepted on it
    by_day: int = 0  # 1: the receiver counts by the day
    # greylisting
    grey_at: float = 0.0  # when a row was last greylisted
    grey_wait: float = 0.0
    grey_early: float = 0.0
    grey_came: float = 0.0  # rows that came again after it, decaying
    grey_again: float = 0.0  # of them those that were early
    rule: str = ""  # the rule that last changed what the lane may do
    why: str = ""

    @property
    def share(self) -> float:
        """Share of refusals among the latest answers."""
        return self.recent_bad / self.recent if self.recent > 0 else 0.0

    def data(self) -> dict[str, Any]:
        """For the ledger."""
        return asdict(self)

    @classmethod
    def of(cls, data: dict[str, Any]) -> "LaneState":
        """From the ledger. Numbers that an older version did not know, or that are none, take their defaults."""
        kinds = {f.name: f.type for f in fields(cls)}
        known = {name: value for name, value in data.items() if name in kinds and _fits(kinds[name], value)}
        return cls(**known)


def _fits(kind: Any, value: Any) -> bool:
    if kind is str:
        return isinstance(value, str)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return kind is float or isinstance(value, int)


@dataclass(frozen=True, slots=True)
class View:
    """What a lane's decision leans on besides its own report: the other lanes of its site, its egress, the operator."""

    dip_after: float = 0.0  # another lane of the site has found out not long ago
    found: float = 0.0  # the lowest wall of the site's lanes that have just found theirs; 0 = none has
    found_kind: str = ""  # and in whose words
    slowed: bool = False  # another lane of the site looks whether refusals are a matter of pace: this one goes slower with it
    trickle: float = 0.0  # other lanes deliver better: this one keeps so many mails a second; 0 = no such limit
    outage: bool = False  # no lane of the site gets through
    prober: bool = True  # in an outage: this one asks whether it is over
    healed: bool = False  # another lane has just found that the outage is over
    probe_gap: float = 0.0  # the longest pause between probes that costs less than the others deliver; 0 = the rule's own
    content_share: float = 0.0  # of this report's refusals with blame egress, those that follow a job over all egresses
    misnamed: int = 0  # of this report's refusals with blame content, those that follow the egress
    grey_wait: float = 0.0  # learned by another lane of the site
    quota: int = -1  # what the egress's warm-up leaves to this lane; -1 = any number
    quota_until: float = 0.0
    pinned_concurrency: int = 0
    pinned_rate: float = -1.0  # below 0 = not pinned; 0 = pinned to no limit
    pinned_messages: int = 0
    most: int = 20  # connections
    start: int = 2
    messages: int = MESSAGES_PER_CONNECTION
