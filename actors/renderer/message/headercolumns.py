"""Free-text header fields of whole columns in Arrow: those that are one line of ASCII or one encoded word in base64.

`headers` has the rules and does all other rows.
"""

from binascii import b2a_base64

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.renderer.functions.strings import Bytes, Ints, ends_of, firsts, made, parts

Flags = NDArray[np.bool_]
_EQUALS, _BLANK = ord("="), 0x20


def simple_lines(
    name: str, text: pa.StringArray, room: int, word_room: int, literal: bytes
) -> tuple[pa.StringArray, Flags] | None:
    """Whole fields, and which rows they are right for; None where a byte of the column is a control, or might be part of one of
    U+0080 to U+009F, U+2028 and U+2029.

    `room`: characters that a line has left; `word_room`: those of an encoded word's text; `literal`: what Q writes as it is."""
    offsets, data = parts(text)
    if not len(data) or _doubtful(data):
        return None
    lengths = np.diff(offsets)
    high = _counts(data > 0x7E, offsets)
    first, last = firsts(offsets, data), data[np.maximum(offsets[1:] - 1, 0)]
    whole = (lengths > 0) & (first != _BLANK) & (last != _BLANK)
    plain = whole & (high == 0) & (lengths <= room)
    if (data == ord("?")).any():  # might look like an encoded word
        plain &= _counts(data == ord("?"), offsets) == 0
    special = lengths - _counts(_table(literal)[data], offsets)
    word = whole & (high > 0) & (lengths + 2 * special > lengths * 4 // 3) & (lengths <= word_room // 4 * 3)
    lines = pc.binary_join_element_wise(f"{name}: ", text, "\r\n", "")
    if word.any():
        at = np.flatnonzero(word)
        encoded = _encoded_words(name, *parts(text.take(pa.array(at))))
        places = np.arange(len(text))
        places[at] = len(text) + np.arange(len(at))
        lines = pa.concat_arrays([lines, encoded]).take(pa.array(places))
    return lines, plain | word


def _doubtful(data: Bytes) -> bool:
    if int(data.min()) < _BLANK or bool((data == 0x7F).any()):
        return True
    held = data.tobytes()
    # C2 80 to C2 9F are the C1 controls, E2 80 A8 and E2 80 A9 the separators of lines and paragraphs.
    return b"\xc2" in held or b"\xe2\x80\xa8" in held or b"\xe2\x80\xa9" in held


def _table(members: bytes) -> Flags:
    table = np.zeros(256, np.bool_)
    table[list(members)] = True
    return table


def _counts(mask: Flags, offsets: Ints) -> Ints:
    """How many bytes of each row are meant."""
    so_far = np.concatenate([np.zeros(1, np.int64), np.cumsum(mask)])
    counts: Ints = so_far[offsets[1:]] - so_far[offsets[:-1]]
    return counts


def _encoded_words(name: str, offsets: Ints, data: Bytes) -> pa.StringArray:
    """`Name: =?utf-8?B?...?=` of each row: padded to whole quanta, all encoded at once."""
    lengths = np.diff(offsets)
    pad = -lengths % 3
    ends = ends_of(lengths + pad)
    padded = np.zeros(int(ends[-1]), np.uint8)
    padded[np.arange(len(data)) + np.repeat(ends[:-1] - offsets[:-1], lengths)] = data
    text = np.frombuffer(b2a_base64(padded.data, newline=False), np.uint8).copy()
    to = ends // 3 * 4
    text[to[1:][pad > 0] - 1] = _EQUALS
    text[to[1:][pad > 1] - 2] = _EQUALS
    return pc.binary_join_element_wise(f"{name}: =?utf-8?B?", made(to, text), "?=\r\n", "")
