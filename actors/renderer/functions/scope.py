"""What runs a function or an operator over the rows of a scope: nulls, literals, and rows that cannot be worked out.

A scope is a choice of rows of one shard. `each` is the way from a scalar function to a column: one C-level pass, and only when
a row raises, a second pass that finds out which. Scalar code over plain values is pure, so running it twice is safe.
"""

from collections.abc import Callable, Sequence
from datetime import date
from itertools import islice, repeat
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.renderer.functions.choosing import weave
from actors.renderer.functions.coded import Coded, Words
from actors.renderer.functions.context import Context
from actors.renderer.functions.listcols import ListCol
from actors.renderer.functions.values import (
    DATE,
    INT,
    OBJ,
    TEXT,
    Col,
    Index,
    Lit,
    Mask,
    Value,
    all_plain,
    coded_texts,
    column_of,
    list_of,
    null_of,
)

ROWS_A_COUNT = 256  # worked out by a scalar function before the time is looked at: some milliseconds at most
CHARS_A_COUNT = 100_000  # fewer that a step makes weigh nothing beside the values themselves
_SAMPLE = 64  # rows that tell whether a text column repeats itself
_EPOCH = date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = (date(1900, 1, 1) - _EPOCH).days, (date(2100, 1, 1) - _EPOCH).days


class Scope(Protocol):
    """Some rows of a shard. `fail` notes why row i (of the scope) gives no text; the first reason of a row stays."""

    @property
    def n(self) -> int: ...
    @property
    def job(self) -> Context: ...
    def fail(self, i: int, error: BaseException) -> None: ...
    def spend(self, i: int, values: Sequence[Any]) -> None:
        """Charges row i for the lists among these values. Raises Limit where the row has used up what it may."""
        ...

    def late(self) -> bool:
        """Counts the time since the last count; whether no row goes on."""
        ...

    def hold(self, values: list[Any], start: int) -> None:
        """Counts the texts among the values of rows from `start` on. Where they are too much to hold, the rows that have most
        fail, and their values become null."""
        ...


class Done(NamedTuple):
    """What a kernel worked out: the values of the rows where the mask is true (None: of all rows)."""

    value: Value
    where: Mask | None = None


class ByColumn:
    """A function of one value with its form for whole columns without nulls."""

    def __init__(self, one: Callable[[Any], Any], column: Callable[[Col], Done | None]):
        self._one, self.column = one, column

    def __call__(self, value: Any) -> Any:
        return self._one(value)


class Part:
    """Some rows of another scope."""

    def __init__(self, whole: Scope, index: Index):
        self._whole, self._index = whole, index
        self.n, self.job = len(index), whole.job

    def fail(self, i: int, error: BaseException) -> None:
        """Row i of the part fails in the whole."""
        self._whole.fail(int(self._index[i]), error)

    def spend(self, i: int, values: Sequence[Any]) -> None:
        """Row i of the part pays in the whole."""
        self._whole.spend(int(self._index[i]), values)

    def late(self) -> bool:
        """All of the whole pay."""
        return self._whole.late()

    def hold(self, values: list[Any], start: int) -> None:
        """The whole counts its rows."""
        places = self._index[start : len(values)].tolist()
        whole: list[Any] = [None] * self._whole.n
        for i, value in zip(places, values[start:], strict=False):
            whole[i] = value
        self._whole.hold(whole, 0)
        values[start : start + len(places)] = [whole[i] for i in places]


class OneRow:
    """The scope of a scalar call: what fails, raises."""

    n = 1

    def __init__(self, job: Context):
        self.job = job

    def fail(self, i: int, error: BaseException) -> None:
        """Ends the row at once."""
        raise error

    def spend(self, i: int, values: Sequence[Any]) -> None:
        """The sandbox has charged the call."""

    def late(self) -> bool:
        """The sandbox counts the row's time."""
        return False

    def hold(self, values: list[Any], start: int) -> None:
        """The sandbox holds one row at a time."""


