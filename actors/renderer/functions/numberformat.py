"""Numbers as text by CLDR patterns, as Babel writes them: the common patterns by a fast way of our own, all others by Babel.

Fast means: groups of three or none, Latin digits, no exponent, no significant digits, no quotes. The tests hold it to Babel.
"""

import math
from collections.abc import Callable
from copy import copy
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.numbers import NumberPattern, get_currency_symbol, parse_pattern

from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import number

Format = Callable[[Any], str]


@lru_cache(256)
def locale_of(name: str, function: str) -> Locale:
    """The CLDR locale of a name like zh-TW."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        raise Refused(function, "locale", f"is not known ({name[:20]})") from None


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


def formatter(pattern: NumberPattern, locale: Locale, function: str, currency: str = "", symbol: str = "") -> Format:
    """The text of one number. `symbol` stands for the currency sign where given."""
    if not symbol and currency:
        symbol = get_currency_symbol(currency, locale)
    affixes: list[str] = [a.replace("¤", symbol) if symbol else a for a in (*pattern.prefix, *pattern.suffix)]
    if not _simple(pattern):

        def slow(x: Any) -> str:
            value = number(x, function, "x")
            return str(pattern.apply(value, locale, currency=currency or None, currency_digits=False))

        return slow
    write = plain_writer(pattern, locale)
    before, before_minus, after, after_minus = affixes
    low = pattern.frac_prec[0]
    zeros = _symbols(locale)[1] + "0" * low if low else ""
    scale = Decimal(10) ** pattern.scale if pattern.scale else None
    group = _symbols(locale)[0] if pattern.grouping[0] == 3 else ""
    after_int = zeros + after

    def fast(x: Any) -> str:
        kind = type(x)
        if kind is int and scale is None:
            if x >= 0:
                return f"{before}{x:,}{after_int}" if group == "," else before + _grouped(x, group) + after_int
            return before_minus + _grouped(-x, group) + zeros + after_minus
        if kind is float and math.isfinite(x):
            value = Decimal(repr(x))
        elif kind is Decimal and x.is_finite():
            value = x
        else:
            value = Decimal(number(x, function, "x"))
        if scale is not None:
            value *= scale
        if value.is_signed():
            return before_minus + write(abs(value)) + after_minus
        return before + write(value) + after

    return fast


def _grouped(value: int, group: str) -> str:
    if not group:
        return str(value)
    text = f"{value:,}"
    return text if group == "," else text.replace(",", group)


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


def _symbols(locale: Locale) -> tuple[str, str]:
    symbols = locale.number_symbols["latn"]
    return symbols.get("group", ","), symbols.get("decimal", ".")


def plain_writer(pattern: NumberPattern, locale: Locale) -> Callable[[Decimal], str]:
    """Digits, groups and decimal places of a number that is not negative."""
    group, point = _symbols(locale)
    low, high = pattern.frac_prec
    spec = f"{',' if pattern.grouping[0] == 3 else ''}.{high}f"
    marks = str.maketrans({",": group, ".": point}) if (group, point) != (",", ".") else None

    def write(value: Decimal) -> str:
        text = format(value, spec)
        if high > low:
            whole, _, part = text.partition(".")
            part = part.rstrip("0").ljust(low, "0")
            text = f"{whole}.{part}" if part else whole
        return text if marks is None else text.translate(marks)

    return write
