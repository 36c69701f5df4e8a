"""Counts of a lane: every settled mail once, nothing lost when a report reaches nobody, no address in what is told."""

from hypothesis import given
from hypothesis import strategies as st

from actors.model.delivery import Reply
from actors.model.lanes import LaneReport
from actors.model.reasons import Reason
from actors.model.replies import Judgement, judge
from actors.model.states import Blame, Stage, Verdict
from actors.sender.tally import COUNTS, ENDS, MOST_JOBS, Tally

OK = Reply(250, "ok", "2.0.0")
GREY = Judgement(Verdict.DEFERRED, Blame.BUSY, Reason.GREYLIST)
REPLIES = (
    OK,
    Reply(550, "no such user a@b.test", "5.1.1"),
    Reply(554, "listed by spamhaus", "5.7.1"),
    Reply(421, "too many connections", "4.7.0"),
    Reply(450, "greylisted, try again later", "4.2.0"),
    Reply(0, "connection lost"),
)


def told(reports: list[LaneReport]) -> dict[str, int]:
    return {name: sum(getattr(report, name) for report in reports) for name in COUNTS}


WAITED = st.sampled_from([0.0, 30.0, 400.0])
STEP = st.tuples(st.sampled_from(REPLIES), st.integers(0, 12), WAITED, st.booleans(), st.booleans())


@given(st.lists(STEP))
def test_every_mail_is_told_once_though_reports_get_lost(steps: list[tuple[Reply, int, float, bool, bool]]) -> None:
    tally, reached = Tally("mx.test"), []
    for reply, job, waited, bound, lost in steps:
        stage = Stage.DOT if reply is OK else Stage.RCPT
        tally.settled(f"job{job}", judge(stage, reply), reply, waited, bound=bound)
        report = tally.report(1, 0)
        assert "@b.test" not in report.last_reply
        if lost:
            tally.unreported(report)
        else:
            reached.append(report)
    reached.append(tally.report(1, 0))
    found = told(reached)
    assert found["settled"] == len(steps) == sum(found[kind] for kind in ENDS)
    assert found["delivered"] == sum(reply is OK for reply, *_ in steps)
    came = [reply for reply, _, waited, bound, _ in steps if bound and waited]
    assert (found["grey_through"], found["grey_again"]) == (came.count(OK), came.count(REPLIES[4]))
    assert all(len(report.jobs) <= MOST_JOBS for report in reached)
    assert not tally


def test_greylisting_is_told_with_its_times() -> None:
    tally = Tally("mx.test")
    for waited in (0.0, 60.0, 200.0):
        tally.settled("j", GREY, REPLIES[4], waited, bound=waited > 0)
    for waited in (0.0, 310.0, 305.0):
        tally.settled("j", judge(Stage.DOT, OK), OK, waited, bound=waited > 0)
    tally.settled("j", judge(Stage.DOT, OK), OK, 120.0)  # its first try failed elsewhere: it tells nothing of greylisting
    report = tally.report(2, 7)
    assert (report.greylisted, report.busy, report.delivered) == (3, 0, 4)
    assert (report.grey_again, report.grey_through) == (2, 2)
    assert (report.grey_early, report.grey_passed) == (60.0, 305.0)
    tally.unreported(report)
    tally.settled("j", judge(Stage.DOT, OK), OK, 301.0, bound=True)
    again = tally.report(2, 0)
    assert (again.grey_early, again.grey_passed, again.delivered, again.grey_through) == (60.0, 301.0, 5, 3)


def test_the_shortest_of_closed_connections_is_told() -> None:
    tally = Tally("mx.test")
    for after in (100, 20, 50):
        tally.closed(after)
    tally.unreported(tally.report(1, 0))
    tally.closed(30)
    report = tally.report(1, 0)
    assert (report.closes, report.closed_after) == (4, 20)


def test_too_much_from_our_address_slows_and_a_bad_name_blocks() -> None:
    """What is counted as `egress` may close the lane; too much mail is a matter of its pace."""
    tally = Tally("mx.test")
    for reply in (
        Reply(421, "our system has detected an unusual rate of unsolicited mail originating from your IP address", "4.7.28"),
        Reply(450, "mail flood detected", "4.7.28"),
    ):
        judgement = judge(Stage.RCPT, reply)
        assert (judgement.blame, judgement.reason) == (Blame.EGRESS, Reason.RATE)
        tally.settled("j", judgement, reply, 0.0)
    for reason in (Reason.LISTED, Reason.REPUTATION, Reason.REVERSE_DNS, Reason.UNSAID):
        tally.settled("j", Judgement(Verdict.DEFERRED, Blame.EGRESS, reason), REPLIES[2], 0.0)
    report = tally.report(1, 0)
    assert (report.busy, report.egress, report.settled) == (2, 4, 6)
    assert report.jobs[0].egress == 4


def test_a_refusal_that_only_ended_a_connection_counts_as_if_it_had_settled_the_mail() -> None:
    for text, kind in (
        ("421 4.7.28 unusual rate of unsolicited mail from your address", "busy"),
        ("421 4.7.0 your address has a low reputation", "egress"),
        ("421 4.3.2 system not accepting messages now", "busy"),
        ("421 too many messages in this connection", ""),
    ):
        code, _, words = text.partition(" ")
        enhanced = words.partition(" ")[0] if words[0].isdigit() else ""
        reply = Reply(int(code), words.removeprefix(enhanced).strip(), enhanced)
        held, settled = Tally("mx.test"), Tally("mx.test")
        held.held_back(judge(Stage.MAIL, reply), reply)
        settled.settled("j", judge(Stage.MAIL, reply), reply, 0.0)
        told_of = held.report(1, 0)
        assert {name: getattr(told_of, name) for name in ENDS if getattr(told_of, name)} == ({kind: 1} if kind else {})
        assert told_of.settled == 0
        if kind:
            assert getattr(settled.report(1, 0), kind) == 1
