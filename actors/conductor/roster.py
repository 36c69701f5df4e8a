"""What the conductor reads of a roster: each row's domain, and who goes first. Adapter over the vault; keeps the last few
segments.

Errors: `Unavailable` and FileNotFoundError of the vault pass through.
"""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.model.job import BEST, DOMAIN, segment_path
from actors.model.ports import Vault

KEPT_SEGMENTS = 8  # 32 thousand int32 codes each; due rows mostly come from a few segments


class Segment(NamedTuple):
    """`codes`: a row's place in `names`, -1 for none; `best`: rows that are sent before the others."""

    codes: NDArray[np.int32]
    names: list[str]
    best: NDArray[np.bool_]


class Domains:
    """Domain codes by (job, segment)."""

    def __init__(self, vault: Vault):
        self._vault = vault
        self._kept: OrderedDict[tuple[str, int], Segment] = OrderedDict()

    def load(self, job: str, segment: int) -> Segment:
        """One segment of a job."""
        key = (job, segment)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        with pa.memory_map(self._vault.local(segment_path(job, segment))) as source:
            table = pa.ipc.open_file(source).read_all()
            column = table.column(DOMAIN).unify_dictionaries().combine_chunks()
            if isinstance(column, pa.ChunkedArray):
                column = column.chunk(0)
            codes = column.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False).copy()
            names = column.dictionary.to_pylist()
            best = np.array(table.column(BEST)) if BEST in table.schema.names else np.zeros(len(codes), np.bool_)
        self._kept[key] = Segment(codes, names, best)
        if len(self._kept) > KEPT_SEGMENTS:
            self._kept.popitem(last=False)
        return self._kept[key]
