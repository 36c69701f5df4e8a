"""Formats: numbers, money, shares, sizes, ordinals and telephone numbers as a reader of the locale expects them.

CLDR data from Babel. Ties round to the even digit, as CLDR and Babel do; round before where a contract says otherwise.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.core import get_global
from babel.numbers import NumberPattern, get_currency_precision, list_currencies, parse_pattern

from actors.renderer.functions import phones
from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import exact, number, text, whole
from actors.renderer.functions.numberformat import Format, formatter, locale_of, pattern_of, plain_writer, with_digits
from actors.renderer.functions.numerals import LOWER, LOWER_HANS, numeral
from actors.renderer.functions.registry import prepared, scalar

FAMILY = "Formats"
MAX_PLACES = 18
_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def _locale(job: Context, locale: Any, function: str) -> Locale:
    return locale_of(job.locale if locale is None else text(locale, function, "locale"), function)


@lru_cache(256)
def _number_format(pattern: str | None, locale: Locale) -> Format:
    made = locale.decimal_formats[None] if pattern is None else pattern_of(pattern, "fmt_number")
    return formatter(made, locale, "fmt_number")


@prepared(FAMILY, "fmt_number(1234.5, '#,##0.00')", "1,234.50", value="x")
def fmt_number(job: Context, pattern: Any = None, locale: Any = None) -> Format:
    """The number by a CLDR pattern; without one, as the locale writes numbers (at most three decimal places)."""
    return _number_format(
        None if pattern is None else text(pattern, "fmt_number", "pattern"), _locale(job, locale, "fmt_number")
    )


@lru_cache(64)
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies()) | frozenset(get_global("currency_fractions"))


@lru_cache(256)
def _currency_format(code: str, locale: Locale) -> Format:
    if code not in _currencies():
        raise Refused("fmt_currency", "cur", "is no ISO 4217 code")
    pattern = locale.currency_formats["standard"]
    digits = get_currency_precision(code)
    # CLDR writes the Taiwan dollar as $ inside Taiwan; readers of other mails need to tell it from others.
    symbol = "NT$" if code == "TWD" else ""
    # Prices in Taiwan are whole dollars; cents are shown where there are some, so that no amount is told wrong.
    return formatter(with_digits(pattern, digits, digits), locale, "fmt_currency", code, symbol, code == "TWD")


@prepared(FAMILY, "fmt_currency(1234)", "NT$1,234", value="x")
def fmt_currency(job: Context, cur: Any = "TWD", locale: Any = None) -> Format:
    """The amount with its currency sign and the currency's decimal places; TWD without places where the amount is whole."""
    return _currency_format(text(cur, "fmt_currency", "cur").upper(), _locale(job, locale, "fmt_currency"))


@lru_cache(256)
def _percent_format(digits: int, locale: Locale) -> Format:
    return formatter(with_digits(locale.percent_formats[None], digits, digits), locale, "fmt_percent")


@prepared(FAMILY, "fmt_percent(0.125, 1)", "12.5%", value="x")
def fmt_percent(job: Context, n: Any = 0, locale: Any = None) -> Format:
    """The share as a percentage with n decimal places."""
    return _percent_format(whole(n, "fmt_percent", "n", 0, MAX_PLACES), _locale(job, locale, "fmt_percent"))


