"""Transfer encodings (RFC 2045 section 6), laid out once a job: static stretches are encoded once, slots a column at a time.

What leaves here has by construction: 76 characters a line at most, only CRLF line ends, no blank before one, no dot at the
start of a line, no byte above 126. So the same bytes serve DATA and BDAT, and DKIM's body canonicalisations change nothing.

Quoted-printable: every piece starts at the start of a line and ends with a line end, soft (`=CRLF`) unless it has its own;
pieces are thus independent of each other. Base64: each static stretch is encoded at its three possible phases; the bytes
around a slot complete the quanta.
"""

import re
from binascii import b2a_base64
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.renderer.functions.strings import firsts, made, parts
from actors.renderer.message.columns import (
    SEPARATOR,
    Column,
    Failed,
    Piece,
    canonical_newlines,
    cells,
    join_cells,
    joined,
    masked,
    rows,
    utf8_column,
)

QUOTED_PRINTABLE = "quoted-printable"
BASE64 = "base64"

_QP_CUT = (
    72  # 76 less what may be added after cutting: 2 for a dot at the start, 2 for a blank at a hard end or 1 for a soft break
)
_QP_LITERAL = re.compile(r"[^\0\t\r\n -<>-~]+")
_QP_CHUNK = re.compile(rf"[^\r\n]{{1,{_QP_CUT}}}(?<!=)(?<!=[0-9A-F])")
_SOFT = "=\r\n"
# How many bytes each byte becomes; 0: not in a column (line ends, NUL).
_QP_WIDTHS = np.array(
    [0 if b in b"\0\r\n" else 1 if b == 9 or (32 <= b <= 126 and b != ord("=")) else 3 for b in range(256)], np.uint8
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
        texts = [_qp_lines(_qp_escape(canonical_newlines(s))) for s in statics]
        self._statics = [t.encode("ascii") for t in texts]

    def encode(self, pieces: Sequence[Piece], n: int, failed: Failed) -> list[Column]:
        out: list[Column] = []
        for piece in pieces:
            column: Column
            if piece.static >= 0:
                column = self._statics[piece.static]
            else:
                column = qp_column(piece.text) if piece.text is not None else None
                if column is None:
                    column = _qp_cells(piece.values, failed)
            out.append(column if piece.mask is None else masked(column, piece.mask))
        return _finished(out, n)


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


def _qp_escape(text: str) -> str:
    return _QP_LITERAL.sub(_qp_hex, text) if _QP_LITERAL.search(text) else text


def _qp_hex(match: re.Match[str]) -> str:
    return "=" + match[0].encode().hex("=").upper()


def qp_column(text: pa.StringArray) -> pa.BinaryArray | None:
    """Encoded cells of texts without nulls; None where one of them has a line end, a NUL, or more than a line holds."""
    offsets, data = parts(text)
    if len(data):
        widths = _QP_WIDTHS[data]
        first = offsets[:-1][firsts(offsets, data) == ord(".")]
        if not widths.all():
            return None
        if len(first) or int(widths.max()) > 1:
            widths[first] = 3
            ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(widths, dtype=np.int64)])
            encoded = np.empty(int(ends[-1]), np.uint8)
            encoded[ends[:-1]] = data
            wide = np.flatnonzero(widths > 1)
            encoded[ends[wide]] = ord("=")
            encoded[ends[wide] + 1] = _HEX[data[wide] >> 4]
            encoded[ends[wide] + 2] = _HEX[data[wide] & 15]
            offsets, data = ends[offsets], encoded
    lengths = np.diff(offsets)
    if len(lengths) and int(lengths.max()) > _QP_CUT:
        return None
    cells = made(offsets, data)
    if len(lengths) and not lengths.all():
        return pc.binary_join_element_wise(cells, pc.if_else(pa.array(lengths > 0), _SOFT, ""), "").cast(pa.binary())
    return pc.binary_join_element_wise(cells, _SOFT, "").cast(pa.binary())


def _qp_cells(values: Sequence[str], failed: Failed) -> list[bytes]:
    """One encoded cell a row, from the column joined once."""
    if not values:
        return []
    text = _qp_escape(join_cells(values, failed))
    cells = text.split(SEPARATOR)
    if "\r" in text or max(map(len, cells)) > _QP_CUT:
        return [_qp_lines(cell).encode("ascii") for cell in cells]
    data = text.encode("ascii")
    if text.startswith(".") or SEPARATOR + "." in text:
        data = (b"\0" + data).replace(b"\0.", b"\0=2E")[1:]
    return [cell + b"=\r\n" if cell else b"" for cell in data.split(b"\0")]


def _qp_lines(escaped: str) -> str:
    """Escaped text cut into lines; ends with a line end unless it is empty."""
    if not escaped:
        return ""
    lines = [line if len(line) <= _QP_CUT else _SOFT.join(_QP_CHUNK.findall(line)) for line in escaped.split("\r\n")]
    text = "\r\n".join(lines)
    text = text.replace(" \r\n", "=20\r\n").replace("\t\r\n", "=09\r\n").replace("\r\n.", "\r\n=2E")
    if text.startswith("."):
        text = "=2E" + text[1:]
    return text if lines[-1] == "" else text + _SOFT


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
                column: Column = self._plain[piece.static] if piece.static >= 0 else utf8_column(piece, failed)
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


def _large(values: list[bytes]) -> pa.LargeBinaryArray:
    return pa.array(values, pa.large_binary())


def _quanta(column: pa.LargeBinaryArray) -> list[bytes]:
    """Base64 lines of cells of three bytes and their multiples: all in one go, as no cell is padded."""
    offsets, data = parts(column)
    if len(data) and int(np.diff(offsets).max()) > _B64_LINE:
        return [base64_lines(cell) for cell in cells(column, len(column))]
    text = b2a_base64(data, newline=False)
    ends = (offsets // 3 * 4).tolist()
    return [text[start:end] + b"\r\n" if end > start else b"" for start, end in pairwise(ends)]
