"""What runs a function or an operator over the rows of a scope: nulls, literals, and rows that cannot be worked out.

A scope is a choice of rows of one shard. `each` is the way from a scalar function to a column: one C-level pass, and only when
a row raises, a second pass that finds out which. Scalar code over plain values is pure, so running it twice is safe.
"""

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any, Protocol

import numpy as np

from actors.renderer.functions.context import Context
from actors.renderer.functions.listcols import ListCol
from actors.renderer.functions.values import INT, OBJ, TEXT, Col, Lit, Mask, Value, all_plain, column_of, list_of, null_of


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


def fail_all(scope: Scope, error: BaseException) -> Lit:
    """No row of the scope can be worked out."""
    for i in range(scope.n):
        scope.fail(i, error)
    return Lit(None)


def each(scope: Scope, function: Callable[..., Any], args: Sequence[Value]) -> Value:
    """The function's values, row by row; null where it raises (and the row fails)."""
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
        return column_of(list(map(function, *streams)))
    except Exception:
        return column_of(_one_by_one(scope, function, [list_of(arg, scope.n) for arg in args]))


def _one_by_one(scope: Scope, function: Callable[..., Any], lists: list[list[Any]]) -> list[Any]:
    values: list[Any] = []
    for i, row in enumerate(zip(*lists, strict=True)):
        try:
            scope.spend(i, row)
            values.append(function(*row))
        except Exception as error:
            scope.fail(i, error)
            values.append(None)
    return values


def each_distinct(scope: Scope, function: Callable[..., Any], value: Value) -> Value:
    """As `each` with one argument, but equal values are worked out once where many are equal."""
    if isinstance(value, Col) and value.kind in (TEXT, INT, "date") and value.n > 1:
        values = value.list()
        distinct = list(dict.fromkeys(values))
        if len(distinct) * 2 <= len(values):
            try:
                table = dict(zip(distinct, map(function, distinct), strict=True))
            except Exception:
                return each(scope, function, (value,))
            return column_of([table[v] for v in values])
    return each(scope, function, (value,))


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
