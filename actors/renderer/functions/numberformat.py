"""Numbers as text by CLDR patterns, as Babel writes them: the common patterns by a fast way of our own, all others by Babel.

Fast means: groups of three or none, Latin digits, no exponent, no significant digits, no quotes. The tests hold it to Babel.
"""

from collections.abc import Callable
from copy import copy
from decimal import Decimal
from functools import lru_cache
from math import copysign, floor
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.numbers import NumberPattern, get_currency_symbol, parse_pattern

from actors.renderer.functions.digits import multiples
from actors.renderer.functions.digitwords import MAX_PLACES, Style, written
from actors.renderer.functions.distinct import Done
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import exact, number
from actors.renderer.functions.values import Col, coded_texts

Format = Callable[[Any], str]
_EXACT_ENOUGH = 2.0**40  # below it a float times a power of ten, and the value that prints, are right to 0.001


@lru_cache(256)
def locale_of(name: str, function: str) -> Locale:
    """The CLDR locale of a name like zh-TW."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        raise Refused(function, "locale", "is not known") from None


@lru_cache(256)
def pattern_of(pattern: str, function: str) -> NumberPattern:
    """A parsed pattern like #,##0.00."""
    try:
        return parse_pattern(pattern)
    except ValueError:
        raise Refused(function, "pattern", "is no number pattern") from None


def with_digits(pattern: NumberPattern, low: int, high: int) -> NumberPattern:
    """The pattern with that many decimal places."""
    changed = copy(pattern)
    changed.frac_prec = (low, high)
    return changed


def formatter(
    pattern: NumberPattern, locale: Locale, function: str, currency: str = "", symbol: str = "", whole_bare: bool = False
) -> Format:
    """The text of one number. `symbol` stands for the currency sign where given; `whole_bare` leaves out decimal places that
    are all 0."""
    if not symbol and currency:
        symbol = get_currency_symbol(currency, locale)
    if not _simple(pattern):

        def slow(x: Any) -> str:
            return str(pattern.apply(number(x, function, "x"), locale, currency=currency or None, currency_digits=False))

        return slow
    affixes: list[str] = [a.replace("¤", symbol) if symbol else a for a in (*pattern.prefix, *pattern.suffix)]
    fast = _fast(pattern, locale, function, affixes, whole_bare)
    symbols = locale.number_symbols["latn"]
    if (symbols.get("group", ","), symbols.get("decimal", ".")) != (",", ".") or pattern.frac_prec[1] > MAX_PLACES:
        return fast
    return NumberColumns(pattern, affixes, whole_bare, fast)


class NumberColumns:
    """A fast format, also of whole columns: `column` leaves the rows that are near a tie or too large."""

    def __init__(self, pattern: NumberPattern, affixes: list[str], whole_bare: bool, fast: Format):
        self._fast = fast
        low, high = pattern.frac_prec
        before, before_minus, after, after_minus = affixes
        self._places = pattern.scale + high
        self._style = Style(high, low, pattern.grouping[0] == 3, whole_bare, before, after, before_minus, after_minus)

    def __call__(self, x: Any) -> str:
        return self._fast(x)

    def column(self, value: Col) -> Done | None:
        """The texts of a column without nulls."""
        found = multiples(value, self._places)
        if found is None:
            return None
        size, minus, where = found
        return Done(coded_texts(written(size, self._style, minus)), where)


def _fast(pattern: NumberPattern, locale: Locale, function: str, affixes: list[str], whole_bare: bool) -> Format:
    before, before_minus, after, after_minus = affixes
    finish = _finisher(pattern, locale, whole_bare)
    high = pattern.frac_prec[1]
    comma = "," if pattern.grouping[0] == 3 else ""
    spec, spec_int = f"{comma}.{high}f", f"{comma}d"
    finish_int, tail = _finisher(with_digits(pattern, 0, 0), locale, False), finish("." + "0" * high) if high else ""
    scale = 10**pattern.scale
    factor = float(scale)
    cents = 10.0 ** (pattern.scale + high)

    def fast(x: Any) -> str:
        kind = type(x)
        if kind is float:
            size = abs(x) * cents
            # Far from a tie the float rounds as its decimal value does. The comparison is false for nan.
            if size < _EXACT_ENOUGH and not -0.001 < size - floor(size) - 0.5 < 0.001:
                text = finish(format(abs(x) * factor, spec))
                return before_minus + text + after_minus if copysign(1.0, x) < 0 else before + text + after
        elif kind is int:
            text = finish_int(format(abs(x) * scale, spec_int)) + tail
            return before_minus + text + after_minus if x < 0 else before + text + after
        value = exact(number(x, function, "x"))
        if scale != 1:
            value *= scale
        text = finish(format(abs(value), spec))
        return before_minus + text + after_minus if value.is_signed() else before + text + after

    return fast


def _finisher(pattern: NumberPattern, locale: Locale, whole_bare: bool) -> Callable[[str], str]:
    """From Python's 1,234.50 to the pattern's decimal places and the locale's marks."""
    symbols = locale.number_symbols["latn"]
    group, point = symbols.get("group", ","), symbols.get("decimal", ".")
    low, high = pattern.frac_prec
    marks = str.maketrans({",": group, ".": point}) if (group, point) != (",", ".") else None
    bare = "." + "0" * high

    def finish(text: str) -> str:
        if high > low:
            text = text.rstrip("0") if not low else text[: len(text) - high + low] + text[len(text) - high + low :].rstrip("0")
            text = text.removesuffix(".")
        elif whole_bare:
            text = text.removesuffix(bare)
        return text if marks is None else text.translate(marks)

    if high == low and not whole_bare and marks is None:
        return _as_it_is
    return finish


def _as_it_is(text: str) -> str:
    return text


def _simple(pattern: NumberPattern) -> bool:
    return (
        pattern.exp_prec is None
        and "@" not in pattern.pattern
        and "'" not in pattern.pattern
        and "¤¤" not in pattern.pattern
        and pattern.grouping in ((3, 3), (1000, 1000))
        and pattern.int_prec[0] <= 1
        and pattern.number_pattern != ""
    )


def plain_writer(pattern: NumberPattern, locale: Locale) -> Callable[[Decimal], str]:
    """Digits, groups and decimal places of a number that is not negative."""
    finish = _finisher(pattern, locale, False)
    spec = f"{',' if pattern.grouping[0] == 3 else ''}.{pattern.frac_prec[1]}f"
    return lambda value: finish(format(value, spec))
