"""Operators, concatenation and formatting with bounds: they give what Python gives, or refuse before the work is done.

Both ways of rendering use these, so that a row ends alike in a column and row by row. Integers stay within int64 by rule.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from jinja2.sandbox import SandboxedEscapeFormatter, SandboxedFormatter
from jinja2.utils import Namespace
from markupsafe import Markup, soft_str

from actors.renderer.functions.decimals import met
from actors.renderer.functions.errors import Limit
from actors.renderer.functions.limits import MAX_FORMAT_WIDTH, MAX_ITEMS, MAX_TEXT_CHARS

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
MAX_DECIMAL_EXPONENT = 400  # beyond it a decimal is no amount, and int() of it takes for ever
_PERCENT = re.compile(r"%(?:\([^)]*\))?[#0\- +]*(\*|\d+)?(?:\.(\*|\d+))?")
_DIGITS = re.compile(r"\d+")

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}


def weigh(value: Any, limit: int = MAX_TEXT_CHARS) -> int:
    """Characters and items that a value holds, nested ones counted each time they occur; refuses above the limit."""
    if isinstance(value, str):
        total = len(value)
    elif isinstance(value, list | tuple | set | frozenset):
        total = len(value)
        if total <= limit:
            for item in value:
                total += weigh(item, limit - total)
    elif isinstance(value, Mapping | Namespace):
        # A namespace shows its names to nobody but itself.
        entries = object.__getattribute__(value, "_Namespace__attrs") if isinstance(value, Namespace) else value
        total = len(entries)
        for key, item in entries.items():
            total += weigh(key, limit - total) + weigh(item, limit - total)
    else:
        return 1
    if total > limit:
        raise Limit("gives a value that is too long")
    return total


def weigh_lists(values: Iterable[Any]) -> int:
    """What the lists and the like among these values weigh; texts and numbers count nothing."""
    return sum(weigh(value) for value in values if isinstance(value, list | tuple | set | frozenset | Mapping | Namespace))


def checked(value: Any) -> Any:
    """The value, if it is one that a template may hold: int64, real, text and lists of bounded size."""
    kind = type(value)
    if kind is float or kind is bool or value is None:
        return value
    if kind is int:
        if not INT_MIN <= value <= INT_MAX:
            raise OverflowError
    elif kind is complex:
        raise Limit("gives a number that is not real")
    elif kind is Decimal:
        if value.is_finite() and value and abs(value.adjusted()) > MAX_DECIMAL_EXPONENT:
            raise OverflowError
    else:
        weigh(value)
    return value


def binop(op: str, left: Any, right: Any) -> Any:
    """One binary operation of a template."""
    if type(left) is Decimal or type(right) is Decimal:
        left, right = met(left, right)
    if op == "*":
        _check_repeat(left, right)
        _check_repeat(right, left)
    elif op == "+" and isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
        if len(left) + len(right) > (MAX_TEXT_CHARS if isinstance(left, str) else MAX_ITEMS):
            raise Limit("gives a value that is too long")
    elif op == "%" and isinstance(left, str):
        check_percent(left, right)
    elif op == "**":
        _check_power(left, right)
    return checked(OPERATORS[op](left, right))


def unop(op: str, value: Any) -> Any:
    """One sign of a template."""
    return checked(-value if op == "-" else +value)


def tilde(values: Iterable[Any], markup: bool) -> str:
    """`a ~ b` as Jinja2 joins: in a part that is escaped (`markup`), one piece of markup makes the others be escaped."""
    parts = list(values)
    weigh(parts)
    if markup and any(hasattr(part, "__html__") for part in parts):
        return Markup("").join(parts)
    return "".join(map(str, parts))


def _check_repeat(sequence: Any, times: Any) -> None:
    if isinstance(sequence, str | list | tuple) and isinstance(times, int):
        size = weigh(sequence) if isinstance(sequence, list | tuple) else len(sequence)
        if times > 0 and size * times > (MAX_TEXT_CHARS if isinstance(sequence, str) else MAX_ITEMS):
            raise Limit("repeats a value too often")


def _check_power(base: Any, exponent: Any) -> None:
    whole = isinstance(base, int) and isinstance(exponent, int) and exponent > 0
    if whole and abs(base) > 1 and exponent * (abs(base).bit_length() - 1) > 64:
        raise OverflowError


def check_percent(pattern: str, values: Any) -> None:
    """Refuses `%`-formats that ask for huge fields."""
    for width, precision in _PERCENT.findall(pattern):
        for size in (width, precision):
            if size == "*" or (size and (len(size) > 6 or int(size) > MAX_FORMAT_WIDTH)):
                raise Limit("formats with a field that is too wide")
    weigh(values)
    fields = pattern.count("%")
    if fields and fields * (weigh(values) + len(pattern)) > 100 * MAX_TEXT_CHARS:
        raise Limit("formats too many fields")


def check_replace(text: Any, old: Any, new: Any) -> None:
    """Refuses a replacement whose result would be too long."""
    source, sought, put = soft_str(text), soft_str(old), soft_str(new)
    if len(put) > len(sought) and len(source) + source.count(sought) * (len(put) * 6) > 8 * MAX_TEXT_CHARS:
        raise Limit("replaces with a text that is too long")


class _Widths:
    """Bounds the widths in `str.format`, also those that come from other fields."""

    def format_field(self, value: Any, format_spec: str) -> str:
        for size in _DIGITS.findall(format_spec):
            if len(size) > 6 or int(size) > MAX_FORMAT_WIDTH:
                raise Limit("formats with a field that is too wide")
        text: str = super().format_field(value, format_spec)  # type: ignore[misc]
        return text


class PlainFormatter(_Widths, SandboxedFormatter):
    """`str.format` of plain text."""


class MarkupFormatter(_Widths, SandboxedEscapeFormatter):
    """`str.format` of markup: escapes what it puts in."""
