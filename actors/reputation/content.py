"""The counts of the natural experiment, a site at a time: who refused which job through which egress. Bounded and decaying.

`experiment` says what such counts mean; here they are kept, and asked how many of a report's refusals about our address are
really about a job's content: they come to that job through every egress, and to no other job. And the other way round: how
many refusals that speak of content are really about the address, since the same job passes through the others.
"""

from actors.model.lanes import LaneReport
from actors.model.states import Blame
from actors.reputation.experiment import Cell, whom

MOST_CELLS = 256  # of one site; the smallest go first
HALVE_AT = 64.0  # attempts in a cell: older ones count half from there, so that a change shows within some ten


class Experiment:
    """One site's counts."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, str], Cell] = {}

    def take(self, egress: str, report: LaneReport) -> None:
        """Counts a report."""
        for tally in report.jobs:
            key = (egress, tally.job)
            old = self.cells.get(key, Cell())
            new = Cell(old.good + tally.delivered, old.bad + tally.egress + tally.content)
            self.cells[key] = Cell(new.good / 2, new.bad / 2) if new.n > HALVE_AT else new
        if len(self.cells) > MOST_CELLS:
            for key in sorted(self.cells, key=lambda k: self.cells[k].n)[: len(self.cells) - MOST_CELLS]:
                del self.cells[key]

    def content_share(self, egress: str, report: LaneReport) -> float:
        """Share of the report's refusals with blame egress that follow a job over all egresses."""
        if not report.egress or len({e for e, _ in self.cells}) < 2:
            return 0.0
        about_content = sum(
            tally.egress for tally in report.jobs if tally.egress and whom(self.cells, egress, tally.job).blame is Blame.CONTENT
        )
        return min(1.0, about_content / report.egress)

    def misnamed(self, egress: str, report: LaneReport) -> int:
        """The report's refusals with blame content that follow the egress."""
        return sum(
            tally.content
            for tally in report.jobs
            if tally.content and whom(self.cells, egress, tally.job).blame is Blame.EGRESS
        )
