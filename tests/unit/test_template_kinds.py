"""Type errors of templates: their places, and that what is told really fails in every row and nothing else is told."""

import datetime as dt
import inspect
import random
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, nodes

from actors.model.errors import InvalidInput
from actors.renderer.functions import REGISTRY
from actors.renderer.functions.kinds import ARGUMENT_KINDS, RESULT_KINDS
from actors.renderer.template import Context, compile_template
from actors.renderer.template.operands import FILTER_KINDS
from tests.examples import examples
from tests.fakes.tables import example_tables
from tests.unit.test_functions_table import CONTEXT as OF_EXAMPLES

ARROW = {
    "int": pa.int64(),
    "float": pa.float64(),
    "decimal": pa.decimal128(20, 2),
    "text": pa.string(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
}
TYPES = {"points": "int", "price": "float", "due": "decimal", "name": "text", "ok": "bool", "day": "date", "at": "timestamp"}
CONTEXT = Context(types=TYPES, as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC), tables=example_tables())
COLUMN = {kind: name for name, kind in TYPES.items()}


def problems(source: str, files: dict[str, str] | None = None) -> list[str]:
    try:
        compile_template(source, name="t", context=CONTEXT, escape=False, files=files, typed=True)
    except InvalidInput as error:
        return str(error).split("\n")
    return []


NUMBER = ": make a number of the text with to_number, or join texts with ~"
TOLD = [
    ("a\n  {{ name + 1 }}", f"line 2 column 6: text + int cannot be worked out{NUMBER}"),
    ("{{ name }} {{ name ~ (1 + name) }}", f"line 1 column 27: int + text cannot be worked out{NUMBER}"),
    ("{{ day.year }}{{ 1 + name if ok else name }}", f"line 1 column 22: int + text cannot be worked out{NUMBER}"),
    ("{{ day * 2 }}", "line 1 column 4: date * int cannot be worked out"),
    ("{{ day + 1 }}", "line 1 column 4: date + int cannot be worked out"),
    ("{{ day + name }}", "line 1 column 4: date + text cannot be worked out: make a date of the text with parse_date"),
    ("\n{% if ok and day < 5 %}x{% endif %}", "line 2 column 14: date < int cannot be compared"),
    ("{{ 'a' >= points }}", f"line 1 column 11: text >= int cannot be compared{NUMBER}"),
    ("{{ at < day }}", "line 1 column 4: timestamp < date cannot be compared"),
    ("{{ 1 in name }}", f"line 1 column 9: int in text cannot be compared{NUMBER}"),
    ("{{ -name }}", "line 1 column 5: text has no sign"),
    ("{{ name / 2 }}", f"line 1 column 4: text / int cannot be worked out{NUMBER}"),
    ("{{ points - [1] }}", "line 1 column 4: int - list cannot be worked out"),
    ("{{ (points * 2) ~ (points * 2 - name) }}", f"line 1 column 33: int - text cannot be worked out{NUMBER}"),
    ("{%- set q = 1 -%}\r\n\r\n {{- 5 + name -}}", f"line 3 column 10: int + text cannot be worked out{NUMBER}"),
    ("{{ name | fmt_number }}", "line 1 column 4: fmt_number: x cannot be text"),
    ("{{ fmt_number(x=name) }}", "line 1 column 17: fmt_number: x cannot be text"),
    ("..{{ fmt_number('a' ~ 1) }}", "line 1 column 3: fmt_number: x cannot be text"),
    ("{{ date_add(day, name) }}", "line 1 column 18: date_add: n cannot be text"),
    ("{{ fmt_date(day) * 1.5 }}", f"line 1 column 1: text * float cannot be worked out{NUMBER}"),
    ("{% set t = points * 2 %}\n{{ date_add(t, 1) }}", "line 2 column 13: date_add: d cannot be int"),
    ("{% for p in points %}{{ p }}{% endfor %}", "line 1 column 13: a loop cannot go through int"),
    ("{{ points | length }}", "line 1 column 4: length cannot take int"),
    (
        "{% for r in lookup_rows('lines', name) %}{{ r.amount * 2 }}{{ r['item'] - 1 }}{% endfor %}",
        f"line 1 column 60: text - int cannot be worked out{NUMBER}",
    ),
]
PASSED = [
    "{{ name == 1 }}{{ day != points }}{{ name * 2 }}{{ name % 3 }}{{ day - day }}{{ points + ok }}{{ price * due }}",
    "{{ due < price }}{{ name + name }}{{ name in [1] }}{{ 'a' in name }}{{ points / price }}{{ [1] + [2] }}",
    "{% if name is string %}{{ name + 1 }}{% else %}{{ name / 2 }}{% endif %}{{ name + 1 if name is number else 0 }}",
    "{{ (name + 1) | default('') }}{{ (name + 1) is defined }}{% if false %}{{ -name }}{% endif %}",
    "{% for name in [1, 2] %}{{ name + 1 }}{% endfor %}",
    "{% macro m(name) %}{{ name + 1 }}{% endmacro %}{{ m(1) }}",
    "{% set v = name %}{% set v = 1 %}{{ v + 1 }}",
    "{% if ok %}{% set v = name %}{% endif %}{{ v + 1 }}",
    "{{ fmt_date(name, 'yyyy') }}{{ char_count(points) }}{{ fmt_number(due) }}",
    "{{ (points if ok else name) + 1 }}{{ fmt_number(points or name) }}",
    "{% for c in name %}{{ c }}{% endfor %}{% for r in lookup_rows('lines', name) %}{{ r.amount + 1 }}{% endfor %}",
]


