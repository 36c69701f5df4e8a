"""Loops as column steps: Jinja2 is the oracle of what they print; items stay bounded, a hostile loop ends its row alone."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined

from actors.renderer.functions.listcols import ListCol, RowCol, nested_from_arrow
from actors.renderer.template import Columns, Context, Plan, compile_template, loops
from tests.examples import examples

LINE = pa.struct({"item": pa.string(), "amount": pa.int64(), "tags": pa.list_(pa.string())})
SCHEMA = pa.schema({"name": pa.string(), "n": pa.int64(), "xs": pa.list_(pa.int64()), "lines": pa.list_(LINE)})
CONTEXT = Context(
    types={"name": "text", "n": "int", "xs": "list", "lines": "list"}, as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
)
LINES = st.lists(
    st.fixed_dictionaries(
        {
            "item": st.none() | st.sampled_from(["pen", "<b>", "王"]),
            "amount": st.none() | st.integers(-3, 3),
            "tags": st.lists(st.sampled_from(["a", "&"]), max_size=3),
        }
    ),
    max_size=4,
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.none() | st.sampled_from(["Ann", "<x>"]),
            "n": st.integers(-2, 3),
            "xs": st.lists(st.none() | st.integers(-2, 2), max_size=4),
            "lines": LINES,
        }
    ),
    min_size=1,
    max_size=7,
)
# Each is one loop, all of it a column step.
LOOPS = [
    "{% for x in xs %}<li>{{ x }}</li>{% endfor %}",
    "{% for x in xs %}{{ x }}{% else %}none of {{ name }}{% endfor %}",
    "{% for x in xs if x %}{{ loop.index }}/{{ loop.length }}:{{ x }},{% else %}-{% endfor %}",
    "{% for x in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}"
    "{{ loop.depth }}{{ loop.depth0 }}{% endfor %}",
    "{% for x in xs %}{{ loop.cycle('odd', 'even', x) }} {{ loop.previtem }} {{ loop.nextitem is defined }}{% endfor %}",
    "{% for x in xs if x is not none %}{{ loop.previtem or x }}{% endfor %}",
    "{% for line in lines %}<tr><td>{{ line.item }}</td><td>{{ line['amount'] }}</td></tr>{% endfor %}",
    "{% for line in lines %}{{ line.nothing is defined }}{{ line }}{{ line.item|upper if line.item else '' }}{% endfor %}",
    "{% for line in lines if line.amount and line.amount > n %}{{ line.item }}{{ loop.last }}{% else %}{{ n }}{% endfor %}",
    "{% for line in lines %}{% for tag in line.tags %}{{ loop.index }}{{ tag }}{{ line.item }}{{ name }}{% endfor %}"
    "{{ loop.index }};{% endfor %}",
    "{% for line in lines %}{% for tag in line.tags if tag == 'a' %}{{ tag }}{% else %}{{ loop.index }}{% endfor %}"
    "{% endfor %}",
    "{% set v = 'out' %}{% for x in xs %}{{ v }}{% if x %}{% set v = x %}{% endif %}{{ v }}{% endfor %}{{ v }}",
    "{% for x in xs %}{{ v is defined }}{% set v = x %}{{ v }}{% endfor %}{{ v is defined }}",
    "{% for x in xs %}{% set v = name %}{% else %}{% set v = 1 %}{{ v }}{% endfor %}{{ v is defined }}",
    "{% for a, b in [(1, n), (name, 2)] %}{{ a }}{{ b }}{{ loop.index }}{% endfor %}",
    "{% for a, (b, c) in [[1, [n, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for i in range(n) %}{{ i }}{% if i %}x{% elif n > 1 %}y{% else %}z{% endif %}{% endfor %}",
    "{% for i in range(2, n * 4, 3) %}{{ i }}{% for j in range(i) %}{{ loop.index0 }}{{ i }}{{ j }}{% endfor %}{% endfor %}",
    "{% for c in 'añ<' %}{{ c }}{% endfor %}{% for c in name or 'ab' %}{{ c }}{{ loop.last }}{% endfor %}",
    "{% for x in xs|reverse %}{{ x }}{% endfor %}",
    "{% for x in xs|unique %}{{ x }}{% endfor %}{% for row in lines|batch(2) %}{{ row|length }}|{% endfor %}",
    "{% for line in lines|reverse if line.item %}{{ line.item }}{% endfor %}{% for t in xs|slice(2) %}{{ t }}{% endfor %}",
    "{{ lines|length }}{{ xs|length }}{% if lines %}{{ lines[0].item }}{% endif %}{{ xs }}{{ 'none' if not xs }}",
    "{% for x in xs %}{% for y in xs %}{{ loop.length }}{{ x }}{{ y }}{% endfor %}{% endfor %}",
    "{% if n > 0 %}{% for x in xs %}{{ x }}{{ n }}{% else %}!{% endfor %}"
    "{% else %}{% for l in lines %}{{ l.amount }}{% endfor %}{% endif %}",
    "{% for x in n %}{{ x }}{% endfor %}",
    "{% for x in name %}{{ x }}{% endfor %}",
    "{% for x in xs %}{{ 6 // x }}{% endfor %}after",
    "{% for x in xs if 6 // x %}{{ x }}{% else %}e{% endfor %}after",
    "{% for a, b in xs %}{{ a }}{% endfor %}after",
    "{% for a, b in lines %}{{ a }}{% endfor %}after",
    "{% for a in lines[0] %}{{ a }}{% endfor %}",
]
ROW_BY_ROW = [
    "{% for x in xs %}{{ loop.changed(x) }}{% endfor %}",
    "{% for x in xs recursive %}{{ x }}{% endfor %}",
    "{% set ns = namespace(t=0) %}{% for x in xs %}{% set ns.t = ns.t + (x or 0) %}{{ ns.t }}{% endfor %}{{ ns.t }}",
    "{% set sep = joiner(',') %}{% for x in xs %}{{ sep() }}{{ x }}{% endfor %}",
    "{% for x in xs %}{% for y in [1, 2] %}{{ loop.changed(x) }}{{ y }}{% endfor %}{% endfor %}",
]


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA)


def run(source: str, rows: list[dict[str, Any]]) -> tuple[Plan, Columns, list[str | None]]:
    plan = compile_template(source, name="t", context=CONTEXT, escape=True)
    columns = plan.run(table_of(rows), np.arange(len(rows)))
    return plan, columns, [None if i in columns.failed else columns.text(plan.statics, i) for i in range(len(rows))]


def oracle(source: str, rows: list[dict[str, Any]]) -> list[str | None]:
    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=lambda v: "" if v is None else v)
    template = environment.from_string(source)
    texts: list[str | None] = []
    for row in table_of(rows).to_pylist():
        try:
            texts.append(template.render(row))
        except Exception:
            texts.append(None)
    return texts


@pytest.mark.parametrize("source", LOOPS)
@settings(max_examples=examples(12), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(rows=ROWS)
def test_a_column_loop_prints_what_jinja2_prints(source: str, rows: list[dict[str, Any]]) -> None:
    plan, _, texts = run(source, rows)
    assert texts == oracle(source, rows)
    assert {report.mode for report in plan.explain()} == {"column"}, plan.explain()


@pytest.mark.parametrize("source", ROW_BY_ROW)
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(rows=ROWS)
def test_a_loop_by_rows_prints_what_jinja2_prints(source: str, rows: list[dict[str, Any]]) -> None:
    plan, _, texts = run(source, rows)
    assert texts == oracle(source, rows)
    assert "row by row" in {report.mode for report in plan.explain()}


@pytest.mark.parametrize("at_once", [1, 2, 5, 8192])
def test_items_are_worked_on_in_portions(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "ITEMS_AT_ONCE", at_once)
    rows = [{"name": "a", "n": i % 4, "xs": list(range(i % 5)), "lines": []} for i in range(40)]
    for source in [*LOOPS[:5], *LOOPS[17:19]]:
        assert run(source, rows)[2] == oracle(source, rows)


def test_a_loop_asks_for_no_more_fields_than_it_prints() -> None:
    made = nested_from_arrow(pa.array([[{"item": "a", "amount": 1, "tags": []}]] * 3, pa.list_(LINE)), None)  # type: ignore[arg-type]
    assert isinstance(made, ListCol)
    taken = made.take(np.array([2, 0]))
    assert isinstance(taken.items, RowCol)
    assert list(taken.items.fields) == ["item", "amount", "tags"]
    assert taken.list() == made.list()[:2]
    assert taken.take(np.array([1, 1, 0])).list() == made.list()


def bomb(source: str, plain: int) -> dict[int, str]:
    """Why rows failed: row 1 has a huge n, the others a small one."""
    rows = [{"name": "x", "n": n, "xs": [], "lines": []} for n in (plain, 9999, plain)]
    _, columns, texts = run(source, rows)
    small = [{"name": "x", "n": plain, "xs": [], "lines": []}]
    assert texts[0] == texts[2] == oracle(source, small)[0]
    return {i: failure.reason for i, failure in columns.failed.items()}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{% for i in range(n) %}{% for j in range(n) %}{% endfor %}{% endfor %}", "takes too many steps"),
        ("{% for i in range(n) %}{{ (i|string)|upper }}{{ i|string|lower }}{% endfor %}", "takes too many steps"),
        ("{% for i in range(n) %}" + "x" * 1000 + "{% endfor %}", "writes a text that is too long"),
        ("{% for i in range(n) %}{{ 'a' * 1000 }}{% endfor %}", "writes a text that is too long"),
        (
            "{% for i in [1, 2] %}{% for j in range(n // 2) %}{{ name * 120 }}{% endfor %}{% endfor %}",
            "writes a text that is too long",
        ),
        ("{% for i in range(n * n) %}{% endfor %}", "asks for a range that is too long"),
    ],
)
def test_a_hostile_loop_ends_its_row_alone(source: str, reason: str) -> None:
    assert bomb(source, 3) == {1: f"t line 1: {reason}"}


def test_honest_loops_are_let_through() -> None:
    rows = [{"name": "x", "n": 2000, "xs": [], "lines": []}] * 3
    text = run("{% for i in range(n) %}<td>{{ i }}</td>{{ name|upper|lower }}{{ name }}{% endfor %}", rows)[2]
    assert str(text[0]).count("<td>") == 2000
