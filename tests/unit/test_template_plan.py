"""What a plan promises the message layer and the user: pieces and masks, failed rows, problems with places, the report."""

import datetime as dt
import time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup, escape

from actors.model.errors import InvalidInput
from actors.model.states import RowState
from actors.renderer.functions.arrowcolumns import from_arrow
from actors.renderer.functions.choosing import select, spread, weave
from actors.renderer.functions.values import Col, Lit, column_of, list_of
from actors.renderer.template import Columns, Context, Plan, compile_template
from actors.renderer.template.printing import escaped
from tests.examples import examples

TYPES = {"name": "text", "n": "int", "vip": "bool", "at": "timestamp", "today": "text", "left": "int"}
CONTEXT = Context(types=TYPES, as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
TABLE = pa.table(
    {
        "name": ["Ann", None, "王<小>明", "Bob"],
        "n": pa.array([1, 2, None, 4], pa.int64()),
        "vip": [True, False, None, True],
        "at": pa.array([dt.datetime(2026, 11, 23, 18, 0, tzinfo=dt.UTC)] * 4, pa.timestamp("us", "UTC")),
        "today": ["Monday"] * 4,
        "left": pa.array([7] * 4, pa.int64()),
    }
)


def plan_of(source: str, *, escape: bool = True, files: dict[str, str] | None = None) -> Plan:
    return compile_template(source, name="body.html", context=CONTEXT, escape=escape, files=files)


def run(source: str, **options: Any) -> tuple[Plan, Columns, list[str | None]]:
    plan = plan_of(source, **options)
    columns = plan.run(TABLE, np.arange(4))
    return plan, columns, [None if i in columns.failed else columns.text(plan.statics, i) for i in range(4)]


def problems(source: str, files: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        plan_of(source, files=files)
    return [str(problem) for problem in caught.value.problems]


def test_literals_are_statics_and_slots_are_values() -> None:
    plan, columns, texts = run("Dear {{ name }},\n{# note #}your number is {{ n }}.\n")
    assert plan.statics == ("Dear ", ",\nyour number is ", ".")
    assert [piece.static for piece in columns.pieces] == [0, -1, 1, -1, 2]
    assert columns.pieces[1].values == ["Ann", "", "王&lt;小&gt;明", "Bob"]
    assert all(piece.mask is None for piece in columns.pieces)
    assert texts[0] == "Dear Ann,\nyour number is 1."


def test_literals_of_a_branch_carry_its_mask() -> None:
    plan, columns, texts = run("{% if vip %}VIP {{ name }}{% elif n == 2 %}two{% else %}other{% endif %}!")
    masks = {plan.statics[p.static]: p.mask.tolist() for p in columns.pieces if p.static >= 0 and p.mask is not None}
    assert masks == {
        "VIP ": [True, False, False, True],
        "two": [False, True, False, False],
        "other": [False, False, True, False],
    }
    assert texts == ["VIP Ann!", "two!", "other!", "VIP Bob!"]
    assert all(len(piece.values) == 4 for piece in columns.pieces if piece.static < 0)


def test_a_branch_is_worked_out_for_its_rows_only() -> None:
    _, columns, texts = run("{% if n and n != 4 %}{{ 8 // (n - 4) }}{% else %}-{% endif %}")
    assert not columns.failed
    assert texts == ["-3", "-4", "-", "-"]
    assert run("{{ 8 // (n - 4) if n and n != 4 else '-' }}")[2] == texts
    assert run("{{ n and n != 4 and 8 // (n - 4) }}")[2] == ["-3", "-4", "", "False"]


def test_what_a_branch_sets_stays_set_for_its_rows() -> None:
    source = (
        "{% set a = 'start' %}{% if vip %}{% set a = name %}{% set b = n %}{% endif %}{{ a }}{{ b if b is defined else '' }}"
    )
    assert run(source)[2] == ["Ann1", "start", "start", "Bob4"]
    _, columns, texts = run("{% if vip %}{% set b = 1 %}{% endif %}{{ b }}")
    assert texts == ["1", None, None, "1"]
    assert columns.failed[1].reason == "body.html line 1: uses a value that is not defined"


def test_a_failed_row_does_not_run_further() -> None:
    later = "{% for i in [1] %}{{ require(n != 2, 'ran on') }}{% endfor %}{{ skip_recipient(n == 2, 'ran on') }}"
    source = "{{ 1 // (n - 2) }}\n" + later
    columns = run(source)[1]
    assert columns.failed[1] == (RowState.RENDER_ERROR, "body.html line 1: divides by zero")
    assert columns.failed[2].reason == "body.html line 1: combines values of types that do not go together (null is one)"
    assert set(columns.failed) == {1, 2}


def test_reasons_name_file_and_line() -> None:
    files = {"part.html": "\n\n{{ mask_card(name) }}"}
    columns = run("a\n{% if n %}\n{% include 'part.html' %}{% endif %}", files=files)[1]
    assert columns.failed[0].reason == "part.html line 3: mask_card: pan is no card number (12 to 19 digits)"
    assert "Ann" not in str(columns.failed)


def test_reasons_name_file_and_line_row_by_row() -> None:
    source = "\n{% macro m(x) %}\n{{ 1 // x }}{% endmacro %}\n\n{{ m(1) }}{% include name %}\n{{ m(0) }}"
    columns = run(source, files={"Ann": "\n\n\n{{ 'x' + n }}", "Bob": ""})[1]
    assert columns.failed[0].reason.startswith("Ann line 4: ")
    assert columns.failed[3].reason == "body.html line 3: divides by zero"
    assert run("\n\n{% for i in [1] %}\n{{ n + name }}{% endfor %}")[1].failed[0].reason.startswith("body.html line 4: ")


def test_every_problem_is_told_at_once_with_its_place() -> None:
    lines = ["{{ nmae }}", "{{ n | mask_nam }}", "{{ mask_phne(n) }}", "{{ n is evn }}"]
    source = "\n".join([*lines, "{{ mask_keep(name) }}{{ clamp(n, 1, 2, 3) }}", "{{ now }}"])
    assert problems(source) == [
        "body.html line 1: no column 'nmae' (did you mean name?)",
        "body.html line 2: no filter 'mask_nam' (did you mean mask_name?)",
        "body.html line 3: no function 'mask_phne' (did you mean mask_phone?)",
        "body.html line 4: no test 'evn' (did you mean even?)",
        "body.html line 5: mask_keep(t, l, r, ch='*'): missing a required argument: 'l'",
        "body.html line 5: clamp(x, lo, hi): too many positional arguments",
        "body.html line 6: now is a function: write now(...)",
    ]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("a\n{{ name", "body.html line 2: "),
        ("{% if %}", "body.html line 1: "),
        ("\n{% endfor %}", "body.html line 2: "),
        ("{% for x in [1] %}{% endfor %}{{ x }}", "body.html line 1: no column 'x'"),
        ("{% include 'prt' %}", "body.html line 1: no file 'prt' (did you mean part?)"),
        ("{% include 'bad' %}", "bad line 2: no column 'nam' (did you mean name?)"),
        ("{% include 'loop' %}", "loop line 1: files take each other in"),
        ("{% if vip %}{{ name | nofilter }}{% endif %}", "body.html line 1: no filter 'nofilter'"),
        ("{{ name.__class__ }}", "body.html line 1: attribute '__class__' is not available"),
        ("{{ 9223372036854775808 }}", "body.html line 1: a whole number that needs more than 64 bits"),
        ("{{ 1e999 }}", "body.html line 1: a number that is too large"),
        ("{% macro m() %}{{ nam }}{% endmacro %}", "body.html line 1: no column 'nam'"),
    ],
)
def test_problems(source: str, problem: str) -> None:
    files = {"part": "{{ name }}", "bad": "\n{{ nam }}", "loop": "{% include 'loop' %}"}
    assert problems(source, files)[0].startswith(problem)


