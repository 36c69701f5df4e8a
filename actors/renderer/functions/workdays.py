"""Working days of Taiwan: weekends, public holidays, days off in their place, and the Saturdays that were worked for them.

The holidays package has what the Directorate-General of Personnel Administration published (1998 on); years that it has not
published yet follow from the law in force. Tables of a bundle are no calendars here yet.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from actors.renderer.functions.days import Days, dates, days_of, failed_in, whole_numbers, year_of
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.registry import kernel
from actors.renderer.functions.scope import Scope
from actors.renderer.functions.settings import by_settings
from actors.renderer.functions.values import Value

FAMILY = "Dates"
_FIRST_YEAR, _LAST_YEAR = 1998, 2100
_MOST = 5000  # working days: twenty years
_FEWEST_A_YEAR = 230  # working days of any year, less some
_EPOCH = date(1970, 1, 1).toordinal()
_NEEDS = "names no calendar: tw (Taiwan), or weekend (Saturdays and Sundays alone are free); tables of the bundle are none yet"


@lru_cache(256)
def _of_year(calendar: str, year: int) -> Days:
    """Days since 1970 of the year's working days."""
    first = date(year, 1, 1)
    all_days = [first + timedelta(n) for n in range((date(year + 1, 1, 1) - first).days)]
    if calendar == "weekend":
        worked = [day for day in all_days if day.weekday() < 5]
    else:
        from holidays.countries.taiwan import Taiwan  # a quarter of a second, for those templates only that ask for it

        # The neighbours too: the last days of a year may be free for the first of the next.
        table = Taiwan(years=(year - 1, year, year + 1), expand=False)  # type: ignore[no-untyped-call]
        worked = [day for day in all_days if table.is_working_day(day)]
    return np.array([day.toordinal() - _EPOCH for day in worked], np.int64)


def _between(calendar: str, first: int, last: int) -> Days:
    return np.concatenate([_of_year(calendar, year) for year in range(first, last + 1)])


@kernel(FAMILY, "workday_add('2026-02-13', 1)", "2026-02-23")
def workday_add(scope: Scope, d: Value, n: Value, cal: Any = "tw") -> Value:
    """The n-th working day after d (before d where n is negative); of n = 0, d itself or the next working day. cal: tw (public
    holidays of Taiwan with the days off and the Saturdays worked in their place, 1998 to 2100; years whose calendar the
    government has not published yet follow the law in force) or weekend (Saturdays and Sundays alone are free)."""
    return by_settings(scope, (d, n), (cal,), _worked)


def _worked(scope: Scope, args: Sequence[Value], settings: Sequence[Any]) -> Value:
    calendar = "tw" if settings[0] is None else settings[0]
    if calendar not in ("tw", "weekend"):
        raise Refused("workday_add", "cal", _NEEDS)
    days, no_day = days_of(scope, args[0], "workday_add", "d")
    counts, no_count = whole_numbers(scope, args[1], "workday_add", "n", _MOST)
    failed = failed_in(no_day, no_count)
    years = year_of(days)
    reach = np.abs(counts) // _FEWEST_A_YEAR + 1
    low, high = years - np.where(counts < 0, reach, 0), years + np.where(counts < 0, 0, reach)
    outside = (years < _FIRST_YEAR) | (years > _LAST_YEAR)
    if failed is not None:
        outside &= ~failed
    good = ~outside if failed is None else ~outside & ~failed
    if not good.any():
        return _given_up(scope, days, outside, failed)
    table = _between(calendar, max(int(low[good].min()), _FIRST_YEAR), min(int(high[good].max()), _LAST_YEAR))
    at = np.where(counts > 0, np.searchsorted(table, days, "right") - 1, np.searchsorted(table, days, "left")) + counts
    outside |= good & ((at >= len(table)) | (at < 0))
    return _given_up(scope, table[np.clip(at, 0, len(table) - 1)], outside, failed)


def _given_up(scope: Scope, days: Days, outside: Any, failed: Any) -> Value:
    """The dates; rows outside of the calendar fail."""
    for i in np.flatnonzero(outside).tolist():
        scope.fail(i, Refused("workday_add", "d", f"leads out of the years {_FIRST_YEAR} to {_LAST_YEAR}"))
    return dates(scope, days, failed_in(failed, outside if outside.any() else None), "workday_add", "d")
