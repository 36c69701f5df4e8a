"""A table of the bundle as functions see it: mapped columns, and an index from keys to rows. Pure; files are
`actors.renderer.joining`'s.

Keys meet as text: a number or date finds the same of another type and the text that writes it, so a list whose codes look like
numbers finds a table whose codes do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actors.model.hashing import Hashes, hash_texts
from actors.model.job import TableShape
from actors.renderer.functions.arrowcolumns import from_arrow
from actors.renderer.functions.coded import NOTHING, Coded, Words
from actors.renderer.functions.errors import RowStop
from actors.renderer.functions.values import INT, TEXT, Col, Index, coded_texts

MAX_SEEDS = 16  # no table meets itself under one seed by chance; who makes it meet under one cannot under all
CODED_ROWS = 1 << 22  # of a column that is held as codes: 16 MB of them
CODED_WORDS = 1 << 12
_SAMPLE = 64  # rows that tell whether a column repeats itself
COMPARE_ROWS = 1 << 18  # texts of so many pairs are held at a time
_NO_KEY: Final = "\0"  # a list has no such text, nor has a table


@dataclass(frozen=True, eq=False)
class KeyIndex:
    """`hashes`: of the distinct keys, rising; key g's rows are `order[starts[g]:starts[g + 1]]`, in the table's order."""

    seed: int
    hashes: Hashes
    starts: Index
    order: Index

    @property
    def keys(self) -> int:
        return len(self.hashes)


class Parts:
    """A long column in several arrays, mapped: Arrow's own `take` would copy all of them each time."""

    def __init__(self, parts: Sequence[pa.Array], kind: pa.DataType):
        self._parts, self._kind = [part for part in parts if len(part)], kind
        self._ends = np.cumsum([len(part) for part in self._parts], dtype=np.int64)

    def take(self, rows: Index) -> pa.Array:
        """The values of these rows."""
        if len(self._parts) == 1:
            return self._parts[0].take(pa.array(rows))
        if not len(rows):
            return pa.array([], self._kind)
        part = np.searchsorted(self._ends, rows, "right")
        if (part == part[0]).all():  # neighbours of a list mostly are neighbours in its tables
            one = self._parts[part[0]]
            return one.take(pa.array(rows - (self._ends[part[0]] - len(one))))
        order = np.argsort(part, kind="stable")
        numbers, cuts = np.unique(part[order], return_index=True)
        taken = [
            self._parts[number].take(pa.array(rows[some] - (self._ends[number] - len(self._parts[number]))))
            for number, some in zip(numbers.tolist(), np.split(order, cuts[1:]), strict=True)
        ]
        back = np.empty(len(rows), np.int64)
        back[order] = np.arange(len(rows))
        return pa.concat_arrays(taken).take(pa.array(back))


class Table:
    """One table. `data` are its rows in file order, mapped; nothing is copied but what a shard asks for and, of columns whose
    texts repeat, the codes."""

    def __init__(self, name: str, shape: TableShape, data: pa.Table, index: KeyIndex, zone: ZoneInfo):
        self.name, self.shape, self.index, self.zone = name, shape, index, zone
        self._data = data
        self._columns: dict[str, Parts] = {}
        self._codes: dict[str, Coded | None] = {}  # of the columns that were asked for
        self._last: tuple[Col, Index] | None = None  # the functions of one template mostly ask with the same column
        self.worked_out: dict[Any, Any] = {}  # what functions keep of the whole table

    def find(self, keys: Col) -> Index:
        """The numbers of these keys; -1 where the table has no such key. A null is in no table."""
        last = self._last
        if last is not None and last[0] is keys:
            return last[1]
        found = self._groups(texts_of(keys))
        self._last = keys, found
        return found

    def _groups(self, texts: pa.StringArray) -> Index:
        index = self.index
        if not index.keys:
            return np.full(len(texts), -1, np.int64)
        hashes = hash_texts(texts, index.seed)
        group: Index = np.minimum(np.searchsorted(index.hashes, hashes), index.keys - 1)
        hit = index.hashes[group] == hashes
        if texts.null_count:
            hit &= texts.is_valid().to_numpy(zero_copy_only=False)
        at = np.flatnonzero(hit)
        if len(at):  # a hash is no proof
            held = texts_of(self.column(self.shape.key, index.order[index.starts[group[at]]]))
            same = pc.equal(held, texts.take(pa.array(at))).to_numpy(zero_copy_only=False)
            hit[at] = same
        return np.where(hit, group, -1)

    def first_rows(self, group: Index) -> Index:
        """The first row of each of these keys."""
        return self.index.order[self.index.starts[group]]

    def rows_of(self, group: Index) -> tuple[Index, Index]:
        """(how many rows each of these keys has, the rows of all of them one after the other)."""
        starts = self.index.starts[group]
        counts = self.index.starts[group + 1] - starts
        offsets = np.cumsum(counts) - counts
        places = np.repeat(starts - offsets, counts) + np.arange(int(counts.sum()))
        return counts, self.index.order[places]

    def arrow(self, column: str, rows: Index) -> pa.Array:
        """A column's values of these rows."""
        return self._parts(column).take(rows)

    def _parts(self, column: str) -> "Parts":
        if column not in self._columns:
            self._columns[column] = Parts(self._data.column(column).chunks, self._data.schema.field(column).type)
        return self._columns[column]

    def column(self, column: str, rows: Index) -> Col:
        """The same as values of a shard."""
        if column not in self._codes:
            self._codes[column] = coded_column(self._data.column(column))
        coded = self._codes[column]
        if coded is None:
            return from_arrow(self.arrow(column, rows), self.zone)
        taken = coded.take(rows)
        null = taken.parts[0][1] == NOTHING
        return coded_texts(taken, null if null.any() else None)


