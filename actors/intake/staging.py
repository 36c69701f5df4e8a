"""Rows that do not come as delimited text are staged as a CSV of our own in the work folder. Standard library only: the
child process that reads sheets imports this under tight limits.

Beside the rows stand their places in the original file and the kinds of value that each column held.
"""

import array
import csv
import json
from collections.abc import Sequence
from pathlib import Path

ROWS_FILE, PLACES_FILE, HEAD_FILE = "staged.csv", "staged.places", "staged.json"


class StagedWriter:
    """Writes rows of text cells; `kinds` is filled by the caller: column position -> set of kinds."""

    def __init__(self, work: Path):
        self._work = work
        self._rows = (work / ROWS_FILE).open("w", encoding="utf-8", newline="")
        self._csv = csv.writer(self._rows, quoting=csv.QUOTE_ALL, lineterminator="\n")
        self._places = array.array("i")

    def row(self, place: int, cells: Sequence[str]) -> None:
        self._csv.writerow(cells)
        self._places.append(place)

    def close(self, names: Sequence[str], kinds: Sequence[set[str]]) -> None:
        self._rows.close()
        with (self._work / PLACES_FILE).open("wb") as out:
            self._places.tofile(out)
        (self._work / HEAD_FILE).write_text(json.dumps([list(names), [sorted(k) for k in kinds]]), encoding="utf-8")
