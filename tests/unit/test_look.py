"""`hongyan check`, `preview`, `explain` on a bundle of this machine, through the workbench and as commands."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster.config import Config
from cluster.workbench import opened
from gateway.cli.main import build

CONTROL = """name: explained
sender: {from: "Bank <service@bank.test>"}
content:
  subject: "{{ name }} owes {{ amount | fmt_number }}"
  preheader: "{% if amount > 10 %}much{% endif %} for {{ name | mask_name }} & co"
  html: body.html
  headers: {X-Customer: "{{ name }}"}
  unsubscribe: "https://bank.test/u/{{ name }}"
  attachments: [{file: terms.txt}, {file: "{{ name }}.txt", name: "{{ name }} terms.txt"}]
"""
PAGE = """<html><body>
<p>{{ amount | fmt_number }}</p>
{% for n in range(2) recursive %}{{ n }}{% endfor %}
{% include 'foot.html' %}
</body></html>
"""
FILES = {
    "job.yaml": CONTROL,
    "body.html": PAGE,
    "foot.html": "<p>x</p>\n<p>{{ name }}</p>",
    "list.csv": "email,name,amount\na@b.test,Ann,5\nb@b.test,Bob,5000\n",
    "terms.txt": "t",
    "Ann.txt": "a",
    "Bob.txt": "b",
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make(tmp_path / "bundle", FILES)


def make(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


async def test_explain_tells_part_file_line_and_way_of_every_slot(bundle: Path) -> None:
    async with opened(bundle, Config()) as bench:
        slots = await bench.explain()
    told = [(s.part, s.file, s.line, s.source, s.how) for s in slots if s.part != "text"]
    assert told == [
        ("subject", "content.subject", 1, "name", "column"),
        ("subject", "content.subject", 1, "amount | fmt_number", "column"),
        ("header List-Unsubscribe", "content.unsubscribe", 1, "name", "column"),
        ("header X-Customer", "content.headers.X-Customer", 1, "name", "column"),
        ("preheader", "content.preheader", 1, "if amount > 10", "column"),
        ("preheader", "content.preheader", 1, "name | mask_name", "column"),
        ("html", "body.html", 2, "amount | fmt_number", "column"),
        ("html", "body.html", 3, "for n in range(2) recursive", "row by row"),
        ("html", "foot.html", 2, "name", "column"),
        ("attachment 2 file", "content.attachments[1].file", 1, "name", "column"),
        ("attachment 2 name", "content.attachments[1].name", 1, "name", "column"),
    ]
    reasons = [s.reason for s in slots if s.how == "row by row"]
    assert reasons == ["calls itself for each item"] * 2
    assert all(s.rate > 0 and s.kernel for s in slots)
    assert {(s.source, s.type, s.kernel) for s in slots if s.part == "subject"} == {
        ("name", "text", "column"),
        ("amount | fmt_number", "text", "fmt_number: once a distinct value"),
    }
    assert {s.file for s in slots if s.part == "text"} == {"body.html (as text)", "foot.html"}


async def test_a_template_that_must_run_whole_says_why_for_all_its_files(tmp_path: Path) -> None:
    macro = "{% macro m(x) %}{{ x }}{% if x == 0 %}{{ m(x) }}{% endif %}{% endmacro %}"
    page = macro + "<body>\n{{ m(name) }}{% include 'foot.html' %}</body>"
    async with opened(make(tmp_path / "b", FILES | {"body.html": page}), Config()) as bench:
        slots = [s for s in await bench.explain() if s.part in ("html", "preheader")]
        shown = await bench.preview(1)
    assert {(s.part, s.file) for s in slots} == {
        ("html", "body.html"),
        ("html", "foot.html"),
        ("preheader", "content.preheader"),
    }
    assert {(s.how, s.reason) for s in slots} == {("row by row", "macro m at line 1 calls itself")}
    assert "much for B** &amp; co" in shown.html


def test_a_mistake_in_the_preheader_is_told_with_its_own_name(tmp_path: Path) -> None:
    control = CONTROL.replace("mask_name", "mask_nome")
    bundle = make(tmp_path / "b", FILES | {"job.yaml": control})
    result = CliRunner().invoke(build(), ["check", str(bundle), "--json"])
    assert result.exit_code == 2
    problems = json.loads(result.stdout)["error"]["problems"]
    assert [(p["file"], p["line"]) for p in problems] == [("content.preheader", 1)]
    assert "did you mean mask_name?" in problems[0]["message"]


def test_the_commands_print_for_people_and_programs(bundle: Path) -> None:
    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(build(), list(arguments), catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result.stdout

    assert "explained: 2 rows" in run("check", str(bundle))
    assert json.loads(run("check", str(bundle), "--json"))["counts"]["pending"] == 2
    assert "Subject: Bob owes 5,000" in run("preview", str(bundle), "--row", "1")
    assert json.loads(run("preview", str(bundle), "--json"))["values"]["name"] == "Ann"
    run("preview", str(bundle), "--row", "2", code=2)
    table = run("explain", str(bundle)).splitlines()
    assert any(line.split()[:3] == ["html", "body.html", "3"] and "row by row" in line for line in table)
    slots = json.loads(run("explain", str(bundle), "--json"))["slots"]
    assert set(slots[0]) == {"part", "file", "line", "source", "how", "reason", "type", "kernel", "rate"}
    assert table[-1] == f"{sum(s['how'] == 'column' for s in slots)} of {len(slots)} slots are columns"


def test_wrong_use_ends_with_2(bundle: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("datta: x\n", encoding="utf-8")
    for arguments in (
        ["explain"],
        ["explain", str(bundle), "--no-such-option"],
        ["explain", str(bundle), "--config", str(bad)],
        ["check", str(tmp_path / "nothing")],
        ["up", "--config", str(bad)],
        ["jobs", "--config", str(bad)],
        ["key", "list", "--config", str(bad)],
        ["no-such-command"],
    ):
        assert CliRunner().invoke(build(), arguments).exit_code == 2, arguments


def test_version() -> None:
    result = CliRunner().invoke(build(), ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("hongyan ")