def test_an_unknown_column_may_be_asked_for() -> None:
    source = "{{ nick | default('friend') }}{{ 'y' if nick is defined else 'n' }}{{ nick is undefined }}"
    assert run(source)[2] == ["friendnTrue"] * 4
    assert problems("{{ (nick | default('x')) ~ nick }}") == ["body.html line 1: no column 'nick'"]


def test_a_column_may_have_the_name_of_a_function() -> None:
    for source in ("{{ today }} {{ today() }}", "{% for i in [1] %}{{ today }} {{ today() }}{% endfor %}"):
        assert run(source)[2] == ["Monday 2026-11-23"] * 4
    assert run("{% set sign = 'mine' %}{{ sign }}")[2] == ["mine"] * 4


def test_files_are_taken_in_with_their_own_names() -> None:
    files = {"head.html": "{% set who = name or '?' %}<b>{{ who }}</b>{{ greeting }}", "plain": "[{{ n }}]"}
    source = "{% set greeting = 'hi' %}{% set who = 'outer' %}{% include 'head.html' %}{{ who }}{% include 'plain' %}"
    plan, _, texts = run(source, files=files)
    assert texts[3] == "<b>Bob</b>hiouter[4]"
    assert {report.mode for report in plan.explain()} == {"column"}
    assert run("{% include ['none', 'plain'] %}{% include 'none' ignore missing %}", files=files)[2][0] == "[1]"
    assert (
        run("{% import 'm' as m %}{{ m.f(name) }}", files={"m": "{% macro f(x) %}<{{ x }}>{% endmacro %}"})[2][2]
        == "<王&lt;小&gt;明>"
    )
    layout = {"base": "<{% block a %}base{% endblock %}>"}
    assert run("{% extends 'base' %}{% block a %}{{ name }}{{ super() }}{% endblock %}", files=layout)[2][0] == "<Annbase>"


