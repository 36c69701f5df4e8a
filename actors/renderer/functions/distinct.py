"""Functions of one value over a whole column: a kernel does the rows that it can, and equal values are worked out once.

What a function gave for a day is remembered for the job's next shards: a list has few of them.
"""

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.renderer.functions.choosing import weave
from actors.renderer.functions.coded import Coded, Words
from actors.renderer.functions.scope import Part, Scope, each
from actors.renderer.functions.values import DATE, INT, TEXT, Col, Mask, Value, coded_texts, column_of

_SAMPLE = 64  # rows that tell whether a text column repeats itself
_EPOCH = date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = (date(1900, 1, 1) - _EPOCH).days, (date(2100, 1, 1) - _EPOCH).days


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