@pytest.mark.parametrize(("source", "problem"), TOLD)
def test_a_type_error_is_told_with_its_place(source: str, problem: str) -> None:
    assert problems(source) == [f"t {problem}"]


@pytest.mark.parametrize("source", PASSED)
def test_what_may_work_is_not_told(source: str) -> None:
    assert problems(source) == []


def test_files_that_are_taken_in_are_judged_and_macros_for_others_are_not() -> None:
    files = {"part": "\n{{ name + 1 }}", "lib": "{% macro m() %}{{ name + 1 }}{% endmacro %}"}
    assert problems("{% import 'lib' as lib %}{% include 'part' %}", files) == [
        f"part line 2 column 4: text + int cannot be worked out{NUMBER}"
    ]


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(-5, 5),
    "float": st.sampled_from([0.0, 1.0, -2.5, 3.25]),
    "decimal": st.sampled_from([Decimal("0.00"), Decimal("1.50"), Decimal("-3.00")]),
    "text": st.sampled_from(["", "a", "12", "%s", "2024-05-01", "é"]),
    "bool": st.booleans(),
    "date": st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1)),
    "timestamp": st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2030, 1, 1), timezones=st.just(dt.UTC)),
}
LEAVES = st.sampled_from([*TYPES, "1", "2.5", "'a'", "'%s'", "true", "[1]", "['a']"])
PAIRS = "({} + {})|({} - {})|({} * {})|({} / {})|({} // {})|({} % {})|({} ** {})|({} < {})|({} >= {})|({} in {})|({} == {})"
SHAPES = [*PAIRS.split("|"), "({} ~ {})", "date_add({}, {})", "left({}, {})", "[{}, {}]", "percent_of({}, {})", "mod({}, {})"]
SHAPES += ["(-{})", "(+{})", "fmt_number({})", "fmt_date({})", "char_count({})", "({} | length)", "({} | upper)", "({} | abs)"]
SHAPES += [
    "days_until({})",
    "round_half_up({})",
    "({} | sum)",
    "({} | first)",
    "end_of({}, 'month')",
    "({} | list)",
    "sha256({})",
]


def _shaped(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from(SHAPES), parts, parts).map(lambda drawn: drawn[0].format(*drawn[1:]))


@settings(max_examples=examples(80))
@given(st.recursive(LEAVES, _shaped, max_leaves=4), st.data())
def test_what_is_told_fails_in_every_row_and_what_renders_is_never_told(expression: str, data: st.DataObject) -> None:
    rows = [data.draw(st.tuples(*(VALUES[kind] for kind in TYPES.values()))) for _ in range(4)]
    columns = zip(*rows, strict=True)
    table = pa.table({n: pa.array(c, ARROW[k]) for (n, k), c in zip(TYPES.items(), columns, strict=True)})
    source = f"{{{{ {expression} }}}}"
    plan = compile_template(source, name="t", context=CONTEXT, escape=False)
    failed = plan.run(table, np.arange(len(rows))).failed
    if problems(source):
        assert len(failed) == len(rows), source