def test_the_report_tells_which_is_which() -> None:
    source = "{{ name | upper }}\n{% if vip %}\n{{ namespace(a=1).a }}{% endif %}\n{% for i in [1] %}{{ i }}{% endfor %}"
    source += "\n{% for i in [1] %}{{ i }}\n{{ joiner() }}{% endfor %}"
    reports = [(r.line, r.source, r.mode, r.reason) for r in plan_of(source).explain()]
    assert reports == [
        (1, "name | upper", "column", ""),
        (2, "if vip", "column", ""),
        (3, "namespace(a=1).a", "row by row", "calls something that is no function of the table"),
        (4, "for i in [1]", "column", ""),
        (4, "i", "column", ""),
        (5, "for i in [1]", "row by row", "line 6 calls something that is no function of the table"),
    ]
    whole = plan_of("{% macro m() %}{{ m() if false }}{% endmacro %}{{ m() }}{{ name }}").explain()
    slots = ("m() if false", "m()", "name")
    assert [(r.source, r.mode, r.reason) for r in whole] == [(s, "row by row", "macro m at line 1 calls itself") for s in slots]


def test_any_choice_of_rows_gives_the_same_texts() -> None:
    source = "{{ name|mask_name }}{{ n }}{% if vip %}{{ at }}{% endif %}{% for i in range(n or 0) %}{{ i }}{% endfor %}"
    plan, _, texts = run(source)
    for chosen in ([0], [2, 1], [3, 3, 0], []):
        table = TABLE.take(pa.array(chosen, pa.int64()))
        batch = table.combine_chunks().to_batches()
        for rows in (table, pa.concat_tables([table.slice(0, 1), table.slice(1)]), *batch):
            columns = plan.run(rows, np.array(chosen, np.int64))
            assert [columns.text(plan.statics, i) for i in range(len(chosen))] == [texts[i] for i in chosen]


def test_instants_are_told_in_the_jobs_zone() -> None:
    assert run("{{ at }}|{{ at.hour }}|{{ fmt_date(at, 'HH:mm') }}")[2][0] == "2026-11-24 02:00:00+08:00|2|02:00"


@given(st.lists(st.text(alphabet="a<>&'\"\0\r\n王", max_size=4), max_size=6))
def test_escaping_all_at_once_is_escaping_each(texts: list[str]) -> None:
    assert escaped(texts) == [str(escape(text)) for text in texts]


VALUES = (
    st.none()
    | st.integers(-5, 5)
    | st.floats(-2, 2)
    | st.booleans()
    | st.sampled_from(["a", "", Markup("<b>"), Decimal("1.50")])
)
COLUMNS = st.lists(VALUES, min_size=1, max_size=8)


