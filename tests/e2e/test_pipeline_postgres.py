"""PostgreSQL as the ledger for a whole run: deliveries, bounces, retries, doubts, a connection that is cut, result files."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.model.states import RowState
from sandbox import Sandbox
from tests.e2e.mailing_world import EGRESSES, bundle, people, routes_to, world
from tests.e2e.postgres import Server, server

ROWS = 300
SCRIPT = {
    "rules": [
        {"recipient": "gone*", "reply": "550 5.1.1 no such user here"},
        {"recipient": "busy*", "attempt": 1, "reply": "451 4.3.2 come back later"},
        {"host": "127.0.0.11", "without": ["pipelining"]},
        {"domain": "broken.test", "at": "dot", "attempt": 1, "drop": True, "keep": True},
        {"domain": "one.test", "at": "dot", "delay": "5ms"},
    ]
}
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname LIKE 'test%'"


@pytest.fixture
def postgres() -> Iterator[Server]:
    with server() as running:
        yield running


async def test_a_mailing_with_postgresql_as_its_ledger(tmp_path: Path, postgres: Server) -> None:
    addresses = people("one.test", ROWS) + people("one.test", 20, "gone") + people("one.test", 20, "busy")
    addresses += [*people("broken.test", 4), "user0@one.test", "nobody"]
    async with (
        Sandbox(SCRIPT, listen=[("127.0.0.11", 0), ("127.0.0.12", 0)]) as sandbox,
        world(tmp_path, routes_to(sandbox, "broken.test", "*"), EGRESSES, ledger=postgres.database()) as made,
    ):
        job = (await made.submit(bundle(addresses))).record.job
        await made.reach(job, lambda s: s.counts.get(RowState.DELIVERED, 0) > 20)
        with postgres.connect() as other:
            other.execute(CUT)
        status = await made.ended(job)
        arrived = await made.reconcile(job, sandbox.messages)
        lines = await made.lines(job)
    delivered = set(range(ROWS)) | set(range(ROWS + 20, ROWS + 44))
    assert arrived == Counter(delivered) + Counter(range(ROWS + 40, ROWS + 44))
    assert {row for row, line in lines.items() if line.in_doubt} == set(range(ROWS + 40, ROWS + 44))
    assert (
        made.results(job).summary["equation"] == f"{ROWS + 46} = {ROWS + 24} delivered + 20 bounced + 1 duplicate + 1 invalid"
    )
    assert status.doubts == 4
    assert all(lines[row].attempts == 2 for row in range(ROWS + 20, ROWS + 44))
    assert not (tmp_path / "data/ledger.db").exists()
