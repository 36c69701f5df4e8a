"""Text parts and files in base64 (RFC 2045 section 6.8): lines of 76 characters, each ended.

Each static stretch is encoded once a job at its three possible phases; the bytes around a slot complete the quanta.
"""

from binascii import b2a_base64
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.renderer.functions.strings import lengths_of, parts
from actors.renderer.message.columns import Column, Failed, Piece, cells, clean_text, joined, masked, rows
from actors.renderer.message.lineends import canonical_newlines

BASE64 = "base64"
_LINE = 57  # bytes that make 76 characters
_SHORT = 256  # a static stretch below this many bytes joins its neighbours: fewer, longer lines


def base64_lines(data: bytes) -> bytes:
    """The data in lines of 76 characters, each ended; nothing for nothing."""
    if len(data) <= _LINE:
        return b2a_base64(data, newline=False) + b"\r\n" if data else b""
    return b"\r\n".join([b2a_base64(data[i : i + _LINE], newline=False) for i in range(0, len(data), _LINE)]) + b"\r\n"


class Base64:
    """A text part. A static stretch at three phases: `heads[k]` are the k bytes that complete the quantum of what is
    pending before it, `cores[k]` the lines after them, `tails[k]` the one or two bytes left for what comes next."""

    name = BASE64

    def __init__(self, statics: Sequence[str]):
        self._plain = [canonical_newlines(s).encode() for s in statics]
        self._phases = [_phases(data) if len(data) >= _SHORT else None for data in self._plain]

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
    if len(data) and int(lengths_of(offsets).max()) > _LINE:
        return [base64_lines(cell) for cell in cells(column, len(column))]
    text = b2a_base64(data.data, newline=False)
    ends = (offsets // 3 * 4).tolist()
    return [text[start:end] + b"\r\n" if end > start else b"" for start, end in pairwise(ends)]
