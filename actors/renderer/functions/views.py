"""Texts as views: 16 bytes a text that say where its bytes are, so that texts are chosen, put into place and set side by side
without a copy of their bytes. Arrow's layout (columnar format, variable-size binary view): the length; then the bytes where
there are at most 12 of them, else the first four, the number of a buffer and the place in it.

Joining is the one copy: all cells of a row after one another, then Arrow writes their bytes end to end.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Cells: TypeAlias = NDArray[np.void]
CELL: Final = np.dtype("V16")
LARGEST = 2**31 - 1
INLINE = 12  # bytes of a text that its view holds itself
EMPTY: Cells = np.zeros(1, CELL)
_BLOCK: Final = 1 << 18  # bytes of views that are filled together, column by column: half of what a core's own cache holds


class Views(NamedTuple):
    """One text a cell."""

    cells: Cells
    buffers: Sequence[pa.Buffer] = ()

    def take(self, places: NDArray[np.integer[Any]]) -> "Views":
        """The texts at these places, in their order."""
        return Views(self.cells.take(places), self.buffers)

    def where(self, mask: NDArray[np.bool_]) -> "Views":
        """The texts where the mask is true, nothing elsewhere."""
        return Views(np.where(mask, self.cells, EMPTY), self.buffers)


def views(array: pa.Array) -> Views:
    """Of texts or bytes in Arrow, without nulls."""
    if array.get_total_buffer_size() > LARGEST and array.nbytes > LARGEST:  # a view's place has 32 bits
        half = len(array) // 2
        first, second = views(array[:half]), views(array[half:])
        cells = np.concatenate([first.cells, _renumbered(second.cells, len(first.buffers))])
        return Views(cells, [*first.buffers, *second.buffers])
    return _views(array if pa.types.is_binary_view(array.type) else array.cast(pa.binary_view()))


@lru_cache(256)
def constants(texts: tuple[bytes, ...]) -> Views:
    """Of texts that come again shard after shard."""
    return _views(pa.array(texts, pa.binary_view()))


def _views(array: pa.BinaryViewArray) -> Views:
    _, cells, *buffers = array.buffers()
    return Views(np.frombuffer(cells, CELL, len(array), 16 * array.offset), buffers)


class Beside:
    """Texts of several columns for the same rows, to be set side by side. Bytes are the same in every row."""

    def __init__(self, columns: Sequence[Views | bytes]):
        self.width = len(columns)
        self._row = np.zeros(self.width, CELL)
        self._columns: list[tuple[int, Cells]] = []
        fixed = [at for at, column in enumerate(columns) if isinstance(column, bytes)]
        same = constants(tuple(column for column in columns if isinstance(column, bytes)))
        self._row[fixed] = same.cells
        self._buffers = list(same.buffers)
        for at, column in enumerate(columns):
            if isinstance(column, Views):
                first = len(self._buffers) if column.buffers else 0
                self._columns.append((at, _renumbered(column.cells, first) if first else column.cells))
                self._buffers += column.buffers

    def rows(self, start: int, stop: int) -> pa.BinaryViewArray:
        """The texts of row `start`, then those of the next, up to row stop - 1."""
        cells = np.empty((stop - start, self.width), CELL)
        cells[:] = self._row
        for at, column in self._columns:
            cells[:, at] = column[start:stop]
        return pa.Array.from_buffers(pa.binary_view(), cells.size, [None, pa.py_buffer(cells), *self._buffers])

    def blocks(self, n: int) -> Iterator[pa.BinaryViewArray]:
        """Those of all n rows, a few rows at a time: as many as the processor's cache holds the views of."""
        step = max(1, _BLOCK // (CELL.itemsize * max(1, self.width)))
        return (self.rows(start, min(start + step, n)) for start in range(0, n, step))


def _renumbered(cells: Cells, first: int) -> Cells:
    """The cells where their buffers are numbered from `first`."""
    moved = cells.copy()
    words = moved.view(np.int32).reshape(-1, 4)
    words[:, 2] += (words[:, 0] > INLINE) * np.int32(first)
    return moved


def joined(columns: Sequence[Views | bytes], n: int, kind: pa.DataType) -> pa.Array:
    """One text a row: those of the columns end to end, in an Arrow array of texts, bytes or large bytes."""
    together = Beside(columns)
    blocks = [whole_rows(cells, together.width, kind) for cells in together.blocks(n)]
    return blocks[0] if len(blocks) == 1 else pa.concat_arrays(blocks) if blocks else pa.array([], kind)


def size_of(cells: pa.BinaryViewArray) -> int:
    """The bytes of all of them."""
    held: NDArray[np.int32] = np.frombuffer(cells.buffers()[1], np.int32)[::4]
    return int(held.sum(dtype=np.int64))


def whole_rows(cells: pa.BinaryViewArray, width: int, kind: pa.DataType) -> pa.Array:
    """One text for each `width` cells."""
    together = cells.cast(pa.binary() if kind == pa.string() else kind)
    _, offsets, data = together.buffers()
    ends = np.frombuffer(offsets, np.int64 if kind == pa.large_binary() else np.int32, len(cells) + 1)[::width]
    held = data if data is not None else pa.py_buffer(b"")
    return pa.Array.from_buffers(kind, len(cells) // width, [None, pa.py_buffer(np.ascontiguousarray(ends)), held])
