"""Arithmetic functions of whole columns, for the rows that have the common form; the scalar functions have the rules.

int64 columns and floats far from a tie are done here, decimals of one scale as whole multiples of their last place. Every
bound keeps results inside int64, so nothing wraps.
"""

from collections.abc import Callable, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.renderer.functions.coded import coded_by
from actors.renderer.functions.distinct import Done
from actors.renderer.functions.values import DECIMAL, FLOAT, INT, Col, Mask, coded_texts, column_of, decimals, numbers

LARGEST = 2**62
EXACT = 2**53  # int64 values up to here are exact as float64
_FAST = 2.0**40  # below it a float times ten to the n is wrong by less than 0.001, and so is the value that prints
_NEAR = 0.001
_MODES = (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN)
_MOST_DIGITS = 15
SHORT_PLACES, SHORT_SCALE = 4, 1e4
MAX_WHOLE = 10**15  # decimals of 15 digits are told apart by every double; five groups of three digits are enough


def magnitude(array: NDArray[np.int64]) -> int:
    """The largest absolute value."""
    return max(int(array.max()), -int(array.min())) if len(array) else 0


def rounded(value: Col, digits: int, mode: str) -> Done | None:
    """The column to so many decimal places."""
    if not 0 <= digits <= _MOST_DIGITS or mode not in _MODES:
        return None
    if value.kind == INT:
        return Done(value)
    if value.kind == FLOAT:
        return _rounded_floats(value.array(), digits, mode)
    if value.kind == DECIMAL and value.scale >= 0:
        return _rounded_decimals(value, digits, mode)
    return None


def _rounded_floats(values: NDArray[np.float64], digits: int, mode: str) -> Done:
    scale = 10.0**digits
    short = short_floats(values) if digits <= SHORT_PLACES else None
    if short is not None:  # each is the decimal of few places that it prints: ties are seen exactly
        size = _reduced(short, 10 ** (SHORT_PLACES - digits), mode)
        return Done(numbers(FLOAT, np.copysign(size / scale, values) + 0.0))
    with np.errstate(all="ignore"):
        scaled = np.abs(values) * scale
        below = np.floor(scaled)
        part = scaled - below
        # Comparisons are false for nan.
        where: Mask = (scaled < _FAST) & (part > _NEAR) & (part < 1 - _NEAR) & (np.abs(part - 0.5) > _NEAR)
        up = (part > 0.5) & (mode != ROUND_DOWN)
        result = np.copysign((below + up) / scale, values) + 0.0  # -0.0 becomes 0.0
    return Done(numbers(FLOAT, result)) if where.all() else Done(numbers(FLOAT, result[where]), where)


def _rounded_decimals(value: Col, digits: int, mode: str) -> Done | None:
    units, more = value.array(), digits - value.scale
    if more >= 0:
        if magnitude(units) >= LARGEST // 10**more:
            return None
        return Done(decimals(units * 10**more, digits))
    down = _reduced(np.abs(units), 10**-more, mode)
    return Done(decimals(np.where(units < 0, -down, down), digits))


def _reduced(size: NDArray[np.int64], unit: int, mode: str) -> NDArray[np.int64]:
    """size / unit to whole numbers; none is negative."""
    down = size // unit
    twice = (size - down * unit) * 2
    if mode == ROUND_HALF_UP:
        down = down + (twice >= unit)
    elif mode == ROUND_HALF_EVEN:
        down = down + ((twice > unit) | ((twice == unit) & (down & 1 == 1)))
    return down


