"""Dates against naive references: days counted one by one, Python's own calendar, Babel, and Arrow for time zones."""

import calendar
import csv
import datetime as dt
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from babel.dates import format_date
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.renderer.functions.context import Context
from actors.renderer.functions.dateparse import read
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.lunar import lunar_day
from actors.renderer.template import Columns, compile_template
from tests.examples import examples
from tests.fakes.functions import AS_OF, CONTEXT, FAILED, agree, run, scalar

DATED = Context(types={"x": "date", "edge": "date"}, as_of=AS_OF)
TODAY = dt.date(2026, 11, 24)
TAIPEI = ZoneInfo("Asia/Taipei")
EXTREMES = [
    *(dt.date.min, dt.date.max, dt.date(1, 12, 31), dt.date(9999, 1, 1), dt.date(1582, 10, 4), dt.date(1582, 10, 15)),
    *(dt.date(1900, 2, 28), dt.date(2000, 2, 29), dt.date(2024, 2, 29), dt.date(2025, 2, 28), dt.date(1970, 1, 1)),
    *(dt.date(1969, 12, 31), dt.date(2026, 12, 31), dt.date(2027, 1, 3), dt.date(2020, 12, 31), dt.date(1911, 12, 31)),
]
DATES = st.dates() | st.sampled_from(EXTREMES)
NEAR = st.dates(dt.date(1995, 1, 1), dt.date(2030, 12, 31)) | st.sampled_from([dt.date(2024, 2, 29), dt.date(2000, 2, 29)])
COLUMN = st.lists(st.none() | DATES, min_size=1, max_size=12)


def known(reference: Callable[..., Any]) -> Callable[..., Any]:
    """Null in, null out."""
    return lambda *row: None if None in row else reference(*row)


def later(day: dt.date, n: int, unit: str) -> dt.date:
    if unit in ("day", "week"):
        return day + dt.timedelta(n * {"day": 1, "week": 7}[unit])
    months = day.year * 12 + day.month - 1 + n * {"month": 1, "quarter": 3, "year": 12}[unit]
    year, month = months // 12, months % 12 + 1
    return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


UNITS = ["day", "week", "month", "quarter", "year"]


@settings(max_examples=examples(25))
@given(
    st.lists(st.tuples(st.none() | DATES, st.none() | st.integers(-400, 400)), min_size=1, max_size=12), st.sampled_from(UNITS)
)
def test_date_add(rows: list[tuple[Any, Any]], unit: str) -> None:
    days, counts = [r[0] for r in rows], [r[1] for r in rows]
    agree("date_add", known(lambda d, n: later(d, n, unit)), days, counts, rest=(unit,))
    agree("date_add", known(lambda d: later(d, 1, unit)), days, rest=(1, unit + "s"))
    texts = [None if d is None else d.isoformat() for d in days]
    agree("date_add", known(lambda d: later(dt.date.fromisoformat(d), -1, unit)), texts, rest=(-1, unit))


@settings(max_examples=examples(25))
@given(st.lists(st.tuples(NEAR, NEAR), min_size=1, max_size=8), st.sampled_from(UNITS))
def test_date_diff_counts_as_far_as_date_add_goes(rows: list[tuple[dt.date, dt.date]], unit: str) -> None:
    def reference(a: dt.date, b: dt.date) -> int:
        if b >= a:
            return next(n for n in count() if later(a, n + 1, unit) > b)
        return -next(n for n in count() if later(a, -n - 1, unit) < b)

    agree("date_diff", reference, [a for a, _ in rows], [b for _, b in rows], rest=(unit,))


def test_date_diff_over_all_years() -> None:
    assert scalar("date_diff", dt.date.min, dt.date.max) == 3652058
    assert scalar("date_diff", dt.date.max, dt.date.min, "year") == -9998
    assert scalar("date_diff", "2024-02-29", "2025-02-28", "year") == 1  # as date_add('2024-02-29', 1, 'year') is 2025-02-28


