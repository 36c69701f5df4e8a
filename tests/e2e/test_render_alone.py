"""`hongyan render`: the pipeline's mails, the same on one core and on two, and nothing half is left when something breaks."""

import contextlib
import csv
import json
import mailbox
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from actors.model.errors import Unavailable
from actors.model.states import RowState
from actors.renderer.actor import Renderer
from cluster.config import Config, load
from cluster.export.run import Summary, Wish, export
from cluster.workbench import accepted_at
from gateway.cli.local import write_config
from gateway.cli.main import build
from tests.fakes.mailing import split

STAMP = 1_795_763_368
CONTROL = """name: 帳單
sender: {from: "Bank <service@bank.test>", return_path: "bounce@bank.test"}
content:
  subject: "{{ name }} owes {{ amount | fmt_number }} on {{ today() }}"
  html: body.html
  headers: {X-Lot: "{{ ab_split(id, [50, 50], ['left', 'right']) }}{{ skip_recipient(amount == 7, '=of 7') }}"}
  attachments: [{file: "{{ file }}"}]
  max_render_errors: 0.5
"""
PAGE = "<html><body>\n<p>{{ name }}</p>\nFrom here on {{ now() }}\n{% for n in range(2) %}{{ n }}{% endfor %}</body></html>\n"
ROWS = 2_600  # more than one task, so that two workers share them
LONG_ROWS = 120_000  # they take seconds, so that a signal comes before the end


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("bundle"), ROWS)


def make(folder: Path, rows: int) -> Path:
    """Every tenth row has no address, every seventh names a file that is not there, two rows are the same."""
    lines = ["id,email,name,amount,file"]
    for row in range(rows):
        address = "nobody" if row % 10 == 3 else f"user{row if row != 2 else 1}@example.test"
        lines.append(f"{row},{address},客戶{row},{row % 50},{'no.txt' if row % 7 == 5 else 'terms.txt'}")
    files = {"job.yaml": CONTROL, "body.html": PAGE, "terms.txt": "t", "list.csv": "\n".join(lines)}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("config"), [], domain="bank.test")


def made(bundle: Path, out: Path, **wish: Any) -> Summary:
    seen: list[tuple[int, int]] = []
    summary = export(bundle, wish.pop("config", Config()), Wish(out, stamp=STAMP, **wish), lambda *at: seen.append(at))
    assert seen[0] == (0, summary.rows)
    assert seen[-1] == (summary.rows, summary.rows)
    assert seen == sorted(seen)
    return summary


def pipelines(bundle: Path, folder: Path, config: Config) -> tuple[dict[int, bytes], dict[int, tuple[str, str]]]:
    """What the renderer of a running system gives for all rows at the stamp, and the rows that have no mail."""
    bench = accepted_at(STAMP, None, bundle, config, folder)
    renderer, rows = Renderer(bench.vault, bench.identities), bench.accepted.record.rows
    settled = renderer.settled(bench.job, 0, 0, rows)
    pending = np.array([row for row in range(rows) if row not in settled])
    mails = renderer.render(bench.job, 0, pending, np.full(len(pending), STAMP))
    without = settled | {f.row: (f.state, f.reason) for f in mails.failures}
    assert bench.accepted.counts["pending"] == len(pending)
    return split(mails), {row: (state.label, reason) for row, (state, reason) in without.items()}


