"""Repeated keys in a list of any length, exactly and with flat memory: which rows repeat an earlier one.

Only 64-bit hashes are held, one partition of them at a time; rows whose hashes meet are compared by their texts, which
are read back from the work folder. The first row of a key stays.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.model.hashing import Hashes
from actors.model.job import RowArray

PARTITION_ROWS = 1 << 20  # about 40 MB to sort a partition
COMPARE_ROWS = 1 << 18  # texts of so many pairs are held at a time

Texts = Callable[[RowArray], pa.StringArray]


class KeyHashes:
    """The hashes of all rows' keys, in a file of the work folder: eight bytes a row."""

    def __init__(self, path: Path):
        self._path = path
        self._out = path.open("wb")

    def append(self, hashes: Hashes) -> None:
        hashes.tofile(self._out)

    def select(self, candidates: NDArray[np.bool_], part: int, parts: int) -> tuple[RowArray, Hashes]:
        """(rows, hashes) of the candidates in one of `parts` (a power of two) partitions; after `close`."""
        shift = np.uint64(65 - parts.bit_length())
        rows, hashes = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
        with self._path.open("rb") as stream:
            for first in range(0, len(candidates), PARTITION_ROWS):
                block = np.fromfile(stream, np.uint64, PARTITION_ROWS)
                mask = candidates[first : first + PARTITION_ROWS]
                if parts > 1:
                    mask = mask & ((block >> shift) == part)
                rows.append(np.flatnonzero(mask) + first)
                hashes.append(block[mask])
        return np.concatenate(rows), np.concatenate(hashes)

    def close(self) -> None:
        self._out.close()


def find_repeats(
    hashes: KeyHashes, candidates: NDArray[np.bool_], texts: Texts, partition_rows: int = PARTITION_ROWS
) -> Iterator[RowArray]:
    """Rows among `candidates` whose key appeared in an earlier candidate row, a partition at a time. `texts` gives the keys."""
    parts = 1
    while parts * partition_rows < len(candidates):
        parts *= 2
    for part in range(parts):
        yield _repeats_within(*hashes.select(candidates, part, parts), texts)


def _repeats_within(rows: RowArray, hashes: Hashes, texts: Texts) -> RowArray:
    # A plain sort is several times faster than one that keeps the rows, and most lists have few repeats.
    ordered = np.sort(hashes)
    met = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(met):
        return np.empty(0, np.int64)
    repeated = np.isin(hashes, met)
    rows, hashes = rows[repeated], hashes[repeated]
    order = np.argsort(hashes, kind="stable")
    rows, hashes = rows[order], hashes[order]
    new = np.ones(len(rows), bool)
    new[1:] = hashes[1:] != hashes[:-1]
    first = rows[np.maximum.accumulate(np.where(new, np.arange(len(rows)), 0))]
    again = ~new
    later, earlier = rows[again], first[again]
    same = [
        pc.equal(texts(later[at : at + COMPARE_ROWS]), texts(earlier[at : at + COMPARE_ROWS])).to_numpy(zero_copy_only=False)
        for at in range(0, len(later), COMPARE_ROWS)
    ]
    equal = np.concatenate(same)
    if equal.all():
        return later
    # Different texts with one hash: those few groups are settled by the texts alone.
    clash = np.unique(earlier[~equal])
    members = rows[np.isin(first, clash)]
    seen: set[str] = set()
    repeats = []
    for row, text in sorted(zip(members.tolist(), texts(members).to_pylist(), strict=True)):
        if text in seen:
            repeats.append(row)
        seen.add(text)
    return np.concatenate([later[~np.isin(earlier, clash)], np.array(repeats, np.int64)])
