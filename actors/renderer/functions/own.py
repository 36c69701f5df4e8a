"""How a package of one's own adds functions: the one module that such a package imports. docs/own-functions.md is the guide.

`scalar` marks a function of one row's values, `column` one of Arrow arrays; plugins.py puts them into the table. Both must be
pure: the same arguments give the same value, on any machine, however often and in whatever order rows are worked out. They are
code of the house and run unbounded; only what they return is judged.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from actors.renderer.functions.arrowcolumns import from_arrow
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.guards import checked
from actors.renderer.functions.registry import NULL_IN_NULL_OUT, Function, Run, by_rows, required
from actors.renderer.functions.scope import OneRow, Scope, each
from actors.renderer.functions.settings import by_settings
from actors.renderer.functions.values import Col, Lit, Value, all_plain, column_of, list_of

__all__ = ["Refused", "column", "scalar"]

FAMILY = "Your own"


@dataclass(frozen=True)
class Own:
    """A marked function. `example` is a slot's inside, `expected` what it prints; both are shown by `hongyan functions`."""

    function: Callable[..., Any]
    by_column: bool
    example: str = ""
    expected: str = ""


def scalar(*, example: str = "", expected: str = "") -> Callable[[Callable[..., Any]], Own]:
    """Marks a function of one row's values: int, float, Decimal, str, bool, date, datetime or a list of them; it gives one such
    value or None. It is not called where an argument without a default is null. Raise `Refused(function, argument, needs)` for
    a value that it cannot take, which ends the row."""
    return lambda function: Own(function, False, example, expected)


def column(*, example: str = "", expected: str = "") -> Callable[[Callable[..., Any]], Own]:
    """Marks a function of columns: each argument without a default is a pyarrow.Array of the rows' values, none of them null,
    each argument with one a plain value, the same for all of these rows. It gives an array (pyarrow, NumPy or a list) of as
    many values. A row must get the same value in whatever company: where the function raises, it is called again row by row."""
    return lambda function: Own(function, True, example, expected)


def made(own: Own, name: str, source: str) -> Function:
    """The entry of the table. Raises ValueError where the function cannot be one."""
    meaning = " ".join((inspect.getdoc(own.function) or "").split())
    if not meaning:
        raise ValueError("it needs a docstring: what it means, in a sentence")
    parameters = list(inspect.signature(own.function).parameters.values())
    if any(p.kind is p.VAR_KEYWORD or (own.by_column and p.kind is p.VAR_POSITIONAL) for p in parameters):
        raise ValueError("its arguments must have names" + (" (no *args by column)" if own.by_column else " (no **kwargs)"))
    if not required(parameters) and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise ValueError("it needs an argument without a default: a function of nothing is a constant")
    run = _by_column(own, name, parameters) if own.by_column else _by_row(own, name, parameters)
    kind = "N" if own.by_column else "D"
    signature = inspect.Signature(parameters)
    return Function(name, FAMILY, kind, meaning, own.example, own.expected, NULL_IN_NULL_OUT, signature, run, source)


def _by_row(own: Own, name: str, parameters: Sequence[inspect.Parameter]) -> Run:
    return by_rows(lambda *args, **named: _plain(own.function(*args, **named), name), parameters, required(parameters), False)


def _plain(value: Any, name: str) -> Any:
    """A value that templates know; numbers within their bounds."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        return [_plain(item, name) for item in value]
    if value is None or all_plain(Col("obj", 1, [value], None, None)):
        return checked(value)
    raise Refused(name, "result", f"is of a type that templates do not have ({type(value).__name__})")


def _by_column(own: Own, name: str, parameters: Sequence[inspect.Parameter]) -> Run:
    count = len(required(parameters))
    names, settings = [p.name for p in parameters[:count]], parameters[count:]

    def arrays(scope: Scope, args: Sequence[Value], given: Sequence[Any]) -> Value:
        named = {p.name: p.default if v is None else v for p, v in zip(settings, given, strict=True)}
        result = own.function(*[_arrow(arg, scope.n, name, label) for arg, label in zip(args, names, strict=True)], **named)
        return _column(result, scope, name)

    def work(scope: Scope, args: Sequence[Value], given: Sequence[Any]) -> Value:
        try:
            return arrays(scope, args, given)
        except Exception as error:
            if scope.n == 1:
                scope.fail(0, error)
                return Lit(None)
        columns = [arg if isinstance(arg, Col) else column_of([arg.value] * scope.n) for arg in args]
        return each(scope, lambda *row: _alone(arrays, scope, row, given), columns)

    return lambda scope, args: by_settings(scope, args[:count], args[count:], work)


def _alone(arrays: Callable[..., Value], scope: Scope, row: Sequence[Any], given: Sequence[Any]) -> Any:
    return list_of(arrays(OneRow(scope.job), [column_of([value]) for value in row], given), 1)[0]


def _arrow(value: Value, n: int, name: str, argument: str) -> pa.Array:
    try:
        return pa.array(list_of(value, n))
    except (pa.ArrowException, UnicodeEncodeError):
        raise Refused(name, argument, "has values of several types, or none that Arrow has") from None


def _column(result: Any, scope: Scope, name: str) -> Value:
    if isinstance(result, pa.Array | pa.ChunkedArray):
        found = from_arrow(result, ZoneInfo(scope.job.timezone))
        values = found.list()
    else:
        values = result.tolist() if isinstance(result, np.ndarray) else list(result)
    if len(values) != scope.n:
        raise Refused(name, "result", "has another number of values than there are rows")
    return column_of([_plain(value, name) for value in values])
