"""`index.csv`: each row with its state, where its mail is, and why there is none. And the same rows counted by reason.

No cell begins as a formula does: a template may choose the words of a reason, and whoever gets the mails opens the index in a
spreadsheet. Pure: values in, bytes out.
"""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from actors.results.columns import neutral

RENDERED = "rendered"  # the state of a row that has a mail; the others have their word of the ledger
COLUMNS = ("row", "state", "file", "reason")
MOST_REASONS = 1_000  # kept apart; a template that puts values into its reasons must not fill the memory
OTHER_REASONS = "other reasons: see the index"


@dataclass(slots=True)
class Tally:
    """Rows by state, and those without a mail by state and reason, with the first row of each."""

    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, state: str, reason: str, row: int, rows: int = 1) -> None:
        """So many rows without a mail, beginning with this one."""
        key = (state, reason)
        if key not in self.reasons and len(self.reasons) >= MOST_REASONS:
            key = (state, OTHER_REASONS)
        self.states[state] += rows
        self.reasons[key] += rows
        self.first.setdefault(key, row)

    def merge(self, other: "Tally") -> None:
        """Takes in the tally of later rows."""
        for (state, reason), rows in other.reasons.items():
            self.add(state, reason, other.first[state, reason], rows)
        self.states[RENDERED] += other.states[RENDERED]


def index_lines(lines: Sequence[tuple[int, str, str, str]]) -> bytes:
    """Lines of (row, state, place, reason)."""
    known = list({text: None for _, _, place, reason in lines for text in (place, reason) if text})
    safe = dict(zip(known, neutral(pa.array(known, pa.string())).to_pylist(), strict=True)) | {"": ""}
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(
        (row, state, safe[place], safe[reason]) for row, state, place, reason in lines
    )
    return text.getvalue().encode()


def index_head() -> bytes:
    """The line of names."""
    return (",".join(COLUMNS) + "\r\n").encode()
