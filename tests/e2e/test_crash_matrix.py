"""kill -9 of each kind of process at random moments: nothing lost, doubles only among rows that the ledger names in doubt.

A few kills in `make test`; HONGYAN_KILLS=50 in `make test-crash`. The receiver records what it answered 250 before it answers.
"""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from actors.model.delivery import MAX_OPEN_ROWS
from bench.machine import title
from gateway.cli import local
from tests.e2e.system import Scene, scene

KILLS = int(os.environ.get("HONGYAN_KILLS", "7"))
KINDS = ("Sender", "Renderer", "Conductor", "Ledger", "gateway.rpc", "raylet", "everything")
ROWS_A_KILL = 4_000  # enough that the job still runs when the next kill comes
SENDERS = 2
UP_AGAIN_SECONDS = 90.0


def kill(made: Scene, kind: str, chance: random.Random) -> int:
    """SIGKILL for one process of the kind, or for all; how many were killed."""
    if kind == "everything":
        made.system.supervisor.kill()
        made.system.supervisor.wait()
        victims = made.system.processes()
    else:
        victims = [pid for pid in made.system.processes() if kind in title(pid)]
        victims = [chance.choice(victims)] if victims else []
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if kind == "everything":
        made.system = local.start(made.config)
    return len(victims)


def wait_for_progress(made: Scene, job: str, more: int) -> bool:
    """Until `more` further messages have arrived; False if the job ended first."""
    start = made.settled(job)
    until = time.monotonic() + UP_AGAIN_SECONDS
    while time.monotonic() < until:
        if made.settled(job) >= start + more:
            return True
        status = made.job(job)
        if status is not None and status.state == 6:
            return False
        time.sleep(0.05)
    raise AssertionError(f"nothing moves any more: {made.job(job)}\n{made.system.logs()}")


@pytest.mark.crash
@pytest.mark.timeout(3600)
def test_kills_lose_nothing_and_double_only_rows_in_doubt(tmp_path: Path) -> None:
    chance = random.Random(20261123)
    kinds = [KINDS[n % len(KINDS)] for n in range(KILLS)]
    chance.shuffle(kinds)
    killed = []
    with scene(tmp_path) as made:
        while kinds:
            job = made.submit(min(len(kinds), 10) * ROWS_A_KILL)
            here = 0
            while kinds and wait_for_progress(made, job, chance.randrange(50, 1_500)):
                time.sleep(chance.random() * 0.3)
                here += bool(kill(made, kinds[-1], chance))
                killed.append(kinds.pop())
            made.wait(job)
            check(made, job, here)
    assert len(killed) >= KILLS


def check(made: Scene, job: str, kills: int) -> None:
    both = made.reconcile(job)
    print(f"\njob {job}: {both.rows} rows, {kills} kills, {len(both.doubted)} in doubt, {len(both.doubled)} doubled")
    assert sum(both.counts.values()) == both.rows
    assert both.counts == {"delivered": both.rows}
    assert len(both.outcomes) == both.rows
    assert both.lost == set()
    assert both.doubled <= both.doubted
    assert len(both.doubted) <= kills * SENDERS * MAX_OPEN_ROWS
    for row in both.doubled:
        assert len(both.bodies[row]) == 1, "a row in doubt is sent again with the same bytes"
