"""Texts as quoted-printable (RFC 2045 section 6.7), a column at a time. What a cell becomes depends on its own text alone.

A cell is whole lines but for its last, which is left open where the text has no line end there. Lines keep 73 characters, so
that a soft line end (`=CRLF`) has room behind each. No dot starts a line, no blank stands before a line end.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.renderer.functions.strings import Bytes, Ints, ends_of, firsts, lengths_of, made_bytes, parts

Flags = NDArray[np.bool_]
Widths = NDArray[np.uint8]

SOFT = b"=\r\n"
CUT = 71  # 76 less 2 where the last byte before the cut takes three, 2 for a dot at the start, 1 for a soft break
_LF, _DOT = 0x0A, ord(".")
# How many bytes each byte becomes.
_WIDTHS = np.array([2 if b == _LF else 1 if b == 9 or (32 <= b <= 126 and b != ord("=")) else 3 for b in range(256)], np.uint8)
_HEX = np.frombuffer(b"0123456789ABCDEF", np.uint8)
_ESCAPES = np.stack([np.full(256, ord("="), np.uint8), np.repeat(_HEX, 16), np.tile(_HEX, 16)], axis=1)
# What each byte becomes where it stands in the middle of a line; NULs are no part of it.
_WRITTEN = np.zeros((256, 4), np.uint8)
_WRITTEN[:, :3] = np.where((_WIDTHS == 1)[:, None], np.array([[1, 0, 0]]) * np.arange(256)[:, None], _ESCAPES)
_WRITTEN_WORDS = _WRITTEN.view(np.uint32).reshape(256)


def quoted(text: pa.StringArray) -> pa.Array:
    """Each text, whose line ends are LF: the array itself or large binaries."""
    offsets, data = parts(text)
    within = None if starts_with_dot(offsets, data) else within_a_line(text, offsets, data)
    return _in_lines(offsets, data, _WIDTHS[data]) if within is None else within


def starts_with_dot(offsets: Ints, data: Bytes) -> bool:
    """Whether any of the texts does."""
    return bool((firsts(offsets, data) == _DOT).any())


def within_a_line(text: pa.StringArray, offsets: Ints, data: Bytes) -> pa.Array | None:
    """Each text (`offsets` and `data` are its parts) as it is behind the start of a line; None where one has a line end or is
    longer than CUT."""
    if is_plain(data):
        return text if int(lengths_of(offsets).max(initial=0)) <= CUT else None
    lengths = _sums(np.take(_WIDTHS, data), offsets)
    if int(lengths.max(initial=0)) > CUT or (data == _LF).any():
        return None
    written = np.take(_WRITTEN_WORDS, data).tobytes().translate(None, b"\0")
    return made_bytes(ends_of(lengths), np.frombuffer(written, np.uint8))


def _sums(widths: Widths, offsets: Ints) -> Ints:
    """What the bytes of each text take."""
    filled = np.flatnonzero(lengths_of(offsets))
    sums = np.zeros(len(offsets) - 1, np.int64)
    if len(filled):
        sums[filled] = np.add.reduceat(widths, offsets[filled], dtype=np.int64)
    return sums


def is_plain(data: Bytes) -> bool:
    """Whether each byte stands for itself: printable ASCII but `=`."""
    return not len(data) or (int(data.min()) >= 0x20 and int(data.max()) <= 0x7E and b"=" not in data.tobytes())


def _in_lines(offsets: Ints, data: Bytes, widths: Widths) -> pa.LargeBinaryArray:
    heads, ends_line = _line_starts(offsets, data)
    if ends_line is not None:
        widths[ends_line & ((data == 0x20) | (data == 0x09))] = 3  # a blank before a hard line end
    breaks = _soft_breaks(widths, heads, data)
    starts = heads if breaks is None else heads | breaks
    widths[starts & (data == _DOT)] = 3
    room = widths.astype(np.int64) if breaks is None else widths + 3 * breaks.astype(np.int64)
    ends = ends_of(room)
    at = ends[:-1] if breaks is None else ends[:-1] + 3 * breaks
    out = np.empty(int(ends[-1]), np.uint8)
    out[at] = data
    _write_wide(out, at, widths, data)
    if breaks is not None:
        for k in range(3):
            out[ends[:-1][breaks] + k] = SOFT[k]
    return made_bytes(ends[offsets], out)


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


def _soft_breaks(widths: Widths, heads: Flags, data: Bytes) -> Flags | None:
    """Before which bytes a line is broken softly: no line keeps more than CUT + 2. None: before none."""
    ends = np.cumsum(widths, dtype=np.int64)
    begin = ends - widths
    lines = np.flatnonzero(heads)
    marks = begin[lines]
    if max(int((marks[1:] - marks[:-1]).max(initial=0)), int(ends[-1] - marks[-1])) <= CUT:
        return None
    column = begin - np.repeat(marks, np.diff(np.append(lines, len(data))))
    stretch = column // CUT
    breaks = np.zeros(len(data), np.bool_)
    breaks[1:] = (stretch[1:] != stretch[:-1]) & ~heads[1:] & (data[1:] != _LF)
    return breaks


def _write_wide(out: Bytes, at: Ints, widths: Widths, data: Bytes) -> None:
    """What takes more than its own byte: CRLF for LF, =XX for all else."""
    places = np.flatnonzero(widths == 3)
    if len(places):
        to, values = at[places], data[places]
        out[to], out[to + 1], out[to + 2] = ord("="), _HEX[values >> 4], _HEX[values & 15]
    places = np.flatnonzero(widths == 2)
    if len(places):
        out[at[places]], out[at[places] + 1] = 0x0D, _LF