@settings(max_examples=examples(25))
@given(COLUMN)
def test_date_part_and_roc_year(days: list[Any]) -> None:
    references: dict[str, Callable[[dt.date], int]] = {
        "year": lambda d: d.year,
        "quarter": lambda d: {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 2, 7: 3, 8: 3, 9: 3, 10: 4, 11: 4, 12: 4}[d.month],
        "month": lambda d: d.month,
        "week": lambda d: d.isocalendar().week,
        "iso_year": lambda d: d.isocalendar().year,
        "day": lambda d: d.day,
        "weekday": lambda d: d.isoweekday(),
        "yearday": lambda d: d.timetuple().tm_yday,
    }
    for unit, reference in references.items():
        agree("date_part", known(reference), days, rest=(unit,))
    agree("roc_year", known(lambda d: d.year - 1911), days)


@settings(max_examples=examples(20))
@given(COLUMN)
def test_edges_by_walking(days: list[Any]) -> None:
    spans: dict[str, Callable[[dt.date], Any]] = {
        "day": lambda d: d,
        "week": lambda d: (d.toordinal() - 1) // 7,  # 0001-01-01 was a Monday
        "month": lambda d: (d.year, d.month),
        "quarter": lambda d: (d.year, (d.month - 1) // 3),
        "year": lambda d: d.year,
    }
    for unit, span in spans.items():
        for name, step in (("start_of", -1), ("end_of", 1)):

            def walked(day: dt.date, step: int = step, span: Any = span, unit: str = unit) -> dt.date:
                at = day
                while True:
                    if at == (dt.date.max if step > 0 else dt.date.min):
                        if unit == "week" and step > 0:
                            raise OverflowError  # that week has no end
                        return at
                    further = at + dt.timedelta(step)
                    if span(further) != span(day):
                        return at
                    at = further

            agree(name, known(walked), days, rest=(unit,))


def birthday(birth: dt.date, year: int) -> dt.date:
    try:
        return birth.replace(year=year)
    except ValueError:
        return dt.date(year, 3, 1)


@settings(max_examples=examples(25))
@given(st.lists(st.tuples(st.none() | NEAR, st.none() | NEAR), min_size=1, max_size=12))
def test_age(rows: list[tuple[Any, Any]]) -> None:
    def reference(birth: dt.date, on: dt.date) -> int:
        if birth > on:
            raise ValueError
        return sum(birthday(birth, year) <= on for year in range(birth.year + 1, on.year + 1))

    agree(
        "age",
        lambda birth, on: None if birth is None else reference(birth, TODAY if on is None else on),
        [r[0] for r in rows],
        [r[1] for r in rows],
    )
    agree("age", known(lambda birth: reference(birth, TODAY)), [r[0] for r in rows])


def test_age_of_leap_day_children() -> None:
    assert [scalar("age", "2004-02-29", on) for on in ("2025-02-28", "2025-03-01", "2028-02-28", "2028-02-29")] == [
        20,
        21,
        23,
        24,
    ]


@settings(max_examples=examples(25))
@given(
    st.lists(st.none() | NEAR, min_size=1, max_size=12), st.integers(0, 366), st.dates(dt.date(1996, 1, 1), dt.date(2040, 1, 1))
)
def test_birthday_in(births: list[Any], ahead: int, today: dt.date) -> None:
    job = Context(types={}, as_of=dt.datetime.combine(today, dt.time(12), TAIPEI))

    def reference(birth: dt.date) -> bool:
        window = [today + dt.timedelta(n) for n in range(ahead + 1)]
        return any(birthday(birth, day.year) == day for day in window)

    agree("birthday_in", known(reference), births, rest=(ahead,), job=job)


def test_birthday_in_across_the_year_end() -> None:
    job = Context(types={}, as_of=dt.datetime(2026, 12, 29, 20, tzinfo=dt.UTC))  # Dec 30 in Taipei
    births = [dt.date(1990, 1, 2), dt.date(1990, 1, 7), dt.date(1990, 12, 30), dt.date(1990, 12, 29), None]
    assert run("birthday_in", 5, [births, 7], job) == [True, False, True, False, None]
    assert run("days_until", 3, [[dt.date(2027, 1, 1), dt.date(2026, 12, 29), None]], job) == [2, -1, None]


@settings(max_examples=examples(25))
@given(COLUMN)
def test_days_until_and_names(days: list[Any]) -> None:
    agree("days_until", known(lambda d: (d - TODAY).days), days)
    for locale in ("zh-TW", "en-US", "ja", "ar"):
        agree("weekday_name", known(lambda d, to=locale: format_date(d, "cccc", to.replace("-", "_"))), days, rest=(locale,))


@settings(max_examples=examples(25))
@given(COLUMN)
def test_roc_date_before_and_after_1912(days: list[Any]) -> None:
    def reference(day: dt.date, long: bool) -> str:
        rest = f"{day.month}月{day.day}日"
        if day.year >= 1912:
            return f"{'民國' if long else ''}{day.year - 1911}年{rest}"
        return f"民國前{1912 - day.year}年{rest}"

    agree("roc_date", known(lambda d: reference(d, False)), days)
    agree("roc_date", known(lambda d: reference(d, True)), days, rest=("long",))
    for day, text in zip(days, run("roc_date", len(days), [days, "long"]), strict=True):
        assert day is None or not 913 <= day.year <= 2910 or read(text) == day  # years of three digits
    assert scalar("roc_date", dt.date(1911, 10, 10), "slash") == "民前1/10/10"
    assert read("民前1/10/10") == dt.date(1911, 10, 10)


@settings(max_examples=examples(25))
@given(
    st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2037, 1, 1)),
    st.sampled_from(["America/New_York", "Europe/Berlin", "UTC"]),
)
def test_to_tz_against_arrow(naive: dt.datetime, zone: str) -> None:
    job = Context(types={}, as_of=AS_OF, timezone="Europe/London")
    try:
        moment = pc.assume_timezone(pa.scalar(naive), "Europe/London", ambiguous="earliest", nonexistent="raise")
    except pa.ArrowInvalid:
        return  # London's clocks leave this time out
    expected = pc.local_timestamp(moment.cast(pa.timestamp("us", zone))).as_py()
    got = scalar("to_tz", naive, zone, job=job)
    assert got.replace(tzinfo=None) == expected
    assert got.tzinfo == ZoneInfo(zone)
    aware = naive.replace(tzinfo=ZoneInfo("Europe/London"))
    assert run("to_tz", 3, [[aware, None, naive], zone], job) == [got, None, got]


