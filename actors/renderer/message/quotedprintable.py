"""A text part in quoted-printable: static stretches are encoded once a job, words once, other slots a column at a time.

Every piece starts at the start of a line. A slot that a literal closes is left open, and the soft line end stands before the
literal: so a slot of plain text is already encoded. All others end their last line themselves, softly where the text does not.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.renderer.functions.coded import Coded, Codes, Words
from actors.renderer.functions.strings import Ints, ends_of, lengths_of, longest_bytes, made_bytes, parts
from actors.renderer.functions.views import Views, constants, views
from actors.renderer.message.columns import Column, Failed, Piece, cells, clean_text, joined, masked
from actors.renderer.message.quoted import CUT, SOFT, quoted, starts_with_dot, within_a_line

QUOTED_PRINTABLE = "quoted-printable"
_OPEN = SOFT  # what may go at the end of a part: an = before a line end is always a soft break, a literal one is written =3D


class QuotedPrintable:
    """RFC 2045 section 6.7. `closing`: by their number the statics that follow a slot."""

    name = QUOTED_PRINTABLE

    def __init__(self, statics: Sequence[str], closing: Collection[int] = ()):
        self._statics = [
            (SOFT if at in closing else b"") + _ended(pa.array([_lf(text)], pa.string())).to_pylist()[0]
            for at, text in enumerate(statics)
        ]

    def encode(self, pieces: Sequence[Piece], n: int, failed: Failed) -> list[Column]:
        made: dict[int, Column] = {}  # by the texts: a slot that is printed twice holds the same ones
        return _finished([column for piece in pieces for column in self._columns(piece, failed, made)], n)

    def _columns(self, piece: Piece, failed: Failed, made: dict[int, Column]) -> list[Column]:
        if piece.static >= 0:
            columns: list[Column] = [self._statics[piece.static]]
        elif (items := getattr(piece, "items", None)) is not None:
            columns = [self._loop(items, piece.counts, failed)]  # type: ignore[attr-defined]
        elif piece.closed and piece.coded is not None and (coded := _coded(piece.coded)) is not None:
            columns = coded
        else:
            columns = [self._slot(piece, failed, made)]
        return columns if piece.mask is None else [masked(column, piece.mask) for column in columns]

    def _slot(self, piece: Piece, failed: Failed, made: dict[int, Column]) -> Column:
        key = 0 if piece.text is None else id(piece.text) * 2 + piece.closed
        column = made.get(key)
        if column is None:
            text = clean_text(piece, failed)
            column = views(quoted(text) if piece.closed else _ended(text))
            if key:
                made[key] = column
        return column

    def _loop(self, pieces: Sequence[Piece], counts: Ints, failed: Failed) -> Column:
        """A loop's literals are encoded once, its slots a column of all items at a time; the items' lines then only follow one
        another."""
        below: Failed = {}
        inner: dict[int, Column] = {}
        columns = [column for piece in pieces for column in self._columns(piece, below, inner)]
        items = joined(columns, int(counts.sum()))
        for index, failure in below.items():
            failed.setdefault(int(np.searchsorted(np.cumsum(counts), index, "right")), failure)
        offsets, data = parts(items)
        return made_bytes(offsets[ends_of(counts)], data)


class _Quoted(NamedTuple):
    """Words as quoted-printable: at the start of a line, and within one (None: one has a line end); which are not empty."""

    first: Views
    within: Views | None
    longest: int  # bytes within a line
    dots: bool  # whether one starts with a dot
    filled: NDArray[np.bool_]


def _quoted_words(words: Words) -> _Quoted | None:
    """None where some of them need a look by row (NUL, CR)."""
    offsets, data = parts(words.texts)
    held = data.tobytes()
    if b"\r" in held or b"\0" in held:
        return None
    dots, within = starts_with_dot(offsets, data), within_a_line(words.texts, offsets, data)
    inner = None if within is None else views(within)
    first = views(quoted(words.texts)) if dots or inner is None else inner
    return _Quoted(first, inner, 0 if within is None else longest_bytes(within), dots, lengths_of(offsets) > 0)


def _coded(coded: Coded) -> list[Column] | None:
    """The texts' parts; None for those that need a look by row."""
    made = [(words.once(_quoted_words), codes) for words, codes in coded.parts]
    if len(made) == 1:
        words, codes = made[0]
        return None if words is None else [words.first.take(codes)]
    columns: list[Column] = []
    longest = 0
    for at, (words, codes) in enumerate(made):
        if words is None or words.within is None:
            return None
        if at and words.dots and not _begun(made[:at], words.filled[codes]):
            return None
        columns.append((words.within if at else words.first).take(codes))
        longest += words.longest
    return columns if longest <= CUT else None


def _begun(parts: Sequence[tuple[_Quoted | None, Codes]], where: NDArray[np.bool_]) -> bool:
    """Whether some part has a text in each of these rows; the last ones mostly do."""
    for words, codes in reversed(parts):
        if words is not None:
            where = where & ~words.filled[codes]
        if not where.any():
            return True
    return False


def _ended(text: pa.StringArray) -> pa.Array:
    """Whole lines: each text, the last line ended softly where the text has no line end there. An empty text is nothing."""
    array = quoted(text)
    offsets, data = parts(array)
    open_ = lengths_of(offsets) > 0
    open_[open_] = data[offsets[1:][open_] - 1] != SOFT[-1]
    return joined([views(array), constants((SOFT,)).where(open_)], len(text))


def _finished(columns: list[Column], n: int) -> list[Column]:
    """The columns with every row's last line closed. Only what follows the last static stretch is looked at row by row."""
    last = max((i for i, c in enumerate(columns) if isinstance(c, bytes) and c.rstrip(_OPEN)), default=-1)
    static = columns[last] if last >= 0 else b""
    assert isinstance(static, bytes)
    before, after = columns[: max(last, 0)], columns[last + 1 :]
    if not after:
        return [*before, _closed(static)]
    tails = [row.rstrip(_OPEN) for row in cells(joined(after, n), n)]
    if last < 0:
        return [[_closed(tail) for tail in tails]]
    statics: Column = static
    if not all(tails):
        closed = _closed(static)
        statics = [static if tail else closed for tail in tails]
    return [*before, statics, [_closed(tail) if tail else b"" for tail in tails]]


def _closed(text: bytes) -> bytes:
    """Ends with one hard line end and neither a soft break nor a blank before it."""
    text = text.rstrip(_OPEN)
    if text.endswith((b" ", b"\t")):
        text = text[:-1] + (b"=20" if text.endswith(b" ") else b"=09")
    return text + b"\r\n"


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
