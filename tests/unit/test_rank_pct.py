"""`rank_pct` against its definition, counted naively over the whole list: as a column, in a branch, row by row, in mails."""

import bisect
import datetime as dt
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from actors.model.errors import InvalidInput
from actors.model.spec import ContentSpec
from actors.model.states import RowState
from actors.renderer.functions import ranks
from actors.renderer.functions.ranks import keys_of, ranks_of
from actors.renderer.job import load_snapshot
from actors.renderer.ranking import ListRanks, ranks_path
from actors.renderer.template import Context, compile_template
from cluster.config import Config
from cluster.workbench import opened
from tests.fakes.mailing import Mailing
from tests.fakes.snapshot import JOB

AS_OF = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
RNG = random.Random(7)
DAY = dt.date(2026, 1, 1)
VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "int": (pa.int64(), [RNG.choice([None, -(2**63), 2**63 - 1, 2**53, 2**53 + 1, *range(-9, 9)]) for _ in range(300)]),
    "float": (pa.float64(), [RNG.choice([None, -0.0, 0.0, 1e300, -1.5, 0.1, RNG.random()]) for _ in range(300)]),
    "date": (pa.date32(), [RNG.choice([None, DAY - dt.timedelta(RNG.randrange(60_000))]) for _ in range(300)]),
    "timestamp": (
        pa.timestamp("us", "Asia/Taipei"),
        [RNG.choice([None, AS_OF - dt.timedelta(seconds=RNG.randrange(90))]) for _ in range(300)],
    ),
    "decimal": (
        pa.decimal128(38, 4),
        [RNG.choice([None, Decimal("12345678901234567890.0001"), Decimal(RNG.randrange(-99, 99)) / 8]) for _ in range(300)],
    ),
}
WAYS = [
    "{{ rank_pct(x) }}",
    "{{ x | rank_pct }}",
    "{{ rank_pct(col=x) }}",
    "{% if x is none or x != 0 or x == 0 %}{{ rank_pct(x) }}{% endif %}",
    "{% for i in [1] recursive %}{{ rank_pct(x) }}{% endfor %}",
    "{% for i in [1] recursive %}{{ x | rank_pct }}{% endfor %}",
    "{% macro m() %}{{ rank_pct(x) }}{% endmacro %}{{ m() }}",
    "{% include 'part' %}",
    "{% include ['part', 'other'] %}",
    "{% set name = 'part' %}{% include name %}",
]


def naive(values: list[Any]) -> list[str]:
    there = [v for v in values if v is not None]
    return [
        "" if v is None else str(100 * sum(w < v for w in there) / (len(there) - 1) if len(there) > 1 else 0.0) for v in values
    ]


def given(values: list[Any], kind: pa.DataType) -> Context:
    name = next(name for name, (of, _) in VALUES.items() if of == kind)
    made = ranks_of(keys_of(pa.array([v for v in values if v is not None], kind)).copy(), kind)
    return Context(types={"x": name, "s": "text"}, as_of=AS_OF, ranks={"x": made})


def texts(source: str, values: list[Any], kind: pa.DataType) -> list[str | None]:
    files = {"part": "{{ rank_pct(x) }}"}
    plan = compile_template(source, name="t", context=given(values, kind), escape=False, files=files)
    columns = plan.run(pa.table({"x": pa.array(values, kind), "s": ["a"] * len(values)}), np.arange(len(values)))
    return [None if i in columns.failed else columns.text(plan.statics, i) for i in range(columns.n)]


@pytest.mark.parametrize("source", WAYS)
@pytest.mark.parametrize("name", VALUES)
def test_every_way_gives_the_definition(name: str, source: str) -> None:
    kind, values = VALUES[name]
    assert texts(source, values, kind) == naive(values)


@pytest.mark.parametrize("values", [[None, None], [5], [None, 5], [5, 5, 5], [1, 2]])
def test_short_lists(values: list[int | None]) -> None:
    for source in WAYS:
        assert texts(source, values, pa.int64()) == naive(values)


