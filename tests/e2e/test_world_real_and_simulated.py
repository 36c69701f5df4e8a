"""The same world in real time over SMTP with the real sender, and in simulated time: similar figures.

Rows that are deferred come back after minutes at the soonest, so in both each row is tried once.
"""

import asyncio
import time
from collections import Counter

import pytest

from actors.model.delivery import Host, Site
from actors.model.states import RowState
from actors.reputation.actor import Reputation
from bench.simulation.cases import Case
from bench.simulation.engine import Engine
from bench.simulation.rivals import Fixed
from bench.simulation.run import simulate
from sandbox import Sandbox
from sandbox.world import parse_world
from sandbox.world.smtp import places
from tests.e2e.sending import EGRESS, Bench, running
from tests.fakes.ports import shard

SECONDS, ROWS = 8.0, 1_000
DELIVERED, BOUNCED, DEFERRED = RowState.DELIVERED.label, RowState.BOUNCED.label, RowState.DEFERRED.label
WORLD = {
    "seed": 5,
    "sites": [
        {
            "name": "a",
            "domains": ["a.test"],
            "hosts": ["127.0.1.1"],
            "service": 0.2,
            "connect": 0.1,
            "messages": 40,
            "limits": [{"rate": "12/s", "burst": 10}, {"connections": 6}],
            "recipients": {"unknown": 0.1},
            "features": {"starttls": False},
        }
    ],
}


async def really(reputation: object) -> Counter[str]:
    """Outcomes of the real sender within the time."""
    world = parse_world(WORLD)
    async with Sandbox(mode="counts", world=world, listen=places(world, 0)) as sandbox:
        bench = Bench(order=lambda targets: None)
        bench.sender._reputation = reputation  # type: ignore[assignment]
        bench.renderer.address = lambda row: f"user{row}@a.test"
        there = Site("a", (Host(sandbox.host, sandbox.port),))
        bench.conductor.shards = [shard(there, list(range(i, i + 100))) for i in range(0, ROWS, 100)]
        async with running(bench):
            await asyncio.sleep(SECONDS)
            found = Counter(outcome.state.label for outcome in bench.ledger.outcomes.values())
            bench.conductor.shards.clear()
    return found


def in_simulation(limits: object, engine: Engine) -> Counter[str]:
    """The same in simulated time."""

    class Small(Case):
        def world(self) -> object:  # type: ignore[override]
            return parse_world(WORLD)

    tally = simulate(Small("small", SECONDS, {"a": ROWS}, (EGRESS,)), 5, engine, limits)  # type: ignore[arg-type]
    bounced = tally.refused["unknown"]
    return Counter(delivered=tally.delivered["a"], bounced=bounced, deferred=tally.attempts - tally.delivered["a"] - bounced)


def share(found: Counter[str], state: str) -> float:
    return found[state] / found.total()


async def test_the_same_limits_give_similar_figures() -> None:
    real, simulated = await really(Fixed(4)), in_simulation(Fixed(4), Engine())
    assert real[DELIVERED] == pytest.approx(simulated[DELIVERED], rel=0.2), (real, simulated)
    assert real.total() == pytest.approx(simulated.total(), rel=0.25), (real, simulated)
    assert share(real, BOUNCED) == pytest.approx(share(simulated, BOUNCED), abs=0.05), (real, simulated)
    assert share(real, DEFERRED) == pytest.approx(share(simulated, DEFERRED), abs=0.15), (real, simulated)


async def test_the_learned_limits_deliver_as_much() -> None:
    engine = Engine()
    real, simulated = await really(Reputation(time.time)), in_simulation(Reputation(engine.clock), engine)
    assert real[DELIVERED] == pytest.approx(simulated[DELIVERED], rel=0.2), (real, simulated)
