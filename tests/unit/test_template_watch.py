"""A watched plan writes the same bytes, and notes for each slot, test and default what Python over Jinja2's tree would see."""

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.renderer.functions.values import list_of
from actors.renderer.template import compile_template
from actors.renderer.template.watch import Watch
from tests.examples import examples
from tests.unit.test_template_differential import ARROW, CONTEXT, ROWS, TEMPLATES, TYPES

SEEN_BY_ROW = "{% macro m(x) %}{{ x }}{% if x > 1 %}big{% endif %}{% endmacro %}{{ m(i) }}{{ m(j) }}{{ s|default('d') }}"
SEEN_BY_COLUMN = (
    "{% if i > 2 %}{{ i }}{% elif i > 0 %}{{ s }}{% else %}x{% endif %}{{ if_blank(s, '-') }}{{ i|fmt_number }}"
    "{{ to_number(t, alt=7) }}{{ m|round_half_up(1) if b else coalesce(t, s) }}"
)


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.table({name: pa.array([row[name] for row in rows], ARROW[name]) for name in TYPES})


def watched(source: str, rows: list[dict[str, Any]], files: dict[str, str] | None = None) -> tuple[Watch, dict[tuple, list]]:
    """The watch, and by (kind, line, source) what was seen: (row, value) pairs in order."""
    watch = Watch()
    plan = compile_template(source, name="t", context=CONTEXT, escape=True, files=files, watch=watch)
    columns = plan.run(table_of(rows), np.arange(len(rows)))
    assert not columns.failed, columns.failed
    seen: dict[tuple, list] = {(p.kind, p.file, p.source): [] for p in watch.points}
    for note in watch.take():
        point = watch.points[note.point]
        places = list(range(note.n)) if note.places is None else note.places.tolist()
        seen[point.kind, point.file, point.source] += zip(places, list_of(note.value, note.n), strict=True)
    assert watch.take() == []
    return watch, seen


def row(**given: Any) -> dict[str, Any]:
    return dict.fromkeys(TYPES) | {"b": True} | given


@settings(max_examples=examples(80), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(TEMPLATES, ROWS, st.booleans())
def test_watching_changes_no_byte_and_no_failure(source: str, rows: list[dict[str, Any]], escape: bool) -> None:
    plain = compile_template(source, name="t", context=CONTEXT, escape=escape)
    seen = compile_template(source, name="t", context=CONTEXT, escape=escape, watch=Watch())
    ours, theirs = (plan.run(table_of(rows), np.arange(len(rows))) for plan in (plain, seen))
    assert ours.failed.keys() == theirs.failed.keys()
    for i in range(len(rows)):
        if i not in ours.failed:
            assert ours.text(plain.statics, i) == theirs.text(seen.statics, i)


def test_column_steps_note_their_rows() -> None:
    rows = [row(i=3, s="a", t="1"), row(i=1, s=None, t="2"), row(i=0, s=" ", t=None)]
    watch, seen = watched(SEEN_BY_COLUMN, rows)
    assert seen["slot", "t", "i"] == [(0, 3)]
    assert seen["slot", "t", "s"] == [(1, None)]
    assert [value for _, value in seen["slot", "t", "if_blank(s, '-')"]] == ["a", "-", "-"]
    assert seen["number", "t", "i|fmt_number"] == [(0, 3), (1, 1), (2, 0)]
    tests = [p for p in watch.points if p.kind == "test"]
    assert [(p.word, p.of, p.has_else) for p in tests] == [("if", -1, False), ("elif", watch.points.index(tests[0]), True)]
    alts = [p for p in watch.points if p.kind == "alt"]
    assert [(p.word, p.alt) for p in alts] == [("to_number", 7)]
    assert sorted(p.word for p in watch.points if p.kind == "default") == ["coalesce", "if_blank"]


def test_programs_of_the_sandbox_note_their_rows() -> None:
    rows = [row(i=3, j=0, s="a"), row(i=1, j=2, s=None)]
    _, seen = watched(SEEN_BY_ROW, rows)
    assert sorted(seen["slot", "t", "x"]) == [(0, 0), (0, 3), (1, 1), (1, 2)]
    assert sorted(seen["test", "t", "if x > 1"]) == [(0, False), (0, True), (1, False), (1, True)]
    assert [value for _, value in seen["default", "t", "s|default('d')"]] == ["a", None]


def test_a_file_taken_in_by_the_sandbox_has_the_points_of_its_tree_once() -> None:
    page = "{% macro m() %}{% endmacro %}{% include 'f' %}{% include 'f' %}"
    watch, seen = watched(page, [row(i=1), row(i=2)], {"f": "{% if i > 1 %}{{ i }}{% endif %}"})
    assert [p.kind for p in watch.points if p.file == "f"] == ["slot", "test"] or [
        p.kind for p in watch.points if p.file == "f"
    ] == ["test", "slot"]
    assert seen["slot", "f", "i"] == [(1, 2), (1, 2)]
