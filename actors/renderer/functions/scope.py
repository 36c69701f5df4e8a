"""What runs a function or an operator over the rows of a scope: nulls, literals, and rows that cannot be worked out.

A scope is a choice of rows of one shard. `each` is the way from a scalar function to a column: one C-level pass, and only when
a row raises, a second pass that finds out which. Scalar code over plain values is pure, so running it twice is safe.
"""

from collections.abc import Callable, Sequence
from itertools import islice, repeat
from typing import Any, Protocol

import numpy as np

from actors.renderer.functions.context import Context
from actors.renderer.functions.listcols import ListCol
from actors.renderer.functions.values import (
    OBJ,
    Col,
    Index,
    Lit,
    Mask,
    Value,
    all_plain,
    column_of,
    list_of,
    null_of,
)

ROWS_A_COUNT = 256  # worked out by a scalar function before the time is looked at: some milliseconds at most
CHARS_A_COUNT = 100_000  # fewer that a step makes weigh nothing beside the values themselves


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