def test_clocks_that_change() -> None:
    job = Context(types={}, as_of=AS_OF, timezone="Europe/Berlin")
    left_out, twice = dt.datetime(2026, 3, 29, 2, 30), dt.datetime(2026, 10, 25, 2, 30)
    assert str(scalar("to_tz", left_out, "Europe/Berlin", job=job)) == "2026-03-29 03:30:00+02:00"
    assert str(scalar("to_tz", twice, "UTC", job=job)) == "2026-10-25 00:30:00+00:00"
    assert str(scalar("to_tz", "2026-10-25T02:30", "UTC", job=job)) == "2026-10-25 00:30:00+00:00"
    berlin = ZoneInfo("Europe/Berlin")
    before = dt.datetime(2026, 3, 28, 2, 30, tzinfo=berlin)
    assert str(scalar("date_add", before, 1)) == "2026-03-29 03:30:00+02:00"  # the same hour, as far as there is one
    assert str(scalar("date_add", before, 24, "hours")) == "2026-03-29 03:30:00+02:00"  # 24 hours are real ones
    noon = dt.datetime(2026, 3, 28, 12, 0, tzinfo=berlin)
    assert str(scalar("date_add", noon, 1, "day")) == "2026-03-29 12:00:00+02:00"
    assert str(scalar("date_add", noon, 24, "hour")) == "2026-03-29 13:00:00+02:00"
    assert scalar("date_diff", noon, dt.datetime(2026, 3, 29, 12, 0, tzinfo=berlin), "hour") == 23
    assert scalar("date_diff", "2026-03-28T12:00", "2026-03-28T11:30:01", "minute") == -29