def columns_of(values: list[Any], mask: list[bool]) -> list[Any]:
    """The values of the rows in the mask, as a column, and as a literal where they are all one."""
    chosen = [v for v, m in zip(values, mask, strict=True) if m]
    return [column_of(chosen)] + ([Lit(chosen[0])] if chosen and all(v is chosen[0] for v in chosen) else [])


@settings(max_examples=examples(200))
@given(st.lists(st.tuples(VALUES, VALUES, st.booleans()), min_size=1, max_size=8))
def test_columns_are_put_together_as_lists_are(rows: list[tuple[Any, Any, bool]]) -> None:
    yes, no, chosen = ([row[i] for row in rows] for i in range(3))
    mask = np.array(chosen)
    expected = [a if m else b for a, b, m in rows]
    everywhere = [True] * len(rows)
    for a in columns_of(yes, everywhere):
        for b in columns_of(no, everywhere):
            same(select(mask, a, b), expected)
    for some in columns_of(yes, chosen):
        for b in columns_of(no, everywhere):
            same(spread(mask, some, b), expected)
        for rest in columns_of(no, [not m for m in chosen]):
            same(weave(mask, some, rest), expected)
    assert repr(column_of(yes).take(np.flatnonzero(mask)).list()) == repr([a for a, m in zip(yes, chosen, strict=True) if m])


def same(value: Any, expected: list[Any]) -> None:
    assert repr(list_of(value, len(expected))) == repr(expected)
    if isinstance(value, Col):
        nulls = [False] * value.n if value.null is None else value.null.tolist()
        assert nulls == [v is None for v in expected]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None, -(2**63)], pa.int64()),
        ([1, None], pa.uint8()),
        ([1.5, None, -0.0], pa.float64()),
        ([True, None, False], pa.bool_()),
        (["a", None, ""], pa.string()),
        (["a", None, ""], pa.large_string()),
        (["a", None, "a"], pa.dictionary(pa.int32(), pa.string())),
        ([Decimal("1.50"), None, Decimal("-0.01"), Decimal("0.00")], pa.decimal128(10, 2)),
        ([Decimal("1E-9"), Decimal("12345678901234567890.123456789")], pa.decimal128(38, 9)),
        ([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)], pa.date32()),
        ([dt.datetime(2026, 1, 1, 1, 2, 3), None], pa.timestamp("us")),
        ([dt.datetime(2026, 1, 1, 1, 2, 3)], pa.timestamp("ns")),
        ([dt.datetime(2026, 1, 1, 1, 2, 3), None], pa.timestamp("s")),
        ([None, None], pa.null()),
        ([None, None], pa.int64()),
    ],
)
def test_list_columns_become_the_same_python_values(values: list[Any], kind: pa.DataType) -> None:
    array = pa.array(values, kind)
    for column in (array, pa.chunked_array([array, array]), pa.array([*values, *values], kind).slice(len(values))):
        taken = from_arrow(column, ZoneInfo("Asia/Taipei"))
        assert repr(taken.list()) == repr(column.to_pylist())
        assert repr(taken.take(np.arange(taken.n)[::-1]).list()) == repr(column.to_pylist()[::-1])


def test_a_page_of_100_kb_compiles_in_200_ms() -> None:
    row = '<tr style="font-family:Arial,sans-serif"><td class="x">Lorem ipsum dolor sit amet</td></tr>\n'
    slots = [
        "{{ name }}",
        "{{ name|upper }}",
        "{{ mask_name(name) }}",
        "{{ '%.2f'|format(f) }}",
        "{{ n * 2 + 1 }}",
        "{{ name ~ n }}",
    ]
    source = "".join(f"<p>{slots[i % 6]}</p>\n" + row * 19 for i in range(60))
    source += "".join(f"{{% if n > {i} %}}a{{{{ name }}}}{{% else %}}b{{% endif %}}\n" for i in range(10))
    source += "{% for x in xs %}<tr><td>{{ loop.index }}</td><td>{{ x }}</td></tr>{% endfor %}\n" * 3
    assert 100_000 < len(source) < 110_000
    context = Context(types={"name": "text", "n": "int", "f": "float", "xs": "list"}, as_of=CONTEXT.as_of)

    def seconds() -> float:
        start = time.process_time()
        compile_template(source, name="t", context=context, escape=True)
        return time.process_time() - start

    assert min(seconds() for _ in range(3)) < 0.2