def test_a_number_that_is_none_has_no_rank() -> None:
    context = Context(types={"x": "float"}, as_of=AS_OF, ranks={"x": ranks_of(np.array([1.0, 2.0]), pa.float64())})
    plan = compile_template("{{ rank_pct(x) is none }}", name="t", context=context, escape=False)
    columns = plan.run(pa.table({"x": [float("nan"), 2.0]}), np.arange(2))
    assert [columns.text(plan.statics, i) for i in range(2)] == ["True", "False"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ rank_pct(x + 1) }}", "rank_pct wants the name of a column"),
        ("{{ rank_pct(3) }}", "rank_pct wants the name of a column"),
        ("{{ rank_pct('x') }}", "rank_pct wants the name of a column"),
        ("{{ rank_pct(*[x]) }}", "rank_pct wants the name of a column"),
        ("{{ (x * 2) | rank_pct }}", "rank_pct wants the name of a column"),
        ("{% filter rank_pct %}3{% endfilter %}", "rank_pct wants the name of a column"),
        ("{% set x = 3 %}{{ rank_pct(x) }}", "rank_pct wants the name of a column"),
        ("{% for x in [1] %}{{ rank_pct(x) }}{% endfor %}", "rank_pct wants the name of a column"),
        ("{% for i in [1] %}{{ rank_pct(loop) }}{% endfor %}", "rank_pct wants the name of a column"),
        ("{{ rank_pct(s) }}", "rank_pct wants a column of numbers or dates"),
        ("{{ rank_pct(xx) }}", "no column 'xx'"),
        ("{{ rank_pct(x, hongyan_column='y') }}", "rank_pct(col): got an unexpected keyword argument 'hongyan_column'"),
    ],
)
def test_other_arguments_are_problems_with_their_place(source: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        compile_template(f"\n{source}", name="t", context=given([1], pa.int64()), escape=False)
    first = caught.value.problems[0]
    assert (first.file, first.line) == ("t", 2)
    assert first.message.startswith(message)


def test_a_macro_of_that_name_is_the_templates_own() -> None:
    assert texts("{% macro rank_pct(v) %}<{{ v }}>{% endmacro %}{{ rank_pct(x) }}", [4], pa.int64()) == ["<4>"]


def test_a_call_without_a_name_ends_its_row() -> None:
    assert texts("{{ [x] | map('rank_pct') | join }}", [4, 5], pa.int64()) == [None, None]


def test_ranks_are_of_the_rows_that_are_sent_over_all_segments() -> None:
    points = [RNG.choice([None, *range(12)]) for _ in range(50)]
    addresses = [None if n % 7 == 0 else f"u{n}@a.test" for n in range(50)]
    content = ContentSpec(subject="{{ rank_pct(points) }}", text="t")
    mailing = Mailing(content, {"t": "x"}, {"points": points}, addresses=addresses, types={"points": "int"}, segment_rows=8)
    with mailing:
        snapshot = load_snapshot(mailing.vault, JOB)
        assert mailing.renderer.check(JOB) == []
        assert mailing.vault.exists(ranks_path(snapshot, "points"))
        sent = naive([p if a else None for p, a in zip(points, addresses, strict=True)])
        for row in range(50):
            shown = mailing.renderer.preview(JOB, row, mailing.stamp)
            if addresses[row]:
                assert shown.subject == (sent[row] if points[row] is not None else "")
            elif points[row] is not None and shown.subject:
                assert 0 <= float(shown.subject) <= 100


@pytest.mark.parametrize("name", [n for n in VALUES if n in ("int", "float", "date", "decimal")])
def test_the_file_holds_what_was_worked_out_and_is_the_same_each_time(name: str) -> None:
    values = [None if v is None else round(v, 2) if name == "decimal" else v for v in VALUES[name][1]]
    content = ContentSpec(subject="{{ rank_pct(v) }}", text="t")
    with Mailing(content, {"t": "x"}, {"v": values}, types={"v": name}, segment_rows=70) as mailing:
        snapshot = load_snapshot(mailing.vault, JOB)
        made = ListRanks(mailing.vault, snapshot)["v"]
        first = mailing.vault.read(ranks_path(snapshot, "v"))
        mailing.vault.delete(ranks_path(snapshot, "v"))
        assert ListRanks(mailing.vault, snapshot)["v"].keys.tolist() == made.keys.tolist()
        assert mailing.vault.read(ranks_path(snapshot, "v")) == first
        there = sorted(v for v in values if v is not None)
        distinct = sorted(set(there))
        assert (made.count, len(made.keys)) == (len(there), len(distinct))
        assert made.smaller.tolist() == [bisect.bisect_left(there, v) for v in distinct]


def test_ranked_types_are_those_that_intake_knows() -> None:
    assert set(VALUES) == ranks.RANKED_TYPES


async def test_a_bundle_of_two_segments(tmp_path: Path) -> None:
    rows = 40_000  # more than the 32,768 of a segment
    points = [n * 7919 % 10_007 for n in range(rows)]
    lines = [f"u{n}@b.test,{p},{DAY + dt.timedelta(p)}" for n, p in enumerate(points)]
    lines[5] = f"u4@b.test,0,{DAY}"  # a duplicate: does not count
    control = (
        'name: ranks\nsender: {from: "Bank <s@bank.test>"}\nlist: {file: list.csv}\n'
        'content: {subject: "{{ rank_pct(points) }} {{ rank_pct(day) }}", text: body.txt}\n'
    )
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "job.yaml").write_text(control)
    (bundle / "body.txt").write_text("{% for i in [1] %}{{ rank_pct(points) }}{% endfor %}")
    (bundle / "list.csv").write_text("email,points,day\n" + "\n".join(lines) + "\n")
    counted = sorted(p for n, p in enumerate(points) if n != 5)
    async with opened(bundle, Config()) as bench:
        assert bench.accepted.counts["pending"] == rows - 1
        for row in (0, 4, 5, 32_767, 32_768, 39_999):
            shown = await bench.preview(row)
            assert shown.state is (RowState.DUPLICATE if row == 5 else RowState.PENDING)
            value = 0 if row == 5 else points[row]
            expected = str(100 * bisect.bisect_left(counted, value) / (len(counted) - 1))
            assert (shown.subject, shown.text.strip()) == (f"{expected} {expected}", expected)