def test_choices_between_columns_and_days() -> None:
    other, days = dt.date(2027, 2, 3), [dt.date(2026, 1, 31), None, dt.date.min, dt.date.max]
    assert run("coalesce", 4, [days, other]) == [days[0], other, days[2], days[3]]
    assert run("iif", 4, [[True, False, False, None], days, other]) == [days[0], other, other, other]
    assert run("iif", 4, [[True, False, False, None], other, days]) == [other, None, days[2], days[3]]
    source = "{% if x > edge %}{% set x = today() %}{% endif %}{{ x }} {{ date_add(iif(x > edge, today(), x), 1) }}"
    plan = compile_template(source, name="t", context=DATED, escape=False)
    table = pa.table(
        {"x": pa.array([other, dt.date(2020, 1, 1)], pa.date32()), "edge": pa.array([dt.date(2026, 1, 1)] * 2, pa.date32())}
    )
    columns = plan.run(table, pa.array([0, 1]).to_numpy())
    assert [columns.text(plan.statics, i) for i in range(2)] == ["2026-11-24 2026-11-25", "2020-01-01 2020-01-02"]


def test_dates_in_text() -> None:
    texts = ["2026-01-31", " 2026-01-31T08:30 ", "2026-01-31 08:30", "2026-01-31x", "31.01.2026", "", "2026-02-30"]
    assert run("date_part", 7, [texts, "day"]) == [31, 31, 31, FAILED, FAILED, FAILED, FAILED]
    moved = [FAILED, dt.datetime(2026, 1, 31, 9, 30), dt.datetime(2026, 1, 31, 9, 30), *[FAILED] * 4]
    assert run("date_add", 7, [texts, 1, "hour"]) == moved


def test_columns_of_mixed_kinds() -> None:
    moment = dt.datetime(2026, 1, 31, 8, 30, tzinfo=TAIPEI)
    mixed = [dt.date(2026, 1, 31), moment, "2026-01-31", "2026-01-31T08:30", None, "soon", 5]
    assert run("date_add", 7, [mixed, 1, "month"]) == [
        *(dt.date(2026, 2, 28), dt.datetime(2026, 2, 28, 8, 30, tzinfo=TAIPEI), dt.date(2026, 2, 28), dt.date(2026, 2, 28)),
        *(None, FAILED, FAILED),
    ]
    assert run("date_part", 7, [mixed, "month"]) == [1, 1, 1, 1, None, FAILED, FAILED]
    assert run("date_part", 7, [mixed, "hour"]) == [FAILED, 8, FAILED, 8, None, FAILED, FAILED]
    units = ["day", "fortnight", None, "Years", "week", "hour", "day"]
    days = [dt.date(2026, 1, 31)] * 7
    assert run("date_add", 7, [days, 1, units]) == [
        *(
            dt.date(2026, 2, 1),
            FAILED,
            dt.date(2026, 2, 1),
            dt.date(2027, 1, 31),
            dt.date(2026, 2, 7),
            FAILED,
            dt.date(2026, 2, 1),
        )
    ]
    assert run("date_add", 3, ["2026-01-31", [1, None, "2"], "day"]) == [dt.date(2026, 2, 1), None, FAILED]


@pytest.mark.parametrize(
    ("name", "args", "argument"),
    [
        ("date_add", (dt.date(2026, 1, 1), 1, "decade"), "unit"),
        ("date_add", (dt.date(2026, 1, 1), 1.5), "n"),
        ("date_add", (dt.date.max, 1), "n"),
        ("date_add", (dt.datetime(9999, 12, 31, 23, tzinfo=TAIPEI), 1, "day"), "n"),
        ("date_add", (dt.date(2026, 1, 1), True), "n"),
        ("date_add", ("1.1.2026x", 1), "d"),
        ("end_of", (dt.date.max, "week"), "d"),
        ("age", ("2030-01-01", "2020-01-01"), "birth"),
        ("birthday_in", ("2000-01-01", 400), "days"),
        ("to_tz", (dt.date(2026, 1, 1), "UTC"), "ts"),
        ("to_tz", (AS_OF, "Mars/Olympus"), "tz"),
        ("lunar_date", ("1900-01-30",), "d"),
        ("lunar_date", ("2101-01-29",), "d"),
        ("workday_add", ("2026-01-01", 1, "jp"), "cal"),
        ("workday_add", ("1997-12-31", 1), "d"),
        ("workday_add", ("2100-12-31", 1), "d"),
        ("parse_date", ("01/02/2026",), "t"),
    ],
)
def test_refusals_name_the_argument(name: str, args: tuple[Any, ...], argument: str) -> None:
    with pytest.raises(Refused) as error:
        scalar(name, *args)
    assert str(error.value).startswith(f"{name}: {argument} ")
    assert run(name, 2, [[args[0]] * 2, *args[1:]]) == [FAILED, FAILED]


