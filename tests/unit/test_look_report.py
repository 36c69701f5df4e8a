"""A look at a whole list: its figures against Python over the rows that Jinja2 renders, merged in any order, and its gates."""

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from actors.intake.looking import look_over, pieces
from actors.model.errors import InvalidInput
from actors.renderer.look.sketches import EXACT_DISTINCT, EXAMPLES, Distinct, Extremes, Sizes, Tally
from cluster import lookers
from cluster.config import Config
from cluster.workbench import opened
from gateway.cli.main import build
from tests.examples import examples
from tests.unit.test_look import make

ROWS = 400
PAGE = """<html><body><p>{{ name|if_blank('friend') }}</p>
{% if points > 500 %}<b>{{ points|fmt_number }}</b>{% elif points > 100 %}{{ points }}{% elif points > 5000 %}never
{% else %}few{% endif %}<p>{{ city }}</p>{{ require(points != 13, 'unlucky') }}{{ skip_recipient(points == 999, 'by phone') }}
{% for n in range(2) %}{% if n == points %}{{ n }}{% endif %}{% endfor %}
</body></html>"""
CONTROL = """name: looked at
sender: {from: "Shop <news@shop.test>"}
list: {columns: {points: int, city: text, name: text}}
content:
  subject: "{{ name }}{% if city %} of {{ city }}{% endif %}"
  html: body.html
  unsubscribe: "{{ 'https' if points > 50 else 'http' }}://shop.test/u/{{ points }}"
"""


def people() -> list[dict[str, Any]]:
    chance = random.Random(7)
    names = ["", "Ann", "Bob", "Eve", "王小明"]
    found = [
        {"name": chance.choice(names), "city": chance.choice(["", "Taipei", "Tainan"]), "points": chance.randrange(1000)}
        for _ in range(ROWS)
    ]
    found[3]["points"], found[5]["points"], found[7]["points"] = 13, 999, 1
    return found


PEOPLE = people()
LIST = "email,name,city,points\n" + "".join(
    f"u{i}@a.test,{p['name']},{p['city']},{p['points']}\n" for i, p in enumerate(PEOPLE)
)
ALIVE = [i for i, p in enumerate(PEOPLE) if p["points"] not in (13, 999)]
FILES = {"job.yaml": CONTROL, "body.html": PAGE, "list.csv": LIST}


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("look")

    async def look() -> dict[str, Any]:
        async with opened(make(folder / "b", FILES), Config()) as bench:
            return await bench.look()

    return asyncio.run(look())


def slot(report: dict[str, Any], source: str) -> dict[str, Any]:
    (found,) = [s for s in report["slots"] if s["source"] == source and s["part"] == "html"]
    return found


def test_arms_have_the_rows_that_python_counts(looked: dict[str, Any]) -> None:
    arms = {b["source"]: [(a["source"], a["rows"]) for a in b["arms"]] for b in looked["branches"]}
    points = [PEOPLE[i]["points"] for i in ALIVE]
    assert arms["if points > 500"] == [
        ("if points > 500", sum(p > 500 for p in points)),
        ("elif points > 100", sum(100 < p <= 500 for p in points)),
        ("elif points > 5000", 0),
        ("else", sum(p <= 100 for p in points)),
    ]
    assert arms["if city"] == [
        ("if city", sum(bool(PEOPLE[i]["city"]) for i in ALIVE)),
        ("(none)", sum(not PEOPLE[i]["city"] for i in ALIVE)),
    ]
    in_loop = dict(arms["if n == points"])
    assert in_loop == {"if n == points": sum(p in (0, 1) for p in points), "(none)": len(points)}
    examples = next(b for b in looked["branches"] if b["source"] == "if points > 500")["arms"][0]["examples"]
    assert examples == [i for i in ALIVE if PEOPLE[i]["points"] > 500][:EXAMPLES]


def test_slots_tell_empties_differences_and_numbers(looked: dict[str, Any]) -> None:
    city = slot(looked, "city")
    empty = [i for i in ALIVE if not PEOPLE[i]["city"]]
    assert (city["null"]["rows"] + city["blank"]["rows"], city["values"]) == (len(empty), len(ALIVE))
    assert city["null"]["examples"] == empty[:EXAMPLES]
    assert (city["distinct"], city["distinct_exact"]) == (len({PEOPLE[i]["city"] for i in ALIVE}), True)
    many = slot(looked, "points|fmt_number")
    printed = sorted((PEOPLE[i]["points"], i) for i in ALIVE if PEOPLE[i]["points"] > 500)
    assert many["numbers"]["lowest"][0]["value"] == str(printed[0][0])
    assert many["numbers"]["highest"][0]["value"] == str(printed[-1][0])
    assert PEOPLE[many["numbers"]["highest"][0]["row"]]["points"] == printed[-1][0]
    assert slot(looked, "name|if_blank('friend')")["null"]["rows"] == 0
    assert not [s for s in looked["slots"] if "require" in s["source"]]
    blank = [i for i in ALIVE if not PEOPLE[i]["city"] or not PEOPLE[i]["name"]]
    assert looked["blank_rows"] == len(blank)


