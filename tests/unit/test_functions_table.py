"""The table of functions: every example holds as a column, row by row and as a filter; nulls and refusals keep the rules."""

import datetime as dt
import inspect
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from actors.model.job import code_column
from actors.model.states import RowState
from actors.renderer.functions import FAMILIES, REGISTRY, Function
from actors.renderer.functions.inputs import clusters
from actors.renderer.functions.ranks import ranks_of
from actors.renderer.functions.snippet import Snippet
from actors.renderer.template import Columns, Context, compile_template
from tests.fakes.tables import example_tables

CONTEXT = Context(
    types={"x": "text", "one": "int", "points": "int"},
    as_of=dt.datetime(2026, 11, 23, 16, 30, tzinfo=dt.UTC),
    keys={"demo": b"demo key"},
    ranks={"points": ranks_of(np.array([30, 10, 20]), pa.int64())},  # what rank_pct's entry speaks of; a row here has 20
    tables=example_tables(),
    pools={"coupons": code_column("coupons")},
    snippets={("closing", ""): Snippet(None, "敬祝 商祺")},
)
FUNCTIONS = sorted(REGISTRY.values(), key=lambda function: function.name)

# What FUNCTIONS.md promises in the sections that are there.
LOGIC = "iif ifs switch band coalesce if_blank is_null is_empty between in_list skip_recipient require ab_split null_if"
NUMBERS = (
    "round_half_up round_half_even ceil floor trunc mod min_of max_of clamp safe_div percent_of sum_of rank_pct random_int"
    " tier_sum to_number sign sqrt power log10 avg_of pct_change"
)
MASKS = "mask_name mask_email mask_phone mask_id_tw mask_card mask_account mask_address mask_keep pseudonym mask_birthday"
FORMATS = "fmt_number fmt_currency fmt_percent fmt_compact fmt_bytes fmt_ordinal fmt_phone"
FILES = "pdf_attach csv_field ics_text ics_value"
PICTURES = "qr barcode img_attach"
TABLES = "lookup lookup_rows agg_rows nearest content json_get list_join claim_code"
CHINESE = "to_fullwidth to_halfwidth truncate_width simp_trad salutation surname zh_number zh_money_upper zodiac_tw"
DATES = (
    "now today parse_date fmt_date roc_date roc_year lunar_date date_add date_diff days_until date_part end_of weekday_name"
    " workday_add age birthday_in to_tz start_of"
)
TEXT = (
    "title_case char_count left right mid index_of replace_any regex_extract split_part join_nonempty concat truncate_chars"
    " contains strip_html nl2br regex_replace starts_with ends_with pad_left squish pluralize linkify"
)
HASHES = "sha256 hmac_sha256 base64url url_encode encrypt_field uuid_for crc32"
LINKS = "sign_url add_query utm"
CHECKS = "is_email email_domain is_tw_id is_tax_id_tw luhn_ok"
PROMISED = {
    "Logic": LOGIC,
    "Numbers": NUMBERS,
    "Chinese": CHINESE,
    "Masks": MASKS,
    "Formats": FORMATS,
    "Dates": DATES,
    "Tables": TABLES,
    "Pictures": PICTURES,
    "Text": TEXT,
    "Hashes and keys": HASHES,
    "Links": LINKS,
    "Checks": CHECKS,
    "Files": FILES,
}


def run(
    source: str, values: list[Any], kind: pa.DataType | None = None, context: Context = CONTEXT
) -> tuple[Columns, tuple[str, ...]]:
    plan = compile_template(source, name="t", context=context, escape=False)
    ones, points = (pa.array([number] * len(values), pa.int64()) for number in (1, 20))
    table = pa.table(
        {
            "x": pa.array(values, kind or pa.string()),
            "one": ones,
            "points": points,
            code_column("coupons"): ["AB-1"] * len(values),
        }
    )
    return plan.run(table, np.arange(len(values))), plan.statics


def texts(source: str, values: list[Any], kind: pa.DataType | None = None) -> list[str | None]:
    columns, statics = run(source, values, kind)
    return [None if i in columns.failed else columns.text(statics, i) for i in range(columns.n)]


def test_the_promised_functions_are_there() -> None:
    promised = {name: family for family, names in PROMISED.items() for name in names.split()}
    assert {name: function.family for name, function in REGISTRY.items()} == promised
    assert {module.FAMILY for module in FAMILIES} == set(promised.values())


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
def test_example_holds_in_every_way(function: Function) -> None:
    slot = f"{{{{ {function.example} }}}}"
    row_by_row = f"{{% for i in [one] recursive %}}{slot}{{% endfor %}}"
    in_a_branch = f"{{% if one %}}{slot}{{% endif %}}"
    for source in (slot, row_by_row, in_a_branch):
        assert texts(source, ["a", "b"]) == [function.expected] * 2
    assert function.meaning.endswith(".")
    assert function.kind in ("N", "D", "J", "R")
    assert function.usage.startswith(function.name + "(")


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
def test_null_in_null_out_unless_the_entry_says_otherwise(function: Function) -> None:
    if not function.nulls.startswith("null in, null out") or function.name in ("now", "today"):
        return
    required = [p for p in function.signature.parameters.values() if p.default is inspect.Parameter.empty]
    others = {
        "re": "'a'",
        "sought": "['a']",
        "labels": "['a', 'b']",
        "thresholds": "[1]",
        "rates": "[1, 2]",
        "weights": "[1, 1]",
        "key_id": "'demo'",
    }
    args = ["x"] + [others.get(p.name, "2") for p in required[1:] if p.kind is not p.VAR_POSITIONAL]
    source = f"<{{{{ {function.name}({', '.join(args)}) is none }}}}>"
    columns, statics = run(source, [None, None])
    assert not columns.failed
    assert columns.text(statics, 1) == "<True>"
    assert texts(f"{{% for i in [1] recursive %}}{source}{{% endfor %}}", [None]) == ["<True>"]