def read_index(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_signed_mails_are_the_pipelines_in_every_form_and_on_any_number_of_cores(
    bundle: Path, signing: Path, tmp_path: Path
) -> None:
    config, rows = load(signing), (40, 340)
    mails, without = pipelines(bundle, tmp_path / "accepted", config)
    expected = {row: mail for row, mail in mails.items() if row in range(*rows)}
    assert expected[min(expected)].startswith(b"DKIM-Signature:")
    zipped = made(bundle, tmp_path / "two.zip", rows=rows, config=config, cores=2, deflated=True)
    made(bundle, tmp_path / "one.zip", rows=rows, config=config, cores=1, deflated=True)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert zipped.signatures == ("s1._domainkey.bank.test",)
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        index = read_index(archive.read("index.csv").decode())
        found = {int(line["row"]): archive.read(line["file"]) for line in index if line["state"] == "rendered"}
    assert found == expected
    assert [int(line["row"]) for line in index] == list(range(*rows))
    told = {int(line["row"]): (line["state"], line["reason"].removeprefix("'")) for line in index if not line["file"]}
    assert told == {row: why for row, why in without.items() if row in range(*rows)}
    assert {state for state, _ in told.values()} == {"invalid", "render_error", "skipped"}
    assert sum(zipped.tally.states.values()) == zipped.rows == 300


def test_unsigned_mails_in_a_folder_and_an_mbox(bundle: Path, tmp_path: Path) -> None:
    mails, without = pipelines(bundle, tmp_path / "accepted", Config())
    folder = made(bundle, tmp_path / "mails", cores=2)
    boxed = made(bundle, tmp_path / "all.mbox", cores=2)
    assert folder.signatures == boxed.signatures == ()
    index = read_index((tmp_path / "mails/index.csv").read_text())
    assert {int(i["row"]): (tmp_path / "mails" / i["file"]).read_bytes() for i in index if i["file"]} == mails
    assert folder.mails == len(mails) == ROWS - len(without)
    assert folder.files == sum(p.is_file() for p in (tmp_path / "mails").rglob("*"))
    assert folder.bytes == sum(p.stat().st_size for p in (tmp_path / "mails").rglob("*") if p.is_file())
    assert boxed.tally.reasons == folder.tally.reasons
    assert folder.tally.first["duplicate", without[2][1]] == 2
    box = mailbox.mbox(tmp_path / "all.mbox", create=False)
    texts = [box.get_bytes(key).replace(b"\n>From here", b"\nFrom here").replace(b"\n", b"\r\n") for key in box.iterkeys()]
    box.close()
    assert texts == list(mails.values())
    assert sum(p.stat().st_size for p in tmp_path.glob("all.mbox*")) == boxed.bytes
    assert sorted(p.name for p in tmp_path.iterdir()) == ["accepted", "all.mbox", "all.mbox.index.csv", "mails"]


def test_another_day_changes_the_mails_and_their_ids(bundle: Path, tmp_path: Path) -> None:
    from datetime import datetime

    plain = made(bundle, tmp_path / "a.zip", rows=(0, 1))
    other = made(bundle, tmp_path / "b.zip", rows=(0, 1), as_of=datetime(2024, 2, 29))
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        mail = archive.read("00000/00000000.eml").decode()
    assert "2024-02-29" in mail
    assert plain.job != other.job
    assert f"Message-ID: <{other.job}.0@bank.test>" in mail


def breaking(act: Callable[[], None]) -> Callable[[int, int], None]:
    """Progress that does something bad once some rows are done."""
    done_before = []

    def progress(done: int, rows: int) -> None:
        if done and not done_before:
            done_before.append(done)
            act()

    return progress


def test_a_killed_worker_ends_the_command_with_a_reason(bundle: Path, tmp_path: Path) -> None:
    def kill() -> None:
        for child in multiprocessing.active_children():
            os.kill(child.pid or 0, signal.SIGKILL)

    with pytest.raises(Unavailable, match="ended by SIGKILL"):
        export(bundle, Config(), Wish(tmp_path / "out.zip", cores=2), breaking(kill))
    assert list(tmp_path.iterdir()) == []
    assert multiprocessing.active_children() == []


def command(bundle: Path, out: Path, *more: str) -> "subprocess.Popen[str]":
    line = [sys.executable, "-m", "gateway.cli.main", "render", str(bundle), "--out", str(out), "--json", *more]
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # as from a terminal: who runs the tests may ignore it
    try:
        return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("name", ["out.zip", "out.mbox"])
def test_a_full_disk_is_told_and_leaves_nothing(bundle: Path, tmp_path: Path, name: str) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))  # the list is smaller, the output is not
    try:
        process = command(bundle, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 1, (stdout, stderr)
    assert "ulimit -f" in json.loads(stdout)["error"]["message"]
    assert stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_the_workers_and_leaves_nothing(tmp_path: Path, number: int) -> None:
    (folder := tmp_path / "bundle").mkdir()
    process = command(make(folder, LONG_ROWS), tmp_path / "out.zip")
    until = time.monotonic() + 60
    while not any(f.stat().st_size for f in tmp_path.glob(".out.zip.*.writing/out")) and time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)  # a terminal tells them all
    stdout, stderr = process.communicate(timeout=120)  # ends only when no worker holds the pipe any more
    assert (process.returncode, stdout, stderr) == (130, "", "")
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]
    with contextlib.suppress(ProcessLookupError):
        for _ in range(500):  # multiprocessing's own tracker notices a moment later
            os.killpg(process.pid, 0)
            time.sleep(0.01)
        pytest.fail("a process outlived the command")


