"""Start, deadline and pause windows."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from actors.conductor.schedule import not_before, parse_window, past_deadline, pausing
from actors.model.job import JobRecord
from actors.model.states import JobState


def at(text: str, zone: str = "Asia/Taipei") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def job(**fields: object) -> JobRecord:
    return JobRecord("j", "a", "n", JobState.RUNNING, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("window", "time", "holds"),
    [
        ("12:00-13:30", "12:00", True),
        ("12:00-13:30", "13:29", True),
        ("12:00-13:30", "13:30", False),
        ("22:00-06:00", "23:59", True),
        ("22:00-06:00", "05:59", True),
        ("22:00-06:00", "06:00", False),
        ("00:00-24:00", "15:00", True),
    ],
)
def test_a_pause_window_is_local_time(window: str, time: str, holds: bool) -> None:
    assert pausing(job(pause=(window,)), at(f"2026-12-01T{time}")) is holds


def test_the_window_follows_the_clock_change() -> None:
    record = job(pause=("02:00-04:00",), timezone="Europe/Berlin")
    assert pausing(record, at("2026-03-29T03:30", "Europe/Berlin"))
    assert not pausing(record, at("2026-03-29T04:30", "Europe/Berlin"))


@pytest.mark.parametrize("text", ["", "12", "12:00", "25:00-26:00", "12:60-13:00", "a-b"])
def test_a_bad_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_window(text)


def test_start_and_deadline() -> None:
    assert not_before(job(start_at=10.0), 9.0)
    assert not not_before(job(start_at=10.0), 10.0)
    assert not not_before(job(), 0.0)
    assert past_deadline(job(deadline_at=10.0), 10.0)
    assert not past_deadline(job(), 1e12)


def test_days_of_the_week_are_those_of_the_time_zone() -> None:
    weekdays = job(days=(0, 1, 2, 3, 4))
    assert not pausing(weekdays, at("2026-12-04T23:59"))  # a Friday in Taipei
    assert pausing(weekdays, at("2026-12-05T00:00"))
    assert not pausing(weekdays, at("2026-12-06T17:00", "UTC"))  # Monday morning there