_TEXTS = "a 12 0.5 2024-05-01 2024-05-01T10:00:00+08:00 a@b.cd 0912345678 A123456789 https://x.y/ TW USD en UTC day demo"
SAMPLES: dict[str, list[Any]] = {
    "int": [0, 1, 2, -1, 7, 12, 20240501, 12345678, 1700000000],
    "float": [0.0, 0.5, 1.0, -2.5, 3.0],
    "decimal": [Decimal(0), Decimal("1.50"), Decimal(2)],
    "text": [*_TEXTS.split(), ""],
    "bool": [True, False],
    "date": [dt.date(2024, 2, 29), dt.date(1990, 1, 1)],
    "timestamp": [dt.datetime(2024, 2, 29, 10, tzinfo=ZoneInfo("Asia/Taipei")), dt.datetime(1990, 1, 1)],
}
KIND_OF = {type(value): kind for kind, values in SAMPLES.items() for value in values} | {list: "list"}


def example_of(name: str) -> dict[str, Any]:
    """The arguments of the function's own example."""
    slot = Environment().parse(f"{{{{{REGISTRY[name].example}}}}}")
    for node in slot.find_all((nodes.Call, nodes.Filter)):
        assert isinstance(node, nodes.Call | nodes.Filter)
        called = node.name if isinstance(node, nodes.Filter) else getattr(node.node, "name", "")
        if called == name:
            given = [*([node.node] if isinstance(node, nodes.Filter) else []), *node.args]
            named = {pair.key: value_of(pair.value) for pair in node.kwargs}
            return dict(REGISTRY[name].signature.bind(*map(value_of, given), **named).arguments)
    raise AssertionError(f"{name}: not in its example")


def value_of(node: nodes.Expr | None) -> Any:
    if isinstance(node, nodes.Call):
        assert isinstance(node.node, nodes.Name)
        return REGISTRY[node.node.name].scalar(OF_EXAMPLES)(*map(value_of, node.args))
    return {"x": "abc", "one": 1}[node.name] if isinstance(node, nodes.Name) else node.as_const()  # type: ignore[union-attr]


@pytest.mark.parametrize("name", sorted(ARGUMENT_KINDS))
def test_declared_refusals_always_refuse_and_what_is_taken_is_taken(name: str) -> None:
    function, usual, rng = REGISTRY[name].scalar(OF_EXAMPLES), example_of(name), random.Random(name)
    every = [value for values in SAMPLES.values() for value in values]
    function(**usual)
    for parameter, kinds in ARGUMENT_KINDS[name].items():
        assert parameter in REGISTRY[name].signature.parameters
        for kind, values in SAMPLES.items():
            tries = [{**usual, parameter: value} for value in values]
            if kind in kinds:
                assert any(not _names(function, given, parameter) for given in tries), (name, parameter, kind)
                continue
            for _ in range(12):  # whatever the other arguments are
                others = {other: rng.choice(rng.choice([values, every])) for other in usual if rng.random() < 0.6}
                tries.append({**usual, **others, parameter: rng.choice(values)})
            assert all(_fails(function, given) for given in tries), (name, parameter, kind)


def _fails(function: Any, given: dict[str, Any]) -> bool:
    try:
        function(**given)
    except Exception:
        return True
    return False


def _names(function: Any, given: dict[str, Any], parameter: str) -> bool:
    """Whether it fails by this argument's type."""
    try:
        function(**given)
    except TypeError:
        return True
    except Exception as error:
        return parameter in error.args[1:2]
    return False


@pytest.mark.parametrize("name", sorted(RESULT_KINDS))
def test_declared_results_are_given(name: str) -> None:
    function, usual, rng = REGISTRY[name].scalar(OF_EXAMPLES), example_of(name), random.Random(name)
    every = [value for values in SAMPLES.values() for value in values]
    found = {KIND_OF[type(function(**usual))]}
    for _ in range(300):
        given = {parameter: rng.choice([value, rng.choice(every)]) for parameter, value in usual.items()}
        try:
            given_back = function(**given)
        except Exception:
            continue
        found.add(KIND_OF[type(given_back)])
    assert found <= RESULT_KINDS[name]


@pytest.mark.parametrize("name", sorted(FILTER_KINDS))
def test_filters_of_jinja2_refuse_the_other_kinds(name: str) -> None:
    for kind in TYPES.values():
        if kind not in FILTER_KINDS[name]:
            source = f"{{{{ {COLUMN[kind]} | {name} }}}}"
            plan = compile_template(source, name="t", context=CONTEXT, escape=False)
            table = pa.table({COLUMN[kind]: pa.array(SAMPLES[kind][:2], ARROW[kind])})
            assert len(plan.run(table, np.arange(2)).failed) == 2, source


def test_the_tables_name_functions_and_parameters() -> None:
    for name in {*ARGUMENT_KINDS, *RESULT_KINDS}:
        assert all(p.kind is not inspect.Parameter.VAR_POSITIONAL for p in REGISTRY[name].signature.parameters.values())
