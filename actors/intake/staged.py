"""Staged rows as a list source: one reader for all formats that are no delimited text.

The types that the format fixes follow from the kinds of value that each column held; a row's line is its place in the
original.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from actors.intake.delimited import Delimited, check_header
from actors.intake.encoding import Text
from actors.intake.problems import refuse
from actors.intake.staging import HEAD_FILE, PLACES_FILE, ROWS_FILE
from actors.intake.types import plain_name


def fixed_type(kinds: set[str]) -> str:
    """The type that the values of one column agree on; empty where it must be found from the text."""
    if kinds <= {"int"}:
        return ""  # found from the text: whole numbers beyond 18 digits stay text
    if kinds <= {"int", "float"}:
        return "float"
    if kinds == {"date", "timestamp"}:
        return "timestamp"
    return next(iter(kinds)) if len(kinds) == 1 else "text"


class Staged:
    """A staged list; see `lists.Source`."""

    def __init__(self, work: Path, file: str, header_place: int):
        names, kinds = json.loads((work / HEAD_FILE).read_text(encoding="utf-8"))
        self.names = [plain_name(n) for n in names]
        if not self.names:
            raise refuse(file, "has no columns")
        check_header(self.names, file, header_place)
        self.fixed = {n: t for n, k in zip(self.names, kinds, strict=True) if (t := fixed_type(set(k)))}
        self.warnings: list[str] = []
        self._places = work / PLACES_FILE
        self._rows = Delimited(Text(str(work / ROWS_FILE), 0, "utf-8"), file, ",", self.names, 0)

    def batches(self) -> Iterator[pa.RecordBatch]:
        return self._rows.batches()

    def lines(self, rows: Sequence[int]) -> list[int]:
        places = np.fromfile(self._places, np.int32)
        return [int(p) for p in places[np.asarray(rows, np.int64)]]
