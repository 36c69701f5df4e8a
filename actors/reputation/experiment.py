"""The natural experiment of a pool: whom do refusals follow? Pure: counts in, blame with its confidence out.

The same site sees many jobs through many egresses. Refusals that come through one egress whatever it carries are about the
egress; those that come to one job through every egress are about its content. What the counts do not tell apart stays
unknown, and unknown stays temporary.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from actors.model.states import Blame

FEWEST = 8.0  # attempts in a cell before it says anything
APART = 0.3  # difference of shares that tells something apart
SURE = 0.95


class Cell(NamedTuple):
    """What one (egress, job) pair saw at a site."""

    good: float = 0.0
    bad: float = 0.0

    @property
    def n(self) -> float:
        return self.good + self.bad


class Finding(NamedTuple):
    """Whom the refusals follow: EGRESS or CONTENT with `of` its name, RECIPIENT, or NONE when it cannot be told.
    `confidence`: 0 to 1."""

    blame: Blame
    of: str
    confidence: float
    why: str


UNKNOWN = Finding(Blame.NONE, "", 0.0, "the counts do not tell")


@dataclass(frozen=True, slots=True)
class Difference:
    """Two shares of refusals, inside and outside; `z` in standard errors (two-proportion test)."""

    inside: float
    outside: float
    z: float

    @property
    def confidence(self) -> float:
        return 0.5 * (1 + math.erf(self.z / math.sqrt(2)))

    @property
    def large(self) -> bool:
        return self.inside - self.outside >= APART

    @property
    def sure(self) -> bool:
        """Large, and no accident."""
        return self.large and self.confidence >= SURE


def difference(inside: Cell, outside: Cell) -> Difference | None:
    """None if either has too few attempts."""
    if inside.n < FEWEST or outside.n < FEWEST:
        return None
    p, q = inside.bad / inside.n, outside.bad / outside.n
    pooled = (inside.bad + outside.bad) / (inside.n + outside.n)
    error = math.sqrt(max(pooled * (1 - pooled), 1e-9) * (1 / inside.n + 1 / outside.n))
    return Difference(p, q, (p - q) / error)


def whom(cells: Mapping[tuple[str, str], Cell], egress: str, job: str) -> Finding:
    """Whom the refusals of `job` through `egress` follow. `cells`: counts of one site by (egress, job)."""
    here = cells.get((egress, job), Cell())
    if here.n < FEWEST or here.bad == 0:
        return UNKNOWN
    by_content, by_egress = (difference(here, cell) for cell in beside(cells, egress, job))
    if by_egress and by_egress.sure:
        if by_content and by_content.large:
            return UNKNOWN  # this job through this egress alone
        why = f"{by_egress.inside:.0%} refused through it, {by_egress.outside:.0%} of the same job through others"
        return Finding(Blame.EGRESS, egress, by_egress.confidence, why)
    if by_content and by_content.sure and by_egress:
        why = f"{by_content.inside:.0%} refused of it, {by_content.outside:.0%} of other jobs through the same egress"
        return Finding(Blame.CONTENT, job, by_content.confidence, why)
    return UNKNOWN


def stays(fresh: Cell, again: Cell) -> Finding:
    """Whether refusals stay with the same addresses: mails that were tried before are refused again, the others pass. It says
    nothing about an address for good: a full mailbox stays full for a while."""
    found = difference(again, fresh)
    if found is None or not found.sure:
        return UNKNOWN
    why = f"{found.inside:.0%} refused of those tried before, {found.outside:.0%} of the others"
    return Finding(Blame.RECIPIENT, "", found.confidence, why)


def beside(cells: Mapping[tuple[str, str], Cell], egress: str, job: str) -> tuple[Cell, Cell]:
    """What the pair is compared with: other jobs through the same egress, the same job through other egresses."""
    other_jobs = _total(cells, lambda e, j: e == egress and j != job)
    return other_jobs, _total(cells, lambda e, j: e != egress and j == job)


def _total(cells: Mapping[tuple[str, str], Cell], keep: Callable[[str, str], bool]) -> Cell:
    kept = [cell for key, cell in cells.items() if keep(*key)]
    return Cell(sum(c.good for c in kept), sum(c.bad for c in kept))