FORMS = [
    *(
        "{0:%Y-%m-%d}",
        "{0.year:04}/{0.month}/{0.day}",
        "{0.year:04}.{0.month}.{0.day}",
        "{0:%Y%m%d}",
        "{0.year:04}年{0.month}月{0.day}日",
    ),
    *("{0:%Y-%m-%d}T10:20:30+08:00", "{0:%Y-%m-%d} 10:20", "{0:%Y%m%d}T102030Z", "{0:%d} {1} {0.year:04} 10:20:30 GMT"),
    *("{2}, {0.day} {1} {0.year:04} 10:20:30 +0800", "{1} {0.day}, {0.year:04}", "{0.day}-{1}-{0.year:04}"),
]
ROC_FORMS = [
    "{y:03}/{0:%m/%d}",
    "{y}年{0.month}月{0.day}日",
    "民國{y}年{0.month}月{0.day}日",
    "中華民國{y}年{0:%m}月{0:%d}日",
    "{y:03}{0:%m%d}",
]
ENGLISH = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


@settings(max_examples=examples(50))
@given(st.dates(dt.date(1000, 1, 1)), st.sampled_from(FORMS), st.booleans())
def test_parse_date_reads_what_was_written(day: dt.date, form: str, wide: bool) -> None:
    text = form.format(day, ENGLISH[day.month - 1], WEEKDAYS[day.weekday()])
    if wide:
        text = scalar("to_fullwidth", text)
    assert scalar("parse_date", f"  {text}\t") == day


@settings(max_examples=examples(25))
@given(st.dates(dt.date(1921, 1, 1), dt.date(2110, 12, 31)), st.sampled_from(ROC_FORMS))
def test_parse_date_of_the_roc(day: dt.date, form: str) -> None:
    assert scalar("parse_date", form.format(day, y=day.year - 1911)) == day


@settings(max_examples=examples(50))
@given(
    st.dates(dt.date(1000, 1, 1)),
    st.sampled_from(["dd/MM/yyyy", "M/d/y", "d. MMMM y", "EEEE, d MMM y", "yyyy年M月d日 HH:mm", "MMMM d, y"]),
)
def test_parse_date_by_forms_reads_what_babel_writes(day: dt.date, form: str) -> None:
    for locale in ("zh-TW", "en-US", "de-DE", "fr-FR"):
        job = Context(types={}, as_of=AS_OF, locale=locale)
        written = scalar("fmt_date", dt.datetime.combine(day, dt.time(10, 20)), form, job=job)
        assert scalar("parse_date", written, "yyyyMMdd", form, job=job) == day, written


@pytest.mark.parametrize(
    "text",
    [
        "01/02/2026",
        "31/12/2026",
        "1-2-26",
        "99/01/05",
        "990105",
        "2026105",
        "2026-02-30",
        "2026-1/5",
        "114/13/01",
        "Tue, 5 Jan 2026",
        "",
        "12 2026",
        "5 Foo 2026",
        "2026-01-05 25:00",
        "民國0年1月1日",
        "999/01/01",
        "昨天",
        "\u202e2026-01-05",
        "2026-01-05" + " " * 200 + "x",
        "٢٠٢٦-٠١-٠٥",
    ],
)
def test_parse_date_refuses_what_may_mean_several_days(text: str) -> None:
    with pytest.raises(Refused):
        scalar("parse_date", text)
    assert scalar("parse_date", text, alt=None) is None
    assert run("parse_date", 2, [[text, None]], alt="-") == ["-", None]


