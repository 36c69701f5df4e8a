"""Repeated keys in a list of any length, exactly and with flat memory: which rows repeat an earlier one.

Only 64-bit hashes are held, one partition of them at a time; rows whose hashes meet are compared by their texts, which
are read back from the work folder. The first row of a key stays.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.intake.hashing import Hashes
from actors.model.job import RowArray

PARTITION_ROWS = 2 << 20  # 16 MB of hashes, as much again to sort them
COMPARE_ROWS = 1 << 18  # texts of so many pairs are held at a time

Texts = Callable[[RowArray], pa.StringArray]


def find_repeats(hashes: Hashes, candidates: NDArray[np.bool_], texts: Texts, partition_rows: int = PARTITION_ROWS) -> RowArray:
    """Rows, ascending, among `candidates` whose key appeared in an earlier candidate row. `texts` gives the keys of rows."""
    parts = 1
    while parts * partition_rows < len(hashes):
        parts *= 2
    shift = np.uint64(64 - parts.bit_length() + 1)
    found = []
    for part in range(parts):
        mask = candidates if parts == 1 else candidates & ((hashes >> shift) == part)
        rows = np.flatnonzero(mask)
        found.append(_repeats_within(rows, hashes[rows], texts))
    return np.sort(np.concatenate(found))


def _repeats_within(rows: RowArray, hashes: Hashes, texts: Texts) -> RowArray:
    order = np.argsort(hashes, kind="stable")
    rows, hashes = rows[order], hashes[order]
    new = np.ones(len(rows), bool)
    new[1:] = hashes[1:] != hashes[:-1]
    if new.all():
        return np.empty(0, np.int64)
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
