"""Transfer encodings (RFC 2045 section 6), laid out once a job: static stretches are encoded once, slots a column at a time.

What leaves here has by construction: 76 characters a line at most, only CRLF line ends, no blank before one, no dot at the
start of a line, no byte above 126. So the same bytes serve DATA and BDAT, and DKIM's body canonicalisations change nothing.

Quoted-printable: every piece starts at the start of a line and ends with a line end, soft (`=CRLF`) unless it has its own;
pieces are thus independent of each other. Base64: each static stretch is encoded at its three possible phases; the bytes
around a slot complete the quanta.
"""

import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.renderer.functions.strings import Bytes, Ints, ends_of, firsts, made_bytes, parts
from actors.renderer.message.columns import (
    Column,
    Failed,
    Piece,
    canonical_newlines,
    cells,
    clean_text,
    joined,
    masked,
    rows,
)

Flags = NDArray[np.bool_]
QUOTED_PRINTABLE = "quoted-printable"
BASE64 = "base64"

_QP_CUT = 71  # 76 less 2 where the last byte before the cut takes three, 2 for a dot at the start, 1 for a soft break
_QP_LITERAL = re.compile(r"[^\0\t\r\n -<>-~]+")
_SOFT = b"=\r\n"
_LF = 0x0A
# How many bytes each byte becomes.
_QP_WIDTHS = np.array(
    [2 if b == _LF else 1 if b == 9 or (32 <= b <= 126 and b != ord("=")) else 3 for b in range(256)], np.uint8
)
_HEX = np.frombuffer(b"0123456789ABCDEF", np.uint8)
_B64_LINE = 57  # bytes that make 76 characters
_B64_SHORT = 256  # a static stretch below this many bytes joins its neighbours: fewer, longer lines


class Encoder(Protocol):
    """The layout of one text part."""

    name: str

    def encode(self, pieces: Sequence[Piece], n: int, failed: Failed) -> list[Column]:
        """Encoded columns in order. Concatenated they are whole lines, the last one ended and, in quoted-printable, not empty:
        what DKIM's canonicalisation would take away at the end is not there."""
        ...


def encoder(statics: Sequence[str], sample: str = "") -> Encoder:
    """Whichever encoding makes the static text smaller. `sample` decides where a plan has no static stretches."""
    text = "".join(statics) or sample
    wide = sum(len(run.encode()) for run in _QP_LITERAL.findall(text))
    size = len(text.encode())
    return Base64(statics) if size + 2 * wide > size * 4 / 3 else QuotedPrintable(statics)


def base64_lines(data: bytes) -> bytes:
    """The data in lines of 76 characters, each ended; nothing for nothing."""
    if len(data) <= _B64_LINE:
        return b2a_base64(data, newline=False) + b"\r\n" if data else b""
    return b"\r\n".join([b2a_base64(data[i : i + _B64_LINE], newline=False) for i in range(0, len(data), _B64_LINE)]) + b"\r\n"


class QuotedPrintable:
    """RFC 2045 section 6.7."""

    name = QUOTED_PRINTABLE

    def __init__(self, statics: Sequence[str]):
        self._statics = [quoted(pa.array([_lf(text)], pa.string()))[0].as_py() for text in statics]

    def encode(self, pieces: Sequence[Piece], n: int, failed: Failed) -> list[Column]:
        made: dict[int, Column] = {}  # by the texts: a slot that is printed twice holds the same ones
        return _finished([self._column(piece, failed, made) for piece in pieces], n)

    def _column(self, piece: Piece, failed: Failed, made: dict[int, Column]) -> Column:
        """Whole lines for each row."""
        column: Column | None
        if piece.static >= 0:
            column = self._statics[piece.static]
        elif (items := getattr(piece, "items", None)) is not None:
            column = self._loop(items, piece.counts, failed)  # type: ignore[attr-defined]
        else:
            key = id(piece.text) if piece.text is not None else 0
            column = made.get(key)
            if column is None:
                column = quoted(clean_text(piece, failed))
                if key:
                    made[key] = column
        return column if piece.mask is None else masked(column, piece.mask)

    def _loop(self, pieces: Sequence[Piece], counts: Ints, failed: Failed) -> Column:
        """A loop's literals are encoded once, its slots a column of all items at a time; the items' lines then only follow one
        another."""
        below: Failed = {}
        inner: dict[int, Column] = {}
        items = joined([self._column(piece, below, inner) for piece in pieces], int(counts.sum()))
        for index, failure in below.items():
            failed.setdefault(int(np.searchsorted(np.cumsum(counts), index, "right")), failure)
        offsets, data = parts(items)
        return made_bytes(offsets[ends_of(counts)], data)


