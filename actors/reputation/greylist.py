"""Greylisting: the first try of a row is told to come again, a later one through the same egress is taken. Pure.

Rows wait as long as the receiver makes them: started at the usual five minutes, longer when many of those that come again are
early, shorter when a row that came sooner by chance was taken. A few that are early on a lane where most pass go by their own
time (`sender.outcomes`): one host may receive for domains of many minds.
"""

from actors.model.lanes import LaneReport
from actors.reputation.state import LaneState, View

FIRST_WAIT = 305.0  # five minutes is what most greylisting software is set to
SHORTEST_WAIT, LONGEST_WAIT = 30.0, 4 * 3600.0
KNOWN_FOR = 36 * 3600.0  # greylisting software forgets a sender after a day or more; so do we
MORE = 1.25  # times what was too early; rows in hand that would be early are held back, so a small step costs little
HALF_LIFE = 48.0  # rows that came again after which the weight of older ones is halved
MANY = 0.25  # share of them that is early and lengthens the lane's time


def update(lane: LaneState, report: LaneReport, now: float, view: View) -> None:
    """Takes a report."""
    before = lane.grey_wait
    if report.greylisted:
        lane.grey_at = now
        lane.grey_wait = lane.grey_wait or view.grey_wait or FIRST_WAIT
    came = report.grey_again + report.grey_through
    kept = 0.5 ** (came / HALF_LIFE)
    lane.grey_came = lane.grey_came * kept + came
    lane.grey_again = lane.grey_again * kept + report.grey_again
    if report.grey_early > 0 and lane.grey_again > MANY * lane.grey_came:
        lane.grey_early = max(lane.grey_early, report.grey_early)
        lane.grey_wait = min(max(lane.grey_wait, MORE * report.grey_early, SHORTEST_WAIT), LONGEST_WAIT)
    if report.grey_passed > lane.grey_early and lane.grey_wait:
        lane.grey_wait = max(min(lane.grey_wait, 1.02 * report.grey_passed), 1.02 * lane.grey_early, SHORTEST_WAIT)
    lane.grey_wait = min(lane.grey_wait, LONGEST_WAIT)
    if lane.grey_wait != before:
        lane.rule = "greylisting"
        early = f", {lane.grey_early:.0f} s was too early" if lane.grey_early else ""
        lane.why = f"rows are told to come again; they do after {lane.grey_wait:.0f} s{early}"


def wait(lane: LaneState, now: float) -> float:
    """Seconds after which a row goes again; 0 where nothing is greylisted."""
    return lane.grey_wait if lane.grey_at and now - lane.grey_at < KNOWN_FOR else 0.0
