"""One step of a lane: a report comes in, the limits go out. Pure: the same state, report, time and view give the same limits.

The rules are in `circuit`, `connections`, `pace`, `greylist`; which lane of a site deserves the traffic in `choice`; this
module calls them in their order and says what the state allows.
"""

from copy import copy
from dataclasses import asdict, dataclass, replace
from typing import Any

from actors.model.lanes import NO_QUOTA, LaneLimits, LaneReport
from actors.reputation import choice, circuit, connections, greylist, pace
from actors.reputation.state import CLOSED, HALF_OPEN, OPEN, LaneState, View

LONGEST_GAP = 30.0  # between reports: a lane that was idle for longer is measured from its first report on
IDLE_GAP = 5.0  # or for so long: what it accepts a second is measured from then on
WAITS = 2.0  # a closed lane whose turn it is not stays closed for so long, until it asks again


@dataclass(frozen=True, slots=True)
class Decision:
    """Limits that a rule has changed, with all they were made from: `replay` gives them again."""

    at: float
    site: str
    egress: str
    rule: str
    why: str
    old: LaneLimits
    new: LaneLimits
    before: dict[str, Any]  # LaneState
    report: dict[str, Any]  # LaneReport
    view: dict[str, Any]  # View


def step(lane: LaneState, report: LaneReport, now: float, view: View) -> LaneLimits:
    """Takes the report into the state; gives what the lane may do now."""
    lane.rule = ""
    # Connecting takes time in which nothing could be accepted: a new lane is measured from its first acceptance on.
    gap = now - lane.at
    seconds = min(gap, LONGEST_GAP) if lane.at and (lane.good_at or lane.rate) else 0.0
    lane.at = now
    misnamed = min(view.misnamed, report.refused)
    egress = max(0.0, report.egress - view.content_share * report.egress) + misnamed
    answered = report.delivered + report.refused - misnamed
    busy = float(report.busy)
    bad = busy + egress
    if lane.circuit == OPEN:
        choice.learn(lane, answered, seconds)
    circuit.update(lane, report, answered + report.greylisted, egress, now, view)
    if lane.circuit == OPEN:
        pace.measure(lane, answered, report.busy, egress, seconds if gap < IDLE_GAP else 0.0)
        if bad and not report.connects_refused and connections.speaks_of_connections(report.last_reply):
            connections.fewer(lane, now)
            busy, egress, bad = 0.0, 0.0, 0.0
        used = not lane.rate or lane.flow >= 0.8 * lane.rate or bad > 0
        pace.adjust(lane, answered, busy, egress, seconds, used, now, view)
    connections.adjust(lane, report, bad < max(1, 0.02 * (answered + bad)) and not report.connect_failures, now, view)
    greylist.update(lane, report, now, view)
    return limits_of(lane, now, view)


def limits_of(lane: LaneState, now: float, view: View) -> LaneLimits:
    """What the state allows, within the operator's pins and what the egress's warm-up leaves."""
    concurrency, rate, quota, quota_until = lane.concurrency, lane.rate, view.quota, view.quota_until
    why = lane.why
    closed_until, probe = 0.0, 0
    if lane.circuit == CLOSED:
        closed_until, concurrency, probe = max(lane.closed_until, now + WAITS), 1, 1
    elif lane.circuit == HALF_OPEN:
        concurrency, probe = min(concurrency, max(1, lane.probe)), max(0, lane.probe - lane.probed)
        rate = min(rate, circuit.PROBE_RATE) if rate else circuit.PROBE_RATE
        if not probe:  # it waits for the answer
            quota, quota_until = 0, 0.0
    elif view.trickle and (not rate or view.trickle < rate):
        rate = view.trickle
        why = f"other egresses deliver better there: a trickle of {rate:.2f} mails/s until it is known to be as good"
    if view.slowed:
        rate *= pace.DIP
    if view.pinned_rate >= 0:
        rate, why = view.pinned_rate, f"rate pinned to {view.pinned_rate:g}/s by the config"
    if view.pinned_concurrency:
        concurrency, why = view.pinned_concurrency, f"connections pinned to {view.pinned_concurrency} by the config"
    if view.quota != NO_QUOTA and lane.circuit == OPEN:
        why = f"{view.quota:,} mails left to this lane by the warm-up of its egress" + (f"; {why}" if why else "")
    return LaneLimits(
        concurrency=max(1, min(concurrency, max(view.most, view.pinned_concurrency))),
        messages_per_connection=view.pinned_messages or lane.messages or view.messages,
        closed_until=closed_until,
        why=why,
        rate=rate,
        quota=quota,
        quota_until=quota_until,
        probe=probe,
        grey_wait=greylist.wait(lane, now),
    )


def decide(lane: LaneState, report: LaneReport, now: float, view: View, old: LaneLimits) -> tuple[LaneLimits, Decision | None]:
    """`step`, and what is to be remembered of it when a rule has changed something."""
    before = copy(lane)
    limits = step(lane, report, now, view)
    if not lane.rule:
        return limits, None
    seen = asdict(replace(report, unread=()))
    told = Decision(now, lane.site, lane.egress, lane.rule, lane.why, old, limits, before.data(), seen, asdict(view))
    return limits, told


def replay(decision: Decision) -> LaneLimits:
    """The limits that the same state, report, time and view give: those of the decision, on every machine."""
    report = decision.report | {"jobs": (), "unread": ()}  # their weight is in the view
    return step(LaneState.of(decision.before), LaneReport(**report), decision.at, View(**decision.view))
