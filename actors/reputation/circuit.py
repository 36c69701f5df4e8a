"""When a lane is closed, and how it comes back. Pure.

A lane closes at once when nothing gets through any more: refusals about our address, refusals for their load, or no
connection. After a pause it is half-open: a few mails may try. One that gets through doubles the next try; one that does not
closes the lane again for twice as long. A lane that delivers again forgets its pauses.
"""

from actors.model.lanes import LaneReport
from actors.reputation import pace, volume
from actors.reputation.state import BLOCK, BUSY, CLOSED, DEAD, HALF_OPEN, OPEN, LaneState, View

REFUSALS = {BLOCK: 3.0, BUSY: 8.0}  # in a row, without one acceptance
SILENCE = {BLOCK: 1.0, BUSY: 2.0}  # seconds since the last acceptance: going too fast is refused too, but not all of it
FAILURES = 3  # connects in a row without one that worked
BLOCK_SHARE = 0.5  # of the latest answers: a lane that is refused so often about its address is blocked in part
BLOCK_ANSWERS = 10.0
FIRST_PAUSE = {BLOCK: 30.0, BUSY: 5.0, DEAD: 30.0}
LONGEST_PAUSE = {BLOCK: 300.0, BUSY: 300.0, DEAD: 900.0}  # a receiver that comes back is noticed within so long
SHORTEST_CAP = 60.0
FULL_PROBE = 16  # mails: a try of this size that gets through opens the lane
LOST_PROBE = 30.0  # seconds without a word of a try: the connection ended first, or its sender is gone
PROBE_RATE = 4.0  # mails a second while it is half-open
SHORT_CYCLE = 1800.0  # a receiver that closes and opens within this time counts by the minute or the quarter of an hour
WASTE = 0.01  # refusals to acceptances of a cycle that are worth going slower for


def update(lane: LaneState, report: LaneReport, accepted: int, egress: float, now: float, view: View) -> None:
    """Takes a report. `egress`: refusals about our address, without those that speak about a job's content."""
    _count(lane, report, accepted, egress, now)
    volume.count(lane, accepted, now)
    waits = view.outage and not view.prober  # another lane asks whether the outage is over
    if lane.circuit == CLOSED and (view.healed or (now >= lane.closed_until and not waits)):
        half_open(lane, now, view)
    if lane.circuit == HALF_OPEN:
        _probing(lane, report, accepted, egress, now, view)
    elif lane.circuit == OPEN:
        _watch(lane, report, accepted, egress, now, view)


def half_open(lane: LaneState, now: float, view: View) -> None:
    """The pause is over: one mail may try."""
    lane.circuit, lane.probe = HALF_OPEN, 1
    lane.probed = lane.probe_good = lane.probe_bad = 0
    lane.streak, lane.failures, lane.got_through = 0.0, 0, 0
    lane.probe_at = lane.half_open_at = now
    lane.rule = "half-open"
    lane.why = "another egress gets through again" if view.healed else f"{lane.pause:.0f} s have passed: {lane.last_reply}"


def _count(lane: LaneState, report: LaneReport, accepted: int, egress: float, now: float) -> None:
    refusals = report.busy + egress
    lane.cycle_good += accepted
    lane.cycle_bad += refusals
    if accepted:
        lane.streak, lane.failures, lane.good_at = 0.0, 0, now
    else:
        lane.streak += refusals
        lane.failures += report.connect_failures
    if report.last_reply and (refusals or report.connect_failures):
        lane.last_reply = report.last_reply


def _watch(lane: LaneState, report: LaneReport, accepted: int, egress: float, now: float, view: View) -> None:
    if not accepted and not report.connections and lane.failures >= FAILURES:
        close(lane, DEAD, f"{lane.failures} connections failed in a row: {lane.last_reply}", now, view)
        return
    cause = BLOCK if egress > report.busy else BUSY
    if not accepted and lane.streak >= REFUSALS[cause] and egress + report.busy and now - lane.good_at >= SILENCE[cause]:
        close(lane, cause, f"{lane.streak:.0f} refusals in a row: {lane.last_reply}", now, view)
    elif egress and lane.recent >= BLOCK_ANSWERS and lane.share >= BLOCK_SHARE and egress >= report.busy:
        close(lane, BLOCK, f"{lane.share:.0%} of the latest answers refuse our address: {lane.last_reply}", now, view)


