"""Types: what is found loses nothing, what is declared is checked to the value."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.intake.casting import cast_text
from actors.intake.types import Guess, arrow_type

TAIPEI = "Asia/Taipei"


def found(*values: str | None) -> str:
    guess = Guess()
    guess.observe(pa.array(values, pa.string()))
    return guess.type_name


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (["5", "-120", "0", None], "int"),
        (["999999999999999999"], "int"),
        (["99999999999999999999"], "text"),
        (["0912345678", "5"], "text"),
        (["00123"], "text"),
        (["+886"], "text"),
        (["1e5"], "text"),
        (["-0"], "text"),
        (["0x1F"], "text"),
        (["1,000"], "text"),
        ([" 5"], "text"),
        (["1_000"], "text"),
        (["１２"], "text"),
        (["10.5", "3.25", "-0.5", "10.0"], "float"),
        (["10.5", "10"], "text"),
        (["10.50", "3.25"], "decimal"),
        (["10.50", "10.5"], "text"),
        (["-0.00", "1.50"], "text"),
        (["0.00001"], "decimal"),
        (["0.1234567890123456789"], "decimal"),
        (["12345678901234567.5"], "decimal"),
        ([".5"], "text"),
        (["5."], "text"),
        (["nan"], "text"),
        (["inf"], "text"),
        (["NaN", "1.5"], "text"),
        (["2026-12-01", None], "date"),
        (["2026-02-30"], "text"),
        (["2026/12/01"], "text"),
        (["20261201"], "int"),
        (["2026-12-01 09:00"], "text"),
        (["true", "false"], "text"),
        ([None, None], "text"),
        ([], "text"),
    ],
    ids=str,
)
def test_what_is_found(values: list[str | None], name: str) -> None:
    assert found(*values) == name


NUMBERISH = st.text("0123456789.+-eE", min_size=1, max_size=20)
VALUES = st.one_of(
    st.integers().map(str),
    st.floats(allow_nan=True).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str),
    st.dates().map(str),
    NUMBERISH,
    st.just("true"),
)


def printed(value: object) -> str:
    """As Jinja2 prints it."""
    return str(value)


@given(st.lists(st.one_of(st.none(), VALUES), max_size=6))
def test_what_is_found_prints_back_the_same(values: list[str | None]) -> None:
    guess = Guess()
    for value in values:
        guess.observe(pa.array([value], pa.string()))
    column = pa.array(values, pa.string())
    kind = arrow_type(guess.type_name, guess.scale, TAIPEI)
    typed, bad = cast_text(column, guess.type_name, kind)
    assert not len(bad)
    assert [None if v is None else printed(v) for v in typed.to_pylist()] == values


@given(st.lists(VALUES, min_size=1, max_size=12), st.integers(1, 12))
def test_what_is_found_does_not_depend_on_the_batches(values: list[str], cut: int) -> None:
    whole, parts = Guess(), Guess()
    whole.observe(pa.array(values))
    for i in range(0, len(values), cut):
        parts.observe(pa.array(values[i : i + cut]))
    assert whole.type_name == parts.type_name


def cast(name: str, *values: str | None) -> tuple[list[object], list[int]]:
    made, bad = cast_text(pa.array(values, pa.string()), name, arrow_type(name, 3, TAIPEI))
    return made.to_pylist(), bad.tolist()


def test_declared_int() -> None:
    assert cast("int", "5", " 007 ", "+8", "-0", None, "") == ([5, 7, 8, 0, None, None], [])
    assert cast("int", "5", "5.0", "x", "9999999999999999999", "0x1F", "1e3") == ([5] + [None] * 5, [1, 2, 3, 4, 5])


def test_declared_float() -> None:
    assert cast("float", "5", "1e3", ".5", "5.", "+1.50") == ([5.0, 1000.0, 0.5, 5.0, 1.5], [])
    assert cast("float", "nan", "inf", "1e999", "1,5", "0x1p3")[1] == [0, 1, 2, 3, 4]


def test_declared_decimal() -> None:
    assert cast("decimal", "5", "-1.250", "+0.5") == ([Decimal("5.000"), Decimal("-1.250"), Decimal("0.500")], [])
    assert cast("decimal", "1e3", "x", "1" * 21, "1,000.00")[1] == [0, 1, 2, 3]


def test_declared_bool() -> None:
    assert cast("bool", "true", "No", "1", "是", "否", "T", None) == ([True, False, True, True, False, True, None], [])
    assert cast("bool", "2", "ja")[1] == [0, 1]


def test_declared_date() -> None:
    assert cast("date", "2026-12-01", "2026/12/1", "20261201", "2026/1/31") == (
        [date(2026, 12, 1), date(2026, 12, 1), date(2026, 12, 1), date(2026, 1, 31)],
        [],
    )
    assert cast("date", "2026-12-01", "2026-02-30", "2025/2/29", "01/12/2026", "2026-1-1", "20261301")[1] == [1, 2, 3, 4, 5]


def test_declared_timestamp() -> None:
    zone = ZoneInfo(TAIPEI)
    made, bad = cast(
        "timestamp",
        "2026-12-01T09:00",
        "2026-12-01 09:00:30.5",
        "2026/12/01",
        "2026-12-01T01:00Z",
        "2026-12-01T09:00+0800",
        "2026-12-01T10:00+09:00",
    )
    nine = datetime(2026, 12, 1, 9, tzinfo=zone)
    assert made == [
        nine,
        datetime(2026, 12, 1, 9, 0, 30, 500_000, zone),
        datetime(2026, 12, 1, tzinfo=zone),
        nine,
        nine,
        nine,
    ]
    assert bad == []
    assert cast("timestamp", "2026-12-01T25:00", "09:00", "2026-02-30T00:00", "2026-12-01T09:00:60", "now")[1] == [
        0,
        1,
        2,
        3,
        4,
    ]


@given(st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), min_size=1, max_size=5))
def test_every_iso_time_is_read(values: list[datetime]) -> None:
    made, bad = cast("timestamp", *[v.replace(tzinfo=UTC).isoformat() for v in values])
    assert bad == []
    assert [m.timestamp() for m in made] == [v.replace(tzinfo=UTC).timestamp() for v in values]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["int", "float", "decimal", "bool", "date", "timestamp"])
@given(values=st.lists(st.one_of(VALUES, st.text(max_size=12)), min_size=1, max_size=6))
def test_no_text_does_more_than_not_fit(name: str, values: list[str]) -> None:
    made, bad = cast(name, *values)
    assert len(made) == len(values)
    assert all(made[i] is None for i in bad)
    assert all(made[i] is not None or not values[i].strip() for i in range(len(values)) if i not in bad)