def _finished(columns: list[Column], n: int) -> list[Column]:
    """The columns with every row's last line closed. Only what follows the last static stretch is looked at row by row."""
    last = max((i for i, c in enumerate(columns) if isinstance(c, bytes) and c.rstrip(_OPEN)), default=-1)
    static = columns[last] if last >= 0 else b""
    assert isinstance(static, bytes)
    before, after = columns[: max(last, 0)], columns[last + 1 :]
    if not after:
        return [*before, _closed(static)]
    tails = [b"".join(row).rstrip(_OPEN) for row in zip(*(cells(column, n) for column in after), strict=True)]
    if last < 0:
        return [[_closed(tail) for tail in tails]]
    statics: Column = static
    if not all(tails):
        closed = _closed(static)
        statics = [static if tail else closed for tail in tails]
    return [*before, statics, [_closed(tail) if tail else b"" for tail in tails]]


_OPEN = b"=\r\n"  # an = before a line end is always a soft break: a literal one is written =3D


def _closed(text: bytes) -> bytes:
    """Ends with one hard line end and neither a soft break nor a blank before it."""
    text = text.rstrip(_OPEN)
    if text.endswith((b" ", b"\t")):
        text = text[:-1] + (b"=20" if text.endswith(b" ") else b"=09")
    return text + b"\r\n"


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def quoted(text: pa.StringArray) -> pa.BinaryArray:
    """Each text, whose line ends are LF, as whole lines of quoted-printable: the last one ends soft where the text has no line
    end there. An empty text is nothing."""
    offsets, data = parts(text)
    if not len(data):
        return made_bytes(np.zeros(len(text) + 1, np.int64), data)
    widths = _QP_WIDTHS[data]
    lengths = np.diff(offsets)
    if int(widths.max()) == 1 and int(lengths.max()) <= _QP_CUT and ord(".") not in firsts(offsets, data):
        return _softly_ended(text, lengths)
    found = _by_library(text, lengths, data)
    if found is not None:
        return found
    heads, ends_line = _line_starts(offsets, data)
    if ends_line is not None:
        blank = ends_line & ((data == 0x20) | (data == 0x09))  # a blank before a hard line end
        widths[blank] = 3
    breaks = _soft_breaks(widths, heads, data)
    starts = heads if breaks is None else heads | breaks
    dots = starts & (data == ord("."))
    widths[dots] = 3
    last = offsets[1:][lengths > 0] - 1
    last = last[data[last] != _LF]
    room = widths.astype(np.int64)
    room[last] += 3
    if breaks is not None:
        room += 3 * breaks
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(room)])
    at = ends[:-1] if breaks is None else ends[:-1] + 3 * breaks
    out = np.empty(int(ends[-1]), np.uint8)
    out[at] = data
    _write_wide(out, at, widths, data)
    for soft in (at[last] + widths[last], ends[:-1][breaks] if breaks is not None else at[:0]):
        for k in range(3):
            out[soft + k] = _SOFT[k]
    return made_bytes(ends[offsets], out)


def _softly_ended(text: pa.StringArray, lengths: Ints) -> pa.BinaryArray:
    """The texts with a soft line end each, those that are not empty."""
    soft = _SOFT.decode()
    ends = soft if lengths.all() else pc.if_else(pa.array(lengths > 0), soft, "")
    return pc.binary_join_element_wise(text, ends, "").cast(pa.binary())


def _by_library(text: pa.StringArray, lengths: Ints, data: Bytes) -> pa.BinaryArray | None:
    """Short cells through Python's own encoder, all at once with a LF behind each; None where it would write other bytes."""
    if not lengths.all() or (data == _LF).any():
        return None
    held = pc.binary_join_element_wise(text, "\n", "")
    rows = parts(held)[1].tobytes()
    if rows.startswith(b".") or b"\n." in rows or b" \n" in rows or b"\t\n" in rows:
        return None
    # What it breaks softly by itself is put together again: a literal = is always written =3D.
    encoded = b2a_qp(rows).replace(b"=\n", b"").replace(b"\n", _SOFT)
    out = np.frombuffer(encoded, np.uint8)
    ends = np.concatenate([np.zeros(1, np.int64), np.flatnonzero(out == _LF) + 1])
    return made_bytes(ends, out) if int(np.diff(ends).max()) <= _QP_CUT + len(_SOFT) else None


def _line_starts(offsets: Ints, data: Bytes) -> tuple[Flags, Flags | None]:
    """Which bytes start a line of their text, and which stand before a LF (None: there is no LF)."""
    starts = np.zeros(len(data) + 1, np.bool_)
    starts[offsets] = True
    lf = data == _LF
    if not lf.any():
        return starts[:-1], None
    before = np.zeros(len(data), np.bool_)
    before[:-1] = lf[1:] & ~starts[1:-1]
    starts[1:] |= lf
    return starts[:-1], before


