"""What a lane saw since its last report: counts, times and a sample of replies, as `LaneReport` says. Pure."""

import re
from collections import Counter

from actors.model.delivery import JobTally, LaneReport, Reply
from actors.model.reasons import Reason
from actors.model.replies import Judgement
from actors.model.states import Blame, Verdict

ADDRESS = re.compile(r"\S+@\S+")
DIGITS = re.compile(r"\d+")
SAMPLES = 8  # distinct replies of one report
MOST_JOBS = 8
MOST_TIMES = 1_000  # of one report; the middle of more is no other
SHOWN = 200  # characters of a reply

REFUSALS = {Blame.RECIPIENT: "recipient", Blame.SENDER_DOMAIN: "sender_domain", Blame.CONTENT: "content"}
OTHERS = {Blame.BUSY: "busy", Blame.EGRESS: "egress", Blame.NETWORK: "network"}
TOLD = ("egress", "content", "recipient")  # what is told of each job


class Tally:
    """Counts of one lane. `waited`: seconds since the row's first attempt, 0 = this was the first."""

    def __init__(self, site: str):
        self._site = site
        self._greylists = False
        self._clear()

    def _clear(self) -> None:
        self._counts: Counter[str] = Counter()
        self._jobs: dict[str, Counter[str]] = {}
        self._seconds = 0.0
        self._times: list[float] = []
        self._early, self._passed, self._closed_after = 0.0, 0.0, 0
        self._last_reply = ""
        self._sample: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self._counts)

    def settled(self, job: str, judgement: Judgement, reply: Reply, spent: float, waited: float) -> None:
        """A mail has its end."""
        self._counts["settled"] += 1
        self._seconds += spent
        if len(self._times) < MOST_TIMES:
            self._times.append(spent)
        kind = self._kind(judgement, waited)
        self._counts[kind] += 1
        if kind != "delivered":
            self.said(reply)
        if kind in ("recipient", "sender_domain", "content"):
            self._counts["refused"] += 1
        if job in self._jobs or len(self._jobs) < MOST_JOBS:
            self._jobs.setdefault(job, Counter())[kind] += 1

    def _kind(self, judgement: Judgement, waited: float) -> str:
        if judgement.verdict is Verdict.DELIVERED:
            if waited and self._greylists:
                self._passed = min(self._passed or waited, waited)
            return "delivered"
        if judgement.reason is Reason.GREYLIST:
            self._greylists = True
            if not waited:
                return "greylisted"
            self._early = max(self._early, waited)
            return "busy"
        return OTHERS.get(judgement.blame) or REFUSALS.get(judgement.blame, "refused")

    def count(self, what: str) -> None:
        self._counts[what] += 1

    def said(self, reply: Reply) -> None:
        """A reply that was no 250, or a failure in its words."""
        self._last_reply = ADDRESS.sub("<address>", f"{reply.code} {reply.enhanced} {reply.text}")[:SHOWN]
        if len(self._sample) < SAMPLES:
            self._sample[DIGITS.sub("0", self._last_reply)] = None

    def closed(self, after: int) -> None:
        """The receiver has ended a connection on which it had answered so many mails."""
        self._counts["closes"] += 1
        self._closed_after = min(self._closed_after or after, after)

    def report(self, connections: int, started: int, backlog: int) -> LaneReport:
        """Everything since the last report."""
        times = sorted(self._times)
        jobs = [JobTally(job, n["delivered"], *(n[kind] for kind in TOLD)) for job, n in self._jobs.items()]
        report = LaneReport(
            self._site,
            connections=connections,
            seconds=self._seconds,
            last_reply=self._last_reply,
            grey_early=self._early,
            grey_passed=self._passed,
            closed_after=self._closed_after,
            started=started,
            backlog=backlog,
            latency=times[len(times) // 2] if times else 0.0,
            sample=tuple(self._sample),
            jobs=tuple(jobs),
            **self._counts,
        )
        self._clear()
        return report

    def unreported(self, report: LaneReport) -> None:
        """The report reached nobody: its counts go into the next one."""
        names = ("delivered", "refused", "busy", "egress", "network", "greylisted", "settled", *REFUSALS.values())
        for name in (*names, "connects", "connect_failures", "connects_refused", "closes"):
            if count := getattr(report, name):
                self._counts[name] += count
        for tally in report.jobs:
            if tally.job in self._jobs or len(self._jobs) < MOST_JOBS:
                self._jobs.setdefault(tally.job, Counter()).update(dict(zip(("delivered", *TOLD), tally[1:], strict=True)))
        self._seconds += report.seconds
        self._early = max(self._early, report.grey_early)
        self._passed = min(filter(None, (self._passed, report.grey_passed)), default=0.0)
        self._closed_after = min(filter(None, (self._closed_after, report.closed_after)), default=0)
        self._last_reply = self._last_reply or report.last_reply
