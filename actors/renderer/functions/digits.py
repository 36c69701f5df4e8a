"""Whole columns of numbers as text: digits by tables of a thousand, grouped or not, with decimal places. ASCII marks only.

A number is a whole multiple of its last decimal place; a float becomes one only where it is clearly no tie.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.renderer.functions.numbercolumns import MAX_WHOLE, SHORT_PLACES, short_floats
from actors.renderer.functions.strings import from_window
from actors.renderer.functions.values import DECIMAL, FLOAT, INT, Col, Mask

Ints = NDArray[np.int64]
MAX_PLACES = 6
_EXACT_ENOUGH = 2.0**40  # below it a float times a power of ten, and the value that prints, are right to 0.001
_NEAR = 0.001
_THREE = np.array([f",{n:03}" for n in range(1000)], "S4").view(np.uint8).reshape(1000, 4)
_THREE_WORDS = np.ascontiguousarray(_THREE).view(np.uint32).reshape(1000)
_BARE = np.ascontiguousarray(_THREE[:, 1:])
_POINT = [np.empty((1, 0), np.uint8)] + [
    np.array([f".{n:0{places}}" for n in range(10**places)], f"S{places + 1}").view(np.uint8).reshape(10**places, places + 1)
    for places in (1, 2, 3)
]
_LARGEST_PLACES = 3  # tables of decimal places beyond a thousand entries are made of two


def multiples(value: Col, places: int) -> tuple[Ints, pa.BooleanArray | None, Mask | None] | None:
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


def _minus(mask: Mask) -> pa.BooleanArray | None:
    return pa.array(mask) if mask.any() else None


def _decimal_multiples(value: Col, places: int) -> tuple[Ints, pa.BooleanArray | None, Mask | None] | None:
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


def _float_multiples(values: NDArray[np.float64], factor: float) -> tuple[Ints, pa.BooleanArray | None, Mask | None]:
    with np.errstate(all="ignore"):
        size = np.abs(values) * factor
        below = np.floor(size)
        far = np.abs(size - below - 0.5) >= _NEAR
        where: Mask = far & (size < _EXACT_ENOUGH)  # false for nan
    if where.all():
        return np.floor(size + 0.5).astype(np.int64), _minus(np.signbit(values)), None
    return np.floor(size[where] + 0.5).astype(np.int64), _minus(np.signbit(values[where])), where


def printed_decimals(value: Col) -> pa.StringArray | None:
    """What str() gives for decimals of one scale; None where some are too large."""
    if not 0 <= value.scale <= MAX_PLACES:
        return None
    found = _decimal_multiples(value, value.scale)
    if found is None:
        return None
    size, minus, _ = found
    digits = written(size, value.scale, grouped=False)
    return digits if minus is None else pc.binary_join_element_wise(pc.if_else(minus, "-", ""), digits, "")


def printed_floats(values: NDArray[np.float64]) -> pa.StringArray | None:
    """What repr() gives for floats that have at most four decimal places; None where one has more."""
    size = short_floats(values)
    if size is None:
        return None
    digits = written(size, SHORT_PLACES, grouped=False, least=1)
    minus = np.signbit(values)
    return pc.binary_join_element_wise(pc.if_else(pa.array(minus), "-", ""), digits, "") if minus.any() else digits


def written(values: Ints, places: int, *, grouped: bool, least: int | None = None, bare_zero: bool = False) -> pa.StringArray:
    """Each value, of 0 up to 10**15, divided by ten to the `places` (0 to 6), as text: 1234.50, or 1,234.50 where grouped.

    `least`: trailing zeros go down to so many decimal places. `bare_zero`: decimal places that are all 0 go."""
    if int(values.max(initial=0)) < 2**31:
        values = values.astype(np.int32)  # divided several at a time
    if not places:
        head, start = _whole(values, grouped)
        return from_window(head, start, head.shape[1])
    scale = values.dtype.type(10**places)
    whole = values // scale
    part = values - whole * scale
    head, start = _whole(whole, grouped)
    tail = _places(part, places)
    rows = np.concatenate([head, tail], axis=1)
    end = np.full(len(values), rows.shape[1], np.int64)
    if least is not None and least < places:
        end -= _trailing_zeros(part, places, least)
    if bare_zero:
        end[part == 0] = head.shape[1]
    return from_window(rows, start, end)


def _whole(whole: NDArray[np.integer[Any]], grouped: bool) -> tuple[NDArray[np.uint8], NDArray[np.integer[Any]]]:
    """The digits at the right of each row, and where they start."""
    groups, most = 1, int(whole.max(initial=0))
    while most >= 1000**groups:
        groups += 1
    n, step = len(whole), 4 if grouped else 3
    rows = np.empty((n, groups * step), np.uint8)
    words = rows.view(np.uint32) if grouped else None
    rest = whole
    for group in range(groups - 1, -1, -1):
        over = rest // 1000
        low = rest - over * 1000
        if words is not None:
            words[:, group] = _THREE_WORDS[low]
        else:
            rows[:, 3 * group : 3 * group + 3] = _BARE[low]
        rest = over
    count = np.ones(n, np.int32)
    for digits in range(1, 3 * groups):
        if 10**digits > most:
            break
        count += whole >= 10**digits
    shown = count + (count - 1) // 3 if grouped else count
    return rows, rows.shape[1] - shown


def _places(part: Ints, places: int) -> NDArray[np.uint8]:
    """`.50` and the like."""
    if places <= _LARGEST_PLACES:
        return _POINT[places][part]
    low = places - _LARGEST_PLACES
    high, rest = part // 10**low, part % 10**low
    return np.concatenate([_POINT[_LARGEST_PLACES][high], _POINT[low][rest][:, 1:]], axis=1)


def _trailing_zeros(part: Ints, places: int, least: int) -> Ints:
    """How many characters at the end go: zeros down to `least` places, and the point where none is left."""
    gone = np.zeros(len(part), np.int64)
    open_ = np.ones(len(part), np.bool_)
    for k in range(1, places - least + 1):
        open_ &= part % 10**k == 0
        gone += open_
    if least == 0:
        gone[open_] += 1
    return gone