def _soft_breaks(widths: NDArray[np.uint8], heads: Flags, data: Bytes) -> Flags | None:
    """Before which bytes a line is broken softly: no line keeps more than _QP_CUT + 2. None: before none."""
    ends = np.cumsum(widths, dtype=np.int64)
    begin = ends - widths
    lines = np.flatnonzero(heads)
    marks = begin[lines]
    if max(int((marks[1:] - marks[:-1]).max(initial=0)), int(ends[-1] - marks[-1])) <= _QP_CUT:
        return None
    column = begin - np.repeat(marks, np.diff(np.append(lines, len(data))))
    stretch = column // _QP_CUT
    breaks = np.zeros(len(data), np.bool_)
    breaks[1:] = (stretch[1:] != stretch[:-1]) & ~heads[1:] & (data[1:] != _LF)
    return breaks


def _write_wide(out: Bytes, at: Ints, widths: NDArray[np.uint8], data: Bytes) -> None:
    """What takes more than its own byte: CRLF for LF, =XX for all else."""
    places = np.flatnonzero(widths == 3)
    if len(places):
        to, values = at[places], data[places]
        out[to], out[to + 1], out[to + 2] = ord("="), _HEX[values >> 4], _HEX[values & 15]
    places = np.flatnonzero(widths == 2)
    if len(places):
        out[at[places]], out[at[places] + 1] = 0x0D, _LF


class Base64:
    """RFC 2045 section 6.8. A static stretch at three phases: `heads[k]` are the k bytes that complete the quantum of what is
    pending before it, `cores[k]` the lines after them, `tails[k]` the one or two bytes left for what comes next."""

    name = BASE64

    def __init__(self, statics: Sequence[str]):
        self._plain = [canonical_newlines(s).encode() for s in statics]
        self._phases = [_phases(data) if len(data) >= _B64_SHORT else None for data in self._plain]

    def encode(self, pieces: Sequence[Piece], n: int, failed: Failed) -> list[Column]:
        out: list[list[bytes]] = []
        pending: list[Column] = []  # what has not been written yet, in order
        for piece in pieces:
            phases = self._phases[piece.static] if piece.static >= 0 else None
            if phases is None:
                column: Column = self._plain[piece.static] if piece.static >= 0 else crlf(clean_text(piece, failed))
                pending.append(column if piece.mask is None else masked(column, piece.mask))
            else:
                pending = [_flush(pending, phases, piece.mask, n, out)]
        out.append([base64_lines(p) for p in rows(pending, n)])
        filled = [any(row) for row in zip(*out, strict=True)]
        if not all(filled):  # an empty part is an empty line
            out.append([b"" if some else b"\r\n" for some in filled])
        return list[Column](out)


Phases = tuple[list[bytes], list[bytes], list[bytes]]


def _phases(data: bytes) -> Phases:
    heads, cores, tails = [], [], []
    for k in range(3):
        end = len(data) - (len(data) - k) % 3
        heads.append(data[:k])
        cores.append(base64_lines(data[k:end]))
        tails.append(data[end:])
    return heads, cores, tails


def _flush(pending: list[Column], phases: Phases, mask: NDArray[np.bool_] | None, n: int, out: list[list[bytes]]) -> Column:
    """Writes what is pending, completed by the stretch's head, and the stretch itself; what is pending after it."""
    heads, cores, tails = phases
    before = joined(pending or [b""], n)
    needs = -np.diff(parts(before)[0]) % 3
    places = pa.array(needs)
    whole = pc.binary_join_element_wise(before, _large(heads).take(places), _large([b""])[0])
    after = _large(tails).take(places)
    if mask is None:
        out.append(_quanta(whole))
        out.append([cores[k] for k in needs.tolist()])
        return after
    on = pa.array(mask)
    out.append(_quanta(pc.if_else(on, whole, _large([b""])[0])))
    out.append([cores[k] if row else b"" for k, row in zip(needs.tolist(), mask.tolist(), strict=True)])
    return pc.if_else(on, after, before)


def crlf(text: pa.StringArray) -> pa.BinaryArray:
    """The texts, whose line ends are LF, with CRLF."""
    if b"\n" in parts(text)[1].tobytes():
        text = pc.replace_substring(text, "\n", "\r\n")
    return text.cast(pa.binary())


def _large(values: list[bytes]) -> pa.LargeBinaryArray:
    return pa.array(values, pa.large_binary())


def _quanta(column: pa.LargeBinaryArray) -> list[bytes]:
    """Base64 lines of cells of three bytes and their multiples: all in one go, as no cell is padded."""
    offsets, data = parts(column)
    if len(data) and int(np.diff(offsets).max()) > _B64_LINE:
        return [base64_lines(cell) for cell in cells(column, len(column))]
    text = b2a_base64(data.data, newline=False)
    ends = (offsets // 3 * 4).tolist()
    return [text[start:end] + b"\r\n" if end > start else b"" for start, end in pairwise(ends)]