def test_defaults_subjects_and_errors(looked: dict[str, Any]) -> None:
    (default,) = looked["defaults"]
    assert (default["function"], default["rows"], default["asked"]) == (
        "if_blank",
        sum(not PEOPLE[i]["name"] for i in ALIVE),
        len(ALIVE),
    )
    subject = jinja2.Template("{{ name }}{% if city %} of {{ city }}{% endif %}")
    lengths = {i: len(subject.render(PEOPLE[i])) for i in ALIVE}
    longest, shortest = looked["subject"]["longest"], looked["subject"]["shortest"]
    assert (longest["chars"], shortest["chars"]) == (max(lengths.values()), min(lengths.values()))
    assert longest["row"] == min(i for i, n in lengths.items() if n == longest["chars"])
    assert longest["text"] == subject.render(PEOPLE[longest["row"]])
    told = {(e["state"], e["reason"].split(": ")[1]): (e["rows"], e["examples"]) for e in looked["errors"]}
    failed = {word: [i for i, p in enumerate(PEOPLE) if p["points"] == n] for word, n in (("unlucky", 13), ("by phone", 999))}
    assert told == {
        ("render_error", "unlucky"): (len(failed["unlucky"]), failed["unlucky"][:EXAMPLES]),
        ("skipped", "by phone"): (len(failed["by phone"]), failed["by phone"][:EXAMPLES]),
    }
    assert all(e["reason"].startswith("body.html line 3") for e in looked["errors"])
    assert (looked["looked_at"], looked["mails"]) == (ROWS, len(ALIVE))


def test_each_way_through_the_branches_has_one_mail(looked: dict[str, Any]) -> None:
    def way(i: int) -> tuple[Any, ...]:
        p = PEOPLE[i]
        return bool(p["city"]), p["points"] > 500, p["points"] > 100, p["points"] in (0, 1)

    ways = Counter(map(way, ALIVE))
    assert looked["combinations"] == {"count": len(ways), "exact": True, "most": 1024, "shown": len(ways)}
    assert sorted(s["rows"] for s in looked["samples"]) == sorted(ways.values())
    assert {way(s["row"]) for s in looked["samples"]} == ways.keys()
    for sample in looked["samples"]:
        name = PEOPLE[sample["row"]]["name"] or "friend"
        assert f"<p>{name}</p>" in sample["html"]


def test_rules_of_receivers(looked: dict[str, Any]) -> None:
    rules = {r["name"]: r for r in looked["rules"]}
    plain = sum(PEOPLE[i]["points"] <= 50 for i in ALIVE)
    assert rules["one-click unsubscribe"]["level"] == "warn"
    assert f"{plain:,} mails" in rules["one-click unsubscribe"]["text"]
    assert rules["DKIM aligned with From"]["level"] == "bad"
    assert rules["text part"]["level"] == "good"


async def test_the_order_of_the_pieces_changes_nothing(tmp_path: Path, looked: dict[str, Any]) -> None:
    async with opened(make(tmp_path / "b", FILES), Config()) as bench:
        looks = [await bench.renderer.look(bench.job, 0, first, first + 50, record_stamp()) for first in range(0, ROWS, 50)]
        random.Random(3).shuffle(looks)
        for other in looks[1:]:
            looks[0].merge(other)
        found = await bench.renderer.report(bench.job, looks[0], record_stamp())
    for key in ("branches", "slots", "defaults", "errors", "blank_rows", "subject", "combinations"):
        ordered = sorted(found[key], key=str) if isinstance(found[key], list) else found[key]
        expected = sorted(looked[key], key=str) if isinstance(looked[key], list) else looked[key]
        assert ordered == expected, key


def record_stamp() -> int:
    return 1_800_000_000


