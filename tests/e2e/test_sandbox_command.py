"""`hongyan sandbox`: what it prints, how it ends, what it says about bad options."""

import json
import signal
import smtplib
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.main import build
from tests.e2e.test_sandbox_killed import COMMAND, children, start

BODY = "Subject: x\r\n\r\nx\r\n"


def run(*options: str) -> Result:
    """The command in this process, for what it says before it receives."""
    return CliRunner().invoke(build(), ["sandbox", *options])


@pytest.mark.parametrize("workers", [1, 2])
def test_counts_as_json_lines_and_over_http(tmp_path: Path, workers: int) -> None:
    script = tmp_path / "script.yaml"
    script.write_text('rules: [{recipient: "gone@*", reply: "550 5.1.1 gone"}]')
    process, port = start(
        "--script", str(script), "--workers", str(workers), "--stats", "127.0.0.1:0", "--maildir", str(tmp_path)
    )
    assert process.stdout is not None
    helpers = children(process.pid)
    assert len(helpers) == (workers if workers > 1 else 0)
    for _ in range(3):
        with smtplib.SMTP("127.0.0.1", port, "client.test", timeout=60) as smtp:
            smtp.sendmail("a@from.test", ["gone@to.test", "b@to.test"], BODY)
    process.send_signal(signal.SIGTERM)
    last = json.loads(process.communicate(timeout=120)[0].splitlines()[-1])
    assert process.returncode == 0
    assert (last["messages"], last["refused"]) == (3, 3)
    assert last["domains"] == {"to.test": {"accepted": 3, "deferred": 0, "refused": 3}}
    assert last["replies"] == {"550 5.1.1 gone": 3}
    assert len(list((tmp_path / "to.test/b/new").iterdir())) == 3
    assert all(not Path(f"/proc/{pid}").exists() for pid in helpers)


def test_the_http_view() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "sandbox", "--json", "--listen", "127.0.0.1:0", "--stats", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    with smtplib.SMTP(*first["listening"][0].split(":"), "client.test", timeout=60) as smtp:
        smtp.sendmail("a@from.test", ["b@to.test"], BODY)
    with urllib.request.urlopen(f"http://{first['stats']}/", timeout=60) as answer:
        view = json.load(answer)
    assert (view["messages"], view["domains"]["to.test"]["accepted"]) == (1, 1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 0


def test_the_table_for_people() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "sandbox", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("receiving on 127.0.0.1:")
    port = int(line.partition(";")[0].rpartition(":")[2])
    with smtplib.SMTP("127.0.0.1", port, "client.test", timeout=60) as smtp:
        smtp.sendmail("a@from.test", ["b@to.test"], BODY)
    process.terminate()
    shown = process.communicate(timeout=120)[0]
    assert "messages 1" in shown
    assert shown.splitlines()[-1].split() == ["to.test", "1", "0", "0"]


def test_bad_options_are_named(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("rules: [{greylist: 5s}, {domain: a.test}]")
    bad = run("--script", str(script))
    assert bad.exit_code == 2
    assert "rules[1]: does nothing" in bad.stderr
    script.write_text("rules: [{greylist: 5s}]")
    assert "remembered by one process" in run("--script", str(script), "--workers", "2", "--listen", "127.0.0.1:0").stderr
    assert "loopback" in run("--listen", "0.0.0.0:0").stderr
    assert run("--listen", "here").exit_code == 2
    assert run("--script", str(tmp_path / "none.yaml"), "--listen", "127.0.0.1:0").exit_code == 2
    assert run("--record", "a", "--maildir", "b").exit_code == 2