def _probing(lane: LaneState, report: LaneReport, accepted: int, egress: float, now: float, view: View) -> None:
    lane.probed += report.started
    lane.probe_good += accepted
    if accepted and not lane.got_through:
        volume.passed(lane, now)
    lane.got_through += accepted
    lane.probe_bad += report.busy + int(egress + 0.5)
    failed = lane.probe_bad > lane.probe_good or (not accepted and report.connect_failures and not report.connections)
    if failed and lane.got_through:  # it lets us in, and not so fast
        _open(lane, now, slow=True)
    elif failed:
        cause = DEAD if not lane.probe_bad else BLOCK if egress > report.busy else BUSY
        close(lane, cause, f"the try was refused: {lane.last_reply}", now, view)
    elif lane.probe_good + lane.probe_bad + report.network >= lane.probe and lane.probe_good:
        if lane.probe >= FULL_PROBE or lane.cause == BUSY:  # from there the pace finds the way
            _open(lane, now, slow=lane.cause == BUSY)
        else:
            lane.probe *= 2
            lane.probed = lane.probe_good = lane.probe_bad = 0
            lane.probe_at = now
            lane.rule, lane.why = "half-open", f"the try got through: {lane.probe} mails may follow"
    elif lane.probed >= lane.probe and report.network and not lane.probe_good:
        close(lane, DEAD, f"the connection was lost: {lane.last_reply}", now, view)
    elif lane.probed >= lane.probe and now - lane.probe_at > LOST_PROBE:  # its sender is gone, nobody will tell
        lane.probed, lane.probe_at = 0, now


def close(lane: LaneState, cause: str, why: str, now: float, view: View) -> None:
    """Nothing more for a while."""
    again = lane.circuit == HALF_OPEN
    cap = LONGEST_PAUSE[cause]
    if view.probe_gap and cause != DEAD:
        cap = min(max(view.probe_gap, SHORTEST_CAP), cap)
    lane.pause = min(max(FIRST_PAUSE[cause], 2 * lane.pause if again else 0.0), cap)
    if not again:
        _learn_cycle(lane, cause, now)
    if cause != DEAD and not (view.probe_gap and view.probe_gap < LONGEST_PAUSE[cause]):  # nothing is lost by asking rarely
        lane.pause = volume.pause(lane, lane.pause, again, now)
    lane.circuit, lane.cause, lane.closed_until = CLOSED, cause, now + lane.pause
    lane.probe = lane.probed = 0
    lane.recent = lane.recent_bad = 0.0
    lane.rule, lane.why = f"closed: {cause}", why


def _learn_cycle(lane: LaneState, cause: str, now: float) -> None:
    """A receiver that counts by the window takes all until its count is full, then nothing: what a whole window took is the
    rate at which it never fills."""
    length = now - lane.closed_at
    if cause == BUSY and lane.closed_at and length < SHORT_CYCLE and lane.cycle_bad > WASTE * lane.cycle_good:
        mean = lane.cycle_good / length
        if mean > 0 and (not lane.rate or mean < lane.rate):
            lane.rate = lane.wall = 0.97 * mean
    lane.closed_at, lane.cycle_good, lane.cycle_bad = now, 0.0, 0.0


def _open(lane: LaneState, now: float, slow: bool) -> None:
    lane.rule, lane.why = "open", f"{lane.got_through} mails got through"
    if slow:
        pace.restart(lane, now - lane.closed_at, lane.got_through, now - lane.half_open_at)
        lane.why += f", slowly: {lane.rate:.2f} mails/s"
    lane.circuit, lane.pause, lane.closed_until, lane.probe = OPEN, 0.0, 0.0, 0
    lane.cause, lane.opened_at, lane.good_at = "", now, now
    lane.recent = lane.recent_bad = lane.streak = 0.0
