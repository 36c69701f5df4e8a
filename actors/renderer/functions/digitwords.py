"""Whole columns of numbers as text, three digits at a time: each three are one of a thousand words, and no digit is written.

A number is a whole multiple of its last decimal place. ASCII marks only: `,` between groups, `.` before decimal places.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.renderer.functions.coded import NOTHING, Coded, Codes, Words, words_of
from actors.renderer.functions.values import Mask

Ints = NDArray[np.integer[Any]]
MAX_PLACES = 6
_PLACES_A_WORD = 3
_WORDS = 1000


class Style(NamedTuple):
    """How numbers are written: 1234.5 as 1,234.50 where `grouped` and of two places.

    Trailing zeros go down to `least` places; `bare`: decimal places that are all 0 go. A negative number has the `minus` texts
    around it instead."""

    places: int = 0  # 0 to 6
    least: int = 0
    grouped: bool = False
    bare: bool = False
    before: str = ""
    after: str = ""
    before_minus: str = "-"
    after_minus: str = ""


def written(size: Ints, style: Style, minus: Mask | None = None) -> Coded:
    """Each value, of 0 up to 10**15, divided by ten to the places. `minus`: which of them are negative."""
    if int(size.max(initial=0)) < 2**31:
        size = size.astype(np.int32)  # divided several at a time
    same = minus is None or style.after == style.after_minus
    after = style.after if same else ""
    if style.places:
        whole, part = _divided(size, 10**style.places)
        parts = [*_whole(whole, style, minus), *_tail(part, style._replace(after=after))]
    else:
        parts = _whole(size, style, minus)
        if after:
            parts.append((words_of(after), np.zeros(len(size), np.int8)))
    if minus is not None and not same:
        parts.append((words_of(style.after, style.after_minus), minus.astype(np.int8)))
    return Coded(*parts)


def _divided(values: Ints, unit: int) -> tuple[Ints, Ints]:
    over = values // values.dtype.type(unit)
    return over, values - over * values.dtype.type(unit)


def _whole(values: Ints, style: Style, minus: Mask | None) -> list[tuple[Words, Codes]]:
    """The digits before the point, from the left: a group of three is a head, or stands behind one, or is not there."""
    words = _groups(style.before, style.before_minus, style.grouped)
    head: Any = _WORDS if minus is None else np.where(minus, 2 * _WORDS, _WORDS)
    most = int(values.max(initial=0))
    parts: list[tuple[Words, Codes]] = []
    while True:
        if most < _WORDS:
            codes = values + head
            parts.append((words, np.where(values > 0, codes, NOTHING) if parts else codes))
            return parts[::-1]
        over, low = _divided(values, _WORDS)
        first = low + head if not parts else np.where(low > 0, low + head, NOTHING)
        parts.append((words, np.where(over > 0, low, first)))
        values, most = over, most // _WORDS


@lru_cache(64)
def _groups(before: str, before_minus: str, grouped: bool) -> Words:
    """The three digits behind others, those that stand first, and those that stand first in a negative number."""
    inner = [f"{',' if grouped else ''}{n:03}" for n in range(_WORDS)]
    heads = [f"{sign}{n}" for sign in (before, before_minus) for n in range(_WORDS)]
    return Words(pa.array(inner + heads, pa.string()))


def _tail(part: Ints, style: Style) -> list[tuple[Words, Codes]]:
    """The decimal places, and what stands behind the number."""
    low_places = style.places - _PLACES_A_WORD
    if not style.after and (style.bare or not style.least) and not part.any():
        return []
    if low_places <= 0:
        return [(_decimals(style.places, style.least, style.bare, style.after), part)]
    # Six places are two words. Where nothing of the second one is shown, the first one ends the number.
    high, low = _divided(part, 10**low_places)
    least = max(style.least - _PLACES_A_WORD, 0)
    ending = _decimals(_PLACES_A_WORD, min(style.least, _PLACES_A_WORD), style.bare, style.after)
    going_on = _decimals(_PLACES_A_WORD, _PLACES_A_WORD, False, "")
    second = _decimals(low_places, max(least, 1), False, style.after, point="")
    ends = low == 0 if not least else (part == 0) & style.bare
    if ends.all():
        return [(ending, high)]
    return [
        (ending, np.where(ends, high, NOTHING)),
        (going_on, np.where(ends, NOTHING, high)),
        (second, np.where(ends, NOTHING, low)),
    ]


@lru_cache(64)
def _decimals(places: int, least: int, bare: bool, after: str, point: str = ".") -> Words:
    """`.500` for 500, down to so many places."""
    texts = []
    for n in range(10**places):
        digits = f"{n:0{places}}"
        shown = "" if bare and not n else digits[:least] + digits[least:].rstrip("0")
        texts.append((point + shown if shown else "") + after)
    return Words(pa.array(texts, pa.string()))