class _Compact:
    """CLDR's short forms of one locale: 1.2萬, 12K."""

    def __init__(self, locale: Locale):
        self._locale = locale
        self._formats = locale.compact_decimal_formats["short"]
        self._steps = sorted(((Decimal(m), m) for m in self._formats["other"]), reverse=True)
        self._writers: dict[tuple[str, int], tuple[NumberPattern, Callable[[Decimal], str]]] = {}

    def __call__(self, x: Any) -> str:
        value = exact(number(x, "fmt_compact", "x"))
        size = abs(value)
        for magnitude, name in self._steps:
            if size >= magnitude:
                pattern = parse_pattern(self._formats["other"][name]).pattern
                if pattern == "0":
                    return self._write(parse_pattern(self._formats["other"][name]), value)
                value = value / (int(name) // 10 ** (pattern.count("0") - 1))
                return self._write(parse_pattern(self._formats[self._plural(value, name)][name]), round(value, 1))
        return self._write(self._locale.decimal_formats[None], value)

    def _plural(self, value: Decimal, name: str) -> str:
        form = str(self._locale.plural_form(abs(value)))
        if value == 1 and "1" in self._formats:
            form = "1"
        return form if form in self._formats and name in self._formats[form] else "other"

    def _write(self, pattern: NumberPattern, value: Decimal) -> str:
        normal = abs(value).normalize()
        exponent = normal.as_tuple().exponent
        places = max(0, -exponent) if isinstance(exponent, int) else 0
        low, high = pattern.frac_prec
        key = (pattern.pattern, max(high, places))
        made = self._writers.get(key)
        if made is None:
            made = self._writers[key] = (pattern, plain_writer(with_digits(pattern, low, key[1]), self._locale))
        sign = int(value.is_signed())
        return str(pattern.prefix[sign]).replace("'", "") + made[1](normal) + str(pattern.suffix[sign]).replace("'", "")


@lru_cache(64)
def _compact(locale: Locale) -> _Compact:
    return _Compact(locale)


@prepared(FAMILY, "fmt_compact(12345)", "1.2萬", value="x")
def fmt_compact(job: Context, locale: Any = None) -> Format:
    """The number in the locale's short form with at most one decimal place: 1.2萬, 12K."""
    return _compact(_locale(job, locale, "fmt_compact"))


@scalar(FAMILY, "fmt_bytes(1500000)", "1.5 MB")
def fmt_bytes(n: Any) -> str:
    """A size in bytes in steps of a thousand, one decimal place from kB on."""
    size = number(n, "fmt_bytes", "n")
    if size < 0:
        raise Refused("fmt_bytes", "n", "must not be below 0")
    value = exact(size)
    if value < 1000:
        return f"{value.to_integral_value()} B"
    step = 0
    while step + 1 < len(_BYTE_UNITS) and (step == 0 or round(value, 1) >= 1000):
        value, step = value / 1000, step + 1
    return f"{round(value, 1)} {_BYTE_UNITS[step]}"


def _en_ordinal(value: int) -> str:
    ending = "th" if 11 <= value % 100 <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{ending}"


@prepared(FAMILY, "fmt_ordinal(21, 'en')", "21st", value="n")
def fmt_ordinal(job: Context, locale: Any = None) -> Format:
    """第二十一 in Chinese, 21st in English; other locales are refused."""
    known = _locale(job, locale, "fmt_ordinal")
    if known.language not in ("zh", "en"):
        raise Refused("fmt_ordinal", "locale", "must be Chinese or English")
    hans = known.script == "Hans" or (known.language == "zh" and known.territory == "CN")
    writing = LOWER_HANS if hans else LOWER

    def ordinal(n: Any) -> str:
        value = whole(n, "fmt_ordinal", "n", 0, 10**16 - 1)
        return _en_ordinal(value) if known.language == "en" else "第" + numeral(value, writing)

    return ordinal


@scalar(FAMILY, "fmt_phone('0912345678')", "0912-345-678")
def fmt_phone(p: Any, country: Any = "TW") -> str:
    """A Taiwanese number as it is written in Taiwan; a number of another country as +code and digits. country: whose national
    numbers are meant (TW only)."""
    if country not in (None, "TW"):
        raise Refused("fmt_phone", "country", "must be TW")
    found = phones.parts(text(p, "fmt_phone", "p"))
    if found is None:
        raise Refused("fmt_phone", "p", "is no telephone number")
    code, digits, extension = found
    national = phones.national_tw(code, digits)
    if national is None and code:
        return f"+{code} {digits}" + (f" ext. {extension}" if extension else "")
    written = phones.format_tw(national) if national else None
    if written is None:
        raise Refused("fmt_phone", "p", "is no number of Taiwan")
    return written + (f"#{extension}" if extension else "")
