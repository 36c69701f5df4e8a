"""kill -9 of each kind of process at random moments: nothing lost, doubles only among rows that the ledger names in doubt.

A few kills in `make test`; HONGYAN_KILLS=50 in `make test-crash`, and there once more among receivers that limit, block,
greylist and hang up. The receivers record what they answered 250 before they answer.
"""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from actors.model.delivery import MAX_OPEN_ROWS
from bench.machine import title
from gateway.cli import local
from sandbox.world import parse_world
from sandbox.world.recipients import kind_of
from sandbox.world.world import World
from tests.e2e.system import PATIENCE_SECONDS, Reconciled, Scene, scene

KILLS = int(os.environ.get("HONGYAN_KILLS", "7"))
KINDS = ("Sender", "Renderer", "Conductor", "Ledger", "gateway.rpc", "raylet", "everything")
ROWS_A_KILL = 2_500  # enough that the job still runs when the next kill comes
SENDERS = 2
UP_AGAIN_SECONDS = 180.0
WORLD_KILLS = max(KILLS // 3, 2)
WORLD_ROWS_A_KILL = 1_000  # the receivers set the pace there
RETRY_SCALE = 0.02  # of the pauses between attempts: minutes are seconds
LANE_SECONDS = 900.0  # a lane that was refused again and again may stay closed for minutes
SITES: list[dict[str, Any]] = [
    {"name": "rated", "domains": ["gmail.test"], "texts": "gmail", "limits": [{"rate": "60/s", "burst": 20}]},
    {"name": "grey", "domains": ["outlook.test"], "texts": "outlook", "greylist": {"after": "2s"}},
    {"name": "few", "domains": ["hinet.test"], "limits": [{"connections": 3}], "trouble": 0.02, "drops": 0.01},
    {
        "name": "lists",
        "domains": ["yahoo.test"],
        "texts": "yahoo",
        "recipients": {"unknown": 0.03},
        "blocks": [{"source": "127.0.0.3", "from": "10s", "until": "20s", "every": "40s", "at": "mail"}],
    },
    {"name": "many", "domains": [f"company{n}.test" for n in range(20)], "messages": 50},
]
PLAIN = {"service": 0.01, "connect": 0, "features": {"starttls": False}}
WORLD = {"sites": [PLAIN | site | {"hosts": [f"127.0.1.{n}"]} for n, site in enumerate(SITES, 1)]}


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


def wait_for_progress(made: Scene, job: str, more: int, seconds: float) -> bool:
    """Until `more` further messages have arrived; False if the job ended first."""
    start = made.settled(job)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if made.settled(job) >= start + more:
            return True
        status = made.job(job)
        if status is not None and status.state == 6:
            return False
        time.sleep(0.05)
    raise AssertionError(f"nothing moves any more: {made.job(job)}\n{made.system.logs()}")


def kill_many(
    made: Scene, kills: int, rows_a_kill: int, pause: int, patience: float, check: Callable[[Scene, str, int], None]
) -> None:
    """Kills while jobs run, some of each kind; `check` gets each ended job and how many kills it met. `pause`: the most
    messages that may arrive between two kills; `patience`: seconds in which something must have arrived."""
    chance = random.Random(20261123)
    kinds = [KINDS[n % len(KINDS)] for n in range(kills)]
    chance.shuffle(kinds)
    while kinds:
        job = made.submit(min(len(kinds), 10) * rows_a_kill)
        here = 0
        while kinds and wait_for_progress(made, job, chance.randrange(50, pause), patience):
            time.sleep(chance.random() * 0.3)
            here += bool(kill(made, kinds.pop(), chance))
        made.wait(job, patience + PATIENCE_SECONDS)
        check(made, job, here)


@pytest.mark.crash
@pytest.mark.timeout(3600)
def test_kills_lose_nothing_and_double_only_rows_in_doubt(standing: Scene) -> None:
    kill_many(standing, KILLS, ROWS_A_KILL, ROWS_A_KILL * 3 // 5, UP_AGAIN_SECONDS, all_delivered)


@pytest.mark.crash
@pytest.mark.deep
@pytest.mark.timeout(3600)
def test_kills_lose_nothing_where_receivers_refuse_block_and_greylist(tmp_path: Path) -> None:
    world = tmp_path / "world.yaml"
    world.write_text(yaml.safe_dump(WORLD))
    with scene(tmp_path, world=world, retry_scale=RETRY_SCALE) as made:
        kill_many(made, WORLD_KILLS, WORLD_ROWS_A_KILL, WORLD_ROWS_A_KILL // 2, LANE_SECONDS, delivered_or_unknown)


def all_delivered(made: Scene, job: str, kills: int) -> None:
    both = balanced(made, job, kills)
    assert both.counts == {"delivered": both.rows}
    assert len(both.doubted) <= kills * SENDERS * MAX_OPEN_ROWS


def delivered_or_unknown(made: Scene, job: str, kills: int) -> None:
    """Bounced are those whom their site does not know, and nobody else: no rate, block or crash ends a row."""
    both = balanced(made, job, kills)
    world = World(parse_world(WORLD))
    unknown = set()
    for row, address in enumerate(made.addresses(job)):
        site = world.site_of(address.partition("@")[2])
        assert site is not None
        if kind_of(site.spec.recipients, world.spec.seed, address):
            unknown.add(row)
    assert {row for row, o in both.outcomes.items() if o.state != 4} == unknown
    assert set(both.counts) == {"delivered", "bounced"}


def balanced(made: Scene, job: str, kills: int) -> Reconciled:
    """Both sides of the job, of which none lacks or has a row too much without a name for it."""
    both = made.reconcile(job)
    print(f"\njob {job}: {both.counts}, {kills} kills, {len(both.doubted)} in doubt, {len(both.doubled)} doubled")
    assert sum(both.counts.values()) == both.rows
    assert len(both.outcomes) == both.rows
    assert both.lost == set()
    assert both.doubled <= both.doubted
    for row in both.doubled:
        assert len(both.bodies[row]) == 1, "a row in doubt is sent again with the same bytes"
    return both