@pytest.mark.parametrize(
    ("call", "value", "argument"),
    [
        ("mask_id_tw(x)", "A12345678", "id"),
        ("mask_card(x)", "4111-secret", "pan"),
        ("mask_email(x)", "nobody", "e"),
        ("mask_phone(x)", "call me", "p"),
        ("mask_birthday(x)", "31.12.1999x", "d"),
        ("fmt_date(x)", "yesterday", "d"),
        ("fmt_number(x)", "12", "x"),
        ("fmt_phone(x)", "12345", "p"),
        ("fmt_currency(1, x)", "ZZZ", "cur"),
        ("fmt_number(1, '#', x)", "xx-nowhere", "locale"),
        ("fmt_bytes(0 - one)", "", "n"),
        ("round_half_up(1.5, x)", "2", "n"),
        ("band(one, [2, 1], ['a', 'b', 'c'])", "", "labels"),
        ("tier_sum(one, [1], [1])", "", "rates"),
        ("ab_split(x, [1], [])", "k", "weights"),
        ("pseudonym('a', x)", "nokey", "key_id"),
        ("random_int(x, 5, 1)", "k", "hi"),
        ("sqrt(x)", "9", "x"),
        ("ceil(1, 0 * one)", "", "step"),
        ("now(x)", "Mars/Olympus", "tz"),
        ("roc_date(x, 'western')", "2026-01-31", "style"),
        ("zh_money_upper(one / 3)", "", "x"),
        ("simp_trad(x, 's2x')", "secret", "dir"),
        ("truncate_width(x, -1)", "secret", "cols"),
        ("parse_date(x)", "31/12/1999", "t"),
        ("date_add(x, 1)", "soon-secret", "d"),
        ("lunar_date(x)", "1800-01-01", "d"),
        ("fmt_ordinal(one, 'fr')", "", "locale"),
    ],
)
def test_a_refused_value_ends_its_row_without_being_quoted(call: str, value: str, argument: str) -> None:
    columns, _ = run(f"{{{{ {call} }}}}", [value])
    state, reason = columns.failed[0]
    assert state is RowState.RENDER_ERROR
    assert reason.startswith(f"t line 1: {call.partition('(')[0]}: {argument} ")
    assert len(value) < 4 or value not in reason


def test_only_the_rows_that_cannot_be_worked_out_end() -> None:
    assert texts("{{ x | mask_id_tw }}", ["A123456789", "short", None, "B223456789"]) == ["A12345****", None, "", "B22345****"]


def test_alt_stands_in_for_what_cannot_be_taken() -> None:
    assert texts("{{ to_number(x, alt=0) }}", ["1,234", "none", "12元", None]) == ["1234", "0", "12", ""]
    assert texts("{{ safe_div(one, one - 1, alt='n/a') }}", ["a"]) == ["n/a"]


def test_skip_and_require_settle_rows() -> None:
    columns, statics = run(
        "{{ skip_recipient(x == 'old', 'account closed') }}{{ require(x != 'bad', 'no  policy') }}ok {{ x }}",
        ["a", "old", "bad"],
    )
    assert columns.failed == {
        1: (RowState.SKIPPED, "t line 1: account closed"),
        2: (RowState.RENDER_ERROR, "t line 1: no policy"),
    }
    assert columns.text(statics, 0) == "ok a"


def test_the_first_reason_of_a_row_stays() -> None:
    columns, _ = run("{{ skip_recipient(true, 'first') }}{{ require(false, 'second') }}{{ 1 // 0 }}", ["a"])
    assert columns.failed[0] == (RowState.SKIPPED, "t line 1: first")


def test_draws_depend_on_seed_and_key_alone() -> None:
    keys = [f"key {i}" for i in range(3000)]
    source = "{{ ab_split(x, [70, 20, 10], ['A', 'B', 'C']) }}{{ random_int(x, 0, 9) }}"
    first = texts(source, keys)
    assert first == texts(source, keys)
    assert first[::-1] == texts(source, keys[::-1])
    shares = [sum(t is not None and t[0] == label for t in first) / len(keys) for label in "ABC"]
    assert shares == pytest.approx([0.7, 0.2, 0.1], abs=0.03)
    assert {t[1] for t in first if t} == set("0123456789")
    other = Context(types=CONTEXT.types, as_of=CONTEXT.as_of, seed=1)
    columns, statics = run(source, keys, context=other)
    assert [columns.text(statics, i) for i in range(len(keys))] != first


def test_now_and_today_are_the_jobs() -> None:
    assert texts("{{ now() }} {{ today() }} {{ today('UTC') }}", ["a"]) == ["2026-11-24 00:30:00+08:00 2026-11-24 2026-11-23"]


def test_characters_stay_whole() -> None:
    assert clusters("e\u0301葛\U000e0100👍🏽👩\u200d👧x") == ["e\u0301", "葛\U000e0100", "👍🏽", "👩\u200d👧", "x"]
