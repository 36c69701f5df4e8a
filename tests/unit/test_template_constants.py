"""Constants are worked out once, when a template is compiled: the bytes are Jinja2's own, and mistakes have their place."""

import datetime as dt
from typing import Any

import jinja2
import numpy as np
import pyarrow as pa
import pytest

from actors.model.errors import InvalidInput, Problem
from actors.renderer.functions import REGISTRY
from actors.renderer.functions.own import made, scalar
from actors.renderer.template import Context, Plan, compile_template, constants

CONTEXT = Context(types={"s": "text", "n": "int", "d": "date"}, as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
ROWS: list[dict[str, Any]] = [{"s": "x<y", "n": 3, "d": dt.date(2026, 1, 1)}, {"s": "b", "n": -1, "d": dt.date(2027, 1, 1)}]
TABLE = pa.Table.from_pylist(ROWS)


def compiled(source: str, **more: Any) -> Plan:
    return compile_template(source, name="t", context=CONTEXT, escape=more.pop("escape", True), **more)


def texts(plan: Plan) -> list[str]:
    columns = plan.run(TABLE, np.arange(len(ROWS)))
    assert not columns.failed, columns.failed
    return [columns.text(plan.statics, i) for i in range(len(ROWS))]


def problems(source: str, **more: Any) -> tuple[Problem, ...]:
    with pytest.raises(InvalidInput) as error:
        compiled(source, typed=True, **more)
    return error.value.problems


JINJA = [
    "{{ 1 + 2 * 3 }}",
    "{{ -(2 ** 10) // 3 % 7 }}",
    "{{ 'a<b'|upper ~ '&' }}",
    "{{ ('<b>'|safe) ~ '<' }}",
    "{{ [3, 1, 2]|sort|join('-') }}",
    "{{ (1, (2, 3))[1][0] }}",
    "{{ 'abc'[1:]|reverse|list|length }}",
    "{{ 'yes' if 2 is even and not 1 > 2 else 'no' }}",
    "{{ 1 < 2 < 3 }}{{ none }}{{ true }}{{ 1.5e300 * 10 }}{{ 0.1 + 0.2 }}{{ -0.0 }}",
    "{{ 'a,b'.split(',')[1].upper() }}",
    "{{ '%05.1f'|format(2.5) }}{{ 'x'.center(5) }}",
    "{{ 1e308 * 10 }}{{ -1e308 * 10 }}",
    "{{ '\"quoted\" & \\'so\\''|e }}",
    "{{ 'x' ~ ('1'|int + 1) }}",
]


@pytest.mark.parametrize("escape", [True, False])
@pytest.mark.parametrize("source", JINJA)
def test_a_constant_prints_what_jinja2_prints(source: str, escape: bool) -> None:
    finalize = jinja2.pass_context(lambda context, value: "" if value is None else value)
    own = jinja2.Environment(autoescape=escape, finalize=finalize, optimized=False)
    for around in ("%s", "{%% for i in [n] recursive %%}%s{%% endfor %%}", "{%% set x %%}%s{%% endset %%}{{ x }}|{{ s }}"):
        plan = compiled(around % source, escape=escape)
        assert texts(plan) == [own.from_string(around % source).render(row) for row in ROWS]


def kernels(plan: Plan) -> list[str]:
    return [slot.kernel for slot in plan.explain()]


def test_a_constant_slot_is_literal_text() -> None:
    plan = compiled("a{{ 1 + 1 }}b{{ today()|fmt_date('yyyy') }}c{{ uuid_for('dns', 'a')|left(2) }}{{ s }}")
    assert plan.statics == ("a2b2026c4f",)
    assert kernels(plan) == ["constant", "constant", "constant", "column"]
    assert [slot.source for slot in plan.explain()][:2] == ["1 + 1", "today()|fmt_date('yyyy')"]
    assert texts(plan) == ["a2b2026c4fx&lt;y", "a2b2026c4fb"]


def test_it_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = REGISTRY["squish"]

    def run(*args: Any) -> Any:
        calls.append(1)
        return real.run(*args)

    fake = type(real)(**{**vars(real), "run": run})
    monkeypatch.setitem(REGISTRY, "squish", fake)
    plan = compiled(
        "{{ squish(' a  b ') ~ s }}{{ n|string + squish('c ') }}{% for i in [n] recursive %}{{ ' d'|squish }}{% endfor %}"
    )
    assert len(calls) == 3
    for _ in range(3):
        assert texts(plan) == ["a bx&lt;y3cd", "a bb-1cd"]
    assert len(calls) == 3


def test_a_part_of_an_expression_is_a_constant_too() -> None:
    """A date is no text, and still the tree holds it, for columns and for the sandbox."""
    source = "{{ date_diff(d, parse_date('2026-01-' ~ '31'), 'day') }}"
    assert texts(compiled(source)) == texts(compiled(f"{{% for i in [n] recursive %}}{source}{{% endfor %}}")) == ["30", "-335"]
    assert texts(compiled("{{ n + to_number('1.' ~ '25') }}")) == ["4.25", "0.25"]


@pytest.mark.parametrize(
    ("source", "reason", "place"),
    [
        ("a\n  {{ 1 / 0 }}", "divides by zero", (2, "3")),
        ("{{ n }} {{ n + 2 ** 100 }}", "gives a number that is too large", (1, "9")),
        ("{% if n > 1 // 0 %}x{% endif %}", "divides by zero", (1, "1")),
        ("{{ s }}{{ 'a' * 1000000 }}", "repeats a value too often", (1, "8")),
        ("{{ [1, 2][7]|default(1 % 0) }}", "divides by zero", (1, "1")),
        ("{% for i in [1] recursive %}{{ parse_date('2026-02-30') }}{% endfor %}", "parse_date: ", (1, "29")),
    ],
)
def test_a_mistake_is_told_with_its_place(source: str, reason: str, place: tuple[int, str]) -> None:
    (problem,) = problems(source)
    assert problem.message.startswith("cannot be worked out, whatever the row: " + reason)
    assert (problem.file, problem.line, problem.column) == ("t", *place)


def test_all_mistakes_at_once_in_all_files() -> None:
    found = problems("{{ 1/0 }}\n{{ s + 1 }}\n{% include 'x' %}", files={"x": "\n{{ 1 % 0 }}"})
    assert {(p.file, p.line) for p in found} == {("t", 1), ("t", 2), ("x", 2)}


def test_what_types_tell_is_told_once() -> None:
    assert len(problems("{{ 'a' + 1 }}")) == 1


def test_without_types_a_mistake_is_left_to_the_rows() -> None:
    columns = compiled("{{ 1 / 0 }}").run(TABLE, np.arange(2))
    assert [failure.reason for failure in columns.failed.values()] == ["t line 1: divides by zero"] * 2


@pytest.mark.parametrize(
    "source",
    [
        "{{ skip_recipient(false, 'no') }}",
        "{{ require('a', 'no') }}",
        "{{ qr('https://a.test') }}",
        "{{ range(3)|list }}",
        "{{ 'a'.b is defined }}",
    ],
)
def test_what_asks_for_something_is_left_to_the_rows(source: str) -> None:
    assert "constant" not in kernels(compiled(source))


def test_functions_of_other_packages_are_left_to_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    @scalar()
    def draw(x: int) -> int:
        """A function of the house."""
        raise AssertionError(x)

    monkeypatch.setitem(REGISTRY, "draw", made(draw, "draw", "acme 1"))
    plan = compiled("{{ draw(1) }}")
    assert "constant" not in kernels(plan)


def test_a_name_that_the_template_sets_is_its_own() -> None:
    source = "{% macro squish(x) %}<{{ x }}>{% endmacro %}{{ squish('a') }}{% call squish('b') %}{% endcall %}"
    assert texts(compiled(source.replace("{% call squish('b') %}{% endcall %}", ""))) == ["<a>"] * 2


def test_a_constant_inside_of_other_escaping_is_left() -> None:
    assert texts(compiled("{% autoescape false %}{{ '<' ~ '>' }}{% endautoescape %}{{ '<' ~ '>' }}")) == ["<>&lt;&gt;"] * 2


def test_the_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "MOST_WORK", 100)
    plan = compiled("{{ 'a' * 60 }}{{ 'b' * 60 }}{{ 'c' * 60 }}")
    assert kernels(plan) == ["constant", "constant", "arithmetic"]
    assert texts(plan) == ["a" * 60 + "b" * 60 + "c" * 60] * 2


def test_a_long_constant_is_no_literal() -> None:
    plan = compiled("{{ 'ab' * 50000 }}{{ 'c' * 5000 }}")
    assert plan.statics == ()
    assert texts(plan) == ["ab" * 50000 + "c" * 5000] * 2
