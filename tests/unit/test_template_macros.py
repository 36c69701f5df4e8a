"""Macros, imports, blocks, layouts and captured text: the plan gives what Jinja2 gives, as columns wherever it says so."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from jinja2 import DictLoader, Environment, StrictUndefined

from actors.renderer.template import Context, compile_template

CONTEXT = Context(types={"name": "text", "n": "int", "xs": "list"}, as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
SCHEMA = pa.schema({"name": pa.string(), "n": pa.int64(), "xs": pa.list_(pa.int64())})
ROWS: list[dict[str, Any]] = [
    {"name": "Ann", "n": 1, "xs": [1, 2]},
    {"name": "<b>", "n": 0, "xs": []},
    {"name": None, "n": 7, "xs": [0]},
    {"name": "王", "n": None, "xs": [3]},
]
FILES = {
    "base": "<h1>{% block title %}Base{% endblock %}</h1>{{ top|default('') }}"
    "{% block body scoped %}{{ name }}{% endblock %}{{ n }}",
    "mid": "{% extends 'base' %}{% block title %}Mid of {{ super() }}{% endblock %}",
    "lib": "{% macro cell(x, cls='c') %}<td class='{{ cls }}'>{{ x }}</td>{% endmacro %}\n"
    "{% macro row(a) %}<tr>{{ cell(a) }}{{ cell(a, cls='d') }}</tr>{% endmacro %}",
    "leaky": "{% macro m() %}{{ name is defined }}{% endmacro %}",
    "part": "{% macro p(x) %}[{{ x }}{{ n }}]{% endmacro %}{{ p(name) }}{{ q is defined }}",
    "by_row": "{% set a, b = [name, n] %}{{ a }}{{ b }}",
    "part_with_block": "{% block t %}t{{ n }}{% endblock %}",
}
COLUMN = [
    "{% macro m(x, y='d') %}<{{ x }}|{{ y }}>{% endmacro %}{{ m(name) }}{{ m(n, y=name) }}{{ m(y=1, x=2) }}",
    "{% macro m(x, y=x) %}{{ x }}{{ y }}{% endmacro %}{{ m(n) }}{{ m('<', '>') ~ name }}{{ m(1)|upper }}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m() }}",
    "{% macro m(x) %}{{ 6 // x }}{% endmacro %}{{ m(n) }}after",
    "{% macro m() %}{{ v is defined }}{{ v }}{% endmacro %}{% set v = name %}{{ m() }}{% set v = n %}{{ m() }}",
    "{% macro m() %}{{ v is defined }}{% endmacro %}{% for v in xs %}{{ m() }}{% endfor %}{{ m() }}",
    "{% macro m() %}{{ v }}{% endmacro %}{% set v = 'o' %}{% if n %}{% set v = n %}{{ m() }}{% endif %}{{ m() }}",
    "{% macro m(x) %}{% set v = x %}{{ v }}{% endmacro %}{{ m(1) }}{{ v is defined }}",
    "{% macro a(x) %}({{ x }}){% endmacro %}{% macro b(x) %}{{ a(x) }}{{ a(a(x)) }}{% endmacro %}{{ b(name) }}",
    "{% macro m(x) %}{% for i in range(x) %}{{ i }}{{ loop.last }}{% else %}none{% endfor %}{% endmacro %}"
    "{% for x in xs %}{{ m(x) }}{{ loop.index }}{% endfor %}",
    "{% macro m(x) %}{% if x == 1 %}one{% elif x %}many{{ x }}{% endif %}{% endmacro %}{% if n %}{{ m(n) }}{% endif %}",
    "{% import 'lib' as lib %}{{ lib.row(name) }}{% for x in xs %}{{ lib.cell(x) }}{% endfor %}",
    "{% from 'lib' import row, cell as c %}{{ row(n) }}{{ c(name, 'k') }}",
    "{% from 'leaky' import m %}{{ m() }}",
    "{% block a %}{{ name }}{% endblock %}{% block b %}{{ v is defined }}{% endblock %}",
    "{% set v = n %}{% block a %}{{ v }}{% set w = 1 %}{% endblock %}{{ w is defined }}",
    "{% for x in xs %}{% block a %}{{ x is defined }}{% endblock %}"
    "{% block b scoped %}{{ x|default('?') }}{{ loop.index }}{% endblock %}"
    "{% endfor %}",
    "{% extends 'base' %}{% block body %}{{ super() }}!{{ n }}{% endblock %}",
    "{% extends 'base' %}{% set top = name %}{% block body %}{{ top }}{% endblock %}ignored {{ n }}",
    "{% extends 'mid' %}{% block title %}{{ n }} {{ super() }}{% endblock %}{% macro z(x) %}{{ x }}{% endmacro %}",
    "{% extends 'mid' %}{% macro z(x) %}<{{ x }}>{% endmacro %}{% block body %}{{ z(name) }}{% endblock %}",
    "before{% extends 'base' %}",
    "{% include 'part' %}{% set q = 1 %}{% include 'part' %}{% for x in xs %}{% include 'part' %}{% endfor %}",
    "{% include 'base' %}{% include 'mid' %}{% include 'part_with_block' %}",
    "{% with a = n, b = name %}{{ a }}{{ b }}{% set a = 5 %}{{ a }}{% endwith %}{{ a is defined }}",
    "{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% filter upper %}dear {{ name }}{% for x in xs %}{{ x }}x{% endfor %}{% endfilter %}",
    "{% filter replace('a', name or 'b')|lower %}A a {{ n }}{% endfilter %}",
    "{% set t %}<i>{{ name }}</i>{% endset %}{{ t }}{{ t|length }}{{ t ~ name }}",
    "{% set t | upper | trim %} <i>{{ name }}</i> {% set u = 1 %}{% endset %}{{ t }}{{ u is defined }}",
    "{% set t %}{{ 6 // n }}{% endset %}{{ t }}",
    "{% autoescape false %}{{ name }}{% set t %}{{ name }}{% endset %}{{ t }}{% endautoescape %}{{ name }}",
    "{% autoescape true %}{{ name ~ '<' }}{% endautoescape %}",
    "{% for x in xs %}{% with y = x %}{% set z %}{{ y }}{{ loop.index }}{% endset %}{{ z }}{% filter upper %}a{% endfilter %}"
    "{% endwith %}{% endfor %}",
    "{% raw %}{{ name }}{% for %}{% endraw %}{{ name }}",
]
WHOLE = [
    "{% macro m(n) %}{{ n }}{% if n and n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(n) }}",
    "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}{{ name }}{% endcall %}",
    "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, n) }}{{ m(1, k=name) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}",
    "{% if n %}{% macro m(a) %}{{ a }}{% endmacro %}{{ m(n) }}{% endif %}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{% macro m(a) %}!{{ a }}{% endmacro %}{{ m(n) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{% set f = m %}{{ f(n) }}{{ m.name }}",
    "{% block a %}{{ name }}{% endblock %}{{ self.a() }}",
    "{% extends ('base' if n else 'mid') %}{% block title %}x{% endblock %}",
    "{% if n %}{% extends 'base' %}{% endif %}{{ name }}",
    "{% import ('lib' if n else 'leaky') as lib %}{{ lib.cell(1) }}",
    "{% import 'leaky' as l with context %}{{ l.m() }}",
    "{% macro m(a) %}{{ joiner() }}{{ a }}{% endmacro %}{{ n if n }}{{ m.arguments }}",
]


def both(source: str) -> tuple[list[str | None], list[str | None], set[str]]:
    """(what the plan gives, what Jinja2 gives, how)."""
    plan = compile_template(source, name="t", context=CONTEXT, escape=True, files=FILES)
    columns = plan.run(pa.Table.from_pylist(ROWS, SCHEMA), np.arange(len(ROWS)))
    texts = [None if i in columns.failed else columns.text(plan.statics, i) for i in range(len(ROWS))]
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=DictLoader(FILES),
        finalize=lambda value: "" if value is None else value,
        optimized=False,
    )
    template = environment.from_string(source)
    expected: list[str | None] = []
    for row in ROWS:
        try:
            expected.append(template.render(row))
        except Exception:
            expected.append(None)
    return texts, expected, {report.mode for report in plan.explain()}


@pytest.mark.parametrize("source", COLUMN)
def test_columns(source: str) -> None:
    texts, expected, modes = both(source)
    assert texts == expected
    assert modes == {"column"}


@pytest.mark.parametrize("source", WHOLE)
def test_whole_templates_row_by_row(source: str) -> None:
    texts, expected, modes = both(source)
    assert texts == expected
    assert modes <= {"row by row"}


def test_blocks_behind_a_file_that_runs_row_by_row() -> None:
    texts, expected, modes = both("{% with v = 1 %}{% include 'by_row' %}{% endwith %}{% block a %}{{ n }}{% endblock %}")
    assert texts == expected
    assert modes == {"column", "row by row"}
