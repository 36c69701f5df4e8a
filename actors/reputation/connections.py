"""How many connections a lane may have, and how many mails each may carry. Pure.

Connections double while all goes well and the lane uses what it has. A receiver that answers and lets no more in has told the
number; it is asked for one more after a while, ever more rarely. A receiver that ends connections after the same number of
mails has told that too: we end them first, one mail earlier is never needed.
"""

from actors.model.lanes import LaneReport
from actors.reputation.state import LaneState, View

FIRST_GAP = 60.0
DOUBLE_SECONDS = 2.0  # between doublings: a burst that is let pass has shown its end by then
SETTLE = 2.0  # seconds after a cut in which what was under way is answered
LONGEST_GAP = 3600.0
SAME_CLOSES = 2  # as many closes after the same number of mails are no accident
SMALL = 20  # a small number is soon the same by accident: it must be seen so many times more, divided by the number
RELEARN = 3600.0  # seconds after which the number is learned anew: it may have grown


def adjust(lane: LaneState, report: LaneReport, calm: bool, now: float, view: View) -> None:
    """Moves the number of connections. `calm`: nothing was refused in this report."""
    there = min(report.connections, lane.most_open or view.most)  # after a restart: what is there works
    lane.concurrency = min(max(lane.concurrency, there), view.most)
    if report.connects_refused and report.connections:
        _refused(lane, report, now)
    elif calm and report.connections >= lane.concurrency and report.delivered + report.refused:
        _more(lane, now, view)
    _closes(lane, report, now)


def speaks_of_connections(reply: str) -> bool:
    """Whether a busy reply is about how many connections there are."""
    text = reply.lower()
    return any(word in text for word in ("too many connections", "too many concurrent", "too many sessions"))


def fewer(lane: LaneState, now: float) -> None:
    """A busy reply in a connection that spoke of too many of them."""
    if now < lane.held_until or lane.concurrency <= 1:
        return
    lane.most_open = max(1, lane.concurrency * 3 // 4)
    lane.why = f"told of too many connections with {lane.concurrency} open"
    lane.concurrency, lane.rule = lane.most_open, "connections cut"
    lane.held_until = now + 2.0
    _later(lane, now)


def _refused(lane: LaneState, report: LaneReport, now: float) -> None:
    if now < lane.cut_at + SETTLE:
        return
    # What is open now may be fewer than were open when it refused: a refusal of a mail can end connections as well.
    lane.most_open, lane.cut_at = max(1, report.connections, lane.concurrency * 3 // 4), now
    _later(lane, now)
    if lane.concurrency > lane.most_open:
        lane.rule = "connections refused"
        lane.why = f"{report.connects_refused} connections were refused while {report.connections} were open"
    lane.concurrency = lane.most_open


def _later(lane: LaneState, now: float) -> None:
    lane.more_gap = min(max(FIRST_GAP, 2 * lane.more_gap), LONGEST_GAP)
    lane.try_more_at = now + lane.more_gap


def _more(lane: LaneState, now: float, view: View) -> None:
    if not lane.most_open:
        if now - lane.more_at >= DOUBLE_SECONDS:
            lane.concurrency, lane.more_at = min(2 * lane.concurrency, view.most), now
    elif lane.concurrency < lane.most_open:
        lane.concurrency += 1
    elif now >= lane.try_more_at and lane.concurrency < view.most:
        lane.concurrency += 1
        lane.most_open = lane.concurrency
        lane.try_more_at = now + FIRST_GAP / 4
        lane.rule, lane.why = "connections tried", f"{lane.concurrency - 1} connections have worked for long"


def _closes(lane: LaneState, report: LaneReport, now: float) -> None:
    if lane.messages and now - lane.messages_at > RELEARN:
        lane.messages = lane.last_close = 0
    if not report.closes or not report.closed_after or report.busy or report.egress:  # a refusal may end a connection too
        return
    count = report.closed_after
    if lane.messages and count >= lane.messages:  # what was under way when the lane learned it
        return
    if lane.last_close and abs(count - lane.last_close) <= max(1, lane.last_close // 50):
        lane.closes_seen += report.closes
    else:
        lane.closes_seen = report.closes if report.closes > 1 and count == lane.last_close else 1
    lane.last_close = count
    if lane.closes_seen >= SAME_CLOSES + SMALL // count:
        lane.messages, lane.messages_at = count, now
        lane.closes_seen = 0
        lane.rule, lane.why = "messages learned", f"the receiver ends connections after {count} mails"
