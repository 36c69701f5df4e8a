"""Columns of lists: `ListCol` holds the items of all rows end to end, `RowCol` rows of a table, a column a field. Pure data.

Both are columns of kind OBJ: code that knows nothing of them sees Python lists, and a dict for each row of a table. Templates
may read those but never change them. Fields and items are chosen and made only when somebody asks for them.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.renderer.functions.arrowcolumns import from_arrow
from actors.renderer.functions.values import OBJ, Col, Index, Mask, column_of

Counts = NDArray[np.int64]


class Fields(Mapping[str, Col]):
    """The fields of some rows; each is made when it is first asked for: `make(name, index)`, index None for all rows."""

    __slots__ = ("_index", "_made", "_make", "_names")

    def __init__(self, names: Collection[str], make: Callable[[str, Index | None], Col], index: Index | None = None):
        self._names, self._make, self._index = names, make, index
        self._made: dict[str, Col] = {}

    def __getitem__(self, name: str) -> Col:
        made = self._made.get(name)
        if made is None:
            if name not in self._names:
                raise KeyError(name)
            made = self._made[name] = self._make(name, self._index)
        return made

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def take(self, index: Index) -> "Fields":
        """The fields of these of the rows."""
        return Fields(self._names, self._make, index if self._index is None else self._index[index])


class RowCol(Col):
    """Rows of a table: `fields` maps each of its columns to the values, all of length `n`."""

    __slots__ = ("fields",)

    def __init__(self, n: int, fields: Mapping[str, Col]):
        super().__init__(OBJ, n, None, None, None)
        self.fields = fields

    def list(self) -> list[Any]:
        """One dict a row."""
        if self._list is None:
            names = list(self.fields)
            columns = [self.fields[name].list() for name in names]
            rows = zip(*columns, strict=True) if columns else [()] * self.n
            self._list = [dict(zip(names, row, strict=True)) for row in rows]
        return self._list

    def take(self, index: Index) -> "RowCol":
        """These rows."""
        whole = self.fields
        if isinstance(whole, Fields):
            return RowCol(len(index), whole.take(index))
        return RowCol(
            len(index), Fields(whole.keys(), lambda name, at: whole[name] if at is None else whole[name].take(at), index)
        )


class ListCol(Col):
    """Lists: row i has `items[offsets[i]:offsets[i + 1]]` (int64[n + 1], from 0 up). A null row has no items."""

    __slots__ = ("items", "offsets")

    def __init__(self, offsets: Index, items: Col, null: Mask | None = None):
        super().__init__(OBJ, len(offsets) - 1, None, None, null)
        self.offsets, self.items = offsets, items

    def counts(self) -> Counts:
        """How many items each row has."""
        return np.diff(self.offsets)

    def list(self) -> list[Any]:
        """A Python list a row, None where null."""
        if self._list is None:
            items, edges = self.items.list(), self.offsets.tolist()
            lists: list[Any] = [items[start:end] for start, end in pairwise(edges)]
            if self._null is not None:
                for i in np.flatnonzero(self._null).tolist():
                    lists[i] = None
            self._list = lists
        return self._list

    def take(self, index: Index) -> "ListCol":
        """The lists of these rows."""
        counts = self.counts()[index]
        offsets = edges(counts)
        places = np.repeat(self.offsets[index] - offsets[:-1], counts) + np.arange(offsets[-1])
        null = None if self._null is None else self._null[index]
        return ListCol(offsets, self.items.take(places), null if null is not None and null.any() else None)


def edges(counts: Counts) -> Index:
    """Offsets of lists of these lengths."""
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def list_column(lists: Sequence[Sequence[Any]]) -> ListCol:
    """The column of these lists, tuples, ranges, dicts (their keys) or texts (their characters)."""
    counts = np.fromiter(map(len, lists), np.int64, len(lists))
    return ListCol(edges(counts), column_of(list(chain.from_iterable(lists))))


def nested_from_arrow(column: pa.Array | pa.ChunkedArray, zone: ZoneInfo) -> Col:
    """A column of Arrow's as `from_arrow` gives it, lists as ListCol and structs as RowCol."""
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        counts = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        null = np.asarray(column.is_null().to_numpy(zero_copy_only=False)) if column.null_count else None
        return ListCol(edges(counts), nested_from_arrow(column.flatten(), zone), null)
    if pa.types.is_struct(kind) and not column.null_count:
        names = [field.name for field in kind]
        return RowCol(len(column), dict(zip(names, [nested_from_arrow(part, zone) for part in column.flatten()], strict=True)))
    return from_arrow(column, zone)
