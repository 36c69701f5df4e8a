"""What a lane saw since its last report, counted as `LaneReport` says. Pure."""

from collections import Counter

from actors.model.delivery import Reply
from actors.model.lanes import JobTally, LaneReport, Unread
from actors.model.reasons import Reason
from actors.model.replies import Judgement
from actors.model.states import Blame, Verdict
from actors.sender.replyreader import shown

MOST_JOBS = 8
MOST_UNREAD = 16  # different unknown replies of one report
SHOWN = 200  # characters of a reply

CONGESTION = {Blame.BUSY: "busy", Blame.EGRESS: "egress", Blame.NETWORK: "network"}
ENDS = ("delivered", "refused", *CONGESTION.values(), "greylisted")
COUNTS = ("settled", *ENDS, "connect_failures", "connects_refused", "closes", "grey_again", "grey_through")
TOLD = ("delivered", "egress", "content", "again")  # what is told of each job
Words = tuple[str, ...]


class Tally:
    """Counts of one lane. `waited`: seconds since the row's first attempt, 0 = this was the first; `bound`: it was greylisted
    here before."""

    def __init__(self, site: str):
        self._site = site
        self._clear()

    def _clear(self) -> None:
        self._counts: Counter[str] = Counter()
        self._jobs: dict[str, Counter[str]] = {}
        self._unread: dict[tuple[str, int, str, Words], tuple[int, int]] = {}
        self._early, self._passed, self._closed_after = 0.0, 0.0, 0
        self._last_reply = ""

    def __bool__(self) -> bool:
        return bool(self._counts)

    def settled(
        self,
        job: str,
        judgement: Judgement,
        reply: Reply,
        waited: float,
        words: Words | None = None,
        bound: bool = False,
    ) -> None:
        """A mail has its end. `words`: of a reply that nobody can read, folded."""
        kind = _kind(judgement)
        if bound and waited > 0:
            self._came_again(kind, waited)
        self._counts["settled"] += 1
        self._counts[kind] += 1
        if kind != "delivered":
            self.said(reply)
        if (told := self._job(job)) is not None:
            told["content" if judgement.blame is Blame.CONTENT else kind] += 1
            told["again"] += kind == "delivered" and waited > 0
        if words is not None:
            self._not_read((job, reply.code, reply.enhanced, words), 1, int(waited > 0))

    def _not_read(self, key: tuple[str, int, str, Words], count: int, again: int) -> None:
        if key in self._unread or len(self._unread) < MOST_UNREAD:
            before = self._unread.get(key, (0, 0))
            self._unread[key] = (before[0] + count, before[1] + again)

    def _job(self, job: str) -> Counter[str] | None:
        """A job's counts; None for one more than are told."""
        found = self._jobs.get(job)
        if found is None and len(self._jobs) < MOST_JOBS:
            found = self._jobs[job] = Counter()
        return found

    def _came_again(self, kind: str, waited: float) -> None:
        """A row that was greylisted has come again."""
        if kind == "delivered":
            self._counts["grey_through"] += 1
            self._passed = min(self._passed or waited, waited)
        elif kind == "greylisted":
            self._counts["grey_again"] += 1
            self._early = min(self._early or waited, waited)

    def held_back(self, judgement: Judgement, reply: Reply) -> None:
        """A connection that had carried mails was ended at MAIL, and the mail goes over another one. Where that is no matter of
        the connection, the receiver has refused all the same."""
        kind = _congestion(judgement)
        if kind and judgement.reason is not Reason.CONNECTIONS:
            self._counts[kind] += 1
            self.said(reply)

    def count(self, what: str) -> None:
        self._counts[what] += 1

    def said(self, reply: Reply) -> None:
        """A reply that was no 250, or a failure in its words."""
        self._last_reply = shown(reply, SHOWN)

    def closed(self, after: int) -> None:
        """The receiver has ended a connection on which it had answered so many mails."""
        self._counts["closes"] += 1
        self._closed_after = min(self._closed_after or after, after)

    def report(self, connections: int, started: int) -> LaneReport:
        """Everything since the last report."""
        jobs = [JobTally(job, *(n[kind] for kind in TOLD)) for job, n in self._jobs.items()]
        report = LaneReport(
            self._site,
            connections=connections,
            last_reply=self._last_reply,
            grey_early=self._early,
            grey_passed=self._passed,
            closed_after=self._closed_after,
            started=started,
            jobs=tuple(jobs),
            unread=tuple(Unread(*key, *counts) for key, counts in self._unread.items()),
            **self._counts,
        )
        self._clear()
        return report

    def unreported(self, report: LaneReport) -> None:
        """The report reached nobody: its counts go into the next one."""
        for name in COUNTS:
            if count := getattr(report, name):
                self._counts[name] += count
        for tally in report.jobs:
            if (told := self._job(tally.job)) is not None:
                told.update(dict(zip(TOLD, tally[1:], strict=True)))
        for unread in report.unread:
            self._not_read(unread[:4], *unread[4:])
        self._early = min(filter(None, (self._early, report.grey_early)), default=0.0)
        self._passed = min(filter(None, (self._passed, report.grey_passed)), default=0.0)
        self._closed_after = min(filter(None, (self._closed_after, report.closed_after)), default=0)
        self._last_reply = self._last_reply or report.last_reply


def _kind(judgement: Judgement) -> str:
    """What a mail's end counts as. Greylisting speaks of the row: it says nothing of the lane's pace."""
    if judgement.verdict is Verdict.DELIVERED:
        return "delivered"
    if judgement.reason is Reason.GREYLIST:
        return "greylisted"
    return _congestion(judgement) or "refused"


def _congestion(judgement: Judgement) -> str:
    """What a refusal that is no matter of the mail counts as; empty for others."""
    if judgement.reason is Reason.RATE:  # our address sends too much, not too badly: the lane slows down
        return "busy"
    return CONGESTION.get(judgement.blame, "")
