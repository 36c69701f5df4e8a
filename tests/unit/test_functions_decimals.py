"""Decimals and floats together, as a column and row by row, against exact fractions of what each number prints.

The rule: the float is the decimal that it prints, and what comes of the two is a decimal. An infinite float ends the row.
"""

import datetime as dt
import math
import operator
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.renderer.template import Context, compile_template
from tests.examples import examples

TYPES = {"m": "decimal", "f": "float", "i": "int", "t": "text"}
KINDS = {"m": pa.decimal128(20, 2), "f": pa.float64(), "i": pa.int64(), "t": pa.string()}
CONTEXT = Context(types=TYPES, as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
MONEY = [Decimal(x) for x in ("1234.50", "0.10", "-7.25", "0.00", "1000.00", "99999.99", "0.30", "2.68")]
FLOATS = [0.015, 0.1, 7.25, -0.0, 1000.0, 0.1 + 0.2, 0.3, 2.675]


def texts(slot: str, **values: list[Any]) -> list[str | None]:
    """The slot's texts as a column, which must be those of the sandbox."""
    n = len(next(iter(values.values())))
    table = pa.table({name: pa.array(values.get(name, [None] * n), kind) for name, kind in KINDS.items()})
    found: list[list[str | None]] = []
    for source in (f"{{{{ {slot} }}}}", f"{{% for q in [1] recursive %}}{{{{ {slot} }}}}{{% endfor %}}"):
        plan = compile_template(source, name="t", context=CONTEXT, escape=False)
        assert plan.explain()[0].mode == ("row by row" if "{%" in source or "select" in slot else "column")
        columns = plan.run(table, np.arange(n))
        found.append([None if i in columns.failed else columns.text(plan.statics, i) for i in range(n)])
    assert found[0] == found[1], slot
    return found[0]


def same(slot: str, reference: Callable[..., Any], **values: list[Any]) -> None:
    """The texts are decimals, equal to the reference to 28 digits; null prints as nothing."""
    for text, row in zip(texts(slot, **values), zip(*values.values(), strict=True), strict=True):
        try:
            expected = reference(*(Fraction(str(value)) for value in row))
        except ZeroDivisionError:
            assert text is None, (slot, row)
            continue
        if expected is None:
            assert text == "", (slot, row)
            continue
        got = Fraction(text or "nothing")
        assert abs(got - expected) <= abs(expected) * Fraction(1, 10**27), (slot, row, text, expected)


PAIRS = [(a, b) for a in MONEY for b in FLOATS]
BOTH: dict[str, list[Any]] = {"m": [a for a, _ in PAIRS], "f": [b for _, b in PAIRS]}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": lambda a, b: math.trunc(a / b),  # as Python's Decimal
    "%": lambda a, b: a - b * math.trunc(a / b),
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@pytest.mark.parametrize("op", ARITHMETIC)
def test_arithmetic(op: str) -> None:
    same(f"m {op} f", ARITHMETIC[op], **BOTH)
    same(f"f {op} m", lambda m, f: ARITHMETIC[op](f, m), **BOTH)
    same(f"m {op} 0.015", lambda m: ARITHMETIC[op](m, Fraction("0.015")), m=MONEY)
    same(f"2.5 {op} m", lambda m: ARITHMETIC[op](Fraction("2.5"), m), m=MONEY)


def test_powers() -> None:
    same("m ** 2.0", lambda m: m**2, m=MONEY)
    same("m ** 0.5 - 2.5", lambda m: 0, m=[Decimal("6.25")])
    same("4.0 ** m", lambda m: 2, m=[Decimal("0.50")])
    assert texts("m ** 0.5", m=[Decimal("-1.00")]) == [None]


@pytest.mark.parametrize("op", COMPARISONS)
def test_comparisons(op: str) -> None:
    def expected(a: Any, b: Any) -> str:
        return str(COMPARISONS[op](Fraction(str(a)), Fraction(str(b))))

    assert texts(f"m {op} f", **BOTH) == [expected(a, b) for a, b in PAIRS]
    assert texts(f"f {op} m", **BOTH) == [expected(b, a) for a, b in PAIRS]
    assert texts(f"m {op} 0.1", m=MONEY) == [expected(a, 0.1) for a in MONEY]
    assert texts(f"0.1 {op} m {op} 2000.5", m=MONEY) == [
        str(COMPARISONS[op](Fraction("0.1"), Fraction(a)) and COMPARISONS[op](Fraction(a), Fraction("2000.5"))) for a in MONEY
    ]


def test_membership_tests_and_sums() -> None:
    tenth = ["True" if m == Decimal("0.1") else "False" for m in MONEY]
    for slot in ("m in [0.1, 'x']", "m in (0.1,)", "m is eq 0.1", "m is in [0.1]", "in_list(m, 0.1)", "in_list(m, 5, [0.1])"):
        assert texts(slot, m=MONEY) == tenth, slot
    assert texts("f not in [m, 1]", m=[Decimal("0.10")], f=[0.1]) == ["False"]
    assert texts("[m, 1, 0.1]|select('le', 0.1)|list|length", m=MONEY[:3]) == ["1", "2", "2"]
    assert texts("[m, 1, 0.2]|sum(start=0.1)", m=MONEY[:2]) == ["1235.80", "1.40"]
    assert texts("m is divisibleby 0.05", m=MONEY[:3]) == ["True", "True", "True"]


def test_a_float_that_is_no_decimal_ends_the_row() -> None:
    values = {"m": [Decimal("1.00")] * 4, "f": [math.inf, 2.0, -math.inf, math.nan]}
    for slot in ("m + f", "f * m", "m ** f", "m < f", "f == m", "m in [2, f]", "switch(m, 1, 'one', f, 'f')", "null_if(m, f)"):
        assert [text is None for text in texts(slot, **values)] == [True, False, True, True], slot
    for slot in ("[m, f]|sum", "max_of(m, f)", "sum_of(m, f)", "clamp(m, 0, f)", "between(m, f, f)", "ceil(m, f)"):
        assert [text is None for text in texts(slot, **values)] == [True, False, True, True], slot
    assert texts("m + 1e308 * f", m=values["m"], f=[2.0] * 4) == [None] * 4
    plan = compile_template("{{ m < f }}", name="t", context=CONTEXT, escape=False)
    table = pa.table({"m": pa.array([Decimal("1.00")], KINDS["m"]), "f": [math.inf]})
    reason = plan.run(table, np.arange(1)).failed[0].reason
    assert reason == "t line 1: combines a decimal with a number that is infinite or none"


def test_a_null_among_decimals_ends_its_row_only() -> None:
    assert texts("m * 0.5", m=[Decimal("1.00"), None]) == ["0.500", None]
    assert texts("m == 0.5", m=[Decimal("0.50"), None]) == ["True", "False"]
    assert texts("max_of(m, f)", m=[Decimal("1.00"), None], f=[None, 0.5]) == ["1.00", "0.5"]


def test_functions_of_several_numbers() -> None:
    same("max_of(m, f)", max, **BOTH)
    same("min_of(f, m, 5)", lambda m, f: min(m, f, 5), **BOTH)
    same("sum_of(f, 0.2, m)", lambda m, f: f + Fraction("0.2") + m, **BOTH)
    same("avg_of(m, f, 1)", lambda m, f: (m + f + 1) / 3, **BOTH)
    same("clamp(m, f, 500.5)", lambda m, f: f if m < f else min(m, Fraction("500.5")), **BOTH)
    same("mod(m, f)", lambda m, f: m - f * math.floor(m / f) if f else None, **BOTH)
    same("safe_div(m, f)", lambda m, f: m / f if f else None, **BOTH)
    same("power(m, 2.0)", lambda m: m**2, m=MONEY)
    same("ceil(m, 0.1)", lambda m: Fraction(math.ceil(m * 10), 10), m=MONEY)
    same("floor(m, 0.25)", lambda m: Fraction(math.floor(m * 4), 4), m=MONEY)
    same("tier_sum(m, [100.5], [0.1, 0.2])", lambda m: max(m, 0) / 10 + max(m - Fraction("100.5"), 0) / 10, m=MONEY)
    same("percent_of(m, f, 2)", lambda m, f: half_up(100 * m / f, 2) if f else None, **BOTH)
    same("pct_change(f, m)", lambda m, f: half_up(100 * (m - f) / f, 0) if f else None, **BOTH)
    same("null_if(m, f)", lambda m, f: None if m == f else m, **BOTH)
    edges = [Fraction("0.1"), Fraction("100.5")]
    labels = ["abc"[sum(Fraction(m) >= edge for edge in edges)] for m in MONEY]
    assert texts("band(m, [0.1, 100.5], ['a', 'b', 'c'])", m=MONEY) == labels
    assert texts("band(f, [m, 5], ['a', 'b', 'c'])", m=[Decimal("0.10")] * 3, f=[0.1, 0.05, 5.0]) == ["b", "a", "c"]
    assert texts("switch(m, 0.1, 'dime', 1234.5, 'big', '-')", m=MONEY[:3]) == ["big", "dime", "-"]
    assert texts("between(m, 0.1, 1234.5)", m=MONEY[:3]) == ["True", "True", "False"]


def half_up(value: Fraction, places: int) -> Fraction:
    size = math.floor(abs(value) * 10**places + Fraction(1, 2))
    return Fraction(size if value > 0 else -size, 10**places)


def test_money_as_a_mailing_writes_it() -> None:
    expected = {
        "m | fmt_currency('TWD')": ["NT$1,234.50", "NT$0.10", "-NT$7.25"],
        "(m * 0.015) | round_half_up(2)": ["18.52", "0.00", "-0.11"],
        "max_of(m, 1000) | fmt_number": ["1,234.5", "1,000", "1,000"],
        "max_of(m, 0.5) | fmt_currency('USD')": ["US$1,234.50", "US$0.50", "US$0.50"],
        "percent_of(m, 10000, 1) ~ '%'": ["12.3%", "0.0%", "-0.1%"],
        "band(m, [0.5, 1000], ['A', 'B', 'C'])": ["C", "A", "A"],
        "clamp(m, 0, 999.99)": ["999.99", "0.10", "0"],
        "'over' if m > 0.5 else 'under'": ["over", "under", "under"],
        "(m / 30 * 1.5) | round_half_up(2)": ["61.73", "0.01", "-0.36"],
        "m | fmt_percent(1)": ["123,450.0%", "10.0%", "-725.0%"],
        "m * 2 + 0.5": ["2469.50", "0.70", "-14.00"],
    }
    for slot, lines in expected.items():
        assert texts(slot, m=MONEY[:3]) == lines, slot


@settings(max_examples=examples(40))
@given(
    st.lists(st.tuples(st.decimals(-(10**17), 10**17, places=2), st.floats(allow_nan=False)), min_size=1, max_size=4),
    st.sampled_from([*ARITHMETIC, *COMPARISONS, "**"]),
)
def test_columns_and_rows_agree_on_any_pair(pairs: list[tuple[Decimal, float]], op: str) -> None:
    m, f = [a for a, _ in pairs], [b for _, b in pairs]
    assert texts(f"m {op} f", m=m, f=f) == [text for a, b in pairs for text in texts(f"m {op} f", m=[a], f=[b])]
