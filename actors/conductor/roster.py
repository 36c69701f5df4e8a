"""The one thing the conductor reads of a roster: each row's domain. Adapter over the vault; keeps the last few segments.

Errors: `Unavailable` and FileNotFoundError of the vault pass through.
"""

from collections import OrderedDict

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.model.job import DOMAIN, segment_path
from actors.model.ports import Vault

KEPT_SEGMENTS = 8  # 32 thousand int32 codes each; due rows mostly come from a few segments


class Domains:
    """Domain codes by (job, segment)."""

    def __init__(self, vault: Vault):
        self._vault = vault
        self._kept: OrderedDict[tuple[str, int], tuple[NDArray[np.int32], list[str]]] = OrderedDict()

    def load(self, job: str, segment: int) -> tuple[NDArray[np.int32], list[str]]:
        """(code a row, -1 for none; the domains that the codes name)."""
        key = (job, segment)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        with pa.memory_map(self._vault.local(segment_path(job, segment))) as source:
            column = pa.ipc.open_file(source).read_all().column(DOMAIN).unify_dictionaries().combine_chunks()
            if isinstance(column, pa.ChunkedArray):
                column = column.chunk(0)
            codes = column.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False).copy()
            names = column.dictionary.to_pylist()
        self._kept[key] = (codes, names)
        if len(self._kept) > KEPT_SEGMENTS:
            self._kept.popitem(last=False)
        return codes, names
