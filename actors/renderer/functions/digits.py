"""Whole columns of numbers as multiples of their last decimal place, and as Python prints them.

A number is a whole multiple of its last decimal place; a float becomes one only where it is clearly no tie.
"""

import numpy as np
from numpy.typing import NDArray

from actors.renderer.functions.coded import Coded
from actors.renderer.functions.digitwords import MAX_PLACES, Style, written
from actors.renderer.functions.numbercolumns import MAX_WHOLE, SHORT_PLACES, short_floats
from actors.renderer.functions.values import DECIMAL, FLOAT, INT, Col, Mask

Ints = NDArray[np.int64]
_EXACT_ENOUGH = 2.0**40  # below it a float times a power of ten, and the value that prints, are right to 0.001
_NEAR = 0.001


def multiples(value: Col, places: int) -> tuple[Ints, Mask | None, Mask | None] | None:
    """|value| as multiples of ten to the -places, ties to even; which rows are negative (None: none is); and which rows these
    are (None: all). None where the column has no such form."""
    if value.kind == INT:
        size = np.abs(value.array())
        if not len(size) or int(size.min()) < 0 or int(size.max()) >= MAX_WHOLE // 10**places:
            return None
        return size * 10**places, _minus(value.array() < 0), None
    if value.kind == DECIMAL and value.scale >= 0:
        return _decimal_multiples(value, places)
    if value.kind == FLOAT:
        return _float_multiples(value.array(), 10.0**places)
    return None


def _minus(mask: Mask) -> Mask | None:
    return mask if mask.any() else None


def _decimal_multiples(value: Col, places: int) -> tuple[Ints, Mask | None, Mask | None] | None:
    signed = value.array()
    size = np.abs(signed)
    more = places - value.scale
    if not len(size) or int(size.min()) < 0 or int(size.max()) >= MAX_WHOLE // 10 ** max(more, 0):
        return None
    if more >= 0:
        size = size * 10**more
    else:
        unit = 10**-more
        down = size // unit
        rest = (size - down * unit) * 2
        size = down + ((rest > unit) | ((rest == unit) & (down & 1 == 1)))
    return size, _minus(signed < 0), None


def _float_multiples(values: NDArray[np.float64], factor: float) -> tuple[Ints, Mask | None, Mask | None]:
    with np.errstate(all="ignore"):
        size = np.abs(values) * factor
        below = np.floor(size)
        far = np.abs(size - below - 0.5) >= _NEAR
        where: Mask = far & (size < _EXACT_ENOUGH)  # false for nan
    if where.all():
        return np.floor(size + 0.5).astype(np.int64), _minus(np.signbit(values)), None
    return np.floor(size[where] + 0.5).astype(np.int64), _minus(np.signbit(values[where])), where


def printed_decimals(value: Col) -> Coded | None:
    """What str() gives for decimals of one scale; None where some are too large."""
    if not 0 <= value.scale <= MAX_PLACES:
        return None
    found = _decimal_multiples(value, value.scale)
    if found is None:
        return None
    size, minus, _ = found
    return written(size, Style(value.scale, value.scale), minus)


def printed_ints(value: Col) -> Coded | None:
    """What str() gives for whole numbers; None where some are too large."""
    found = multiples(value, 0)
    return None if found is None else written(found[0], Style(), found[1])


def printed_floats(values: NDArray[np.float64]) -> Coded | None:
    """What repr() gives for floats that have at most four decimal places; None where one has more."""
    size = short_floats(values)
    return None if size is None else written(size, Style(SHORT_PLACES, 1), _minus(np.signbit(values)))
