"""Rounding: all of it on the decimal value that prints, so that 2.675 is 2.675. The result keeps the kind of x.

Floats take a fast way where they are clearly no tie; the exact way decides the others.
"""

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

from actors.renderer.functions import numbercolumns
from actors.renderer.functions.context import Context
from actors.renderer.functions.decimals import met
from actors.renderer.functions.distinct import ByColumn
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import MAX_DIGITS, WIDE, Number, exact, like, number, whole
from actors.renderer.functions.registry import prepared, scalar

FAMILY = "Numbers"
_FAST = 2.0**40  # below it a float times ten to the n is wrong by less than 0.001, and so is the value that prints


def _rounder(function: str, n: Any, mode: str) -> Callable[[Any], Number]:
    digits = whole(n, function, "n", -MAX_DIGITS, MAX_DIGITS)
    quantum = Decimal(1).scaleb(-digits)
    scale = 10.0**digits

    def rounded(x: Any) -> Number:
        value = number(x, function, "x")
        if type(value) is float and digits >= 0:
            scaled = abs(value) * scale
            if scaled < _FAST:
                below = math.floor(scaled)
                part = scaled - below
                if 0.001 < part < 0.999 and abs(part - 0.5) > 0.001:
                    up = part > 0.5 and mode != ROUND_DOWN
                    return math.copysign((below + 1 if up else below) / scale, value) + 0.0  # -0.0 becomes 0.0
        elif type(value) is int and digits >= 0:
            return value
        return like(exact(value).quantize(quantum, mode, WIDE), value)

    return ByColumn(rounded, lambda column: numbercolumns.rounded(column, digits, mode))


@prepared(FAMILY, "round_half_up(2.675, 2)", "2.68", value="x", kind="N")
def round_half_up(job: Context, n: Any = 0) -> Callable[[Any], Number]:
    """x to n decimal places, half away from zero, on the decimal value that prints."""
    return _rounder("round_half_up", n, ROUND_HALF_UP)


@prepared(FAMILY, "round_half_even(2.665, 2)", "2.66", value="x", kind="N")
def round_half_even(job: Context, n: Any = 0) -> Callable[[Any], Number]:
    """x to n decimal places, half to the even digit, on the decimal value that prints."""
    return _rounder("round_half_even", n, ROUND_HALF_EVEN)


@prepared(FAMILY, "trunc(-2.679, 2)", "-2.67", value="x", kind="N")
def trunc(job: Context, n: Any = 0) -> Callable[[Any], Number]:
    """x cut to n decimal places."""
    return _rounder("trunc", n, ROUND_DOWN)


def _multiple(function: str, x: Any, step: Any, mode: str) -> Number:
    value, size = number(x, function, "x"), number(step, function, "step")
    if size <= 0:
        raise Refused(function, "step", "must be above 0")
    if type(value) is int and type(size) is int:
        return like(Decimal((value // size if mode == ROUND_FLOOR else -(-value // size)) * size), value)
    times = WIDE.divide(exact(value), exact(size)).to_integral_value(mode)
    # The result is a multiple of the step, so it is of the step's kind; a decimal and a float give a decimal.
    return like(WIDE.multiply(times, exact(size)), met(size, value)[0])


@scalar(FAMILY, "ceil(1201, 100)", "1300", kind="N")
def ceil(x: Any, step: Any = 1) -> Number:
    """x up to a multiple of step; of the kind of step (decimal where x is decimal and step float)."""
    return _multiple("ceil", x, step, ROUND_CEILING)


@scalar(FAMILY, "floor(12.9)", "12", kind="N")
def floor(x: Any, step: Any = 1) -> Number:
    """x down to a multiple of step; of the kind of step (decimal where x is decimal and step float)."""
    return _multiple("floor", x, step, ROUND_FLOOR)


def _percent(function: str, part: Decimal, n: Any, total: Number, *sources: Number) -> Any:
    digits = whole(n, function, "n", -MAX_DIGITS, MAX_DIGITS)
    if total == 0:
        return None
    share = WIDE.divide(WIDE.multiply(part, Decimal(100)), exact(total))
    rounded = share.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, WIDE)
    return like(rounded, 0) if digits <= 0 else like(rounded, total, *sources, 0.0)


@scalar(
    FAMILY,
    "percent_of(1, 3, 1)",
    "33.3",
    kind="N",
    nulls="null in, null out; null where total is 0",
    column=numbercolumns.percents,
)
def percent_of(a: Any, total: Any, n: Any = 0) -> Any:
    """100 * a / total to n decimal places, half away from zero; a whole number where n is 0."""
    part, base = number(a, "percent_of", "a"), number(total, "percent_of", "total")
    return _percent("percent_of", exact(part), n, base, part)


@scalar(FAMILY, "pct_change(80, 100)", "25", kind="N", nulls="null in, null out; null where old is 0")
def pct_change(old: Any, new: Any, n: Any = 0) -> Any:
    """100 * (new - old) / old to n decimal places, half away from zero; a whole number where n is 0."""
    before, after = number(old, "pct_change", "old"), number(new, "pct_change", "new")
    return _percent("pct_change", WIDE.subtract(exact(after), exact(before)), n, before, after)