def fail_all(scope: Scope, error: BaseException) -> Lit:
    """No row of the scope can be worked out."""
    for i in range(scope.n):
        scope.fail(i, error)
    return Lit(None)


def each(scope: Scope, function: Callable[..., Any], args: Sequence[Value]) -> Value:
    """The function's values, row by row; null where it raises (and the row fails)."""
    if scope.late():
        return Lit(None)
    if all(isinstance(arg, Lit) for arg in args):
        try:
            values = [arg.value for arg in args]  # type: ignore[union-attr]
            scope.spend(0, values)
            return Lit(function(*values))
        except Exception as error:
            return fail_all(scope, error)
    if any(isinstance(arg, Col) and arg.kind == OBJ and not all_plain(arg) for arg in args):
        # Such values may be lists, which the row pays for, or iterators, which a second pass would find used up.
        return column_of(_one_by_one(scope, function, [list_of(arg, scope.n) for arg in args]))
    streams: list[Any] = [arg.list() if isinstance(arg, Col) else repeat(arg.value) for arg in args]
    try:
        results, values, counted, chars = map(function, *streams), [], 0, 0
        while True:
            portion = list(islice(results, ROWS_A_COUNT))
            values += portion
            chars += _chars(portion)
            if chars > CHARS_A_COUNT:
                scope.hold(values, counted)
                counted, chars = len(values), 0
            if len(portion) < ROWS_A_COUNT:
                return column_of(values)
            if scope.late():
                return Lit(None)
    except Exception:
        return column_of(_one_by_one(scope, function, [list_of(arg, scope.n) for arg in args]))


def _chars(values: list[Any]) -> int:
    """Characters of the texts among these values."""
    try:
        return sum(map(len, values)) if values and type(values[0]) is str else 0
    except TypeError:
        return sum(len(value) for value in values if isinstance(value, str))


def _one_by_one(scope: Scope, function: Callable[..., Any], lists: list[list[Any]]) -> list[Any]:
    values: list[Any] = []
    for i, row in enumerate(zip(*lists, strict=True)):
        if i % ROWS_A_COUNT == 0 and scope.late():
            return [None] * scope.n
        try:
            scope.spend(i, row)
            values.append(function(*row))
        except Exception as error:
            scope.fail(i, error)
            values.append(None)
    return values


def each_distinct(
    scope: Scope,
    function: Callable[..., Any],
    value: Value,
    key: tuple[Any, ...] | None = None,
    column: Callable[[Col], Done | None] | None = None,
) -> Value:
    """As `each` with one argument, but equal values are worked out once where many are equal, and by `column` what that can do.
    `key` names function and settings: what it gave for a date is then remembered for the job's next shards."""
    if not isinstance(value, Col) or value.n < 2:
        return each(scope, function, (value,))
    done = column(value) if column and value.null is None else None
    if done is not None:
        return _completed(scope, function, value, done)
    if value.kind == DATE and value.null is None and key is not None:
        return _each_day(scope, function, value, key)
    if value.kind == TEXT and value.null is None:
        return _each_text(scope, function, value)
    if value.kind == INT:
        values = value.list()
        distinct = list(dict.fromkeys(values))
        if len(distinct) * 2 <= len(values):
            try:
                table = dict(zip(distinct, map(function, distinct), strict=True))
            except Exception:
                return each(scope, function, (value,))
            return column_of([table[v] for v in values])
    return each(scope, function, (value,))


def _completed(scope: Scope, function: Callable[..., Any], value: Col, done: Done) -> Value:
    """What a kernel gave, and the function's values for the rows that it left."""
    if done.where is None:
        return done.value
    index = np.flatnonzero(~done.where)
    if not len(index):
        return done.value
    rest = each(Part(scope, index), function, (value.take(index),))
    return weave(done.where, done.value, rest)


