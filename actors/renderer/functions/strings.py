"""Arrow texts taken apart and made by NumPy: what column kernels of text functions are built from. No rules of a function.

A text column is its bytes (UTF-8, one after the other) and n + 1 offsets. Kernels never loop over rows: they work on all bytes,
on the matrix of rows of equal length, or on slices that are gathered by their starts and lengths.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
_LARGE = pa.large_binary()


def parts(array: pa.StringArray | pa.BinaryArray | pa.LargeBinaryArray) -> tuple[Ints, Bytes]:
    """The n + 1 offsets, from 0, and the bytes between the first and the last. Rows that are null may hold any bytes."""
    n = len(array)
    if not n:
        return np.zeros(1, np.int64), np.empty(0, np.uint8)
    _, offsets, data = array.buffers()
    wide = array.type == _LARGE
    ends: Ints = np.frombuffer(offsets, np.int64 if wide else np.int32, n + 1, array.offset * (8 if wide else 4))
    start, end = int(ends[0]), int(ends[n])
    held = np.frombuffer(data, np.uint8, end - start, start) if end > start else np.empty(0, np.uint8)
    own: Ints = ends.astype(np.int64)
    if start:
        own -= start
    return own, held


def made(offsets: Ints, data: Bytes) -> pa.StringArray:
    """The texts of these bytes, which must be whole UTF-8 characters between the offsets."""
    return pa.StringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(data))
    )


def made_bytes(offsets: Ints, data: Bytes) -> pa.LargeBinaryArray:
    """Any bytes between the offsets."""
    held = pa.py_buffer(offsets.astype(np.int64, copy=False)), pa.py_buffer(np.ascontiguousarray(data))
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, [None, *held])


def ends_of(lengths: NDArray[np.integer]) -> Ints:
    """The offsets of texts of these lengths."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    lengths.cumsum(out=offsets[1:])
    return offsets


def lengths_of(offsets: Ints) -> Ints:
    """The bytes of each text."""
    return offsets[1:] - offsets[:-1]


def matrix(offsets: Ints, data: Bytes, length: int) -> Bytes | None:
    """(n, length) bytes where every row has that length, without a copy; else None."""
    n = len(offsets) - 1
    if len(data) != n * length or not (lengths_of(offsets) == length).all():
        return None
    return data.reshape(n, length)


def rows_of_length(offsets: Ints, data: Bytes, chosen: NDArray[np.bool_], length: int) -> Bytes:
    """(k, length) bytes of the chosen rows, all of which have that length."""
    if chosen.all() and len(data) == len(chosen) * length:
        return data.reshape(len(chosen), length)
    starts = offsets[:-1][chosen]
    rows: Bytes = data[starts[:, None] + np.arange(length)]
    return rows


def from_matrix(rows: Bytes) -> pa.StringArray:
    """Texts of equal length."""
    n, width = rows.shape
    return made(np.arange(0, n * width + 1, width) if width else np.zeros(n + 1, np.int64), rows.reshape(-1))


def slices(data: Bytes, starts: Ints, lengths: Ints) -> pa.StringArray:
    """The bytes from each start on, that many."""
    return made(ends_of(lengths), data[within(starts, lengths)])


def within(starts: Ints, lengths: Ints) -> Ints:
    """The places from each start on, that many, one after another."""
    offsets = ends_of(lengths)
    index: Ints = np.arange(int(offsets[-1])) + np.repeat(starts - offsets[:-1], lengths)
    return index


def longest_bytes(array: pa.StringArray) -> int:
    """The bytes of the longest text: at least its characters."""
    return int(lengths_of(parts(array)[0]).max(initial=0))


def firsts(offsets: Ints, data: Bytes) -> Bytes:
    """The first byte of each row; 0 where it is empty."""
    starts = offsets[:-1]
    if not len(data):
        return np.zeros(len(starts), np.uint8)
    found: Bytes = np.take(data, starts, mode="clip")
    return found * (lengths_of(offsets) > 0)


def is_ascii(data: Bytes) -> bool:
    """Whether no byte is above 127."""
    return not len(data) or int(data.max()) < 128


def one_each(offsets: Ints, data: Bytes, byte: int) -> Ints | None:
    """The place of this byte in each row, where every row has exactly one; else None."""
    found = np.flatnonzero(data == byte)
    n = len(offsets) - 1
    if len(found) != n or not ((found >= offsets[:-1]) & (found < offsets[1:])).all():
        return None
    return found


def leads(data: Bytes, offsets: Ints) -> Ints:
    """How many characters from U+4E00 to U+9FFF each text has: three bytes each."""
    first = data - np.uint8(0xE4) <= 0xE9 - 0xE4  # E4 B8 80 is U+4E00, E9 BF BF U+9FFF; no other byte of UTF-8 is like these
    first[:-1] &= (data[:-1] != 0xE4) | (data[1:] >= 0xB8)
    return lengths_of(ends_of(first.view(np.uint8))[offsets])
