"""Kernels of whole columns give what the scalar functions give, value by value, for the forms they are made for and others."""

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.renderer.functions import REGISTRY
from actors.renderer.functions.arrowcolumns import from_arrow
from actors.renderer.functions.digits import printed_floats
from actors.renderer.functions.digitwords import Style, written
from actors.renderer.functions.scope import Scope
from actors.renderer.functions.values import Col, Lit, column_of, decimals, list_of, texts
from actors.renderer.template import Context

CONTEXT = Context(types={}, as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
digits = st.text("0123456789", min_size=8, max_size=17)
ideographs = st.text(
    st.characters(min_codepoint=0x4DF0, max_codepoint=0x4E20) | st.sampled_from("王小明歐陽𠮷龦鿿ꀀ"), max_size=7
)
latin = st.text("abJS. \t-'é", max_size=12)
TEXTS: dict[str, st.SearchStrategy[str]] = {
    "mask_name": ideographs | latin,
    "mask_email": st.from_regex(r"[a-zé.]{0,3}@?[a-z]{0,2}(\.[a-z]{0,3}){0,2}", fullmatch=True),
    "mask_phone": digits.map(lambda t: "0" + t[:9]) | digits,
    "mask_card": st.text("0123456789", min_size=16, max_size=16) | digits | st.just("4111 1111 1111 1111"),
    "mask_id_tw": st.from_regex(r"[A-Za-z][A-D0-9][0-9]{7,9}", fullmatch=True),
    "mask_account": st.from_regex(r"[0-9A-Za-zé -]{4,16}", fullmatch=True),
    "if_blank": st.text(" \t\u3000\u2003\xa0a王", max_size=3),
}
COMMON = {"mask_email": st.from_regex(r"[a-z.]{1,4}@[a-z]{1,3}(\.[a-z]{1,3}){1,2}", fullmatch=True)}  # done where all are such
money = st.decimals(-(10**9), 10**9, places=2)
floats = (
    st.floats(-1e7, 1e7) | st.integers(-(10**7), 10**7).map(lambda n: n / 100) | st.sampled_from([0.0, -0.0, 2.675, 0.5, 1.5])
)
ints = st.integers(-(2**63), 2**63 - 1) | st.integers(-(10**6), 10**6)
NUMBERS: dict[str, tuple[Any, ...]] = {
    "fmt_number": (),
    "fmt_currency": (),
    "fmt_percent": (1,),
    "round_half_up": (1,),
    "round_half_even": (2,),
    "trunc": (1,),
    "clamp": (-100, 20_000),
    "max_of": (1000,),
    "min_of": (-7,),
    "percent_of": (50_000, 1),
    "band": ([-5, 1000, 30_000], ["a", "b", "c", "d"]),
}


class Rows:
    """A scope that notes which rows fail."""

    def __init__(self, n: int):
        self.n, self.job, self.failed = n, CONTEXT, set[int]()

    def fail(self, i: int, error: BaseException) -> None:
        self.failed.add(i)

    def spend(self, i: int, values: Any) -> None:
        pass

    def late(self) -> bool:
        return False

    def hold(self, values: list[Any], start: int) -> None:
        pass


def alone(name: str, value: Any, settings: tuple[Any, ...]) -> Any:
    """The function's value for one row; the exception's class where it fails."""
    try:
        return REGISTRY[name].scalar(CONTEXT)(value, *settings)
    except Exception:
        return Exception


def together(name: str, column: Col, settings: tuple[Any, ...]) -> list[Any]:
    """The function's values for all rows at once."""
    scope: Scope = Rows(column.n)
    given_ = REGISTRY[name].arguments([column, *map(Lit, settings)], {}, Lit)
    found = list_of(REGISTRY[name].run(scope, given_), column.n)
    return [Exception if i in scope.failed else value for i, value in enumerate(found)]  # type: ignore[attr-defined]


def same(a: Any, b: Any) -> bool:
    return (type(a) is type(b) and repr(a) == repr(b)) or (a is Exception and b is Exception)


@pytest.mark.parametrize("name", TEXTS)
@given(data=st.data())
def test_texts(name: str, data: st.DataObject) -> None:
    values = data.draw(
        st.lists(TEXTS[name] | st.none(), min_size=2, max_size=9)
        | st.lists(COMMON.get(name, TEXTS[name]), min_size=2, max_size=9)
    )
    settings = ("朋友",) if name == "if_blank" else ()
    found = together(name, texts(pa.array(values, pa.string())), settings)
    assert all(map(same, found, [alone(name, value, settings) for value in values]))


@pytest.mark.parametrize("kind", ["int", "float", "decimal"])
@pytest.mark.parametrize("name", NUMBERS)
@given(data=st.data())
def test_numbers(name: str, kind: str, data: st.DataObject) -> None:
    values = data.draw(st.lists({"int": ints, "float": floats, "decimal": money}[kind], min_size=2, max_size=9))
    settings = NUMBERS[name]
    if kind == "float" and name == "clamp":
        settings = (-100.0, 20_000.0)
    if kind == "decimal":
        column = decimals(np.array([int(value.scaleb(2)) for value in values], np.int64), 2)
        values = column.list()
    else:
        column = column_of(values)
    found = together(name, column, settings)
    assert all(map(same, found, [alone(name, value, settings) for value in values]))


@given(st.lists(floats, min_size=1, max_size=20))
def test_floats_print_as_python_prints_them(values: list[float]) -> None:
    found = printed_floats(np.array(values))
    assert found is None or found.text().to_pylist() == list(map(repr, values))


@given(st.lists(st.integers(0, 10**15 - 1), min_size=1, max_size=9), st.integers(0, 6), st.booleans())
def test_digits_are_those_of_format(values: list[int], places: int, grouped: bool) -> None:
    found = written(np.array(values), Style(places, places, grouped)).text().to_pylist()
    assert found == [format(Decimal(v).scaleb(-places), f"{',' if grouped else ''}.{places}f") for v in values]


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=9), st.integers(0, 6), st.integers(0, 6), st.booleans())
def test_numbers_lose_zeros_at_the_end(values: list[int], places: int, least: int, bare: bool) -> None:
    least = min(least, places)
    style = Style(places, least, True, bare, "NT$", "元", "-NT$", "(-)")
    found = written(np.abs(np.array(values)), style, np.array(values) < 0).text().to_pylist()
    for value, text in zip(values, found, strict=True):
        whole, _, part = format(abs(Decimal(value)).scaleb(-places), f",.{places}f").partition(".")
        part = "" if bare and not part.strip("0") else part[:least] + part[least:].rstrip("0")
        assert text == f"{'-' if value < 0 else ''}NT${whole}{'.' if part else ''}{part}{'(-)' if value < 0 else '元'}"


@given(st.lists(st.none() | st.decimals(-(10**20), 10**20, places=3), min_size=1, max_size=9))
def test_decimals_of_the_list_are_what_they_were(values: list[Decimal | None]) -> None:

    column = from_arrow(pa.array(values, pa.decimal128(38, 3)), ZoneInfo("UTC"))
    assert [repr(v) for v in column.list()] == [repr(None if v is None else v.quantize(Decimal("0.001"))) for v in values]


@given(st.lists(st.dates() | st.none(), min_size=2, max_size=9))
def test_dates_are_remembered_by_day(values: list[dt.date | None]) -> None:
    column = from_arrow(pa.array(values, pa.date32()), CONTEXT.as_of.tzinfo)  # type: ignore[arg-type]
    found = together("fmt_date", column, ("yyyy年M月d日",))
    assert all(map(same, found, [alone("fmt_date", value, ("yyyy年M月d日",)) for value in values]))
