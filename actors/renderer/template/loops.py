"""`for` as a column step: the body runs once over the items of all rows, then the texts of each row's items are joined.

A loop's frame has one row an item; `loop.index` and the like are columns in it. No more items than ITEMS_AT_ONCE (or those of
one row) are worked on together, so memory stays flat whatever the lists hold. Each turn costs its row what `cost` says.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Protocol

import numpy as np
from jinja2 import nodes

from actors.renderer.functions.choosing import select
from actors.renderer.functions.errors import Limit
from actors.renderer.functions.limits import MAX_ITEMS
from actors.renderer.functions.listcols import Counts, ListCol, edges, list_column
from actors.renderer.functions.scope import each, fail_all, truth
from actors.renderer.functions.values import INT, Col, Index, Lit, Value, bools, column_of, list_of, numbers
from actors.renderer.template.columns import Piece
from actors.renderer.template.frame import Act, Frame, Step

ITEMS_AT_ONCE = 8192  # enough that the steps of a body cost nothing an item; more would only leave the processor's cache
LOOP = "loop."  # prefix of the names that the attributes of `loop` go by in a frame
_SIZED = frozenset((list, tuple, dict, str, range))  # what can be run over as it is

Bind = Callable[[Frame, Col], None]


class _Lists(Protocol):
    """What a loop runs over, a list a row."""

    counts: Counts

    def take(self, rows: Index) -> ListCol:
        """The lists of these rows."""
        ...


class _Columns:
    """Lists that are a ListCol already."""

    def __init__(self, column: ListCol):
        self._column, self.counts = column, column.counts()

    def take(self, rows: Index) -> ListCol:
        return self._column if len(rows) == self._column.n else self._column.take(rows)


class _Python:
    """A Python list (tuple, range, text, dict) a row; None where the row has failed."""

    def __init__(self, values: list[Any]):
        self._values = values
        self.counts: Counts = np.fromiter((0 if v is None else len(v) for v in values), np.int64, len(values))

    def take(self, rows: Index) -> ListCol:
        return list_column([self._values[i] for i in rows.tolist()])


class _Same:
    """The same list in every row."""

    def __init__(self, items: list[Any], n: int):
        self._items = column_of(items)
        self.counts: Counts = np.full(n, len(items), np.int64)

    def take(self, rows: Index) -> ListCol:
        places = np.tile(np.arange(self._items.n), len(rows))
        return ListCol(edges(self.counts[rows]), self._items.take(places))


def _lists(frame: Frame, value: Value) -> _Lists:
    """The lists of a value; a row whose value cannot be run over fails and has none."""
    if isinstance(value, Lit):
        try:
            return _Same(list(_sized(value.value)), frame.n)
        except Exception as error:
            fail_all(frame, error)
            return _Same([], frame.n)
    if isinstance(value, ListCol):
        if value.null is not None:
            for i in np.flatnonzero(value.null).tolist():
                frame.fail(i, TypeError())
        return _Columns(value)
    values = value.list()
    if not _SIZED.issuperset(map(type, values)):
        values = list_of(each(frame, _sized, (value,)), frame.n)
    return _Python(values)


def _sized(value: Any) -> Any:
    """What has a length and can be run over more than once."""
    if type(value) in _SIZED:
        return value
    items = list(islice(value, MAX_ITEMS + 1))
    if len(items) > MAX_ITEMS:
        raise Limit("runs over a list that is too long")
    return items


def binding(target: nodes.Node) -> Bind:
    """Gives the names of a loop's target their values in the frame of the items."""
    if isinstance(target, nodes.Name):
        name = target.name

        def bind(frame: Frame, items: Col) -> None:
            frame.names[name] = items

        return bind
    assert isinstance(target, nodes.Tuple)
    inner = [binding(part) for part in target.items]

    def unpack(frame: Frame, items: Col) -> None:
        for part, column in zip(inner, _unpacked(frame, items, len(inner)), strict=True):
            part(frame, column)

    return unpack


def _unpacked(frame: Frame, items: Col, width: int) -> list[Col]:
    def exactly(value: Any) -> tuple[Any, ...]:
        parts = tuple(islice(value, width + 1))
        if len(parts) != width:
            raise ValueError
        return parts

    rows = items.list()
    if not ({list, tuple}.issuperset(map(type, rows)) and {width}.issuperset(map(len, rows))):
        blank = (None,) * width
        rows = [blank if row is None else row for row in list_of(each(frame, exactly, (items,)), frame.n)]
    return [column_of(list(column)) for column in zip(*rows, strict=True)] if rows else [column_of([])] * width


