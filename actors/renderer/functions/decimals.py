"""How a decimal meets a float: the float is taken as the decimal that it prints, so 0.1 is 0.1, and the result is a decimal.

Holds for arithmetic, for comparisons (also `in`, Jinja2's tests and its `sum`) and for our functions; in columns and by row.
A float that is infinite or no number cannot meet a decimal: the row ends. All other pairs are as in Python.
"""

import operator
from collections.abc import Callable, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any

from actors.renderer.functions.errors import RowStop


def printed(value: float) -> Decimal:
    """The decimal that a float prints. Ends the row for what has none."""
    if not isfinite(value):
        raise RowStop("combines a decimal with a number that is infinite or none")
    return Decimal(repr(value))


def met(a: Any, b: Any) -> tuple[Any, Any]:
    """The two, the float as a decimal where the other is one."""
    if type(a) is Decimal:
        if type(b) is float:
            return a, printed(b)
    elif type(a) is float and type(b) is Decimal:
        return printed(a), b
    return a, b


def alike(values: Sequence[Any]) -> Sequence[Any]:
    """The values, the floats as decimals where any value is one: several values meet all at once, in whatever order."""
    for value in values:
        if type(value) is Decimal:
            return [printed(value) if type(value) is float else value for value in values]
    return values


def equal(a: Any, b: Any) -> Any:
    """a == b."""
    if type(a) is Decimal or type(b) is Decimal:
        a, b = met(a, b)
    return a == b


def contains(a: Any, b: Any) -> Any:
    """a in b; of a list or tuple each item is met."""
    if type(a) in (Decimal, float) and isinstance(b, list | tuple):
        return True in [a is item or equal(a, item) for item in b]  # all of them: no order hides one that cannot be met
    return a in b


def _met(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: compare(*met(a, b)) if type(a) is Decimal or type(b) is Decimal else compare(a, b)


# Comparisons by the names of Jinja2's tree.
ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    **{name: _met(compare) for name, compare in ORDER.items()},
    "in": contains,
    "notin": lambda a, b: not contains(a, b),
}
