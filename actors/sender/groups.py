"""What goes to the ledger and when: results and openings of all lanes, combined into one `advance` after the other.

Holds the sender's bound: never more than MAX_OPEN_ROWS rows open. A row counts from the call that opens it until the call that
brought its result has come back; a row that comes a second time meanwhile goes back, for the ledger would take its opening for
a repetition. Nothing here does IO; the actor makes the call and tells how it went.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from actors.model.delivery import MAX_OPEN_ROWS, Advanced, Opening, Outcome
from actors.sender.hand import Mail, Work
from actors.sender.lane import Lane

MOST_RESULTS = 2_000  # of one call; a dead site can settle thousands of rows at once
FULL_GROUP = 128  # results that are worth a call at once
SLOW_RATE = 50.0  # mails a second; slower lanes together leave room for the fast ones
SLOW_ROWS = 192  # open rows that slow lanes may hold together

Key = tuple[str, int]  # job, row


@dataclass(slots=True)
class Group:
    """One `advance` call: what it carries, and what it is about here."""

    results: list[Outcome] = field(default_factory=list)
    works: list[Work] = field(default_factory=list)  # of each result
    closing: list[Key] = field(default_factory=list)  # rows that are open and have their results here
    openings: list[Opening] = field(default_factory=list)
    mails: list[list[Mail]] = field(default_factory=list)  # of each opening
    again: list[Mail] = field(default_factory=list)  # of rows that are open already

    @property
    def lanes(self) -> list[Lane]:
        """Whose mails it opens."""
        return list({id(m.lane): m.lane for mails in self.mails for m in mails}.values())

    def __bool__(self) -> bool:
        return bool(self.results or self.openings or self.again)


class Groups:
    """Collects results, plans openings, keeps count of what is open."""

    def __init__(self) -> None:
        self._open: set[Key] = set()
        self._results: list[Outcome] = []
        self._works: list[Work] = []
        self._were_open: list[bool] = []

    @property
    def open(self) -> int:
        """How many rows are open."""
        return len(self._open)

    @property
    def on_the_wire(self) -> int:
        """Those of them that have no result here."""
        return len(self._open) - sum(self._were_open)

    @property
    def results(self) -> int:
        return len(self._results)

    def add(self, work: Work, outcome: Outcome, was_open: bool) -> None:
        self._results.append(outcome)
        self._works.append(work)
        self._were_open.append(was_open)

    def plan(self, lanes: Iterable[Lane], opening: bool) -> Group:
        """The next call: all results (up to a bound), then as many openings as fit. Mails planned leave their lanes' ready."""
        group = Group(self._results[:MOST_RESULTS], self._works[:MOST_RESULTS])
        group.closing = [(r.job, r.row) for r, was_open in zip(group.results, self._were_open, strict=False) if was_open]
        del self._results[:MOST_RESULTS], self._works[:MOST_RESULTS], self._were_open[:MOST_RESULTS]
        if opening:
            self._plan_openings(group, lanes, MAX_OPEN_ROWS - self.open + len(group.closing))
        return group

    def _plan_openings(self, group: Group, lanes: Iterable[Lane], capacity: int) -> None:
        """Lanes with the fewest open rows first, so that one lane's need never starves the others."""
        ready: list[Lane] = []
        slow_left = SLOW_ROWS
        for lane in lanes:  # thousands, when every row has a domain of its own: most are done with at a glance
            if lane.ready:
                ready.append(lane)
            if lane.open and 0 <= lane.rate < SLOW_RATE:
                slow_left -= lane.open
        by_job: dict[tuple[str, int], list[Mail]] = {}
        for lane in sorted(ready, key=lambda one: one.open):
            slow = 0 <= lane.rate < SLOW_RATE
            count = min(lane.openable, capacity, slow_left if slow else capacity)
            before = self.open
            for _ in range(count):
                mail = lane.ready.popleft()
                lease = mail.row.work.lease
                key = (lease.job, mail.row.row)
                if key in self._open:
                    group.again.append(mail)
                    continue
                self._open.add(key)
                by_job.setdefault((lease.job, lease.conductor_epoch), []).append(mail)
            count = self.open - before
            if count > 0:
                lane.open += count
                capacity -= count
                slow_left -= count if slow else 0
        for (job, epoch), mails in by_job.items():
            rows = np.array([m.row.row for m in mails], np.int64)
            group.openings.append(Opening(job, epoch, rows, np.array([m.stamp for m in mails], np.int64)))
            group.mails.append(mails)

    def done(self, group: Group, advanced: Advanced) -> tuple[list[Mail], set[Work]]:
        """The ledger has taken the group: settles its results, queues what it opened on the lanes. Gives the mails that are not
        to be sent, and the leases of which it opened nothing: their job has ended or halts, or their conductor is gone."""
        self._open.difference_update(group.closing)
        for work in group.works:
            work.left -= 1
        refused, halted = group.again, set[Work]()
        for mails, mask in zip(group.mails, advanced.opened, strict=True):
            for mail, opened in zip(mails, mask.tolist(), strict=True):
                if opened:
                    mail.lane.queue.append(mail)
                else:
                    mail.lane.open -= 1
                    self._open.discard((mail.row.work.lease.job, mail.row.row))
                    refused.append(mail)
            if not mask.any():
                halted |= {mail.row.work for mail in mails}
        return refused, halted
