"""What a simulated lane saw since its last report, counted as `LaneReport` says."""

import re
from collections import Counter
from functools import lru_cache

from actors.model.delivery import JobTally, LaneReport, Reply
from actors.model.reasons import Reason
from actors.model.replies import Judgement
from actors.model.states import Blame, Verdict
from actors.sender.tally import ADDRESS
from bench.simulation.job import JOB

REFUSALS = {Blame.RECIPIENT: "recipient", Blame.SENDER_DOMAIN: "sender_domain", Blame.CONTENT: "content"}
SAMPLES = 8


def greylisted(judgement: Judgement) -> bool:
    """The receiver wants the same mail once more, later."""
    return judgement.reason is Reason.GREYLIST


@lru_cache(4096)
def folded(text: str) -> str:
    """Without digits and addresses."""
    return ADDRESS.sub("<address>", re.sub(r"\d+", "0", text))[:200]


class Collector:
    """Counts of one lane."""

    def __init__(self, site: str):
        self._site = site
        self.greylisting = False  # a row was told to come again here
        self._clear()

    def _clear(self) -> None:
        self._counts: Counter[str] = Counter()
        self._seconds = 0.0
        self._times: list[float] = []
        self._last_reply = ""
        self._early, self._passed, self._closed_after = 0.0, 0.0, 0
        self._sample: dict[str, None] = {}
        self.told = False

    def settled(self, judgement: Judgement, reply: Reply, spent: float, waited: float) -> None:
        """A mail has its end. `waited`: seconds since the row's first attempt, 0 = this was the first."""
        self.told = True
        counts, verdict, blame = self._counts, judgement.verdict, judgement.blame
        counts["settled"] += 1
        self._seconds += spent
        self._times.append(spent)
        if verdict is Verdict.DELIVERED:
            counts["delivered"] += 1
            if waited and self.greylisting:
                self._passed = min(self._passed or waited, waited)
            return
        self.said(reply)
        if greylisted(judgement):
            self.greylisting = True
            if waited:
                self._early = max(self._early, waited)
                counts["busy"] += 1
            else:
                counts["greylisted"] += 1
        elif blame is Blame.BUSY:
            counts["busy"] += 1
        elif blame is Blame.EGRESS:
            counts["egress"] += 1
        elif blame is Blame.NETWORK:
            counts["network"] += 1
        else:
            counts["refused"] += 1
            if blame in REFUSALS:
                counts[REFUSALS[blame]] += 1

    def count(self, what: str) -> None:
        self.told = True
        self._counts[what] += 1

    def said(self, reply: Reply) -> None:
        self._last_reply = f"{reply.code} {reply.enhanced} {reply.text}"
        if len(self._sample) < SAMPLES:
            self._sample[folded(self._last_reply)] = None

    def closed(self, after: int) -> None:
        """The receiver ended a connection on which it had answered so many mails."""
        self.count("closes")
        self._closed_after = min(self._closed_after or after, after)

    def report(self, connections: int, started: int, backlog: int) -> LaneReport:
        """Everything since the last report."""
        counts = self._counts
        times = sorted(self._times)
        tally = JobTally(JOB, counts["delivered"], counts["egress"], counts["content"], counts["recipient"])
        report = LaneReport(
            self._site,
            connections=connections,
            seconds=self._seconds,
            last_reply=self._last_reply[:200],
            grey_early=self._early,
            grey_passed=self._passed,
            closed_after=self._closed_after,
            started=started,
            backlog=backlog,
            latency=times[len(times) // 2] if times else 0.0,
            sample=tuple(self._sample),
            jobs=(tally,) if any(tally[1:]) else (),
            **counts,
        )
        self._clear()
        return report
