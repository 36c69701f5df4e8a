"""Faults of the house while a job runs: full disk, locked database, vanished vault. The job stops, says why, and goes on when
the cause is gone; every mail arrives once."""

import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from actors.model.errors import Unavailable
from actors.model.job import JobStatus
from actors.model.states import JobState, RowState
from sandbox import Sandbox
from tests.e2e.mailing_world import World, arrivals, bundle, people, routes_to, unavailable, world

ROWS = 120
SLOW = {"rules": [{"at": "dot", "delay": "20ms"}]}
LANES = {"start": 2, "most": 2}  # some 100 mails a second, so that the fault comes in the middle
BALLAST = 65_536
LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@asynccontextmanager
async def started(folder: Path, files: dict[str, str | bytes], **extra: object) -> AsyncIterator[tuple[World, Sandbox, str]]:
    """A job of which some mails have left."""
    async with Sandbox(SLOW) as sandbox, world(folder, routes_to(sandbox, "*"), lanes=LANES, **extra) as made:
        job = (await made.submit(files)).record.job
        await made.reach(job, lambda s: s.counts.get(RowState.DELIVERED, 0) > 10)
        yield made, sandbox, job


async def goes_on(made: World, sandbox: Sandbox, job: str) -> None:
    """To the end; every mail arrives once and nothing is in doubt."""
    status = await made.ended(job)
    assert await made.reconcile(job, sandbox.messages) == Counter(range(ROWS))
    assert (status.record.state, status.counts, status.doubts) == (JobState.DONE, {RowState.DELIVERED: ROWS}, 0)
    assert status.attempts == ROWS


async def stands_still(made: World, sandbox: Sandbox, job: str) -> None:
    """What was made before goes out; then no mail arrives while every sender asks again and again."""
    arrived = [0]

    async def ask() -> None:
        before = made.conductor.asked.total()

        async def asked() -> bool:
            return made.conductor.asked.total() >= before + 10

        await made.until(asked, "senders ask")

    async def still() -> bool:
        await ask()
        arrived.append(sum(arrivals(job, sandbox.messages).values()))
        return arrived[-1] == arrived[-2]

    await made.until(still, "what was made is sent")
    await ask()
    assert sum(arrivals(job, sandbox.messages).values()) == arrived[-1] < ROWS


def stalled(word: str) -> Callable[[JobStatus], bool]:
    return lambda s: s.record.state is JobState.STALLED and word in s.record.reason


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of some megabytes; skips where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, text=True)
    if mount.returncode:
        pytest.skip(f"no disk can be mounted here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * BALLAST)


async def test_the_disk_of_the_ledger_is_full(tmp_path: Path, small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    files = bundle(people("one.test", ROWS))
    async with started(tmp_path, files, ledger=f"sqlite:///{small_disk / 'ledger.db'}") as (made, sandbox, job):
        with pytest.raises(OSError, match="No space left"):
            fill(ballast)
        status = await made.reach(job, stalled("disk or quota is full; free some space"), "the full disk is told")
        assert status.balanced
        listed = await made.ledger.list_jobs("bank")
        assert [s.record.state for s in listed] == [JobState.STALLED]
        assert "full" in await unavailable(lambda: made.ledger.suppress("bank", "global", ["a@one.test"], "x" * 200))
        await stands_still(made, sandbox, job)
        ballast.unlink()
        await goes_on(made, sandbox, job)


async def test_the_ledger_may_not_grow(tmp_path: Path) -> None:
    """The same without a disk of its own: the database may have no further page."""
    async with started(tmp_path, bundle(people("one.test", ROWS))) as (made, sandbox, job):
        await made.sqlite("PRAGMA max_page_count = 1")  # as many as it has
        await made.reach(job, stalled("disk or quota is full"), "the full disk is told")
        await made.sqlite("PRAGMA max_page_count = 1000000")
        await goes_on(made, sandbox, job)


async def test_another_program_holds_the_database(tmp_path: Path) -> None:
    """While the ledger runs nobody else gets in; when somebody was quicker at the start, the system waits and tells."""
    database = tmp_path / "data/ledger.db"
    async with started(tmp_path, bundle(people("one.test", ROWS))) as (made, sandbox, job):
        other = subprocess.run([sys.executable, "-c", LOCKER, str(database)], stdin=subprocess.DEVNULL, capture_output=True)
        assert b"database is locked" in other.stderr
        await made.ledger.move_job(job, JobState.PAUSED, "for the night")
        port = sandbox.port
    first = sandbox.messages
    with subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other_program:
        assert other_program.stdout is not None
        assert other_program.stdout.readline() == b"locked\n"
        async with Sandbox(listen=[("127.0.0.1", port)]) as again, world(tmp_path, routes_to(again, "*")) as made:
            why = await unavailable(lambda: made.ledger.status(job))
            assert why == "ledger is unavailable: the database is locked by another program; close it"
            other_program.communicate(b"")
            await made.until(lambda: answers(made, job), "the ledger is back")
            await made.ledger.move_job(job, JobState.RUNNING)
            again.messages[:0] = first
            await goes_on(made, again, job)


async def answers(made: World, job: str) -> bool:
    return not await unavailable(lambda: made.ledger.status(job))


@pytest.mark.parametrize("empty", [False, True], ids=["folder gone", "mount point empty"])
async def test_the_vault_is_away(tmp_path: Path, empty: bool) -> None:
    """Each row needs a file of the vault, so that no mail can be made without it."""
    files = bundle(people("one.test", ROWS), {"content": {"attachments": ["{{ id }}.txt"]}})
    files |= {f"{row:05d}.txt": f"statement {row}" for row in range(ROWS)}
    vault, away = tmp_path / "data/vault", tmp_path / "away"
    async with started(tmp_path, files) as (made, sandbox, job):
        vault.rename(away)
        if empty:
            vault.mkdir()
        await made.advance(6.0)
        await made.reach(job, stalled("the snapshot cannot be read: vault is unavailable: its folder is not there"))
        with pytest.raises(Unavailable, match="vault"):
            await made.submit(bundle(people("one.test", 1)))
        await stands_still(made, sandbox, job)
        if empty:
            vault.rmdir()
        away.rename(vault)
        await goes_on(made, sandbox, job)


async def test_the_vault_is_away_when_the_result_files_are_due(tmp_path: Path) -> None:
    vault, away = tmp_path / "data/vault", tmp_path / "away"
    async with started(tmp_path, bundle(people("one.test", ROWS))) as (made, sandbox, job):
        vault.rename(away)
        await made.ledger.move_job(job, JobState.CANCELLED)
        await made.reach(job, lambda s: not s.open)
        away.rename(vault)
        status = await made.ended(job)
        arrived = await made.reconcile(job, sandbox.messages)
    assert len(arrived) == status.counts[RowState.DELIVERED]
    with sqlite3.connect(tmp_path / "data/ledger.db") as ledger:
        assert ledger.execute("SELECT count(*) FROM ended").fetchone() == (1,)
    ledger.close()
