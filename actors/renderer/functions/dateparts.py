"""Parts of dates and the edges of weeks, months, quarters and years. Weeks are ISO 8601's: they start on Monday."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from actors.renderer.functions.days import (
    Days,
    counted,
    dates,
    days_of,
    first_of_month,
    month_later,
    months_of,
    year_of,
)
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.moments import CLOCK_UNITS, moment, unit_of
from actors.renderer.functions.registry import kernel
from actors.renderer.functions.scope import Scope, each
from actors.renderer.functions.settings import by_settings
from actors.renderer.functions.values import Value

FAMILY = "Dates"
_ROC_ZERO = 1911  # the year before the first of the Republic of China calendar


def _weekday(days: Days) -> Days:
    """0 on Monday to 6 on Sunday; 1970-01-01 was a Thursday."""
    return (days + 3) % 7


def _thursday(days: Days) -> Days:
    """The Thursday of the same ISO week: its year is the week's year."""
    return days - _weekday(days) + 3


def _start_of_year(days: Days) -> Days:
    return first_of_month(months_of(days) // 12 * 12)


_PARTS: Mapping[str, Callable[[Days], Days]] = {
    "year": year_of,
    "quarter": lambda days: months_of(days) % 12 // 3 + 1,
    "month": lambda days: months_of(days) % 12 + 1,
    "week": lambda days: (_thursday(days) - _start_of_year(_thursday(days))) // 7 + 1,
    "iso_year": lambda days: year_of(_thursday(days)),
    "day": lambda days: days - first_of_month(months_of(days)) + 1,
    "weekday": lambda days: _weekday(days) + 1,
    "yearday": lambda days: days - _start_of_year(days) + 1,
}
_STARTS: Mapping[str, Callable[[Days], Days]] = {
    "day": lambda days: days,
    "week": lambda days: days - _weekday(days),
    "month": lambda days: first_of_month(months_of(days)),
    "quarter": lambda days: first_of_month(months_of(days) // 3 * 3),
    "year": _start_of_year,
}
_ENDS: Mapping[str, Callable[[Days], Days]] = {
    "day": lambda days: days,
    "week": lambda days: days - _weekday(days) + 6,
    "month": lambda days: month_later(_STARTS["month"](days), 1) - 1,
    "quarter": lambda days: month_later(_STARTS["quarter"](days), 3) - 1,
    "year": lambda days: month_later(_STARTS["year"](days), 12) - 1,
}


@kernel(FAMILY, "date_part('2026-01-05', 'week')", "2")
def date_part(scope: Scope, d: Value, unit: Any) -> Value:
    """A part as a number: year, quarter, month, week and iso_year (ISO 8601), day, weekday (1 is Monday), yearday; of a
    timestamp also hour, minute, second."""
    return by_settings(scope, (d,), (unit,), _part)


def _part(scope: Scope, args: Sequence[Value], settings: Sequence[Any]) -> Value:
    unit = unit_of(settings[0], "date_part", (*_PARTS, *CLOCK_UNITS))
    if unit in CLOCK_UNITS:
        return each(scope, lambda d: getattr(_clock(d), unit), args)
    days, failed = days_of(scope, args[0], "date_part", "d")
    return counted(_PARTS[unit](days), failed)


def _clock(value: Any) -> datetime:
    found = moment(value, "date_part", "d")
    if found is None:
        raise Refused("date_part", "d", "has no time of day")
    return found


@kernel(FAMILY, "start_of('2026-05-20', 'quarter')", "2026-04-01")
def start_of(scope: Scope, d: Value, unit: Any) -> Value:
    """The first day of the date's week (Monday), month, quarter or year."""
    return by_settings(scope, (d,), (unit,), lambda s, args, given: _edge(s, args[0], given[0], "start_of", _STARTS))


@kernel(FAMILY, "end_of('2028-02-10', 'month')", "2028-02-29")
def end_of(scope: Scope, d: Value, unit: Any) -> Value:
    """The last day of the date's week (Sunday), month, quarter or year."""
    return by_settings(scope, (d,), (unit,), lambda s, args, given: _edge(s, args[0], given[0], "end_of", _ENDS))


def _edge(scope: Scope, d: Value, unit: Any, function: str, edges: Mapping[str, Callable[[Days], Days]]) -> Value:
    edge = edges[unit_of(unit, function, tuple(edges))]
    days, failed = days_of(scope, d, function, "d")
    return dates(scope, edge(days), failed, function, "d")


@kernel(FAMILY, "roc_year('2025-01-05')", "114")
def roc_year(scope: Scope, d: Value) -> Value:
    """The year of the Republic of China calendar: year - 1911, so 0 and below before 1912."""
    return by_settings(scope, (d,), (), _roc_year)


def _roc_year(scope: Scope, args: Sequence[Value], settings: Sequence[Any]) -> Value:
    days, failed = days_of(scope, args[0], "roc_year", "d")
    return counted(year_of(days) - _ROC_ZERO, failed)
