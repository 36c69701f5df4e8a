"""One reply template at one site: whom does it follow? Pure: counts in, a finding out.

Counted from the moment the words are first heard, and anew after they were not heard for a while: what a lane delivered before
says nothing about a block that began now. Three things are compared (`experiment`): the same job through other egresses, other
jobs through the same egress, and rows that were tried before with those that were not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.model.lanes import LaneReport, Unread
from actors.model.states import Blame
from actors.reputation.experiment import APART, FEWEST, UNKNOWN, Cell, Finding, beside, difference, stays, whom
from actors.reputation.templates import Template

QUIET = 600.0  # seconds without the words: what is counted begins anew
MOST_CELLS = 256
MOST_TOLD = 16  # egresses and jobs that are told by name
ENOUGH = 2 * FEWEST  # attempts that take a finding back


@dataclass(slots=True)
class Followed:
    """What is known. `cells`: acceptances and these refusals by (egress, job); `streaks`: these refusals through an egress
    without one acceptance between; `fresh`, `again`: of mails that were not tried before, and that were."""

    template: Template
    seen: float
    count: int = 0
    egresses: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    streaks: dict[str, int] = field(default_factory=dict)
    fresh: Cell = Cell()
    again: Cell = Cell()
    finding: Finding = UNKNOWN

    def hear(self, egress: str, unread: Sequence[Unread], now: float) -> None:
        """These words came through an egress."""
        if now - self.seen > QUIET:
            self.cells, self.streaks, self.fresh, self.again = {}, {}, Cell(), Cell()
        self.seen = now
        for one in unread:
            self.count += one.times
            _note(self.egresses, egress)
            _note(self.jobs, one.job)
            self._add(egress, one.job, 0, one.times)
            self.streaks[egress] = self.streaks.get(egress, 0) + one.times
            self.fresh = Cell(self.fresh.good, self.fresh.bad + one.times - one.again)
            self.again = Cell(self.again.good, self.again.bad + one.again)

    def count_accepted(self, egress: str, report: LaneReport) -> None:
        """What the lane delivered meanwhile."""
        for tally in report.jobs:
            if tally.delivered:
                self._add(egress, tally.job, tally.delivered, 0)
                self.fresh = Cell(self.fresh.good + tally.delivered - tally.again, self.fresh.bad)
                self.again = Cell(self.again.good + tally.again, self.again.bad)
        if report.delivered:
            self.streaks[egress] = 0

    def find(self, egress: str, job: str) -> bool:
        """Looks whom the words follow, after they came to a job through an egress; whether the finding has changed."""
        found = whom(self.cells, egress, job)
        if found.blame is Blame.EGRESS and self.template.code < 500 and self.streaks.get(egress, 0) < FEWEST:
            found = UNKNOWN  # a limit of pace lets some through, a block nothing
        if found is UNKNOWN:
            found = stays(self.fresh, self.again)
        if found is UNKNOWN and not self._refuted(egress, job):
            return False
        changed = found.blame is not self.finding.blame or found.of != self.finding.of
        self.finding = found
        return changed

    def _refuted(self, egress: str, job: str) -> bool:
        """Whether what was found is plainly so no more."""
        blame = self.finding.blame
        if blame is Blame.RECIPIENT:
            return _alike(self.again, self.fresh)
        here = self.cells.get((egress, job), Cell())
        same_egress, same_job = beside(self.cells, egress, job)
        if blame is Blame.EGRESS:
            return _alike(here, same_job) or _apart(here, same_egress)
        return blame is Blame.CONTENT and (_alike(here, same_egress) or _apart(here, same_job))

    def _add(self, egress: str, job: str, good: int, bad: int) -> None:
        old = self.cells.get((egress, job))
        if old is None:
            if len(self.cells) >= MOST_CELLS:
                del self.cells[min(self.cells, key=lambda k: self.cells[k].n)]
            old = Cell()
        self.cells[egress, job] = Cell(old.good + good, old.bad + bad)


def _alike(inside: Cell, outside: Cell) -> bool:
    found = difference(inside, outside)
    return found is not None and min(inside.n, outside.n) >= ENOUGH and found.inside - found.outside < APART / 2


def _apart(inside: Cell, outside: Cell) -> bool:
    found = difference(inside, outside)
    return found is not None and found.sure


def _note(names: list[str], name: str) -> None:
    if name not in names and len(names) < MOST_TOLD:
        names.append(name)
