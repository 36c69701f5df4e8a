"""Result files of a whole job: from a ledger in memory into a folder, whole, one line a row."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from actors.ledger.actor import Ledger
from actors.model.errors import NotFound, Unavailable
from actors.model.lanes import ClosedSpan
from actors.model.states import JobState, RowState
from actors.results import actor
from actors.results.actor import Results
from tests.fakes.accounts import EGRESS, JOB, opening, outcome, record, sent
from tests.fakes.clock import FakeClock
from tests.fakes.vault import FolderVault

S = RowState
FILES = ["outcomes.csv", "outcomes.parquet", "report.html", "summary.json"]


async def ended(ledger: Ledger, **changes: object) -> None:
    """A job of 50 rows that was cancelled half way."""
    await ledger.create_job(record(**changes))
    await ledger.settle(JOB, np.array([0, 1]), np.array([S.INVALID, S.DUPLICATE], dtype=np.uint8), ["no @", "row 2"])
    await ledger.begin_job(record(rows=50, **changes))
    conductor, epoch = await ledger.claim_conductor(), await ledger.claim_sender(EGRESS)
    await sent(ledger, epoch, conductor, range(2, 20))
    await sent(ledger, epoch, conductor, range(20, 25), S.BOUNCED, reply='=HYPERLINK("http://x.test")')
    await sent(ledger, epoch, conductor, range(25, 30), S.DEFERRED, next_at=9e9)
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, [40])])
    await ledger.move_job(JOB, JobState.CANCELLED, "enough")
    await ledger.advance(EGRESS, epoch, [outcome(40)])


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def test_files_of_a_job(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actor, "PAGE", 7)
    ledger, vault = Ledger("sqlite://", clock), FolderVault(tmp_path)
    await ended(ledger)
    results = Results(ledger, vault, clock)
    assert await results.write(JOB) == f"vault:jobs/{JOB}/results/"
    folder = tmp_path / "jobs" / JOB / "results"
    assert sorted(p.name for p in folder.iterdir()) == FILES
    lines = pq.read_table(folder / "outcomes.parquet").to_pylist()
    assert [line["row"] for line in lines] == list(range(50))
    states = [line["state"] for line in lines]
    expected = ["invalid", "duplicate"] + ["delivered"] * 18 + ["bounced"] * 5 + ["cancelled"] * 25
    expected[40] = "delivered"
    assert states == expected
    with (folder / "outcomes.csv").open(newline="", encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    assert [(c["row"], c["state"]) for c in cells] == [(str(n), s) for n, s in enumerate(expected)]
    assert cells[20]["reply"] == '\'=HYPERLINK("http://x.test")'
    figures = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert figures["equation"] == "50 = 19 delivered + 5 bounced + 1 duplicate + 1 invalid + 24 cancelled"
    assert (figures["balanced"], figures["settled"], figures["name"]) == (True, True, "十一月")
    assert "十一月" in (folder / "report.html").read_text(encoding="utf-8")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    await results.write(JOB)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    with pytest.raises(NotFound):
        await results.write("01NONE")
    await ledger.close()


async def test_files_go_where_the_job_asks(tmp_path: Path, clock: FakeClock) -> None:
    ledger, vault = Ledger("sqlite://", clock), FolderVault(tmp_path / "vault")
    await ended(ledger, results_to=f"file://{tmp_path}/out/")
    url = await Results(ledger, vault, clock).write(JOB)
    assert url == f"file://{tmp_path}/out/{JOB}/"
    assert sorted(p.name for p in (tmp_path / "out" / JOB).iterdir()) == FILES
    assert not vault.exists("jobs")
    # Only where the operator lets jobs write.
    (tmp_path / "out" / JOB / "summary.json").unlink()
    for allowed, into in ([f"file://{tmp_path}/out"], "file:"), ([f"file://{tmp_path}/ou"], "vault:"), ([], "vault:"):
        assert (await Results(ledger, vault, clock, allowed).write(JOB)).startswith(into)
    await ledger.close()


@pytest.mark.parametrize("url", ["file:///out/../../etc/", "simplecache::file:///out/x/", "file:///output/"])
async def test_s18_no_way_around_the_allowed_folder(tmp_path: Path, clock: FakeClock, url: str) -> None:
    ledger, vault = Ledger("sqlite://", clock), FolderVault(tmp_path / "vault")
    await ended(ledger, results_to=url)
    assert (await Results(ledger, vault, clock, ["file:///out/"]).write(JOB)).startswith("vault:")
    await ledger.close()


@pytest.mark.parametrize("url", ["file:///proc/none/", "nonsense://x/", "file:///dev/null/x"])
async def test_a_folder_that_cannot_be_written(tmp_path: Path, clock: FakeClock, url: str) -> None:
    ledger, vault = Ledger("sqlite://", clock), FolderVault(tmp_path / "vault")
    await ended(ledger, results_to=url)
    with pytest.raises(Unavailable):
        await Results(ledger, vault, clock).write(JOB)
    await ledger.close()


async def test_the_finish_marker_is_last(tmp_path: Path, clock: FakeClock) -> None:
    ledger = Ledger("sqlite://", clock)
    await ended(ledger)
    seen: list[str] = []

    class Watched(FolderVault):
        def put_file(self, path: str, local: str) -> None:
            seen.append(path.rpartition("/")[2])
            if seen == ["outcomes.parquet", "outcomes.csv"]:
                raise Unavailable("vault", "it is full")
            super().put_file(path, local)

    vault = Watched(tmp_path)
    with pytest.raises(Unavailable):
        await Results(ledger, vault, clock).write(JOB)
    assert not vault.exists(f"jobs/{JOB}/results/summary.json")
    seen.clear()
    seen.append("again")
    await Results(ledger, vault, clock).write(JOB)
    assert seen[-1] == "summary.json"
    await ledger.close()


async def test_an_empty_job(tmp_path: Path, clock: FakeClock) -> None:
    ledger, vault = Ledger("sqlite://", clock), FolderVault(tmp_path)
    await ledger.create_job(record())
    await ledger.begin_job(replace(record(), rows=0))
    await ledger.move_job(JOB, JobState.DONE)
    await Results(ledger, vault, clock).write(JOB)
    figures = json.loads(vault.read(f"jobs/{JOB}/results/summary.json"))
    assert (figures["equation"], figures["balanced"]) == ("0 = 0", True)
    assert pq.read_table(vault.local(f"jobs/{JOB}/results/outcomes.parquet")).num_rows == 0
    await ledger.close()


class Lanes:
    """Reputation, of which the report asks when lanes were closed; `away`: it does not answer."""

    def __init__(self, away: bool = False):
        self.away = away
        self.asked: list[tuple[float, float]] = []

    async def circuits(self, since: float, until: float) -> list[ClosedSpan]:
        if self.away:
            raise Unavailable("reputation", "away")
        self.asked.append((since, until))
        return [ClosedSpan("gmail.test", EGRESS, "closed", since, until, "block")]


@pytest.mark.parametrize("away", [False, True])
async def test_the_report_tells_when_lanes_were_closed(tmp_path: Path, clock: FakeClock, away: bool) -> None:
    ledger, vault, asked = Ledger("sqlite://", clock), FolderVault(tmp_path), Lanes(away)
    await ended(ledger)
    clock.advance(60)
    await Results(ledger, vault, clock, lanes=asked).write(JOB)
    page = (tmp_path / "jobs" / JOB / "results" / "report.html").read_text()
    assert ("our address was refused" in page) is not away
    assert ("Closed lanes" in page) is not away
    record = (await ledger.status(JOB)).record
    assert asked.asked == ([] if away else [(record.started_at, record.ended_at)])
    await ledger.close()