@pytest.mark.deep
async def test_a_long_list_is_looked_at_by_processes(
    tmp_path: Path, looked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.workbench.WORTH_ROWS", 1)
    monkeypatch.setattr(lookers, "cores", lambda: 2)
    seen: list[int] = []
    async with opened(make(tmp_path / "b", FILES), Config()) as bench:
        found = await bench.look(seen.append)
    assert found["branches"] == looked["branches"]
    assert seen[-1] == ROWS


@pytest.mark.parametrize(
    ("gates", "shut"),
    [
        ("min_rows: 400, max_rows: 400", []),
        ("min_rows: 401, max_rows: 399", ["min_rows", "max_rows"]),
        ("max_render_errors: 0.1%, max_skipped: 0", ["max_render_errors", "max_skipped"]),
        ("max_render_errors: 5%, max_skipped: 0.05", []),
        ("max_blank_rows: 1%", ["max_blank_rows"]),
        ("max_size_kb: 0.5, max_subject_chars: 5", ["max_size_kb", "max_subject_chars"]),
        ("max_size_kb: 102, max_subject_chars: 50, require_unsubscribe: true", []),
    ],
)
def test_gates_stop_the_check_and_the_job(tmp_path: Path, gates: str, shut: list[str]) -> None:
    bundle = make(tmp_path / "b", FILES | {"job.yaml": CONTROL + f"  gates: {{{gates}}}\n"})
    result = CliRunner().invoke(build(), ["check", str(bundle), "--json"], catch_exceptions=False)
    assert result.exit_code == bool(shut)
    assert [g["name"] for g in json.loads(result.stdout)["gates"] if not g["passed"]] == shut
    text = CliRunner().invoke(build(), ["check", str(bundle)], catch_exceptions=False).stdout
    assert text.count("SHUT ") == len(shut)


def test_without_unsubscribe_the_gate_is_shut(tmp_path: Path) -> None:
    control = "\n".join(line for line in CONTROL.splitlines() if "unsubscribe" not in line)
    bundle = make(tmp_path / "b", FILES | {"job.yaml": control + "\n  gates: {require_unsubscribe: yes}\n"})
    found = json.loads(CliRunner().invoke(build(), ["check", str(bundle), "--json"]).stdout)
    assert [(g["name"], g["found"], g["passed"]) for g in found["gates"]] == [
        ("require_unsubscribe", f"{len(ALIVE)} mails without", False)
    ]


def test_mistakes_in_gates_are_told(tmp_path: Path) -> None:
    control = CONTROL + "  gates: {max_skipped: 120%, min_rows: -1, max_mails: 3}\n"
    result = CliRunner().invoke(build(), ["check", str(make(tmp_path / "b", FILES | {"job.yaml": control})), "--json"])
    assert result.exit_code == 2
    told = [p["message"] for p in json.loads(result.stdout)["error"]["problems"]]
    assert sorted(told) == [
        "content.gates.max_mails: unknown key",
        "content.gates.max_skipped: must lie between 0 and 1, or between 0% and 100%",
        "content.gates.min_rows: must not be less than 0",
    ]


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=60), st.integers(1, 5))
def test_sizes_know_their_ends_exactly_and_the_rest_to_one_percent(sizes: list[int], parts: int) -> None:
    rows = np.arange(len(sizes))
    whole = Sizes()
    for part in np.array_split(rows, parts):
        one = Sizes()
        one.add(np.array(sizes)[part], part)
        whole.merge(one)
    assert whole.count == len(sizes)
    assert whole.least == (min(sizes), sizes.index(min(sizes)))
    assert whole.most == (max(sizes), sizes.index(max(sizes)))
    for share in (0.5, 0.95):
        exact = sorted(sizes)[max(0, -(-round(share * len(sizes) * 1000) // 1000) - 1)]
        assert whole.quantile(share) == pytest.approx(exact, rel=0.011, abs=1)
    assert sum(n for _, _, n in whole.bars(8)) == len(sizes)
    assert whole.above(max(sizes)) == 0


def test_differences_are_exact_up_to_a_bound_and_near_above_it() -> None:
    parts = []
    for start in range(0, 60_000, 5_000):
        part = Distinct()
        part.add(f"text {n}" for n in range(start, start + 7_500))
        parts.append(part)
    assert parts[0].exact
    assert parts[0].count == 7_500
    for other in parts[1:]:
        parts[0].merge(other)
    assert not parts[0].exact
    assert len(parts[0]._hashes) == EXACT_DISTINCT
    assert parts[0].count == pytest.approx(62_500, rel=0.05)


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=40))
def test_extremes_are_those_of_the_sorted_list(numbers: list[int]) -> None:
    ends = Extremes()
    for at in range(0, len(numbers), 7):
        one = Extremes()
        part = np.array(numbers[at : at + 7], np.int64)
        one.add(part, np.arange(at, at + len(part)))
        ends.merge(one)
    different = sorted(set(numbers))
    assert [n for n, _ in ends.low] == different[:3]
    assert [n for n, _ in ends.high] == different[-3:]
    assert all(numbers[row] == n and row == numbers.index(n) for n, row in (*ends.low, *ends.high))


def test_tallies_keep_the_first_rows() -> None:
    one, other = Tally(), Tally()
    one.add(np.array([9, 30, 40]))
    other.add(np.array([1, 2, 3, 50]))
    one.merge(other)
    assert (one.count, one.rows) == (7, [1, 2, 3, 9, 30])


@given(st.integers(0, 20_000), st.integers(1, 7_000))
def test_pieces_cover_every_row_once(rows: int, segment_rows: int) -> None:
    found = list(pieces(rows, segment_rows))
    assert [row for _, first, stop in found for row in range(first, stop)] == list(range(rows))
    assert all(segment == first // segment_rows == (stop - 1) // segment_rows for segment, first, stop in found)


async def test_a_renderer_that_is_away_ends_the_look() -> None:
    class Away:
        async def look(self, *arguments: Any) -> Any:
            raise InvalidInput(())

    with pytest.raises(InvalidInput):
        await look_over([Away()], "j", 10_000, 5_000, 1)
