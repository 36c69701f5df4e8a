"""The ledger's process is killed at any moment: what was acknowledged is there, and a step is whole or not at all."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.ledger.actor import Ledger
from actors.model.errors import Fenced
from actors.model.states import RowState
from tests.e2e.ledger_loop import GROUP
from tests.e2e.postgres import server
from tests.fakes.accounts import EGRESS, JOB, counts

ROWS = 20_000
ROOT = Path(__file__).resolve().parents[2]


def run_and_kill(url: str, acks: int) -> list[dict[str, Any]]:
    """Starts the loop, kills it after so many acknowledgements; gives what it said."""
    command = [sys.executable, "-m", "tests.e2e.ledger_loop", url, str(ROWS)]
    said: list[dict[str, Any]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(json.loads(line))
            if sum(s["word"] == "ack" for s in said) >= acks:
                process.kill()
                break
        said += [json.loads(line) for line in process.stdout.readlines() if line.endswith("}\n")]
        process.wait()
    assert process.returncode == -9
    return said


def replay(said: list[dict[str, Any]]) -> dict[int, RowState]:
    """The states that these steps led to."""
    states: dict[int, RowState] = {}
    for step in said:
        states |= {r: RowState.DEFERRED if r % 10 == 3 else RowState.DELIVERED for r in step["settled"]}
        states |= dict.fromkeys(step["opened"], RowState.TRANSMITTING)
    return states


async def check(url: str, said: list[dict[str, Any]]) -> None:
    acked = [s for s in said if s["word"] == "ack"]
    tried = [s for s in said if s["word"] == "try"]
    assert len(acked) <= len(tried) <= len(acked) + 1
    ledger = Ledger(url)
    try:
        found = {row: RowState(s) for row, s in enumerate(await ledger.row_states(JOB, 0, ROWS)) if s != RowState.PENDING}
        assert found in (replay(acked), replay(tried))
        in_flight = [row for row, state in found.items() if state is RowState.TRANSMITTING]
        assert len(in_flight) <= 4 * GROUP
        epoch = said[0]["epoch"]
        assert await ledger.claim_sender(EGRESS) == epoch + 1
        with pytest.raises(Fenced):
            await ledger.advance(EGRESS, epoch, [])
        assert "transmitting" not in await counts(ledger)
        doubts = (await ledger.series(JOB))["doubts"]
        assert [d["row"] for d in doubts] == in_flight
    finally:
        await ledger.close()


@pytest.mark.crash
@pytest.mark.parametrize("seed", range(4))
async def test_killed_on_sqlite(tmp_path: Path, seed: int) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    await check(url, run_and_kill(url, random.Random(seed).randint(1, 200)))


@pytest.mark.crash
async def test_killed_on_postgresql() -> None:
    with server() as running:
        url = running.database()
        await check(url, run_and_kill(url, 40))


@pytest.mark.crash
@pytest.mark.deep
@pytest.mark.timeout(1200)
async def test_killed_many_times(tmp_path: Path) -> None:
    for seed in range(100):
        url = f"sqlite:///{tmp_path / f'ledger-{seed}.db'}"
        await check(url, run_and_kill(url, random.Random(1000 + seed).randint(1, 300)))
