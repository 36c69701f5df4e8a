"""What was seen at one point of a template: a slot, a test of an `if`, a default. Rows that gave no mail are left out."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
from jinja2.runtime import Undefined
from numpy.typing import NDArray

from actors.renderer.functions.values import DECIMAL, FLOAT, INT, MARKUP, TEXT, Col, Lit, Value, list_of
from actors.renderer.look.sketches import Distinct, Extremes, Rows, Tally

Mask = NDArray[np.bool_]


@dataclass(slots=True)
class SlotSeen:
    """A slot: `values` counts what it printed (a loop prints several a row), the tallies count rows."""

    values: int = 0
    null: Tally = field(default_factory=Tally)
    blank: Tally = field(default_factory=Tally)
    plain_http: Tally = field(default_factory=Tally)  # values that begin with http://
    distinct: Distinct = field(default_factory=Distinct)
    numbers: Extremes = field(default_factory=Extremes)

    def add(self, value: Value, rows: Rows) -> Mask:
        """`rows` of the list, one a value; gives which values print nothing."""
        n = len(rows)
        values = list_of(value, n)
        null = np.fromiter((v is None for v in values), np.bool_, n)
        texts = [_text(v) for v in values]
        blank = ~null & np.fromiter((not t or t.isspace() for t in texts), np.bool_, n)
        self.values += n
        self.null.add(np.unique(rows[null]))
        self.blank.add(np.unique(rows[blank]))
        if kind(value) in (TEXT, MARKUP):
            self.plain_http.add(np.unique(rows[np.fromiter((t[:7].lower() == "http://" for t in texts), np.bool_, n)]))
        self.distinct.add(texts)
        self.add_numbers(value, rows)
        empty: Mask = null | blank
        return empty

    def add_numbers(self, value: Value, rows: Rows) -> None:
        """The numbers behind what it prints."""
        of = kind(value)
        if of in (INT, FLOAT) and isinstance(value, Col):
            known = slice(None) if value.null is None else ~value.null
            self.numbers.add(value.array()[known], rows[known])
        elif of == DECIMAL or isinstance(value, Lit):
            values = list_of(value, len(rows))
            kept = [i for i, v in enumerate(values) if isinstance(v, int | float | Decimal) and not isinstance(v, bool)]
            self.numbers.add([Decimal(str(values[i])) for i in kept], rows[kept])

    def merge(self, other: "SlotSeen") -> None:
        self.values += other.values
        self.null.merge(other.null)
        self.blank.merge(other.blank)
        self.plain_http.merge(other.plain_http)
        self.distinct.merge(other.distinct)
        self.numbers.merge(other.numbers)


@dataclass(slots=True)
class TestSeen:
    """A test of an `if`: rows for which it held, and rows for which it did not; in a loop a row can be in both."""

    held: Tally = field(default_factory=Tally)
    not_held: Tally = field(default_factory=Tally)

    def add(self, value: Value, rows: Rows) -> Mask:
        """Gives which values hold."""
        true = truths(value, len(rows))
        self.held.add(np.unique(rows[true]))
        self.not_held.add(np.unique(rows[~true]))
        return true

    def merge(self, other: "TestSeen") -> None:
        self.held.merge(other.held)
        self.not_held.merge(other.not_held)


@dataclass(slots=True)
class DefaultSeen:
    """A function that may give a default: how often it was asked, and the rows for which the default stood in."""

    asked: int = 0
    used: Tally = field(default_factory=Tally)

    def add(self, value: Value, rows: Rows, word: str, alt: Any) -> None:
        """`value`: what the function was given; of a function with `alt`, what it gave."""
        self.asked += len(np.unique(rows))
        used = np.fromiter((_stands_in(v, word, alt) for v in list_of(value, len(rows))), np.bool_, len(rows))
        self.used.add(np.unique(rows[used]))

    def merge(self, other: "DefaultSeen") -> None:
        self.asked += other.asked
        self.used.merge(other.used)


def kind(value: Value) -> str:
    """The kind of a column; a literal has none here."""
    return value.kind if isinstance(value, Col) else ""


def truths(value: Value, n: int) -> Mask:
    """Python's truth of each value, without charging anyone."""
    return np.fromiter((_true(v) for v in list_of(value, n)), np.bool_, n)


def _true(value: Any) -> bool:
    try:
        return bool(value)
    except Exception:  # a strict undefined: the row fails of it and is left out
        return False


def _text(value: Any) -> str:
    if value is None or isinstance(value, Undefined):
        return ""
    return str(value)


def _stands_in(value: Any, word: str, alt: Any) -> bool:
    if alt is not None:
        return type(value) is type(alt) and bool(value == alt)
    if word in ("default", "d"):
        return isinstance(value, Undefined)
    if word == "default false":
        return isinstance(value, Undefined) or not _true(value)
    if word == "if_blank":
        return value is None or (isinstance(value, str) and not value.strip())
    return value is None
