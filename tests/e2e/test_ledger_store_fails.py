"""The store fails under the ledger: disk full, quota, lost connection, a locked or foreign file.

Unavailable says why, nothing of the call was done, and when the cause is gone the same call works.
"""

import resource
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from actors.ledger.actor import Ledger
from actors.model.errors import Unavailable
from actors.model.states import RowState
from tests.e2e.postgres import Server, server
from tests.fakes.accounts import EGRESS, counts, opening, outcome, running
from tests.fakes.clock import FakeClock

ROWS = 5000
GROUP = 200


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    made = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", FakeClock())
    yield made
    await made.close()


@contextmanager
def quota(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def until_it_fails(ledger: Ledger, epoch: int, conductor: int) -> tuple[int, Unavailable]:
    """Sends group after group; gives the first row of the group that failed, and how."""
    for low in range(0, ROWS, GROUP):
        rows = range(low, low + GROUP)
        results = [outcome(row, RowState.SKIPPED, reply="x" * 400) for row in rows]
        try:
            await ledger.advance(EGRESS, epoch, results)
        except Unavailable as error:
            return low, error
    pytest.fail("the store never failed")


async def goes_on(ledger: Ledger, epoch: int, conductor: int, low: int) -> None:
    """The failed call again, and the next."""
    await ledger.advance(EGRESS, epoch, [outcome(row, RowState.SKIPPED, reply="x" * 400) for row in range(low, low + GROUP)])
    assert await counts(ledger) == {"pending": ROWS - low - GROUP, "skipped": low + GROUP}
    rows = range(low + GROUP, low + 2 * GROUP)
    assert (await ledger.advance(EGRESS, epoch, [], [opening(conductor, rows)])).opened[0].all()


async def test_quota_used_up(ledger: Ledger, tmp_path: Path) -> None:
    conductor = await running(ledger, rows=ROWS)
    epoch = await ledger.claim_sender(EGRESS)
    with quota((tmp_path / "ledger.db-wal").stat().st_size + 300_000):
        low, error = await until_it_fails(ledger, epoch, conductor)
        assert low > 0
        assert "disk" in str(error)
        assert await counts(ledger) == {"pending": ROWS - low, "skipped": low}
        assert (await until_it_fails(ledger, epoch, conductor))[0] == low  # and goes on failing
    await goes_on(ledger, epoch, conductor, low)


async def test_disk_full(ledger: Ledger) -> None:
    conductor = await running(ledger, rows=ROWS)
    epoch = await ledger.claim_sender(EGRESS)

    def limit(pages: int) -> Callable[[], object]:
        return lambda: ledger._store.connection().connection.driver_connection.execute(f"PRAGMA max_page_count={pages}").close()

    await ledger._run(limit(120))
    low, error = await until_it_fails(ledger, epoch, conductor)
    assert "full" in str(error)
    assert await counts(ledger) == {"pending": ROWS - low, "skipped": low}
    await ledger._run(limit(1_000_000))
    await goes_on(ledger, epoch, conductor, low)


async def test_another_program_has_the_file(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.start()
    await ledger.close()
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    again = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", FakeClock())
    with pytest.raises(Unavailable, match="locked"):
        await again.start()
    other.execute("ROLLBACK")
    other.close()
    await again.start()
    await again.close()


async def test_no_ledger_at_all(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"this is a letter, not a database " * 100)
    strange = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    with pytest.raises(Unavailable):
        await strange.start()
    await strange.close()
    (tmp_path / "file").write_text("")
    nowhere = Ledger(f"sqlite:///{tmp_path / 'file' / 'ledger.db'}")
    with pytest.raises(Unavailable, match="folder"):
        await nowhere.start()
    await nowhere.close()


async def test_a_newer_programs_tables_are_left_alone(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.start()
    await ledger.close()
    with sqlite3.connect(tmp_path / "ledger.db") as other:
        other.execute("UPDATE meta SET value = 99 WHERE name = 'schema'")
    other.close()
    older = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    with pytest.raises(Unavailable, match="version 99"):
        await older.start()
    await older.close()


async def test_the_file_is_its_owners_alone(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.start()
    for name in ("ledger.db", "ledger.db.lock", "ledger.db-wal"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with server() as running_server:
        yield running_server


async def test_connection_to_postgresql_lost(postgres: Server) -> None:
    url = postgres.database()
    ledger = Ledger(url, FakeClock())
    conductor = await running(ledger, rows=ROWS)
    epoch = await ledger.claim_sender(EGRESS)
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, range(10))])
    with postgres.connect() as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname LIKE 'test%'"
        )
    step = ([outcome(0), outcome(1)], [opening(conductor, [20, 21])])
    with pytest.raises(Unavailable):
        await ledger.advance(EGRESS, epoch, *step)
    assert await counts(ledger) == {"pending": ROWS - 10, "transmitting": 10}
    assert (await ledger.advance(EGRESS, epoch, *step)).opened[0].all()
    assert await counts(ledger) == {"pending": ROWS - 12, "transmitting": 10, "delivered": 2}
    await ledger.close()