def run(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """The command in this process; exit code and JSON."""
    found = CliRunner().invoke(build(), ["render", *map(str, arguments), "--cores", "1", "--json"], catch_exceptions=False)
    return found.exit_code, json.loads(found.stdout)


def test_the_command_tells_what_it_made(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    code, told = run(bundle, "--out", out, "--rows", ":100", "--stamp", str(STAMP), "--quiet")
    assert code == 0
    assert told["states"]["rendered"] + sum(reason["rows"] for reason in told["without_mail"]) == told["rows"] == 100
    assert (told["bytes"], told["files"], told["return_path"]) == (out.stat().st_size, 1, "bounce@bank.test")
    assert told["suppression_not_applied"] == ["global"]
    code, told = run(bundle, "--out", out)
    assert (code, "--force" in told["error"]["problems"][0]["message"]) == (2, True)
    code, told = run(bundle, "--out", tmp_path / "mails", "--rows", f"0:{ROWS + 1}")
    assert (code, told["error"]["problems"][0]["file"]) == (2, "--rows")
    assert run(bundle, "--out", tmp_path / "mails", "--deflate")[0] == 2
    assert list(tmp_path.iterdir()) == [out]


def test_too_many_render_errors_are_a_failure_with_a_whole_output(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "strict")
    (tmp_path / "strict/job.yaml").write_text(CONTROL.replace("0.5", "0.1"), encoding="utf-8")
    (out := tmp_path / "out.zip").write_bytes(b"old")
    code, told = run(tmp_path / "strict", "--out", out, "--force", "--rows", ":100")
    assert (code, told["too_many_render_errors"]) == (1, True)
    with zipfile.ZipFile(out) as archive:
        assert len(archive.namelist()) == told["states"]["rendered"] + 1


def test_a_gate_that_fails_stops_the_hand_over(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "gated")
    control = CONTROL + "  gates: {require_unsubscribe: true}\nlist: {file: few.csv}\n"
    (tmp_path / "gated/job.yaml").write_text(control, encoding="utf-8")
    lines = (bundle / "list.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "gated/few.csv").write_text("\n".join(lines[:20]), encoding="utf-8")
    code, told = run(tmp_path / "gated", "--out", tmp_path / "out.zip")
    assert (code, told["error"]["problems"][0]["file"]) == (2, "content.gates")
    assert [p.name for p in tmp_path.iterdir()] == ["gated"]


def test_states_of_rows_are_those_of_the_ledger() -> None:
    assert "rendered" not in {state.label for state in RowState}


def test_codes_are_shown_and_said_not_to_be_claimed(tmp_path: Path) -> None:
    files = {
        "job.yaml": 'name: c\nsender: {from: "a@bank.test"}\n'
        "content: {subject: \"{{ claim_code('coupons', id) }}\", text: t.txt}\n",
        "t.txt": "{{ claim_code('coupons', id) }}",
        "list.csv": "id,email\n1,a@x.test\n2,b@x.test\n",
        "pools/coupons.csv": "code\nAB-1\nAB-2\n",
    }
    for name, text in files.items():
        (tmp_path / "b" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "b" / name).write_text(text, encoding="utf-8")
    for out in ("one", "two"):  # the second run gives the same codes again: nobody has claimed them
        told = CliRunner().invoke(build(), ["render", str(tmp_path / "b"), "--out", str(tmp_path / out), "--cores", "1"])
        assert told.exit_code == 0, told.output
        assert "codes of pools (coupons) are claimed by a running system alone" in " ".join(told.stdout.split())
        mails = sorted((tmp_path / out).rglob("*.eml"))
        subjects = [next(line for line in mail.read_text().splitlines() if line.startswith("Subject")) for mail in mails]
        assert sorted(subjects) == ["Subject: AB-1", "Subject: AB-2"]
    again = ["render", str(tmp_path / "b"), "--out", str(tmp_path / "three"), "--cores", "1", "--json"]
    assert json.loads(CliRunner().invoke(build(), again).stdout)["codes_not_claimed"] == ["coupons"]
