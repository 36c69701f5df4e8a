"""When a job may send: start, deadline and pause windows, as a pure function of the record and the time.

Nothing here waits or asks for the time; the actor does.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from actors.model.job import JobRecord


@dataclass(frozen=True, slots=True)
class Window:
    """A daily pause, in minutes from midnight; it may pass midnight (`22:00-06:00`)."""

    begin: int
    end: int

    def holds(self, minute: int) -> bool:
        if self.begin <= self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


def parse_window(text: str) -> Window:
    """`"12:00-13:30"` -> Window; ValueError if it is nothing like that."""
    begin, _, end = text.partition("-")
    return Window(_minute(begin), _minute(end))


def _minute(text: str) -> int:
    hour, _, minute = text.strip().partition(":")
    value = int(hour) * 60 + int(minute)
    if not (0 <= int(minute) < 60 and 0 <= value <= 24 * 60):
        raise ValueError(f"{text!r} is no time of day")
    return value


def not_before(record: JobRecord, now: float) -> bool:
    """The job's start has not come."""
    return bool(record.start_at) and now < record.start_at


def past_deadline(record: JobRecord, now: float) -> bool:
    return bool(record.deadline_at) and now >= record.deadline_at


def pausing(record: JobRecord, now: float) -> bool:
    """A pause window of the job's time zone holds now, or the day is none of its days."""
    if not (record.pause or record.days):
        return False
    local = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(record.timezone))
    if record.days and local.weekday() not in record.days:
        return True
    minute = local.hour * 60 + local.minute
    return any(parse_window(text).holds(minute) for text in record.pause)


def next_change(record: JobRecord, now: float) -> float:
    """The first time after `now` at which `pausing` may give another answer; infinite if it never does."""
    if not (record.pause or record.days):
        return float("inf")
    zone = ZoneInfo(record.timezone)
    midnight = datetime.fromtimestamp(now, UTC).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    windows = [parse_window(text) for text in record.pause]
    minutes = {0, *(edge for window in windows for edge in (window.begin, window.end))}
    edges = [(midnight + timedelta(days=day, minutes=minute)).replace(tzinfo=zone) for day in (0, 1, 2) for minute in minutes]
    return min(at for at in (edge.timestamp() for edge in edges) if at > now)
