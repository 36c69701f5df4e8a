"""Dates: the job's own day and moment, other zones, and dates as text. Now is always the job's `as_of`, never a clock."""

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.dates import format_datetime

from actors.renderer.functions.context import Context
from actors.renderer.functions.dateformat import DateText, date_formatter
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import day, text
from actors.renderer.functions.moments import OUT_OF_YEARS, instant, told, zone_of
from actors.renderer.functions.numberformat import locale_of
from actors.renderer.functions.registry import prepared, scalar

FAMILY = "Dates"
_ROC_FIRST = 1912  # year 1 of the Republic of China calendar
_NAMED = frozenset(("short", "medium", "long", "full"))


@scalar(FAMILY, "now().year > 2000", "True", kind="N", needed=())
def now(job: Context, tz: Any = None) -> datetime:
    """The job's as_of, told in the time zone (the job's own without one)."""
    return job.as_of.astimezone(zone_of(job.timezone if tz is None else text(tz, "now", "tz"), "now"))


@scalar(FAMILY, "today() == now().date()", "True", kind="N", needed=())
def today(job: Context, tz: Any = None) -> date:
    """The day of the job's as_of in the time zone (the job's own without one)."""
    return job.as_of.astimezone(zone_of(job.timezone if tz is None else text(tz, "today", "tz"), "today")).date()


@lru_cache(256)
def _date_formatter(form: str, locale: Locale) -> DateText:
    try:
        return date_formatter(form, locale, _NAMED)
    except ValueError:
        raise Refused("fmt_date", "pattern", "is no date pattern") from None


@prepared(FAMILY, "fmt_date('2026-01-31', 'yyyy年M月d日')", "2026年1月31日", value="d")
def fmt_date(job: Context, pattern: Any = "medium", locale: Any = None) -> Callable[[Any], str]:
    """The date or timestamp by a CLDR pattern, or by one of the locale's own forms (short, medium, long, full)."""
    form = text(pattern, "fmt_date", "pattern")
    known = locale_of(job.locale if locale is None else text(locale, "fmt_date", "locale"), "fmt_date")

    of_day = _date_formatter(form, known)

    def formatted(d: Any) -> str:
        try:
            if isinstance(d, datetime) and form not in _NAMED:
                zone = zone_of(job.timezone, "fmt_date")
                return str(format_datetime(d if d.tzinfo else d.replace(tzinfo=zone), form, zone, known))
            return of_day(day(d, "fmt_date", "d"))
        except (AttributeError, KeyError, ValueError):
            raise Refused("fmt_date", "pattern", "does not fit: a date has no time of day") from None

    return formatted


@prepared(FAMILY, "roc_date('2025-01-05')", "114年1月5日", value="d")
def roc_date(job: Context, style: Any = "text") -> Callable[[Any], str]:
    """The date in the calendar of the Republic of China: 114年1月5日 (text), 民國114年1月5日 (long), 114/01/05 (slash); before
    1912 民國前1年12月31日, and 民前1/12/31 (slash)."""
    if style not in ("text", "long", "slash"):
        raise Refused("roc_date", "style", "must be text, long or slash")
    eras = {"text": ("", "民國前"), "long": ("民國", "民國前"), "slash": ("", "民前")}[style]

    def formatted(d: Any) -> str:
        value = day(d, "roc_date", "d")
        before = value.year < _ROC_FIRST
        year = _ROC_FIRST - value.year if before else value.year - _ROC_FIRST + 1
        if style == "slash":
            return f"{eras[before]}{year}/{value.month:02}/{value.day:02}"
        return f"{eras[before]}{year}年{value.month}月{value.day}日"

    return formatted


@prepared(FAMILY, "weekday_name('2025-12-31')", "星期三", value="d")
def weekday_name(job: Context, locale: Any = None) -> Callable[[Any], str]:
    """The name of the day of the week in the locale: 星期三, Wednesday."""
    known = locale_of(job.locale if locale is None else text(locale, "weekday_name", "locale"), "weekday_name")
    names = known.days["stand-alone"]["wide"]
    return lambda d: str(names[day(d, "weekday_name", "d").weekday()])


@prepared(FAMILY, "to_tz('2026-01-31T20:00:00+08:00', 'America/New_York')", "2026-01-31 07:00:00-05:00", value="ts", kind="N")
def to_tz(job: Context, tz: Any) -> Callable[[Any], datetime]:
    """The same moment in another time zone. A timestamp without a zone is told in the job's: a time that a change of the clocks
    leaves out counts as that much later, one that happens twice as the first."""
    own, wanted = zone_of(job.timezone, "to_tz"), zone_of(text(tz, "to_tz", "tz"), "to_tz")

    def converted(ts: Any) -> datetime:
        try:
            return told(instant(ts, own, "to_tz", "ts"), wanted)
        except OverflowError:
            raise Refused("to_tz", "ts", OUT_OF_YEARS) from None

    return converted
