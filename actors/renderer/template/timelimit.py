"""How long templates may compute: seconds of processor time a row, and of all rows of a call together.

The clock is handed in, and without one nothing is limited. Time is counted where steps end: a column step's goes in equal parts
to the rows that it ran for. Nothing is interrupted, so a row may overdraw by the one step that it is in.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from actors.model.rendersettings import TimeLimit

GRAIN = 0.005  # shorter stretches of columns are counted with the next one


@dataclass(slots=True)
class _Total:
    seconds: float = 0.0


@dataclass(slots=True)
class Spent:
    """What the rows of one call have taken. While all of them together are within the call's time, each may take the row's;
    after that no more than an equal share of the call's, so rows that take little go on beside rows that take all."""

    limit: TimeLimit
    rows: NDArray[np.float64]
    share: float
    _total: _Total = field(default_factory=_Total)
    _mark: float = 0.0

    @classmethod
    def of(cls, limit: TimeLimit, n: int) -> "Spent":
        """Nothing spent yet by n rows."""
        return cls(limit, np.zeros(n), min(limit.row, limit.call / max(1, n)))

    def part(self, rows: list[int]) -> "Spent":
        """Some of the rows, numbered anew; the call's time stays that of all."""
        return Spent(self.limit, self.rows[rows], self.share, self._total)

    @property
    def most(self) -> float:
        """Seconds that a row may take as things stand."""
        return self.limit.row if self._total.seconds <= self.limit.call else self.share

    def reason(self, row: int, seconds: float = 0.0) -> str:
        """Why the row, which now takes so many more seconds, is ended."""
        if self.rows[row] + seconds > self.limit.row:
            return f"takes more than {self.limit.row:g} s of computing time, the limit of a row"
        return (
            f"takes more than its share of {self.share:.2g} s of computing time, "
            f"where the rows rendered together have used up their {self.limit.call:g} s"
        )

    def begin(self) -> None:
        """What was done since the last step is not the templates'."""
        self._mark = self.limit.clock()

    def left(self, row: int) -> float:
        """Seconds that the row may still take: to its own limit, and no further than its share once the call's time is over."""
        used = float(self.rows[row])
        return min(self.limit.row - used, max(self.limit.call - self._total.seconds, self.share - used))

    def take(self, least: float = 0.0) -> float:
        """The seconds since the last count, which the caller then charges; 0 where they are fewer than `least`."""
        now = self.limit.clock()
        seconds = now - self._mark
        if seconds < least:
            return 0.0
        self._mark = now
        self._total.seconds += seconds
        return seconds
