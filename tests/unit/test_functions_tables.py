"""`lookup`, `lookup_rows` and `agg_rows` against loops over plain rows: as a column, in a branch, row by row."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.model.errors import InvalidInput
from actors.model.job import TableShape
from actors.renderer.functions import table as table_module
from actors.renderer.functions.table import Table, index_of
from actors.renderer.template import Context, compile_template
from tests.examples import examples
from tests.fakes.snapshot import ARROW
from tests.fakes.tables import ZONE, made_table

AS_OF = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
KEYS: dict[str, st.SearchStrategy[Any]] = {
    "text": st.sampled_from(["", "0", "1", "01", "1.5", "-2", "2026-01-05", "王", "a b", "x" * 40, "x" * 41]),
    "int": st.integers(-2, 2),
    "float": st.sampled_from([0.0, -0.0, 1.0, 1.5, -2.0, 1e300]),
    "decimal": st.sampled_from([Decimal("0.00"), Decimal("1.00"), Decimal("1.50"), Decimal("-2.00")]),
    "date": st.dates(dt.date(2026, 1, 4), dt.date(2026, 1, 6)),
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text("ab王&<🐈", max_size=3),
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.one_of(st.sampled_from([0.1, 0.2, 0.7, -1.25, 1e300, 5e-324]), st.floats(-1e6, 1e6)),
    "decimal": st.decimals(-(10**30), 10**30, places=2),
    "date": st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)),
    "bool": st.booleans(),
}
WAYS = (
    "{{{{ {} }}}}",
    "{{% if k is none or k is defined %}}{{{{ {} }}}}{{% endif %}}",
    "{{% for i in [1] recursive %}}{{{{ {} }}}}{{% endfor %}}",
)


def written(value: Any) -> str:
    """How a key is written: numbers by value, all else as it prints."""
    if isinstance(value, float | Decimal):
        exact = Fraction(repr(value) if isinstance(value, float) else str(value))
        if exact.denominator == 1:
            return str(exact.numerator)
        return format(Decimal(str(value)), "f").rstrip("0")
    return str(value)


def same_key(a: Any, b: Any) -> bool:
    return a is not None and b is not None and written(a) == written(b)


@st.composite
def cases(draw: Any, values: str = "text int float decimal date bool") -> tuple[Table, list[Any], str, list[Any], str]:
    """A table (key, v), its rows, the type of v; keys of a list with their type."""
    of, kind, list_kind = (draw(st.sampled_from(sorted(s))) for s in (KEYS, set(values.split()), KEYS))
    rows = draw(st.lists(st.tuples(st.none() | KEYS[of], st.none() | VALUES[kind]), max_size=12))
    table = made_table(
        "t",
        {"key": [k for k, _ in rows], "v": [v for _, v in rows], "n": list(range(len(rows)))},
        {"key": of, "v": kind, "n": "int"},
        chunk=draw(st.sampled_from([0, 1, 3])),
    )
    return table, rows, kind, draw(st.lists(st.none() | KEYS[list_kind], min_size=1, max_size=6)), list_kind


def texts(source: str, table: Table, keys: list[Any], kind: str) -> list[str | None]:
    context = Context(types={"k": kind}, as_of=AS_OF, tables={"t": table})
    plan = compile_template(source, name="b", context=context, escape=False)
    columns = plan.run(pa.table({"k": pa.array(keys, ARROW[kind])}), np.arange(len(keys)))
    return [None if i in columns.failed else columns.text(plan.statics, i) for i in range(columns.n)]


def every_way(call: str) -> str:
    return "".join(way.format(call) + "|" for way in WAYS)


def shown(value: Any) -> str:
    return "" if value is None else str(value)


@settings(max_examples=examples(25))
@given(cases())
def test_lookup(case: Any) -> None:
    table, rows, _, keys, kind = case
    first = {i: next((v for k, v in rows if same_key(k, key)), "none") for i, key in enumerate(keys)}
    one = [shown(first[i]) for i in range(len(keys))]
    bare = ["" if first[i] == "none" else text for i, text in enumerate(one)]
    source = every_way("lookup('t', k, 'v', 'none')") + "{{ lookup('t', k, 'v') }}"
    assert texts(source, table, keys, kind) == [f"{text}|" * len(WAYS) + b for text, b in zip(one, bare, strict=True)]


@settings(max_examples=examples(25))
@given(cases(), st.sampled_from(["", "v", "-v"]), st.none() | st.integers(0, 4))
def test_lookup_rows(case: Any, order: str, limit: int | None) -> None:
    table, rows, _, keys, kind = case
    call = f"lookup_rows('t', k, {limit}, '{order}')" if order else f"lookup_rows('t', k, limit={limit})"
    wanted = []
    for key in keys:
        found = [(n, v) for n, (k, v) in enumerate(rows) if same_key(k, key)]
        if order:
            there, null = [r for r in found if r[1] is not None], [r for r in found if r[1] is None]
            found = sorted(there, key=lambda r: r[1], reverse=order == "-v") if order == "v" else _falling(there)
            found += null
        wanted.append("".join(f"{n}:{shown(v)};" for n, v in found[:limit]) or "-")
    loop = f"{{% for r in {call} %}}{{{{ r.n }}}}:{{{{ r['v'] }}}};{{% else %}}-{{% endfor %}}"
    source = f"{loop}|{{% if k is defined %}}{loop}{{% endif %}}|{{{{ {call} | length }}}}"
    counts = [str(w.count(";")) if w != "-" else "0" for w in wanted]
    assert texts(source, table, keys, kind) == [f"{w}|{w}|{n}" for w, n in zip(wanted, counts, strict=True)]


def _falling(rows: list[Any]) -> list[Any]:
    """From the largest; equal ones in the order of the table."""
    return [r for v in sorted({r[1] for r in rows}, reverse=True) for r in rows if r[1] == v]


def naive_sum(values: list[Any], kind: str) -> Any:
    exact = sum((Fraction(repr(v)) if kind == "float" else Fraction(v) for v in values), Fraction(0))
    if kind == "float":
        return float(exact)
    if kind == "int":
        return exact.numerator
    whole = abs(exact * 100).numerator
    return Decimal(f"{'-' if exact < 0 else ''}{whole // 100}.{whole % 100:02}")


@settings(max_examples=examples(25))
@given(cases("int float decimal"))
def test_sums_and_means(case: Any) -> None:
    table, rows, kind, keys, key_kind = case
    sums: list[str | None] = []
    means: list[str | None] = []
    for key in keys:
        there = [v for k, v in rows if same_key(k, key) and v is not None]
        total = naive_sum(there, kind) if there else None
        fits = not isinstance(total, int) or -(2**63) <= total < 2**63
        sums.append(shown(total) if fits else None)
        means.append("" if total is None else str(total / len(there)))
    way = every_way("agg_rows('t', k, 'sum', 'v')")
    assert texts(way, table, keys, key_kind) == [None if s is None else f"{s}|" * len(WAYS) for s in sums]
    assert texts("{{ agg_rows('t', k, 'avg', 'v') }}", table, keys, key_kind) == means


@settings(max_examples=examples(25))
@given(cases())
def test_counts_and_extremes(case: Any) -> None:
    table, rows, _, keys, kind = case
    wanted = [""] * len(keys)
    for i, key in enumerate(keys):
        there = [v for k, v in rows if same_key(k, key) and v is not None]
        wanted[i] = f"{shown(min(there))} {shown(max(there))}" if there else " "
    source = "{{ agg_rows('t', k, 'min', 'v') }} {{ agg_rows('t', k, 'max', 'v') }}"
    assert texts(source, table, keys, kind) == wanted
    for column in ("", ", 'v'"):
        counts = [
            "" if key is None else str(sum(same_key(k, key) and (v is not None or not column) for k, v in rows)) for key in keys
        ]
        assert texts(f"{{{{ agg_rows('t', k, 'count'{column}) }}}}", table, keys, kind) == counts


def test_a_literal_key_is_asked_for_once_and_means_the_same() -> None:
    table = made_table("t", {"key": ["a", "b", "a"], "v": [1, 2, 3]}, {"v": "int"})
    source = "{{ lookup('t','a','v') }} {{ agg_rows('t','a','sum','v') }} "
    source += "{{ lookup('t',none,'v','-') }} {{ lookup('t','c','v',k) }} "
    source += "{{ agg_rows('t','c','count') }}{{ agg_rows('t','c','sum','v') }}|"
    source += "{% for r in lookup_rows('t','a') %}{{ r.v }}{% endfor %}"
    assert texts(source, table, ["x", "y"], "text") == ["1 4 - x 0|13", "1 4 - y 0|13"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("lookup('s', k, 'v')", "lookup: tbl names no table of the bundle (put it at tables/s.csv)"),
        ("lookup('shops', k, 'v')", "lookup: tbl names no table of the bundle (put it at tables/shops.csv)"),
        ("lookup(k, k, 'v')", "lookup: tbl must be a text in quotes"),
        ("'t' | lookup(k, k)", "lookup: col must be a text in quotes"),
        ("lookup('t', k, 'vv')", "lookup: col must name a column of the table 't' (did you mean v?)"),
        ("lookup('t', k, 'amount')", "lookup: col must name a column of the table 't' (it has key, v, note)"),
        ("lookup(*['t', k, 'v'])", "lookup: takes no arguments with * or **"),
        ("lookup_rows('t', k, order='-w')", "lookup_rows: order must name a column of the table 't' (it has key, v, note)"),
        ("agg_rows('t', k, 'total', 'v')", "agg_rows: fn must be one of sum, count, max, min, avg"),
        ("agg_rows('t', k, 'sum')", "agg_rows: col is needed for sum"),
        (
            "agg_rows('t', k, 'sum', 'note')",
            "agg_rows: col must name a column of decimal or float or int, and 'note' is text: "
            "declare it under tables.t.columns",
        ),
    ],
)
def test_names_are_judged_when_the_template_is_compiled(call: str, message: str) -> None:
    table = made_table("t", {"key": ["a"], "v": [1], "note": ["x"]}, {"v": "int"})
    context = Context(types={"k": "text"}, as_of=AS_OF, tables={"t": table})
    with pytest.raises(InvalidInput) as caught:
        compile_template(f"line\n{{{{ {call} }}}}", name="b", context=context, escape=False)
    assert [(p.file, p.line, p.message) for p in caught.value.problems] == [("b", 2, message)]


def test_files_that_only_a_row_names_are_judged_too() -> None:
    table = made_table("t", {"key": ["a"], "v": [1]}, {"v": "int"})
    context = Context(types={"k": "text"}, as_of=AS_OF, tables={"t": table})
    files = {
        "good": "{{ lookup('t', 'a', 'v') }}",
        "bad": "{{ lookup('none', 'a', 'v') }}",
        "worse": "\n{{ lookup('t', 'a', k) }}",
    }
    with pytest.raises(InvalidInput) as caught:
        compile_template("{% include k %}", name="b", context=context, escape=False, files=files)
    assert {(p.file, p.line, p.message) for p in caught.value.problems} == {
        ("bad", 1, "lookup: tbl names no table of the bundle (put it at tables/none.csv)"),
        ("worse", 2, "lookup: col must be a text in quotes"),
    }
    del files["bad"], files["worse"]
    plan = compile_template("{% include k %}", name="b", context=context, escape=False, files=files)
    assert plan.run(pa.table({"k": ["good"]}), np.arange(1)).text(plan.statics, 0) == "1"


def test_rows_without_end_are_refused_one_recipient_at_a_time() -> None:
    many = 10_001
    table = made_table("t", {"key": ["a"] * many + ["b"], "v": list(range(many + 1))}, {"v": "int"})
    assert texts("{{ lookup_rows('t', k) | length }}", table, ["a", "b"], "text") == [None, "1"]
    assert texts("{{ lookup_rows('t', k, 2) | length }}", table, ["a", "b"], "text") == ["2", "1"]
    assert texts("{{ lookup_rows('t', 'b', limit=k) | length }}", table, [0, -1, 10_001, 7], "int") == ["0", None, None, "1"]


@pytest.mark.parametrize("kind", ["[1]", "{'a': 1}", "[]"])
def test_a_list_is_no_key(kind: str) -> None:
    table = made_table("t", {"key": ["a"], "v": [1]}, {"v": "int"})
    for call in (f"lookup('t', {kind}, 'v')", f"lookup('t', [k] if k else {kind}, 'v')", f"agg_rows('t', {kind}, 'count')"):
        assert texts(f"{{{{ {call} }}}}", table, ["a"], "text") == [None]


def test_half_a_character_finds_nothing() -> None:
    table = made_table("t", {"key": ["a"], "v": [1]}, {"v": "int"})
    assert texts(
        "{{ lookup('t', '\\ud800', 'v', 'no') }}{{ lookup('t', k ~ '\\ud800', 'v', 'no') }}", table, ["a"], "text"
    ) == ["nono"]


def test_keys_that_meet_in_their_hashes_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys can be chosen so that their hashes are equal: another seed parts them, and no look-up trusts a hash alone."""
    real = table_module.hash_texts

    def weak(column: pa.StringArray, seed: int = 0) -> Any:
        return real(column, seed) if seed >= 2 else np.zeros(len(column), np.uint64)

    monkeypatch.setattr(table_module, "hash_texts", weak)
    assert index_of([pa.array(["a", "b", "a"])]).seed == 2
    monkeypatch.setattr(table_module, "hash_texts", lambda column, seed=0: np.zeros(len(column), np.uint64))
    with pytest.raises(ValueError, match="cannot be told apart"):
        index_of([pa.array(["a", "b"])])
    lone = Table("t", TableShape(1, "key", {"key": "text"}), pa.table({"key": ["a"]}), index_of([pa.array(["a"])]), ZONE)
    assert texts("{{ lookup('t', k, 'key', 'no') }}", lone, ["a", "b"], "text") == ["a", "no"]


@given(st.lists(st.sampled_from([None, "a", "b", "c", "dd" * 9]), max_size=20), st.integers(1, 5))
@example([], 1)
def test_the_index_holds_every_row_of_every_key(keys: list[str | None], cut: int) -> None:
    parts = [pa.array(keys[i : i + cut], pa.string()) for i in range(0, len(keys), cut)]
    index = index_of(parts)
    groups = [index.order[a:b].tolist() for a, b in zip(index.starts, index.starts[1:], strict=False)]
    assert sorted(groups) == sorted([i for i, k in enumerate(keys) if k == key] for key in {k for k in keys if k is not None})
