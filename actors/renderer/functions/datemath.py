"""Reckoning with dates: later and earlier, differences, ages, birthdays. Dates go as columns of day numbers (days.py).

A day that a month does not have becomes its last day in date_add (Jan 31 and a month: Feb 28). A year of life is full when the
same day has come again; who is born on Feb 29 has the day on Mar 1 in other years, since the year runs to the end of Feb 28
(Civil Code of the Republic of China, articles 121 and 124).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from actors.renderer.functions.dates import today
from actors.renderer.functions.days import (
    Days,
    counted,
    dates,
    days_of,
    failed_in,
    first_of_month,
    instants,
    month_later,
    months_of,
    whole_numbers,
    year_of,
)
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import whole
from actors.renderer.functions.logic import coalesce
from actors.renderer.functions.moments import (
    CLOCK_UNITS,
    OUT_OF_YEARS,
    SECONDS,
    instant,
    moment,
    moved,
    settled,
    unit_of,
    zone_of,
)
from actors.renderer.functions.registry import kernel
from actors.renderer.functions.scope import OneRow, Scope, each
from actors.renderer.functions.settings import by_settings
from actors.renderer.functions.values import BOOL, Col, Lit, Value, column_of, list_of, numbers

FAMILY = "Dates"
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = {"day": 1, "week": 7}
_UNITS = (*_DAYS, *_MONTHS)
_FURTHEST = 4_000_000  # days: more than lie between the years 1 and 9999
_FURTHEST_SECONDS = _FURTHEST * 86_400
_MOST_DAYS_AHEAD = 366


@kernel(FAMILY, "date_add('2026-01-31', 1, 'month')", "2026-02-28")
def date_add(scope: Scope, d: Value, n: Value, unit: Any = "day") -> Value:
    """The date n units later (earlier where n is negative): day, week, month, quarter, year, safe at the end of a month; of a
    timestamp also hour, minute, second."""
    return by_settings(scope, (d, n), (unit,), _later)


def _later(scope: Scope, args: Sequence[Value], settings: Sequence[Any]) -> Value:
    unit = unit_of("day" if settings[0] is None else settings[0], "date_add", (*_UNITS, *CLOCK_UNITS))
    d, n = args
    if instants(d) or unit in CLOCK_UNITS:
        return each(scope, lambda value, count: _one_later(scope, value, count, unit), args)
    days, no_day = days_of(scope, d, "date_add", "d")
    counts, no_count = whole_numbers(scope, n, "date_add", "n", _FURTHEST)
    later = days + counts * _DAYS[unit] if unit in _DAYS else month_later(days, counts * _MONTHS[unit])
    return dates(scope, later, failed_in(no_day, no_count), "date_add", "n")


def _one_later(scope: Scope, value: Any, count: Any, unit: str) -> Any:
    """As `_later` for one value where timestamps are about."""
    if unit in CLOCK_UNITS:
        value = moment(value, "date_add", "d")
        if value is None:
            raise Refused("date_add", "d", "has no time of day")
    elif not isinstance(value, datetime):
        return list_of(_later(OneRow(scope.job), (column_of([value]), column_of([count])), (unit,)), 1)[0]
    n = whole(count, "date_add", "n", -_FURTHEST_SECONDS, _FURTHEST_SECONDS)
    try:
        if unit in CLOCK_UNITS:
            return moved(value, timedelta(seconds=n * SECONDS[unit]))
        row = column_of([value.date()]), column_of([n])
        day = list_of(_later(OneRow(scope.job), row, (unit,)), 1)[0]
        return settled(datetime.combine(day, value.timetz())) if n else value
    except OverflowError:
        raise Refused("date_add", "n", OUT_OF_YEARS) from None


@kernel(FAMILY, "date_diff('2026-01-31', '2026-12-25', 'month')", "10")
def date_diff(scope: Scope, a: Value, b: Value, unit: Any = "day") -> Value:
    """Whole units from a to b (negative where b is earlier), as many as date_add can go without passing b: day, week, month,
    quarter, year, by the day of each; between timestamps also hour, minute, second."""
    return by_settings(scope, (a, b), (unit,), _difference)


def _difference(scope: Scope, args: Sequence[Value], settings: Sequence[Any]) -> Value:
    unit = unit_of("day" if settings[0] is None else settings[0], "date_diff", (*_UNITS, *CLOCK_UNITS))
    if unit in CLOCK_UNITS:
        zone = zone_of(scope.job.timezone, "date_diff")

        def elapsed(a: Any, b: Any) -> int:
            gone = instant(b, zone, "date_diff", "b") - instant(a, zone, "date_diff", "a")
            size = abs(gone) // timedelta(seconds=SECONDS[unit])
            return size if gone >= timedelta() else -size

        return each(scope, elapsed, args)
    a, no_a = days_of(scope, args[0], "date_diff", "a")
    b, no_b = days_of(scope, args[1], "date_diff", "b")
    sign = np.where(b >= a, 1, -1)
    if unit in _DAYS:
        size = np.abs(b - a) // _DAYS[unit]
    else:
        months = np.abs(months_of(b) - months_of(a))
        months -= sign * (month_later(a, sign * months) - b) > 0
        size = months // _MONTHS[unit]
    return counted(sign * size, failed_in(no_a, no_b))


@kernel(FAMILY, "days_until(date_add(today(), 3))", "3")
def days_until(scope: Scope, d: Value) -> Value:
    """Days from the day of the job's as_of to d; negative where d is past."""
    return by_settings(scope, (Lit(today(scope.job)), d), (), _until)


