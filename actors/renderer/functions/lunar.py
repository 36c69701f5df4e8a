"""The Chinese calendar: which day of which lunar month a date is, and the animal of its lunar year.

The months come from lunar_python, which computes them from the positions of sun and moon at Beijing's longitude; asked for one
lunar year at a time and kept. Lunar years 1900 to 2100 only: within them other almanacs agree (tests compare).
"""

from bisect import bisect_right
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import day
from actors.renderer.functions.registry import scalar

FAMILY = "Dates"  # zodiac_tw has its place among the Chinese ones
FIRST_YEAR, LAST_YEAR = 1900, 2100
_NEEDS = f"is not within the lunar years {FIRST_YEAR} to {LAST_YEAR}"
_JULIAN = 1_721_424.5  # the Julian date of the midnight that ordinal 0 stands for
_ANIMALS = "鼠牛虎兔龍蛇馬羊猴雞狗豬"
_RAT_YEAR = 1900
_MONTHS = ("正", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
_DIGITS = "一二三四五六七八九"
_DAYS = (
    *(f"初{digit}" for digit in _DIGITS),
    "初十",
    *(f"十{digit}" for digit in _DIGITS),
    "二十",
    *(f"廿{digit}" for digit in _DIGITS),
    "三十",
)


class LunarDay(NamedTuple):
    """A day of the Chinese calendar."""

    year: int
    month: int
    leap: bool
    day: int


@lru_cache(256)
def _months(year: int) -> tuple[tuple[int, ...], tuple[tuple[int, bool], ...]]:
    """Ordinals of the first days of the lunar year's months and of the day after the last, and each month's number and whether
    it is a leap month."""
    from lunar_python import LunarYear  # 40 ms, for those templates only that ask for it

    months = [month for month in LunarYear.fromYear(year).getMonths() if month.getYear() == year]
    starts = [int(month.getFirstJulianDay() - _JULIAN) for month in months]
    return (*starts, starts[-1] + months[-1].getDayCount()), tuple(
        (abs(month.getMonth()), month.getMonth() < 0) for month in months
    )


@lru_cache(65_536)
def lunar_day(value: date) -> LunarDay | None:
    """The day in the Chinese calendar; None outside of its years here."""
    ordinal = value.toordinal()
    for year in (value.year, value.year - 1):
        if FIRST_YEAR <= year <= LAST_YEAR:
            starts, months = _months(year)
            at = bisect_right(starts, ordinal) - 1
            if 0 <= at < len(months):
                return LunarDay(year, *months[at], ordinal - starts[at] + 1)
    return None


def _known(value: Any, function: str) -> LunarDay:
    found = lunar_day(day(value, function, "d"))
    if found is None:
        raise Refused(function, "d", _NEEDS)
    return found


@scalar(FAMILY, "lunar_date('2025-12-25')", "農曆十一月初六")
def lunar_date(d: Any) -> str:
    """The day in the Chinese calendar: 農曆十一月初六, 農曆閏六月初八; from 1900-01-31 to 2101-01-28."""
    found = _known(d, "lunar_date")
    return f"農曆{'閏' if found.leap else ''}{_MONTHS[found.month - 1]}月{_DAYS[found.day - 1]}"


@scalar("Chinese", "zodiac_tw('2026-01-05')", "蛇")
def zodiac_tw(d: Any) -> str:
    """The animal (生肖) of the lunar year that the date falls in, which begins on Chinese New Year's Day."""
    return _ANIMALS[(_known(d, "zodiac_tw").year - _RAT_YEAR) % 12]
