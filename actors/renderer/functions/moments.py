"""Timestamps: values with a time of day, time zones, and the names of units. No registration lives here.

A timestamp without a zone is told in the job's. A time that a change of the clocks leaves out is taken as that much later, a
time that happens twice as the first of the two: what zoneinfo gives for fold=0.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from actors.renderer.functions.errors import Refused

CLOCK_UNITS = ("hour", "minute", "second")
SECONDS = {"hour": 3600, "minute": 60, "second": 1}
OUT_OF_YEARS = "leads out of the years 1 to 9999"


@lru_cache(256)
def zone_of(name: str, function: str) -> ZoneInfo:
    """A time zone of the IANA database."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(function, "tz", "is no known time zone") from None


def unit_of(value: Any, function: str, known: Sequence[str]) -> str:
    """One of the known units; day and days are the same."""
    if isinstance(value, str):
        name = str(value).lower()
        for unit in (name, name.removesuffix("s")):
            if unit in known:
                return unit
    raise Refused(function, "unit", "must be one of " + ", ".join(known))


def moment(value: Any, function: str, argument: str) -> datetime | None:
    """A timestamp, or ISO 8601 text with a time of day (2026-01-31T08:30); None for a date, which has none."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        text = value.strip()
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise Refused(function, argument, "is no timestamp") from None
        return found if ":" in text else None
    return None


def instant(value: Any, zone: tzinfo, function: str, argument: str) -> datetime:
    """The moment in UTC of a timestamp; one without a zone is told in `zone`."""
    found = moment(value, function, argument)
    if found is None:
        raise Refused(function, argument, "has no time of day")
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise Refused(function, argument, OUT_OF_YEARS) from None


def told(moment_: datetime, zone: tzinfo | None) -> datetime:
    """A moment in UTC as the clocks of the zone tell it."""
    return moment_.astimezone(zone)


def moved(value: datetime, delta: timedelta) -> datetime:
    """The timestamp after that much real time has gone by. Raises OverflowError out of the years 1 to 9999."""
    if value.tzinfo is None:
        return value + delta
    return told(value.astimezone(UTC) + delta, value.tzinfo)


def settled(value: datetime) -> datetime:
    """A timestamp that its zone's clocks really show: one that they leave out becomes as much later. Raises OverflowError."""
    return value if value.tzinfo is None else told(value.astimezone(UTC), value.tzinfo)