def coded_column(column: pa.ChunkedArray) -> Coded | None:
    """The texts of a column as codes, NOTHING where null; None where they do not repeat, or are too many to be held."""
    if not pa.types.is_string(column.type) or not _SAMPLE < len(column) <= CODED_ROWS:
        return None
    sample = column.take(pa.array(np.linspace(0, len(column) - 1, _SAMPLE).astype(np.int64)))
    if len(pc.unique(sample)) * 2 > _SAMPLE:
        return None
    chunks = column.dictionary_encode().chunks
    words = chunks[0].dictionary
    if len(words) > CODED_WORDS:
        return None
    codes = [chunk.indices.fill_null(NOTHING).to_numpy(zero_copy_only=False) for chunk in chunks]
    return Coded((Words(words), np.concatenate(codes)))


def index_of(keys: Sequence[pa.StringArray]) -> KeyIndex:
    """The index of a table's keys, as `texts_of` writes them, part after part; rows without a key are in no group.
    ValueError: keys made to meet."""
    texts = Parts(keys, pa.string())
    there = np.concatenate([np.empty(0, np.bool_), *(part.is_valid().to_numpy(zero_copy_only=False) for part in keys)])
    rows = np.flatnonzero(there)
    for seed in range(MAX_SEEDS):
        hashes = np.concatenate([np.empty(0, np.uint64), *(hash_texts(part, seed) for part in keys)])[rows]
        place = np.argsort(hashes, kind="stable")
        hashes, order = hashes[place], rows[place]
        new = np.concatenate([np.ones(min(len(order), 1), np.bool_), hashes[1:] != hashes[:-1]])
        if _all_equal(texts, order, np.flatnonzero(~new)):
            return KeyIndex(seed, hashes[new], np.append(np.flatnonzero(new), len(order)), order)
    raise ValueError("the keys cannot be told apart")


def _all_equal(texts: Parts, order: Index, places: Index) -> bool:
    """Whether the texts at these places are those of the places before them."""
    for first in range(0, len(places), COMPARE_ROWS):
        some = places[first : first + COMPARE_ROWS]
        if not pc.all(pc.equal(texts.take(order[some]), texts.take(order[some - 1]))).as_py():
            return False
    return True


def texts_of(keys: Col) -> pa.StringArray:
    """The texts by which keys meet; null where null."""
    if keys.kind == INT:
        null = keys.null
        return pa.array(keys.array(), mask=null).cast(pa.string())
    if keys.kind == TEXT and (text := keys.text()) is not None:
        return text
    values = keys.list() if keys.kind == TEXT else [None if v is None else key_text(v) for v in keys.list()]
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # half a character
        return pa.array([v if v is None or _encodes(v) else _NO_KEY for v in values], pa.string())


def key_text(value: Any) -> str:
    """One key's text: a number without needless zeros, anything else as it prints. RowStop for what can be no key."""
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal) and value.is_finite():
        text = format(value, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text
    if isinstance(value, str | int | Decimal | date):
        return str(value)
    raise RowStop("looks up a key that is no text, number or date")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
