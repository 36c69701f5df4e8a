"""Dates from text: the forms that can mean one day only, or forms that the template names.

Read without a form: year first (2026-01-05, 2026/1/5, 2026.1.5, 20260105, 2026年1月5日), the calendar of the Republic of China
(民國114年1月5日, 114年1月5日, 114/01/05, 1140105, 民國前1年1月5日), and a month in English letters (Mon, 05 Jan 2026).
01/02/2026, 5/1/26, 99/01/05 and the like may mean several days: they are refused, whatever the digits are, so that a column is
never read in two ways. A time of day after the date is passed over.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.dates import tokenize_pattern

from actors.renderer.functions.context import Context
from actors.renderer.functions.dates import today
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import text
from actors.renderer.functions.numberformat import locale_of
from actors.renderer.functions.registry import scalar

FAMILY = "Dates"
MAX_CHARS = 80  # the longest form with weekday, zone and comment is half of that
_ROC_ZERO = 1911
_TIME = (
    r"(?:T\d{6}Z?|(?:T|,?\s|(?<=[日號号])\s?)(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?"
    r"\s?(?:[AaPp]\.?[Mm]\.?)?\s?(?:Z|[A-Z]{2,5}|[+-]\d{2}:?\d{2})?)?"
)
_MONTHS = {
    name: at + 1 for at, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
}
_FULL = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ERA = r"(?:中華)?(?:民國|民国)"
_WEEKDAY = r"(?:(?P<weekday>Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},?\s+)?"
_WESTERN = tuple(
    re.compile(form + _TIME, re.ASCII)
    for form in (
        r"(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})",
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
        r"(?:西元|公元)?\s*(?P<y>\d{4})\s*年\s*(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})\s*[日號号]",
    )
)
_ROC = tuple(
    re.compile(form + _TIME, re.ASCII)
    for form in (
        _ERA + r"(?P<before>前)?\s*(?P<y>\d{1,3}|元)\s*年\s*(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})\s*[日號号]",
        r"(?:" + _ERA + r"|民)(?P<before>前)?\s*(?P<y>\d{1,3})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})",
        r"(?P<y>\d{2,3})\s*年\s*(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})\s*[日號号]",
        r"(?P<y>[01]\d{2})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})",
        r"(?P<y>[01]\d{2})(?P<m>\d{2})(?P<d>\d{2})",
    )
)
_ENGLISH = tuple(
    re.compile(_WEEKDAY + form + _TIME, re.ASCII | re.IGNORECASE)
    for form in (
        r"(?P<d>\d{1,2})(?:st|nd|rd|th)?[\s-](?P<name>[a-z]{3,9})\.?,?[\s-](?P<y>\d{4})",
        r"(?P<name>[a-z]{3,9})\.?\s(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s(?P<y>\d{4})",
    )
)


class _Refusal:
    """Stands for an alt that is not given."""

    def __repr__(self) -> str:
        return "refused"


REFUSED = _Refusal()


def read(value: str) -> date | None:
    """The date of one of the forms that mean one day only; None for any other text."""
    if len(value) > MAX_CHARS:
        return None
    if len(value) == 10 and value[4] == value[7] == "-" and value.isascii():  # nearly all of them
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    plain = " ".join(unicodedata.normalize("NFKC", value).split())
    for forms, year in ((_WESTERN, _western), (_ROC, _roc)):
        for form in forms:
            found = form.fullmatch(plain)
            if found:
                return _date(year(found), int(found["m"]), int(found["d"]))
    for form in _ENGLISH:
        found = form.fullmatch(plain)
        if found:
            return _english(found)
    return None


def _western(found: re.Match[str]) -> int:
    return int(found["y"])


def _roc(found: re.Match[str]) -> int:
    year = 1 if found["y"] == "元" else int(found["y"])
    if not year:
        return 0  # there is no such year
    return _ROC_ZERO + 1 - year if found.groupdict().get("before") else _ROC_ZERO + year


def _english(found: re.Match[str]) -> date | None:
    name = found["name"].lower()
    if name not in _FULL and name != "sept" and len(name) != 3:
        return None
    made = _date(int(found["y"]), _MONTHS.get(name[:3], 0), int(found["d"]))
    weekday = found["weekday"]
    if made is None or (weekday and _WEEKDAYS[made.weekday()] != weekday.lower()):
        return None  # the weekday is of another day: one of the two is wrong
    return made


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


MAX_PATTERN = 64  # characters of a form: the longest of CLDR has half of that
_BLANKS = re.compile(r"\s+")
_DIGITS = {"y": r"\d{1,4}", "M": r"\d{1,2}", "d": r"\d{1,2}"}
_SAME = {"L": "M", "c": "E", "b": "a", "B": "a", "h": "H", "k": "H", "K": "H"}
# Each at most once in a form: no text makes the search long.
_PASSED_OVER = {"E": r"\w+\.?", "a": r"\w+\.?", "H": r"\d{1,2}", "m": r"\d{1,2}", "s": r"\d{1,2}", "S": r"\d+"}


class _Form:
    """One CLDR pattern as a reader of dates: y, M and d with names of months, weekdays and times of day passed over."""

    def __init__(self, pattern: str, locale: Locale):
        self._names: dict[str, int] = {}
        self._short_year = False
        seen: set[str] = set()
        if len(pattern) > MAX_PATTERN:
            raise ValueError("too long")
        parts = [self._part(kind, token, locale, seen) for kind, token in tokenize_pattern(pattern)]
        if not seen.issuperset(_DIGITS):
            raise ValueError("year, month and day, each once")
        self._form = re.compile("".join(parts), re.IGNORECASE)

    def _part(self, kind: str, token: Any, locale: Locale, seen: set[str]) -> str:
        if kind == "chars":
            return r"\s?".join(map(re.escape, _BLANKS.split(token)))
        letter, count = token
        field = _SAME.get(letter, letter)
        if field in seen or (field not in _DIGITS and field not in _PASSED_OVER):
            raise ValueError("a field that is no part of a date, or one that is there twice")
        seen.add(field)
        if field in _PASSED_OVER:
            return _PASSED_OVER[field]
        if field == "M" and count >= 3:
            return f"(?P<M>{self._month_names(locale)})"
        self._short_year |= field == "y" and count == 2
        digits = rf"\d{{{count}}}" if count in (2, 4) else _DIGITS[field]
        return f"(?P<{field}>{digits})"

    def _month_names(self, locale: Locale) -> str:
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in locale.months[context][width].items():
                    self._names.setdefault(name.rstrip(".").casefold(), number)
        longest_first = sorted(self._names, key=len, reverse=True)
        return "(?:" + "|".join(map(re.escape, longest_first)) + r")\.?"

    def read(self, value: str, year_now: int) -> date | None:
        """The date, or None where the text has another form. Years of two digits lie from 80 years back to 19 years ahead."""
        found = self._form.fullmatch(value)
        if not found:
            return None
        year = int(found["y"])
        if self._short_year:
            year += (year_now - 80) // 100 * 100
            year += 100 if year < year_now - 80 else 0
        month = self._names.get(found["M"].rstrip(".").casefold()) if self._names else int(found["M"])
        return None if month is None else _date(year, month, int(found["d"]))


@lru_cache(256)
def _form(pattern: str, locale: str) -> _Form:
    try:
        return _Form(pattern, locale_of(locale, "parse_date"))
    except (ValueError, re.error):
        raise Refused("parse_date", "fmts", "must be date patterns with year, month and day, such as dd/MM/yyyy") from None


@scalar(FAMILY, "parse_date('民國114年1月5日')", "2025-01-05")
def parse_date(job: Context, t: Any, *fmts: Any, alt: Any = REFUSED) -> Any:
    """The date in a text: 2026-01-05, 2026/1/5, 20260105, 114/01/05, 1140105, 民國114年1月5日, 5 Jan 2026, with a time of
    day or without; forms that may mean several days (01/02/2026, 99/01/05) are refused. fmts: CLDR patterns that are tried
    instead, in order (dd/MM/yyyy). alt: what to give where the text is refused."""
    if isinstance(t, datetime):
        return t.date()
    if isinstance(t, date):
        return t
    forms: Sequence[Callable[[str], date | None]] = [read]
    if fmts:
        year = today(job).year
        made = [_form(text(fmt, "parse_date", "fmts"), job.locale) for fmt in fmts]
        forms = [lambda value, form=form: form.read(value, year) for form in made]  # type: ignore[misc]
    value = " ".join(str(t).split()) if isinstance(t, str | int) and not isinstance(t, bool) else ""
    if len(value) <= MAX_CHARS:
        for form in forms:
            found = form(value)
            if found is not None:
                return found
    if alt is REFUSED:
        raise Refused(
            "parse_date", "t", "has none of the forms that mean one day only: name its form (parse_date(t, 'dd/MM/yyyy'))"
        )
    return alt