class Loop:
    """One `for`. `cost`: steps a turn; `asks`: which attributes of `loop` the body reads."""

    def __init__(
        self,
        over: Step,
        bind: Bind,
        test: Step | None,
        body: Act,
        orelse: Act | None,
        *,
        place: str,
        cost: int,
        asks: frozenset[str],
    ):
        self._over, self._bind, self._test, self._body, self._orelse = over, bind, test, body, orelse
        self._place, self._cost, self._asks = place, cost, asks

    def __call__(self, frame: Frame, pieces: list[Piece]) -> None:
        """Adds the loop's text of each row."""
        frame.shard.place = self._place
        lists = _lists(frame, self._over(frame))
        frame.charge(lists.counts * self._cost)
        alive = frame.alive()
        turned = np.zeros(frame.n, np.bool_)
        for rows in _portions(lists.counts if alive is None else lists.counts * alive):
            part = frame if len(rows) == frame.n else frame.chosen(rows)
            held = frame.shard.held
            turned[rows] = self._portion(part, lists.take(rows), pieces) > 0
            frame.shard.held = held  # what the items held is gone
            if frame.late():
                return
        if self._orelse is not None and not turned.all():
            self._otherwise(frame, pieces, ~turned)

    def _otherwise(self, frame: Frame, pieces: list[Piece], rows: Any) -> None:
        assert self._orelse is not None
        alive = frame.alive()
        if alive is not None:
            rows = rows & alive
        if rows.any():
            self._orelse(frame.among(rows), pieces)

    def _portion(self, frame: Frame, lists: ListCol, pieces: list[Piece]) -> Counts:
        """Adds the text of each row of the frame; gives its turns."""
        counts = lists.counts()
        within = np.repeat(np.arange(frame.n), counts)
        inner = frame.items(within, int(counts.max()))
        items = lists.items
        self._bind(inner, items)
        kept = None if self._test is None else truth(inner, self._test(inner))
        alive = inner.alive()
        if alive is not None:
            kept = alive if kept is None else kept & alive
        if kept is not None and not kept.all():
            places = np.flatnonzero(kept)
            within, items = within[places], items.take(places)
            counts = np.bincount(within, minlength=frame.n)
            inner = frame.items(within, int(counts.max()))
            self._bind(inner, items)
        if len(within):
            for name in self._asks:
                inner.names[LOOP + name] = _ATTRIBUTES[name](inner, counts, items)
            written: list[Piece] = []
            self._body(inner, written)
            frame.looped(pieces, inner, written, counts)
        return counts


def _portions(counts: Counts) -> Iterator[Index]:
    """The rows that have items, so many at once as have ITEMS_AT_ONCE of them together."""
    rows = np.flatnonzero(counts)
    ends = np.cumsum(counts[rows])
    start = 0
    while start < len(rows):
        before = int(ends[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(ends, before + ITEMS_AT_ONCE, "right")))
        yield rows[start:end]
        start = end


def _index0(counts: Counts) -> Index:
    starts = edges(counts)
    index: Index = np.arange(starts[-1]) - np.repeat(starts[:-1], counts)
    return index


def _neighbour(frame: Frame, counts: Counts, items: Col, step: int) -> Value:
    """The item before or after; undefined where there is none."""
    index, length = _index0(counts), np.repeat(counts, counts)
    outside = index == 0 if step < 0 else index == length - 1
    places = np.arange(len(index)) + step
    places[outside] = 0
    missing = frame.shard.environment.undefined("there is no item before or after")
    return select(outside, Lit(missing), items.take(places))


_ATTRIBUTES: dict[str, Callable[[Frame, Counts, Col], Value]] = {
    "index": lambda _, counts, items: numbers(INT, _index0(counts) + 1),
    "index0": lambda _, counts, items: numbers(INT, _index0(counts)),
    "revindex": lambda _, counts, items: numbers(INT, np.repeat(counts, counts) - _index0(counts)),
    "revindex0": lambda _, counts, items: numbers(INT, np.repeat(counts, counts) - _index0(counts) - 1),
    "first": lambda _, counts, items: bools(_index0(counts) == 0),
    "last": lambda _, counts, items: bools(_index0(counts) == np.repeat(counts, counts) - 1),
    "length": lambda _, counts, items: numbers(INT, np.repeat(counts, counts)),
    "depth": lambda _, counts, items: Lit(1),
    "depth0": lambda _, counts, items: Lit(0),
    "previtem": lambda frame, counts, items: _neighbour(frame, counts, items, -1),
    "nextitem": lambda frame, counts, items: _neighbour(frame, counts, items, 1),
}
ATTRIBUTES = frozenset(_ATTRIBUTES)
