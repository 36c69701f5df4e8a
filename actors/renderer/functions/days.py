"""Days as numbers: columns of dates become days since 1970, and months are counted on them. No registration lives here.

The calendar is Gregorian throughout (proleptic before 1582), from year 1 to 9999, as that of Python and ISO 8601. A timestamp
counts by its own day, as it is told; a text by its ISO date.
"""

from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from actors.renderer.functions.distinct import each_distinct
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import day
from actors.renderer.functions.scope import Scope
from actors.renderer.functions.values import DATE, INT, Col, Lit, Mask, Value, column_of, kind_of, numbers

Days = NDArray[np.int64]
_EPOCH = date(1970, 1, 1).toordinal()
FIRST, LAST = date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH
_DAY = "datetime64[D]"
_MONTH = "datetime64[M]"


def days_of(scope: Scope, value: Value, function: str, argument: str) -> tuple[Days, Mask | None]:
    """Days since 1970 of values that are not null, and which rows have failed because their value is no date."""
    if isinstance(value, Lit):
        return np.full(scope.n, _number(day(value.value, function, argument)), np.int64), None
    if value.kind != DATE:
        found = each_distinct(scope, lambda v: day(v, function, argument), value)
        if isinstance(found, Lit) or found.kind != DATE:  # all of them have failed
            return np.zeros(scope.n, np.int64), np.ones(scope.n, np.bool_)
        value = found
    return value.array(), value.null


def _number(value: date) -> int:
    return value.toordinal() - _EPOCH


def dates(scope: Scope, days: Days, failed: Mask | None, function: str, argument: str) -> Value:
    """The column of dates; rows that lead out of the years 1 to 9999 fail."""
    outside = (days < FIRST) | (days > LAST)
    if failed is not None:
        outside &= ~failed
    if outside.any():
        for i in np.flatnonzero(outside).tolist():
            scope.fail(i, Refused(function, argument, "leads out of the years 1 to 9999"))
        failed = outside if failed is None else failed | outside
    return numbers(DATE, days if failed is None else np.where(failed, 0, days), failed)


def failed_in(*masks: Mask | None) -> Mask | None:
    """Rows that have failed in any of these."""
    some = None
    for mask in masks:
        if mask is not None:
            some = mask if some is None else some | mask
    return some


def months_of(days: Days) -> Days:
    """Months since January 1970."""
    months: Days = days.astype(_DAY).astype(_MONTH).astype(np.int64)
    return months


def first_of_month(months: Days) -> Days:
    """The first day of each month."""
    days: Days = months.astype(_MONTH).astype(_DAY).astype(np.int64)
    return days


def month_later(days: Days, n: Days | int) -> Days:
    """The same day n months later, or the last day of a month that is too short for it."""
    months = months_of(days)
    wanted = months + n
    start = first_of_month(wanted)
    later: Days = np.minimum(start + days - first_of_month(months), first_of_month(wanted + 1) - 1)
    return later


def year_of(days: Days) -> Days:
    """The year."""
    return months_of(days) // 12 + 1970


def whole_numbers(scope: Scope, value: Value, function: str, argument: str, limit: int) -> tuple[Days, Mask | None]:
    """Whole numbers from -limit to limit of values that are not null, and which rows have failed."""
    if isinstance(value, Lit):
        value = column_of([value.value] * scope.n)
    if value.kind == INT:
        array = value.array()
        outside = (array > limit) | (array < -limit)
    else:
        array, outside = np.zeros(value.n, np.int64), np.ones(value.n, np.bool_)
        if kind_of(value) == "obj":  # some of them may be whole numbers
            good = [type(v) is int and -limit <= v <= limit for v in value.list()]
            outside = ~np.array(good, np.bool_)
            array = np.array([v if g else 0 for v, g in zip(value.list(), good, strict=True)], np.int64)
    if not outside.any():
        return array, None
    for i in np.flatnonzero(outside).tolist():
        scope.fail(i, Refused(function, argument, f"is no whole number from {-limit} to {limit}"))
    return np.where(outside, 0, array), outside


def counted(values: Days, failed: Mask | None) -> Col:
    """A column of whole numbers, null where failed."""
    return numbers(INT, values, failed)


def instants(value: Value) -> bool:
    """Whether any of the values is a timestamp."""
    if isinstance(value, Lit):
        return isinstance(value.value, datetime)
    return value.kind == "datetime" or (value.kind == "obj" and any(isinstance(v, datetime) for v in value.list()))
