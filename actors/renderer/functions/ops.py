"""Arithmetic and comparison of columns, with Python's results to the bit: NumPy where it gives the same, else value by value.

Never wraps: an int64 overflow, a division by zero or a null operand ends the row. Decimals meet floats by the rule of
decimals.py. numexpr is not used: docs/adr/0005 has the figures.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import repeat
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.renderer.functions import guards
from actors.renderer.functions.decimals import COMPARE, ORDER, printed
from actors.renderer.functions.numbercolumns import EXACT, bound_of, decimal_comparison, decimal_operation
from actors.renderer.functions.scope import Scope, each
from actors.renderer.functions.values import BOOL, DECIMAL, FLOAT, INT, OBJ, Col, Lit, Value, bools, column_of, kind_of, numbers

_PLACES = 9  # decimal places of a literal that still go with columns
_NUMBERS = (INT, FLOAT, BOOL)
_BINARY: dict[str, Callable[[Any, Any], Any]] = {op: partial(guards.binop, op) for op in guards.OPERATORS}
_UNARY: dict[str, Callable[[Any], Any]] = {op: partial(guards.unop, op) for op in "+-"}


def binary(scope: Scope, op: str, left: Value, right: Value) -> Value:
    """`left op right`, op one of + - * / // % **."""
    if isinstance(left, Col) or isinstance(right, Col):
        pair = _number_pair(left, right)
        if pair is not None:
            result = _fast(op, *pair)
            if result is not None:
                return result
        scaled = _scaled_pair(left, right)
        if scaled is not None:
            column = decimal_operation(op, *scaled)
            if column is not None:
                return column
        decimals = _decimals(guards.OPERATORS[op], left, right)
        if decimals is not None and max(map(abs, map(Decimal.adjusted, decimals)), default=0) <= guards.MAX_DECIMAL_EXPONENT:
            return column_of(decimals)
    return each(scope, _BINARY[op], (left, right))


def unary(scope: Scope, op: str, value: Value) -> Value:
    """`+value` or `-value`."""
    if isinstance(value, Col) and value.kind == FLOAT and value.null is None:
        return numbers(FLOAT, -value.array() if op == "-" else value.array())
    return each(scope, _UNARY[op], (value,))


def compare(scope: Scope, op: str, left: Value, right: Value) -> Value:
    """One comparison; op is a name of Jinja2's tree (eq, lteq, notin ...)."""
    plain = ORDER.get(op)
    if plain is not None and (isinstance(left, Col) or isinstance(right, Col)):
        pair = _number_pair(left, right)
        if pair is not None:
            a, b, mixed = pair
            if not mixed or (_magnitude(a) <= EXACT and _magnitude(b) <= EXACT):
                return bools(plain(a, b))
        scaled = _scaled_pair(left, right)
        if scaled is not None:
            mask = decimal_comparison(plain, *scaled)
            if mask is not None:
                return bools(mask)
        decimals = _decimals(plain, left, right)
        if decimals is not None:
            return column_of(decimals)
        kinds = {kind_of(left), kind_of(right)}
        if OBJ not in kinds and kinds != {DECIMAL, FLOAT}:  # no decimal meets a float
            return each(scope, plain, (left, right))
    return each(scope, COMPARE[op], (left, right))


def _scaled_pair(left: Value, right: Value) -> tuple[tuple[Any, int], tuple[Any, int]] | None:
    """Both operands as multiples of a power of ten and its scale, where one is a decimal column of one scale and the other one
    too, or of whole numbers, or a number of few places."""
    if DECIMAL not in (kind_of(left), kind_of(right)):
        return None
    found: list[tuple[Any, int]] = []
    for value in (left, right):
        if isinstance(value, Lit):
            if type(value.value) not in (int, float, Decimal) or (type(value.value) is float and not isfinite(value.value)):
                return None
            exact = printed(value.value) if type(value.value) is float else Decimal(value.value)
            exponent = exact.as_tuple().exponent
            if not isinstance(exponent, int) or not -_PLACES <= exponent <= 0:
                return None
            units = bound_of(exact, -exponent)
            if units is None:
                return None
            found.append((units, -exponent))
        elif value.null is not None or value.kind not in (INT, DECIMAL) or (value.kind == DECIMAL and value.scale < 0):
            return None
        else:
            found.append((value.array(), max(value.scale, 0)))
    return found[0], found[1]


def _decimals(function: Callable[[Any, Any], Any], left: Value, right: Value) -> list[Any] | None:
    """The function over decimals and numbers at once; None where none is decimal, or where rows must be seen to one by one."""
    kinds = (kind_of(left), kind_of(right))
    if DECIMAL not in kinds or not {*kinds} <= {DECIMAL, INT, FLOAT}:
        return None
    operands: list[Any] = []
    for value, kind in zip((left, right), kinds, strict=True):
        if isinstance(value, Lit):
            if kind == FLOAT and not isfinite(value.value):
                return None
            operands.append(repeat(printed(value.value) if kind == FLOAT else value.value))
        elif value.null is not None or (kind == FLOAT and not np.isfinite(value.array()).all()):
            return None
        else:
            operands.append(map(Decimal, map(repr, value.list())) if kind == FLOAT else value.list())
    try:
        return list(map(function, *operands))
    except Exception:
        return None


def _number_pair(left: Value, right: Value) -> tuple[Any, Any, bool] | None:
    """Both operands as arrays or numbers and whether an int meets a float; None where one is no number or has a null."""
    operands = []
    for value in (left, right):
        kind = kind_of(value)
        if kind not in _NUMBERS:
            return None
        if isinstance(value, Lit):
            if kind != FLOAT and not guards.INT_MIN < value.value <= guards.INT_MAX:
                return None
            operands.append(int(value.value) if kind == BOOL else value.value)
        elif value.null is not None:
            return None
        else:
            operands.append(value.array().astype(np.int64) if kind == BOOL else value.array())
    return operands[0], operands[1], _is_float(operands[0]) != _is_float(operands[1])


def _is_float(operand: Any) -> bool:
    return operand.dtype == np.float64 if isinstance(operand, np.ndarray) else isinstance(operand, float)


def _magnitude(operand: Any) -> int:
    """The largest absolute int; 0 for floats."""
    if _is_float(operand):
        return 0
    if isinstance(operand, np.ndarray):
        return max(int(operand.max()), -int(operand.min())) if operand.size else 0
    return abs(int(operand))


def _fast(op: str, a: Any, b: Any, mixed: bool) -> Col | None:
    """The result as NumPy gives it, or None where NumPy might not give what Python gives."""
    if _is_float(a) or _is_float(b):
        if op not in "+-*/" or (op == "/" and not np.all(b)):
            return None
        return numbers(FLOAT, _numpy(op, a, b))
    most_a, most_b = _magnitude(a), _magnitude(b)
    if op == "/":
        if most_a > EXACT or most_b > EXACT or not np.all(b):
            return None
        return numbers(FLOAT, _numpy(op, a, b))
    if op in ("//", "%"):
        if most_a > guards.INT_MAX or not np.all(b):
            return None
    elif op == "*":
        if most_a * most_b > guards.INT_MAX:
            return None
    elif op not in "+-" or most_a + most_b > guards.INT_MAX:
        return None
    return numbers(INT, _numpy(op, a, b))


def _numpy(op: str, a: Any, b: Any) -> NDArray[Any]:
    result: NDArray[Any] = guards.OPERATORS[op](a, b)
    return result