def short_floats(values: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """|values| as multiples of 0.0001 where each is the double nearest to such a decimal of at most 15 digits, which is then
    the decimal that it prints; else None."""
    with np.errstate(all="ignore"):
        size = np.abs(values)
        scaled = np.rint(size * SHORT_SCALE)
        if not ((scaled < MAX_WHOLE) & (scaled / SHORT_SCALE == size)).all():  # false for nan
            return None
    return scaled.astype(np.int64)


def percents(value: Col, total: Any, n: Any = 0) -> Done | None:
    """100 * value / total to n decimal places, half away from zero; int64 by a whole number."""
    if value.kind != INT or type(total) is not int or type(n) is not int or not 0 <= n <= _MOST_DIGITS or total == 0:
        return None
    factor = 200 * 10**n
    if abs(total) >= LARGEST // 4 or magnitude(value.array()) >= LARGEST // 2 // factor:
        return None
    base = abs(total)
    size = (np.abs(value.array()) * factor + base) // (2 * base)
    if n and magnitude(size) > EXACT:
        return None
    signed = np.where((value.array() < 0) != (total < 0), -size, size)
    return Done(numbers(FLOAT, signed / 10.0**n + 0.0) if n else numbers(INT, signed))


def clamped(value: Col, low: Any, high: Any) -> Done | None:
    """The column between two bounds of its own kind."""
    kind = int if value.kind == INT else float if value.kind == FLOAT else None
    if kind is None or type(low) is not kind or type(high) is not kind:
        return None
    array = value.array()
    if kind is float and not (np.isfinite(array).all() and np.isfinite(low) and np.isfinite(high)):
        return None
    if kind is int and not -LARGEST < low <= high < LARGEST:
        return None
    return Done(numbers(value.kind, np.where(array < low, low, np.where(array > high, high, array))))


def extreme(value: Col, choose: Callable[..., Any], others: Sequence[Any]) -> Done | None:
    """The larger or smaller (`np.maximum`, `np.minimum`) of an int64 column and whole numbers."""
    if value.kind != INT or not all(type(other) is int and abs(other) < LARGEST for other in others):
        return None
    array = value.array()
    for other in others:
        array = choose(array, other)
    return Done(numbers(INT, array))


def bands(value: Col, edges: Sequence[Any], labels: Sequence[Any]) -> Done | None:
    """The label of each value's half-open interval."""
    scale = 0
    if value.kind == DECIMAL:
        if value.scale < 0:
            return None
        scale = value.scale
    elif value.kind not in (INT, FLOAT):
        return None
    bounds = [bound_of(edge, scale) for edge in edges]
    if value.kind == FLOAT:
        if not np.isfinite(value.array()).all() or not all(type(e) in (int, float) and abs(e) < EXACT for e in edges):
            return None
        bounds = list(edges)
    if any(bound is None for bound in bounds):
        return None
    places = np.searchsorted(np.array(bounds, value.array().dtype), value.array(), "right")
    coded = coded_by(labels, places)
    return Done(column_of(list(labels)).take(places) if coded is None else coded_texts(coded))


def bound_of(edge: Any, scale: int) -> int | None:
    """The edge as a whole multiple of ten to the -scale, where it is one."""
    if type(edge) is int:
        units = Decimal(edge).scaleb(scale)
    elif type(edge) is float and np.isfinite(edge):
        units = Decimal(repr(edge)).scaleb(scale)
    elif type(edge) is Decimal and edge.is_finite():
        units = edge.scaleb(scale)
    else:
        return None
    return int(units) if abs(units) < LARGEST and units == int(units) else None


def _most(operand: Any) -> int:
    return magnitude(operand) if isinstance(operand, np.ndarray) else abs(int(operand))


def decimal_operation(op: str, left: tuple[Any, int], right: tuple[Any, int]) -> Col | None:
    """+, - or * of decimals of one scale, given as multiples and scale; None where int64 might not hold the result."""
    (a, scale_a), (b, scale_b) = left, right
    most_a, most_b = _most(a), _most(b)
    if op == "*":
        if most_a * most_b >= LARGEST:
            return None
        product = np.asarray(a * b)
        if not product.all() and (np.min(a) < 0 or np.min(b) < 0):  # a zero might have to be -0
            return None
        return decimals(product, scale_a + scale_b)
    if op not in "+-":
        return None
    scale = max(scale_a, scale_b)
    if max(most_a * 10 ** (scale - scale_a), most_b * 10 ** (scale - scale_b)) >= LARGEST // 2:
        return None
    a, b = a * 10 ** (scale - scale_a), b * 10 ** (scale - scale_b)
    return decimals(np.asarray(a + b if op == "+" else a - b), scale)


def decimal_comparison(compare: Callable[[Any, Any], Any], left: tuple[Any, int], right: tuple[Any, int]) -> Mask | None:
    """A comparison of decimals of one scale; None where int64 might not hold them at one scale."""
    (a, scale_a), (b, scale_b) = left, right
    scale = max(scale_a, scale_b)
    for x, own in ((a, scale_a), (b, scale_b)):
        if _most(x) >= LARGEST // 10 ** (scale - own):
            return None
    result: Mask = compare(a * 10 ** (scale - scale_a), b * 10 ** (scale - scale_b))
    return result
