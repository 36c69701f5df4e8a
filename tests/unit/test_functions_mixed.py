"""Functions of several values over rows of mixed types: a row ends alike alone, in a column, and in whatever company.

What cannot be compared ends the row whatever stands first; the scalar form is the column form on one row.
"""

import datetime as dt
import itertools
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.renderer.functions import REGISTRY
from actors.renderer.functions.context import Context
from actors.renderer.functions.values import Col, Lit, column_of, list_of
from tests.examples import examples

CONTEXT = Context(types={}, as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
FAILED = "failed"


class Rows:
    """A scope that notes which rows fail."""

    job = CONTEXT

    def __init__(self, n: int):
        self.n = n
        self.failed: set[int] = set()

    def fail(self, i: int, error: BaseException) -> None:
        self.failed.add(i)

    def spend(self, i: int, values: Sequence[Any]) -> None:
        pass

    def late(self) -> bool:
        return False

    def hold(self, values: list[Any], start: int) -> None:
        pass


def column(name: str, rows: list[tuple[Any, ...]]) -> list[Any]:
    """What the column form gives for each row."""
    return run(name, len(rows), [column_of(list(values)) for values in zip(*rows, strict=True)])


def run(name: str, n: int, args: list[Col | Lit]) -> list[Any]:
    scope = Rows(n)
    values = list_of(REGISTRY[name].run(scope, args), scope.n)
    return [FAILED if i in scope.failed else (type(value), value) for i, value in enumerate(values)]


def alone(name: str, row: tuple[Any, ...]) -> Any:
    try:
        value = REGISTRY[name].scalar(CONTEXT)(*row)
    except Exception:
        return FAILED
    return type(value), value


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([2**53 + 1, 0.5, 2.0, 0.1, float("inf"), "", "a", "<i>", "2", dt.date(2026, 1, 1)])
    | st.sampled_from([Decimal("0.10"), Decimal("2.00"), Decimal("-1.5")])
    | st.lists(st.integers(0, 2), max_size=2)
)
BANDED = [[0, 2.5], ["low", "middle", "high"]]
CALLS = {
    "between": 3,
    "clamp": 3,
    "in_list": 3,
    "switch": 4,
    "null_if": 2,
    "min_of": 3,
    "max_of": 3,
    "sum_of": 3,
    "avg_of": 3,
    "mod": 2,
    "safe_div": 2,
    "power": 2,
    "ceil": 2,
    "percent_of": 2,
    "iif": 3,
    "ifs": 5,
    "coalesce": 2,
    "band": 1,
}


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=examples(30))
@given(st.data())
def test_a_row_ends_alike_alone_and_in_company(name: str, data: st.DataObject) -> None:
    row = st.tuples(*[VALUES] * CALLS[name])
    rows = data.draw(st.lists(row, min_size=1, max_size=5))
    if name == "band":
        rows = [(*row, *BANDED) for row in rows]
    expected = [alone(name, row) for row in rows]
    assert column(name, rows) == expected, rows
    *columns, _ = [column_of(list(values)) for values in zip(*rows, strict=True)]
    last = rows[0][-1]
    assert run(name, len(rows), [*columns, Lit(last)]) == [alone(name, (*row[:-1], last)) for row in rows], rows


@pytest.mark.parametrize("name", ["between", "clamp"])
@pytest.mark.parametrize("values", [("<i>", "a", 0), (1, 2, "x"), (1, dt.date(2026, 1, 1), 5), (True, [1], 0)])
def test_what_cannot_be_compared_ends_the_row_in_any_order(name: str, values: tuple[Any, ...]) -> None:
    for row in itertools.permutations(values):
        assert alone(name, row) == FAILED
        assert column(name, [row, (None, None, None), row]) == [FAILED, (type(None), None), FAILED]


def test_between_in_the_company_of_nulls() -> None:
    rows = [(5, 1, 10), (None, 1, 10), (0, 1, 10), (5, None, 10), ("b", "a", "c"), ("<i>", "a", 0)]
    null = (type(None), None)
    assert column("between", rows) == [(bool, True), null, (bool, False), null, (bool, True), FAILED]
