"""A template that computes for too long ends its rows, by column and row by row; rows that take little go on beside them."""

import datetime as dt
import re
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from actors.model.rendersettings import TimeLimit
from actors.model.spec import ContentSpec
from actors.model.states import RowState
from actors.renderer.template import Columns, Context, Plan, compile_template, frame, metering, shard, space
from actors.renderer.template.timelimit import Spent
from cluster import names
from cluster.build import Parts, arguments
from cluster.config import Config, load
from tests.fakes.mailing import Mailing

TYPES = {"s": "text", "n": "int"}
LOOP = (
    "{%% for i in range(n) %s%%}{%% for j in range(100) %%}"
    "{{ s|replace('a', 'b')|upper|replace('B', 'a') }}{%% endfor %%}{%% endfor %%}"
)
COLUMN, BY_ROW = LOOP % "", LOOP % "recursive "
WAYS = pytest.mark.parametrize(("source", "mode"), [(COLUMN, "column"), (BY_ROW, "row by row")])


def plan(source: str) -> Plan:
    context = Context(types=TYPES, as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
    return compile_template(f"<p>\n{source}|{{{{ n }}}}", name="page.html", context=context, escape=True)


@pytest.fixture
def _endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts end no row: what is left is time."""
    for module in (metering, shard):
        monkeypatch.setattr(module, "MAX_STEPS", 10**12)
    for module in (frame, metering, shard, space):
        monkeypatch.setattr(module, "MAX_OUTPUT_CHARS", 10**15)


def run(source: str, turns: list[int], limit: TimeLimit, text: str = "a") -> tuple[Columns, Plan]:
    made = plan(source)
    table = pa.table({"s": [text] * len(turns), "n": pa.array(turns, pa.int64())})
    return made.run(table, np.arange(len(turns)), spent=Spent.of(limit, len(turns))), made


@WAYS
@pytest.mark.usefixtures("_endless")
def test_minutes_of_work_end_at_the_limit(source: str, mode: str) -> None:
    """10,000 times 100 turns over a text of 20,000 characters: minutes. The clock is the real one."""
    started = time.thread_time()
    columns, made = run(source, [10_000], TimeLimit(time.thread_time, row=0.3), "a" * 20_000)
    assert time.thread_time() - started < 3
    assert {slot.mode for slot in made.explain()} == {mode, "column"}
    assert columns.failed[0].state is RowState.RENDER_ERROR
    assert columns.failed[0].reason == "page.html line 2: takes more than 0.3 s of computing time, the limit of a row"


@WAYS
@pytest.mark.usefixtures("_endless")
def test_the_other_rows_go_on(source: str, mode: str) -> None:
    columns, made = run(source, [1, 10_000, 2], TimeLimit(time.thread_time, row=0.3), "a" * 2_000)
    assert set(columns.failed) == {1}
    assert columns.text(made.statics, 0).endswith("|1")
    assert columns.text(made.statics, 2).endswith("|2")


@WAYS
@pytest.mark.usefixtures("_endless")
def test_a_call_ends_when_all_of_its_rows_take_long(source: str, mode: str) -> None:
    """No row reaches its own limit before the call's time is used up; then each has its share."""
    started = time.thread_time()
    columns, made = run(source, [10_000] * 50 + [0], TimeLimit(time.thread_time, row=60, call=0.5), "a" * 2_000)
    assert time.thread_time() - started < 4
    assert set(columns.failed) == set(range(50))
    assert columns.text(made.statics, 50).endswith("|0")
    assert re.search(r"^page.html line 2: takes more than its share of 0\.0098 s .* 0\.5 s$", columns.failed[0].reason)


class Ticks:
    """A clock that goes on a little whenever it is looked at."""

    def __init__(self, tick: float):
        self._times: Iterator[int] = count()
        self._tick = tick

    def __call__(self) -> float:
        return next(self._times) * self._tick


@WAYS
def test_within_the_limit_the_bytes_are_the_same(source: str, mode: str) -> None:
    turns = [0, 1, 3, 2]
    limited, made = run(source, turns, TimeLimit(Ticks(1e-4)))
    assert not limited.failed
    free = made.run(pa.table({"s": ["a"] * 4, "n": turns}), np.arange(4))
    assert [limited.text(made.statics, i) for i in range(4)] == [free.text(made.statics, i) for i in range(4)]


def test_a_call_counts_the_time_of_all_templates() -> None:
    """Slow pages leave the headers no more than their share, whichever template comes first."""
    clock = Ticks(0.02)
    spent = Spent.of(TimeLimit(clock, row=1.0, call=0.5), 2)
    made = plan("{{ s|upper }}" * 20)
    table = pa.table({"s": ["a"] * 2, "n": [1, 2]})
    runs = [made.run(table, np.arange(2), spent=spent) for _ in range(20)]
    assert not runs[0].failed
    assert set(runs[-1].failed) == {0, 1}


def test_a_part_of_the_rows_pays_for_itself_and_counts_for_the_call() -> None:
    whole = Spent.of(TimeLimit(Ticks(1.0), row=5, call=10), 4)
    whole.rows[:] = [1, 2, 3, 4]
    part = whole.part([3, 1])
    assert part.rows.tolist() == [4, 2]
    assert part.left(0) == 1
    assert part.left(1) == 3
    part.begin()
    for _ in range(11):
        assert part.take() == 1
    assert whole.most == part.most == 2.5  # ten seconds in four parts


@pytest.mark.usefixtures("_endless")
def test_the_renderer_limits_what_it_is_told_to() -> None:
    files = {"page.html": f"<html><body>{BY_ROW} x</body></html>"}
    content = ContentSpec(subject="a", html="page.html")
    columns = {"s": ["a" * 2_000] * 3, "n": [1, 10_000, 1]}
    with Mailing(content, files, columns, types=TYPES, limit=TimeLimit(time.thread_time, row=0.3)) as mailing:
        envelopes = mailing.envelopes()
        assert envelopes.rows.tolist() == [0, 2]
        assert [(f.row, f.state) for f in envelopes.failures] == [(1, RowState.RENDER_ERROR)]
        assert "the limit of a row" in envelopes.failures[0].reason


def test_the_config_sets_the_limit() -> None:
    limit = arguments(Parts(Config(), lambda name: None), names.renderer(0))["limit"]
    assert (limit.clock, limit.row, limit.call) == (time.thread_time, 2.0, 60.0)


def test_a_config_with_its_own_limit(tmp_path: Path) -> None:
    file = tmp_path / "hongyan.yaml"
    file.write_text(f"data: {tmp_path}/data\nrendering: {{row_seconds: 0.5, call_seconds: 30}}\n")
    limit = Parts(load(file), lambda name: None).time_limit()
    assert (limit.row, limit.call) == (0.5, 30)