def test_parse_date_of_values_and_forms() -> None:
    assert run("parse_date", 4, [[20260105, dt.date(2026, 1, 5), AS_OF, True]]) == [dt.date(2026, 1, 5)] * 2 + [
        AS_OF.date(),
        FAILED,
    ]
    assert scalar("parse_date", "5/1/26", "d/M/yy") == dt.date(2026, 1, 5)
    assert scalar("parse_date", "5/1/46", "d/M/yy") == dt.date(1946, 1, 5)  # as CLDR: 80 years back, 19 ahead
    assert scalar("parse_date", "5/1/45", "d/M/yy") == dt.date(2045, 1, 5)
    assert scalar("parse_date", "民國元年1月1日") == dt.date(1912, 1, 1)
    for bad in ("dd/MM", "Q", "EcEcEcEc yMd", "yMd" * 30, "yyyy-MM-dd'", ""):
        with pytest.raises(Refused):
            scalar("parse_date", "x", bad)
    source = "{{ parse_date(x, alt='?') }}|{{ x | parse_date('d/M/y', alt=none) }}"
    plan = compile_template(source, name="t", context=Context(types={"x": "text"}, as_of=AS_OF), escape=False)
    columns: Columns = plan.run(pa.table({"x": ["114/01/05", "5/1/2026", None]}), pa.array([0, 1, 2]).to_numpy())
    assert [columns.text(plan.statics, i) for i in range(3)] == ["2025-01-05|", "?|2026-01-05", "|"]


@pytest.fixture(scope="module")
def official() -> dict[dt.date, str]:
    with (Path(__file__).parents[1] / "fakes" / "taiwan_workdays.csv").open(encoding="utf-8") as file:
        rows = csv.reader(line for line in file if not line.startswith("#"))
        return {dt.date.fromisoformat(day): kind for day, kind in rows}


def test_workdays_are_those_of_the_official_calendars(official: dict[dt.date, str]) -> None:
    def works(day: dt.date) -> bool:
        return official.get(day, "worked" if day.weekday() < 5 else "free") == "worked"

    days = [dt.date(2022, 1, 1) + dt.timedelta(n) for n in range(6 * 365 + 1)]
    assert days[-1] == dt.date(2027, 12, 31)
    for n in (1, 0, -10):
        inner = days[30:-30]
        got = run("workday_add", len(inner), [inner, n])
        for day, found in zip(inner, got, strict=True):
            left, at = abs(n), day
            while left or not works(at):
                at += dt.timedelta(1 if n >= 0 else -1)
                left -= works(at) and left > 0
            assert found == at, (day, n)
    assert all(run("workday_add", 3, [[dt.date(y, 6, 1)] * 3, [0, 1, 2]]) for y in (2019, 2020))


@settings(max_examples=examples(30))
@given(st.lists(st.dates(dt.date(1998, 7, 1), dt.date(2100, 6, 1)), min_size=1, max_size=4), st.integers(-40, 40))
def test_workdays_without_holidays(days: list[dt.date], n: int) -> None:
    def reference(day: dt.date) -> dt.date:
        left, at = abs(n), day
        while left or at.weekday() > 4:
            at += dt.timedelta(1 if n >= 0 else -1)
            left -= at.weekday() < 5 and left > 0
        return at

    agree("workday_add", reference, days, rest=(n, "weekend"))


def test_equal_dates_are_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from actors.renderer.functions import lunar

    asked: list[dt.date] = []
    monkeypatch.setattr(lunar, "lunar_day", lambda day: asked.append(day) or lunar_day(day))
    days = [dt.date(2026, 1, 1) + dt.timedelta(n % 50) for n in range(1000)]
    got = run("lunar_date", 1000, [days], Context(types={}, as_of=AS_OF))
    assert len(asked) == 50
    assert got == [scalar("lunar_date", day, job=CONTEXT) for day in days]
