"""How functions take their values: numbers, text, dates, settings.

Each refuses what it cannot take, naming function and argument and never quoting the value.
"""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import pairwise
from typing import Any

import regex

from actors.renderer.functions.decimals import alike, printed
from actors.renderer.functions.errors import Limit, Refused
from actors.renderer.functions.guards import checked, weigh
from actors.renderer.functions.limits import MAX_TEXT_CHARS

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


def shown(value: Any) -> str:
    """Any value as a slot prints it; null as nothing."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    weigh(value)
    return "".join((value,)) if isinstance(value, str) else str(value)


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
        written = value.strip()
        try:
            if written[10:11] in ("", "T", " "):
                return date.fromisoformat(written[:10])
        except ValueError:
            pass
    raise Refused(function, argument, "is no date")


# Ranges of characters that each stand alone: Latin, CJK, kana, Hangul syllables. No marks, selectors, joiners and flags, and no
# \r, which is one with a following \n. A test holds this.
UNMARKED = "[\0-\x0c\x0e-\u02ff\u2e80-\u3029\u3030-\u3098\u309b-\ua66e\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]*"
_unmarked = re.compile(UNMARKED).fullmatch
_CLUSTER = regex.compile(r"\X")
# The library looks back over a whole run of flag letters at each of them; after an even number of them a cut changes nothing.
_FLAGS = re.compile("(?:[\U0001f1e6-\U0001f1ff]{32})(?=[\U0001f1e6-\U0001f1ff])")


def unmarked(value: str) -> bool:
    """Whether each code point surely is a character of its own: cutting such text needs no look at clusters."""
    return _unmarked(value) is not None


def clusters(value: str) -> list[str]:
    """What a reader sees as characters: extended grapheme clusters (Unicode Standard Annex 29)."""
    if unmarked(value):
        return list(value)
    cuts = [match.end() for match in _FLAGS.finditer(value)]
    if not cuts:
        return _CLUSTER.findall(value)  # type: ignore[no-any-return]
    return [c for start, end in pairwise([0, *cuts, len(value)]) for c in _CLUSTER.findall(value[start:end])]


def bounded(value: str) -> str:
    """The text, if it is not longer than any one value may be."""
    if len(value) > MAX_TEXT_CHARS:
        raise Limit("gives a value that is too long")
    return value


def octets(value: Any, function: str, argument: str) -> bytes:
    """The text in UTF-8; no half of a surrogate pair."""
    try:
        return text(value, function, argument).encode()
    except UnicodeEncodeError:
        raise Refused(function, argument, "has a character that is none (a lone surrogate)") from None
