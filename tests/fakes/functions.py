"""Calls of template functions as the renderer makes them: on a column, on one row, with literals."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from actors.renderer.functions import REGISTRY
from actors.renderer.functions.context import Context
from actors.renderer.functions.values import Lit, column_of, list_of

AS_OF = dt.datetime(2026, 11, 23, 16, 30, tzinfo=dt.UTC)  # the 24th in Taipei
CONTEXT = Context(types={}, as_of=AS_OF)
FAILED = "failed"


class Rows:
    """A scope that notes which rows fail, and why."""

    def __init__(self, n: int, job: Context = CONTEXT):
        self.n, self.job = n, job
        self.reasons: dict[int, BaseException] = {}

    def fail(self, i: int, error: BaseException) -> None:
        self.reasons.setdefault(i, error)

    def spend(self, i: int, values: Sequence[Any]) -> None:
        pass

    def late(self) -> bool:
        return False

    def hold(self, values: list[Any], start: int) -> None:
        pass


def run(name: str, rows: int, args: Sequence[Any], job: Context = CONTEXT, **named: Any) -> list[Any]:
    """The column form: a list is a column, all else a literal. FAILED where a row ends."""
    scope = Rows(rows, job)
    values = [column_of(list(arg)) if isinstance(arg, list) else Lit(arg) for arg in args]
    function = REGISTRY[name]
    got = list_of(function.run(scope, function.arguments(values, {k: Lit(v) for k, v in named.items()}, Lit)), rows)
    return [FAILED if i in scope.reasons else value for i, value in enumerate(got)]


def scalar(name: str, *args: Any, job: Context = CONTEXT, **named: Any) -> Any:
    """The form of one row."""
    return REGISTRY[name].scalar(job)(*args, **named)


def agree(
    name: str, reference: Callable[..., Any], *columns: list[Any], rest: Sequence[Any] = (), job: Context = CONTEXT
) -> None:
    """Column form, scalar form and literals give what the reference gives row by row; where it raises, the row fails."""
    rows = list(zip(*columns, strict=True))
    got = run(name, len(rows), [*columns, *rest], job)
    for row, value in zip(rows, got, strict=True):
        try:
            expected = reference(*row)
        except Exception:
            assert value == FAILED, (name, row, rest, value)
            continue
        assert value == expected, (name, row, rest, value, expected)
        assert type(value) is type(expected), (name, row, rest, value, expected)
        assert scalar(name, *row, *rest, job=job) == expected, (name, row, rest)
