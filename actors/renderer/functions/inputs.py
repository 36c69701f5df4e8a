"""How functions take their values: numbers, text, dates, settings.

Each refuses what it cannot take, naming function and argument and never quoting the value.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from actors.renderer.functions.decimals import alike, printed
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.guards import checked

Number = int | float | Decimal
# Wide enough that no sum, product or quantize of int64, float64 and decimal128 values is rounded on the way.
WIDE = Context(prec=120, rounding=ROUND_HALF_EVEN)
MAX_DIGITS = 18  # decimal places that a rounding function takes: more than any int64 or float64 holds


def number(value: Any, function: str, argument: str) -> Number:
    """A finite number; no boolean, no text."""
    kind = type(value)
    if kind is int:
        return value  # type: ignore[no-any-return]
    if kind is float:
        if math.isfinite(value):
            return value  # type: ignore[no-any-return]
    elif kind is Decimal and value.is_finite():
        return value  # type: ignore[no-any-return]
    raise Refused(function, argument, "is no number")


def together(values: Iterable[Any], function: str, argument: str) -> Sequence[Number]:
    """Finite numbers that are added or compared with one another: the floats as decimals where any is one."""
    return alike([number(value, function, argument) for value in values])


def exact(value: Number) -> Decimal:
    """The decimal value that prints."""
    return printed(value) if type(value) is float else Decimal(value)


def like(result: Decimal, *sources: Number) -> Number:
    """The result in the widest kind of its sources: decimal, else float, else int (then the result must be whole). A zero has
    no sign: nobody wants to read -0.0."""
    if not result:
        result = result.copy_abs()
    if any(type(source) is Decimal for source in sources):
        return checked(result)  # type: ignore[no-any-return]
    if any(type(source) is float for source in sources):
        return float(result)
    return checked(int(result))  # type: ignore[no-any-return]


def whole(value: Any, function: str, argument: str, low: int, high: int) -> int:
    """A whole number within bounds."""
    if type(value) is int and low <= value <= high:
        return value
    raise Refused(function, argument, f"is no whole number from {low} to {high}")


def text(value: Any, function: str, argument: str) -> str:
    """Text; a whole number counts as its digits (lists often hold card or phone numbers that look like numbers)."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if isinstance(value, str):
        return str(value)
    if kind is int:
        return str(value)
    raise Refused(function, argument, "is no text")


def items(value: Any, function: str, argument: str) -> Sequence[Any]:
    """A list from the template."""
    if isinstance(value, list | tuple):
        return value
    raise Refused(function, argument, "is no list")


def day(value: Any, function: str, argument: str) -> date:
    """A date, the date of a timestamp, or ISO 8601 text (2026-01-31)."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip()[:10])
        except ValueError:
            pass
    raise Refused(function, argument, "is no date")


# Ranges without combining marks, selectors and joiners: Latin, CJK, kana, Hangul syllables. A test holds this.
_UNMARKED = re.compile("[\0-\u02ff\u2e80-\u3029\u3030-\u3098\u309b-\ua66e\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]*")


def clusters(value: str) -> list[str]:
    """What a reader sees as characters: marks, selectors and joined emoji stay with what they follow."""
    if value.isascii() or _UNMARKED.fullmatch(value):
        return list(value)
    found: list[str] = []
    joined = False
    for character in value:
        mark = (
            unicodedata.category(character).startswith("M")
            or character == "\u200d"
            or "\U0001f3fb" <= character <= "\U0001f3ff"
        )
        if found and (mark or joined):
            found[-1] += character
        else:
            found.append(character)
        joined = character == "\u200d"
    return found
