"""The `hongyan` commands against a real gateway: what they print, for people and programs, and their exit codes."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from actors.model.errors import Problem
from actors.model.forecast import Forecast, SiteForecast
from actors.model.lanes import LaneLimits, LaneReport
from actors.model.ports import RowStory
from actors.model.states import JobState, RowState
from actors.reputation.lanes import Decision, decide, limits_of
from actors.reputation.state import LaneState, View
from gateway.cli.main import build
from tests.fakes.backend import Line
from tests.fakes.gateway import Place, Threaded, in_thread


class Command:
    """Runs commands as the account acme."""

    def __init__(self, served: Threaded, folder: Path):
        self.served, self.folder, self.ledger = served, folder, served.backend.ledger
        self.key_file = folder / "acme.key"
        self.key_file.write_text(served.place.keys["acme"] + "\n")
        self._app = build()

    def __call__(self, *arguments: str, code: int = 0, **environ: str) -> Result:
        env = {"HONGYAN_SERVER": self.served.target, "HONGYAN_KEY_FILE": str(self.key_file), "HONGYAN_CONFIG": "/nowhere"}
        result = CliRunner().invoke(self._app, list(arguments), env=env | environ, catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    def json(self, *arguments: str, code: int = 0, **environ: str) -> Any:
        return json.loads(self(*arguments, "--json", code=code, **environ).stdout)

    def lines(self, *arguments: str) -> list[Any]:
        return [json.loads(line) for line in self(*arguments, "--json").stdout.splitlines()]


@pytest.fixture
def hongyan(tmp_path) -> Iterator[Command]:
    with in_thread(Place(tmp_path)) as served:
        yield Command(served, tmp_path)


@pytest.fixture
def bundle(tmp_path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "list.csv").write_text("email\na@b.test\nc@d.test\n")
    return folder


def test_submit_says_the_job_and_again_that_it_was_there(hongyan, bundle):
    first = hongyan.json("submit", str(bundle))
    assert (first["job"]["rows"], first["job"]["state"], first["existing"]) == (2, "running", False)
    hongyan.served.backend.clock.advance(60)
    again = hongyan("submit", str(bundle)).stdout
    assert first["job"]["id"] in again
    assert "give another --key" in again
    other = hongyan("submit", str(bundle), "--key", "once more").stdout
    assert "2 rows accepted" in other
    assert "warning: no text part" in other


def test_submit_and_watch_end_with_the_balanced_equation(hongyan, bundle):
    hongyan.ledger.add_job("acme")
    job = hongyan.json("submit", str(bundle))["job"]["id"]
    counts = {RowState.DELIVERED: 1, RowState.BOUNCED: 1}
    hongyan.ledger.change(job, counts, state=JobState.DONE)
    output = hongyan("submit", str(bundle), "--watch").stdout.splitlines()
    assert output[-1] == "2 rows = 1 delivered + 1 bounced"
    assert output[-2] == f"job {job} is done"
    assert hongyan("watch", job).stdout.splitlines()[-1] == output[-1]
    assert [c["state"] for c in hongyan.lines("watch", job)] == ["done"]


def test_watch_of_a_cancelled_or_unbalanced_job_fails(hongyan):
    job = hongyan.ledger.add_job("acme", 2)
    hongyan.ledger.change(job, {RowState.CANCELLED: 2}, state=JobState.CANCELLED, reason="不寄了")
    assert "is cancelled: 不寄了" in hongyan("watch", job, code=1).stdout
    hongyan.ledger.change(job, {RowState.DELIVERED: 1}, state=JobState.DONE)
    assert "NOT BALANCED" in hongyan("watch", job, code=1).stdout
    hongyan("watch", job, "--json", code=1)


def test_jobs_line_up_in_chinese_and_english(hongyan):
    for name in ("November statement", "十一月帳單", "通知 notice"):
        hongyan.ledger.change(hongyan.ledger.add_job("acme", 1234), name=name)
    lines = hongyan("jobs").stdout.rstrip().splitlines()
    assert len(lines) == 4
    starts = {cell_len(line[: line.index("running")]) for line in lines[1:]}
    assert len(starts) == 1
    assert cell_len(lines[0][: lines[0].index("state")]) in starts
    assert [j["name"] for j in hongyan.json("jobs")["jobs"]] == ["通知 notice", "十一月帳單", "November statement"]
    assert len(hongyan.json("jobs", "--limit", "1")["jobs"]) == 1


def test_job_pause_resume_cancel(hongyan):
    job = hongyan.ledger.add_job("acme", 2)
    assert hongyan("job", job).stdout.splitlines()[-1] == "2 rows = 2 pending"
    assert hongyan.json("pause", job, "--reason", "等一下")["reason"] == "等一下"
    assert hongyan.json("job", job)["state"] == "paused"
    assert hongyan.json("resume", job)["state"] == "running"
    assert "2 cancelled" in hongyan("cancel", job).stdout
    failed = hongyan.json("resume", job, code=1)
    assert failed["error"]["code"] == "FAILED_PRECONDITION"


def test_rows_in_doubt_are_decided(hongyan):
    job = hongyan.ledger.add_job("acme", 5, JobState.DONE)
    hongyan.ledger.change(job, {RowState.DELIVERED: 2, RowState.IN_DOUBT: 3})
    for words in ((), ("--skip", "--resend")):
        assert "one of --resend and --skip" in hongyan("decide", job, *words, code=2).output
    shown = hongyan("decide", job, "--resend", "--row", "1", "--row", "4").stdout
    assert "2 rows decided" in shown
    assert "decide resend [1, 4]" in hongyan.ledger.calls
    hongyan.ledger.change(job, {RowState.DELIVERED: 2, RowState.IN_DOUBT: 3})
    assert hongyan.json("decide", job, "--skip")["decided"] == 3
    assert "decide skip None" in hongyan.ledger.calls


def test_why_tells_a_row_from_its_first_attempt_to_the_next(hongyan):
    job = hongyan.ledger.add_job("acme", 2)
    grey = {"at": 100.0, "stage": "rcpt", "blame": "busy", "code": 451, "enhanced": "4.7.1", "reply": "greylisted"}
    doubt = {"opened_at": 200.0, "at": 201.0, "egress": "127.0.0.2", "epoch": 1, "attempt": 2, "stamp": 90}
    last = Line(1, RowState.DEFERRED, 3, "rcpt", "egress", 550, "5.7.1", "listed\x1b[31m", last_at=300.0)
    hongyan.ledger.stories[job, 1] = RowStory(
        last,
        [grey | {"site": "mx.a.test", "host": "mx1.a.test", "egress": "127.0.0.2"}],
        [doubt | {"cause": "crash", "became": "deferred"}],
        next_at=900.0,
        avoid="127.0.0.2",
    )
    shown = hongyan("why", job, "1").stdout
    assert "\x1b" not in shown
    parts = ["deferred, 3 attempts", "451 4.7.1 greylisted", "the receiver wants it later", "attempt 2", "it became deferred"]
    parts += ["550 5.7.1 listed", "nobody is suppressed", "next attempt, by another address than 127.0.0.2"]
    places = [shown.index(part) for part in parts]
    assert places == sorted(places)
    told = hongyan.json("why", job, "1")
    assert (told["outcome"]["blame"], told["earlier"][0]["code"], told["avoid"]) == ("egress", 451, "127.0.0.2")
    assert "rows 0 to 1" in hongyan("why", job, "2", code=2).output


def test_a_plan_is_a_table_and_its_exit_code_tells_of_late_rows(hongyan, bundle):
    at = 1_893_459_600.0
    sites = (
        SiteForecast("mx.big.test", 90_000, 25.0, at + 3600, 1_234, 2, 2, "halved after 421"),
        SiteForecast("mx.small.test", 10, 20.0, 0.0, 0, 0, 1),
    )
    conductor = hongyan.served.backend.conductor
    conductor.foreseen = Forecast(at, 0.0, at + 3000, sites)
    shown = hongyan("plan", str(bundle), code=1).stdout
    lines = shown.splitlines()
    assert lines[1].split()[:3] == ["mx.big.test", "90,000", "25.0"]
    assert "halved after 421" in lines[1]
    assert "not within 30 days" in lines[2]
    assert "1,234 rows would miss it" in shown
    assert hongyan.json("plan", str(bundle), code=1)["forecast"]["late"] == 1234
    conductor.foreseen = Forecast(at, at + 10, at + 3000, ())
    assert "every row is through before" in hongyan("plan", str(bundle)).stdout
    hongyan.served.backend.intake.problems = (Problem("job.yaml", "sender: is missing", line=3),)
    assert "job.yaml line 3: sender: is missing" in hongyan("plan", str(bundle), code=2).output


def test_lanes_tell_what_they_may_do_and_why(hongyan):
    reputation = hongyan.served.backend.reputation
    assert "no lane has been used yet" in hongyan("lanes").stdout
    closed = LaneLimits(1, closed_until=1_893_459_600.0, why="3 of 3 tries refused: 550 5.7.1 listed")
    lane = {"site": "mx.a.test", "egress": "127.0.0.2", "circuit": "closed", "flow": 0.0, "recent": 40.0, "recent_bad": 10.0}
    reputation.state = [
        lane | {"last_reply": "550 5.7.1 listed", "at": 300.0, "limits": closed},
        lane
        | {"egress": "127.0.0.3", "circuit": "open", "flow": 12.5, "last_reply": "", "at": 300.0}
        | {"limits": LaneLimits(8, rate=20.0, quota=5_000)},
    ]
    reputation.decided = [Decision(290.0, "mx.a.test", "127.0.0.2", "block", closed.why, LaneLimits(4), closed, {}, {}, {})]
    shown = hongyan("lanes", "--history", "5").stdout
    lines = shown.splitlines()
    assert "closed until 2030" in lines[1]
    assert "25.0%" in lines[1]
    assert "20.0/s" in lines[2]
    assert "5,000" in lines[2]
    assert "127.0.0.2 -> mx.a.test: block: 4 connections -> closed until 2030" in shown
    told = hongyan.json("lanes", "--egress", "127.0.0.3")
    assert [(n["egress"], n["quota"]) for n in told["lanes"]] == [("127.0.0.3", 5000)]
    assert hongyan.json("lanes", "--site", "other")["lanes"] == []
    job = hongyan.ledger.add_job("acme", 2)
    last = Line(1, RowState.DEFERRED, 1, "rcpt", "egress", 550, "5.7.1", "listed", last_at=300.0)
    hongyan.ledger.stories[job, 1] = RowStory(last, [], [])
    assert "lane, block: 3 of 3 tries refused" in hongyan("why", job, "1").stdout
    assert hongyan.json("why", job, "1")["decisions"][0]["rule"] == "block"


def test_unknown_replies_tell_whom_they_follow(hongyan):
    assert "every reply so far was understood" in hongyan("replies").stdout
    known = {"enhanced": "5.7.1", "words": "zorp policy <*> applies", "seen": 300.0, "jobs": ["j1", "j2"], "confidence": 0.999}
    found = {"blame": "egress", "of": "127.0.0.2", "why": "100% refused through it", "egresses": ["127.0.0.2"]}
    hongyan.served.backend.reputation.unread = [
        known | found | {"site": "mx.a.test!dane", "code": 550, "count": 1234},
        known | {"blame": "", "of": "", "why": "", "egresses": ["x", "y"], "site": "mx.b.test", "code": 451, "count": 1},
    ]
    found = {"blame": "content", "of": "j-of-another", "why": "90% refused of it"}
    hongyan.served.backend.reputation.unread.append(
        known | found | {"egresses": [], "site": "mx.c.test", "code": 554, "count": 1}
    )
    lines = hongyan("replies").stdout.splitlines()
    assert "a job's content" in lines[3]
    assert "j-of-another" not in hongyan("replies").stdout + hongyan("replies", "--json").stdout
    assert "mx.a.test (DANE)" in lines[1]
    assert "550 5.7.1 zorp policy <*> applies" in lines[1]
    assert "1,234" in lines[1]
    assert "our address 127.0.0.2" in lines[1]
    assert "99.9% sure" in lines[1]
    assert "not known: tried again" in lines[2]
    assert [r["site"] for r in hongyan.json("replies", "--site", "mx.b.test")["replies"]] == ["mx.b.test"]
    job = hongyan.ledger.add_job("acme", 1)
    last = Line(0, RowState.DEFERRED, 1, "rcpt", "egress", 550, "5.7.1", "Zorp", site="mx.a.test!dane", last_at=3.0)
    hongyan.ledger.stories[job, 0] = RowStory(replace(last, reason="learned"), [], [])
    assert "`hongyan replies --site 'mx.a.test'`" in hongyan("why", job, "0").stdout


def test_decisions_are_made_again_from_a_file(hongyan, tmp_path):
    lane, made = LaneState("mx.a.test", "127.0.0.2", 4), []
    limits = limits_of(lane, 1000.0, View())
    for turn in range(200):
        seen = LaneReport("mx.a.test", egress=4 * (turn > 20), delivered=9 * (turn <= 20), connections=4, started=4)
        limits, decision = decide(lane, seen, 1000.0 + turn, View(), limits)
        made += [decision] if decision else []
    hongyan.served.backend.reputation.decided = made
    file = tmp_path / "decisions.json"
    file.write_text(json.dumps(hongyan.json("lanes", "--history", "1000", "--whole")))
    told = hongyan.json("replay", str(file))
    assert told == {"decisions": len(made), "same": len(made), "differ": []}
    assert len(made) > 1
    assert {d.rule for d in made} == {"closed: block"}
    data = json.loads(file.read_text())
    one = json.loads(data["decisions"][-1]["data"])
    one["before"]["pause"] += 100.0
    data["decisions"][-1]["data"] = json.dumps(one)
    file.write_text(json.dumps(data))
    shown = hongyan("replay", str(file), code=1).stdout
    assert f"{len(made)} decisions made again, {len(made) - 1} with the same limits" in shown
    file.write_text(json.dumps(hongyan.json("lanes", "--history", "5")))
    assert "--whole" in hongyan("replay", str(file), code=2).output
    file.write_text("[1]")
    assert "is no output of" in hongyan("replay", str(file), code=2).output
    assert "cannot be read" in hongyan("replay", str(tmp_path / "none"), code=2).output


def test_outcomes_as_table_csv_and_json_lines(hongyan):
    job = hongyan.ledger.add_job("acme", 500)
    hongyan.ledger.lines[job] = [Line(n, (RowState.DELIVERED, RowState.BOUNCED)[n % 2]) for n in range(500)]
    assert len(hongyan("outcomes", job).stdout.splitlines()) == 501
    assert [o["row"] for o in hongyan.lines("outcomes", job)] == list(range(500))
    assert {o["state"] for o in hongyan.lines("outcomes", job, "--state", "bounced")} == {"bounced"}
    rows = list(csv.DictReader(hongyan("outcomes", job, "--csv").stdout.splitlines()))
    assert (rows[1]["row"], rows[1]["state"], rows[1]["code"], rows[1]["reply"]) == ("1", "bounced", "250", "ok")
    hongyan("outcomes", job, "--state", "misspelt", code=2)


def test_s17_no_cell_of_the_csv_is_a_formula(hongyan):
    job = hongyan.ledger.add_job("acme", 20)
    replies = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1+1", "\uff0b1", "plain", ""]
    hongyan.ledger.lines[job] = [Line(n, reply=r) for n, r in enumerate(replies)]
    found = list(csv.DictReader(hongyan("outcomes", job, "--csv").stdout.split("\n")))
    assert [r["reply"][:1] for r in found] == ["'"] * 8 + ["p", ""]
    assert [o["reply"] for o in hongyan.lines("outcomes", job)] == replies


def test_control_characters_of_a_receiver_do_not_reach_the_terminal(hongyan):
    job = hongyan.ledger.add_job("acme", 1)
    hongyan.ledger.change(job, name="[red]x[/red]\x1b[2J")
    hongyan.ledger.lines[job] = [Line(0, reply="\x1b]0;owned\x07ok")]
    assert "\x1b" not in hongyan("outcomes", job).stdout + hongyan("jobs").stdout + hongyan("job", job).stdout
    assert "[red]x[/red]" in hongyan("jobs").stdout


def test_suppress_add_remove_import_list(hongyan, tmp_path):
    assert hongyan.json("suppress", "add", "a@b.test", "王@c.test", "--scope", "m") == {"total": 2, "added": 2}
    file = tmp_path / "gone.txt"
    file.write_text("\ufeffa@b.test\n\nd@e.test\n", encoding="utf-8")
    assert hongyan.json("suppress", "import", str(file), "--scope", "m", "--reason", "退訂") == {"total": 2, "added": 1}
    table = tmp_path / "gone.csv"
    table.write_text('name,mail\n"x\ny",f@g.test\nz,\n', encoding="utf-8")
    assert hongyan.json("suppress", "import", str(table), "--column", "mail", "--scope", "m") == {"total": 1, "added": 1}
    found = hongyan.lines("suppress", "list", "--scope", "m")
    assert [s["address"] for s in found] == ["a@b.test", "d@e.test", "f@g.test", "王@c.test"]
    assert "退訂" in hongyan("suppress", "list", "--scope", "m").stdout
    assert hongyan.json("suppress", "remove", "a@b.test", "--scope", "m") == {"removed": 1}


def test_a_bad_address_is_named_by_file_and_line(hongyan, tmp_path):
    file = tmp_path / "gone.txt"
    file.write_text("a@b.test\n\n\nnot an address\n")
    error = hongyan.json("suppress", "import", str(file), code=2)["error"]
    assert [(p["file"], p["line"]) for p in error["problems"]] == [(str(file), 4)]
    assert f"{file} line 4" in hongyan("suppress", "import", str(file), code=2).stderr
    assert hongyan.lines("suppress", "list") == []


@pytest.mark.parametrize(("content", "arguments"), [(None, []), (b"", []), (b"\xff\xfea", []), (b"a,b\n", ["--column", "c"])])
def test_an_address_file_that_cannot_be_used_is_named(hongyan, tmp_path, content, arguments):
    file = tmp_path / "gone.txt"
    if content is not None:
        file.write_bytes(content)
    assert str(file) in hongyan("suppress", "import", str(file), *arguments, code=2).stderr


def test_problems_of_a_bundle_name_file_line_and_column(hongyan, bundle):
    hongyan.served.backend.intake.problems = (Problem("list.csv", "no @ in 'bob'", 4012, "email"), Problem("job.yaml", "x", 2))
    result = hongyan("submit", str(bundle), code=2)
    assert result.stderr.splitlines() == [
        "error: list.csv line 4012 column email: no @ in 'bob'",
        "error: job.yaml line 2: x",
    ]
    error = hongyan.json("submit", str(bundle), code=2)["error"]
    assert error["problems"][0] == {"file": "list.csv", "line": 4012, "column": "email", "message": "no @ in 'bob'"}


def test_errors_name_the_remedy(hongyan, tmp_path):
    assert "no bundle" not in hongyan("submit", str(tmp_path / "none"), code=2).stderr
    assert "hongyan up" in hongyan("jobs", code=2, HONGYAN_KEY_FILE=str(tmp_path / "none.key")).stderr
    wrong = tmp_path / "wrong.key"
    wrong.write_text("hy_" + "A" * 43)
    assert "--key-file" in hongyan("jobs", code=1, HONGYAN_KEY_FILE=str(wrong)).stderr
    wrong.write_text("two words")
    assert "one API key" in hongyan("jobs", code=2, HONGYAN_KEY_FILE=str(wrong)).stderr
    assert hongyan.json("job", "01JNONE", code=2)["error"]["code"] == "NOT_FOUND"
    hongyan("job", code=2)
    hongyan("no-such-command", code=2)


def test_a_gateway_that_is_not_there_is_said(hongyan, monkeypatch):
    monkeypatch.setattr("gateway.cli.target.PATIENCE_SECONDS", 0.2)
    result = hongyan("jobs", code=1, HONGYAN_SERVER="127.0.0.1:1")
    assert "hongyan up" in result.stderr


def test_key_add_makes_a_key_that_the_gateway_knows(hongyan, tmp_path):
    config = tmp_path / "hongyan.yaml"
    config.write_text(f"data: {tmp_path}\ngateway: {{keys: keys.jsonl}}\n")
    made = hongyan.json("key", "add", "initech", "--note", "王", "--config", str(config))
    listed = hongyan.json("key", "list", "--config", str(config))["keys"]
    assert [k["account"] for k in listed] == ["acme", "globex", "initech"]
    assert made["key"] not in json.dumps(listed)
    assert "initech" in hongyan("key", "list", "--config", str(config)).stdout
    hongyan("key", "add", "Bad Name", "--config", str(config), code=2)
    own = tmp_path / "own.key"
    own.write_text(made["key"])
    served = hongyan.served
    served.down()
    served.up()
    hongyan.ledger.add_job("initech", 7)
    assert [j["rows"] for j in hongyan.json("jobs", HONGYAN_KEY_FILE=str(own))["jobs"]] == [7]
