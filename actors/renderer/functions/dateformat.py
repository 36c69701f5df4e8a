"""Dates as text by CLDR patterns, as Babel writes them.

Fields of year, month, day and weekday come from tables that Babel fills, all other fields from Babel itself.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from babel import Locale
from babel.dates import format_date, get_date_format, tokenize_pattern

_MONDAY = date(2024, 1, 1)
DateText = Callable[[date], str]


class _Table(dict[int, str]):
    """One field's texts by its number, filled by Babel when first met."""

    def __init__(self, field: str, locale: Locale, sample: Callable[[int], date]):
        super().__init__()
        self._field, self._locale, self._sample = field, locale, sample

    def __missing__(self, key: int) -> str:
        text = self[key] = str(format_date(self._sample(key), self._field, self._locale))
        return text


_FIELDS: Mapping[str, tuple[Callable[[date], int], Callable[[int], date]]] = {
    "y": (lambda d: d.year, lambda key: date(key, 6, 15)),
    "M": (lambda d: d.month, lambda key: date(2024, key, 15)),
    "L": (lambda d: d.month, lambda key: date(2024, key, 15)),
    "d": (lambda d: d.day, lambda key: date(2024, 1, key)),
    "E": (lambda d: d.weekday(), lambda key: _MONDAY + timedelta(key)),
}


def date_formatter(pattern: str, locale: Locale, named: frozenset[str]) -> DateText:
    """The text of one date by a pattern or one of the named forms. Raises ValueError for what is no pattern."""
    form = str(get_date_format(pattern, locale).pattern) if pattern in named else pattern
    parts: list[Any] = []
    for kind, token in tokenize_pattern(form):
        if kind == "chars":
            parts.append((None, token))
            continue
        letter, count = token
        if letter not in _FIELDS:
            return lambda d: str(format_date(d, form, locale))
        get, sample = _FIELDS[letter]
        parts.append((get, _Table(letter * count, locale, sample)))
    return lambda d: "".join([table if get is None else table[get(d)] for get, table in parts])