def _each_text(scope: Scope, function: Callable[..., Any], value: Col) -> Value:
    text = value.text()
    few = min(value.n, _SAMPLE)
    if text is None or len(pc.unique(text.slice(0, few))) * 2 > few:
        return each(scope, function, (value,))
    encoded = text.dictionary_encode()
    if len(encoded.dictionary) * 2 > value.n:
        return each(scope, function, (value,))
    try:
        results = column_of(list(map(function, encoded.dictionary.to_pylist())))
    except Exception:
        return each(scope, function, (value,))
    return _named(results, encoded.indices.to_numpy(zero_copy_only=False))


def _named(results: Col, places: NDArray[np.integer[Any]]) -> Col:
    """The results at these places, as codes where they are texts without nulls."""
    text = results.text() if results.kind == TEXT and results.null is None else None
    return results.take(places.astype(np.int64)) if text is None else coded_texts(Coded((Words(text), places)))


def _each_day(scope: Scope, function: Callable[..., Any], value: Col, key: tuple[Any, ...]) -> Value:
    days = value.array()
    low, high = int(days.min()), int(days.max())
    if not _FIRST_DAY <= low <= high <= _LAST_DAY:
        return each(scope, function, (value,))
    memo = scope.job.memos.get(key)
    if memo is None:
        memo = scope.job.memos[key] = Days()
    places = days - _FIRST_DAY
    new = np.unique(places[memo.known[places] < 0])
    if len(new):
        try:
            memo.add(new, list(map(function, (new + _FIRST_DAY).astype("datetime64[D]").tolist())))
        except Exception:
            return each(scope, function, (value,))
    return memo.take(places)


class Days:
    """What a function gave for the days that were asked for: at most one value a day of two centuries."""

    def __init__(self) -> None:
        self.known = np.full(_LAST_DAY - _FIRST_DAY + 1, -1, np.int32)
        self._values: list[Any] = []
        self._places: dict[str, int] = {}  # of the distinct texts
        self._column: Col | None = None
        self._words: Words | None = None

    def add(self, places: NDArray[np.int64], values: list[Any]) -> None:
        """The values for these days."""
        for place, value in zip(places.tolist(), values, strict=True):  # once a day of the job
            at = self._places.setdefault(value, len(self._values)) if type(value) is str else len(self._values)
            if at == len(self._values):
                self._values.append(value)
            self.known[place] = at
        self._column = None

    def take(self, places: NDArray[np.int64]) -> Col:
        """What the function gave for these days."""
        if self._column is None:
            self._column = column_of(list(self._values))
            text = self._column.text() if self._column.kind == TEXT and self._column.null is None else None
            self._words = None if text is None else Words(text)
        codes = self.known[places].astype(np.int64)
        return self._column.take(codes) if self._words is None else coded_texts(Coded((self._words, codes)))


def some_null(args: Sequence[Value], n: int) -> Mask | None:
    """Which rows have a null in any of these; None: no row."""
    nulls = None
    for arg in args:
        null = null_of(arg, n)
        if null is not None:
            nulls = null if nulls is None else nulls | null
    return nulls


def truth(scope: Scope, value: Value) -> Mask:
    """Python's truth of each value; a null is false."""
    if isinstance(value, Lit):
        try:
            return np.full(scope.n, bool(value.value))
        except Exception as error:
            fail_all(scope, error)
            return np.zeros(scope.n, np.bool_)
    if isinstance(value, ListCol):
        return value.counts() > 0
    if value.kind in ("int", "float", "bool"):
        mask: Mask = value.array().astype(np.bool_, copy=False)
        return mask if value.null is None else mask & ~value.null
    if value.kind == OBJ:
        checked = each(scope, bool, (value,))
        return np.fromiter(map(bool, list_of(checked, scope.n)), np.bool_, scope.n)
    return np.fromiter(map(bool, value.list()), np.bool_, value.n)