def _until(scope: Scope, args: Sequence[Value], settings: Sequence[Any]) -> Value:
    start, _ = days_of(scope, args[0], "days_until", "today")
    days, failed = days_of(scope, args[1], "days_until", "d")
    return counted(days - start, failed)


def _birthday(days: Days, years: Days) -> Days:
    """The birthday in these years; Mar 1 for Feb 29 where there is none."""
    months = months_of(days)
    return first_of_month((years - 1970) * 12 + months % 12) + days - first_of_month(months)


@kernel(FAMILY, "age('1990-06-15', '2026-06-14')", "35", nulls="null in, null out; a null day counts as not given")
def age(scope: Scope, birth: Value, on: Any = None) -> Value:
    """Full years of life on a day (without one, the day of the job's as_of); who is born on Feb 29 is a year older on Mar 1
    where there is no Feb 29."""
    this_day = Lit(today(scope.job))
    day = coalesce(scope, on, this_day) if isinstance(on, Col) else this_day if on.value is None else on
    return by_settings(scope, (birth, day), (), _age)


def _age(scope: Scope, args: Sequence[Value], settings: Sequence[Any]) -> Value:
    birth, no_birth = days_of(scope, args[0], "age", "birth")
    on, no_day = days_of(scope, args[1], "age", "on")
    failed = failed_in(no_birth, no_day)
    unborn = birth > on if failed is None else (birth > on) & ~failed
    for i in np.flatnonzero(unborn).tolist():
        scope.fail(i, Refused("age", "birth", "is after the day it is asked for"))
    this_year = year_of(on)
    years = this_year - year_of(birth) - (on < _birthday(birth, this_year))
    return counted(years, failed_in(failed, unborn if unborn.any() else None))


@kernel(FAMILY, "birthday_in(date_add(today(), 5), 7)", "True")
def birthday_in(scope: Scope, birth: Value, days: Value) -> Value:
    """True where the next birthday is at most that many days away from the job's as_of (0: today), also across the end of the
    year; Mar 1 for Feb 29 where there is none."""
    return by_settings(scope, (Lit(today(scope.job)), birth, days), (), _birthday_in)


def _birthday_in(scope: Scope, args: Sequence[Value], settings: Sequence[Any]) -> Value:
    start, _ = days_of(scope, args[0], "birthday_in", "today")
    birth, no_birth = days_of(scope, args[1], "birthday_in", "birth")
    ahead, no_days = whole_numbers(scope, args[2], "birthday_in", "days", _MOST_DAYS_AHEAD)
    year = year_of(start)
    this = _birthday(birth, year)
    next_one = np.where(this >= start, this, _birthday(birth, year + 1))
    return numbers(BOOL, next_one - start <= ahead, failed_in(no_birth, no_days))
