"""Small summaries of long streams, made shard by shard and merged in any order with the same result.

Each has a bounded size, whatever the list's. Rows are named by their number in the list, never by a value.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

EXAMPLES = 5  # row numbers kept for each finding: enough to look at, few enough to read
EXTREMES = 3  # values kept at either end of a number
EXACT_DISTINCT = 8192  # smallest hashes kept: 64 KB a slot; above it the count is an estimate, off by about 1.1 %
_STEP = 1.01  # a size is known to 1 %
_HASHES = float(2**64)

Rows = NDArray[np.int64]
Number = int | float | Decimal


@dataclass(slots=True)
class Tally:
    """How many rows, and the first few of them."""

    count: int = 0
    rows: list[int] = field(default_factory=list)

    def add(self, rows: Rows) -> None:
        self.count += len(rows)
        self._keep(rows[: EXAMPLES * 4].tolist() if len(rows) else [])

    def merge(self, other: "Tally") -> None:
        self.count += other.count
        self._keep(other.rows)

    def _keep(self, rows: Iterable[int]) -> None:
        self.rows = sorted({*self.rows, *rows})[:EXAMPLES]


class Distinct:
    """How many different texts: the k smallest 64-bit hashes (Bar-Yossef and others, 2002: k minimum values)."""

    __slots__ = ("_hashes",)

    def __init__(self) -> None:
        self._hashes: NDArray[np.uint64] = np.empty(0, np.uint64)

    def add(self, texts: Iterable[str]) -> None:
        digests = b"".join(blake2b(t.encode("utf-8", "surrogatepass"), digest_size=8).digest() for t in set(texts))
        self._take(np.frombuffer(digests, np.uint64))

    def merge(self, other: "Distinct") -> None:
        self._take(other._hashes)

    def _take(self, hashes: NDArray[np.uint64]) -> None:
        if len(self._hashes) == EXACT_DISTINCT:
            hashes = hashes[hashes < self._hashes[-1]]
        if len(hashes):
            self._hashes = np.unique(np.concatenate([self._hashes, hashes]))[:EXACT_DISTINCT]

    @property
    def exact(self) -> bool:
        return len(self._hashes) < EXACT_DISTINCT

    @property
    def count(self) -> int:
        if self.exact:
            return len(self._hashes)
        return round((EXACT_DISTINCT - 1) * _HASHES / float(self._hashes[-1]))


@dataclass(slots=True)
class Extremes:
    """The lowest and highest different numbers, each with the first row that has it."""

    low: list[tuple[Number, int]] = field(default_factory=list)
    high: list[tuple[Number, int]] = field(default_factory=list)

    def add(self, numbers: NDArray[np.int64] | NDArray[np.float64] | Sequence[Decimal], rows: Rows) -> None:
        """One row for each number."""
        if isinstance(numbers, np.ndarray):
            fit = ~np.isnan(numbers)
            found, first = np.unique(numbers[fit], return_index=True)
            at = rows[fit][first]
            ends = found[:EXTREMES].tolist() + found[-EXTREMES:].tolist()
            self._keep(list(zip(ends, at[:EXTREMES].tolist() + at[-EXTREMES:].tolist(), strict=True)))
        else:
            pairs = [(n, row) for n, row in zip(numbers, rows.tolist(), strict=True) if n.is_finite()]
            self._keep(pairs)

    def merge(self, other: "Extremes") -> None:
        self._keep(other.low + other.high)

    def _keep(self, pairs: Iterable[tuple[Number, int]]) -> None:
        first: dict[Number, int] = {}
        for number, row in (*self.low, *self.high, *pairs):
            first[number] = min(row, first.get(number, row))
        ordered = sorted(first.items(), key=lambda pair: pair[0])
        self.low, self.high = ordered[:EXTREMES], ordered[-EXTREMES:]


@dataclass(slots=True)
class Sizes:
    """Smallest and largest exactly, with their rows; everything between in steps of 1 %."""

    steps: dict[int, int] = field(default_factory=dict)  # step number -> rows
    count: int = 0
    least: tuple[int, int] = (0, -1)  # size and row; row -1: nothing seen
    most: tuple[int, int] = (0, -1)

    def add(self, sizes: NDArray[np.int64], rows: Rows) -> None:
        if not len(sizes):
            return
        steps, counts = np.unique((np.log(np.maximum(sizes, 1)) / np.log(_STEP)).astype(np.int64), return_counts=True)
        low, high = int(sizes.argmin()), int(sizes.argmax())
        found = dict(zip(steps.tolist(), counts.tolist(), strict=True))
        self.merge(
            Sizes(found, len(sizes), (int(sizes[low]), int(rows[low])), (int(sizes[high]), int(rows[high]))),
        )

    def merge(self, other: "Sizes") -> None:
        if not other.count:
            return
        for step, n in other.steps.items():
            self.steps[step] = self.steps.get(step, 0) + n
        if self.count:
            self.least = min(self.least, other.least)
            self.most = max(self.most, other.most, key=lambda pair: (pair[0], -pair[1]))
        else:
            self.least, self.most = other.least, other.most
        self.count += other.count

    def quantile(self, share: float) -> int:
        """The size that this share of the rows does not exceed, to 1 %."""
        left = share * self.count
        for step in sorted(self.steps):
            left -= self.steps[step]
            if left <= 0:
                middle = float(_STEP ** (step + 0.5))
                return round(min(max(middle, self.least[0]), self.most[0]))
        return self.most[0]

    def above(self, size: int) -> int:
        """Rows above a size; those within 1 % of it count by the middle of their step."""
        if not self.count or self.most[0] <= size:
            return 0
        return max(1, sum(n for step, n in self.steps.items() if _STEP ** (step + 0.5) > size))

    def bars(self, most: int) -> list[tuple[int, int, int]]:
        """(from, to, rows) of at most so many bars of the same width in steps, for a picture."""
        if not self.steps:
            return []
        low, high = min(self.steps), max(self.steps)
        width = -(-(high - low + 1) // most)
        found: dict[int, int] = {}
        for step, n in self.steps.items():
            found[(step - low) // width] = found.get((step - low) // width, 0) + n
        edges = range(-(-(high - low + 1) // width))
        return [(round(_STEP ** (low + b * width)), round(_STEP ** (low + (b + 1) * width)), found.get(b, 0)) for b in edges]
