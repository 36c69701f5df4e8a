"""A sender with fakes around it, and what its tests wait for."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from actors.model.delivery import Host, Outcome, Site
from actors.model.sites import Egress
from actors.model.states import Stage
from actors.sender.actor import Sender
from actors.sender.connect import TimeLimits
from tests.fakes.ports import FakeConductor, FakeLedger, FakeRenderer, FakeReputation, FakeResolver
from tests.fakes.smtp import FakeSmtp

EGRESS = "127.0.0.2"


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for a state."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.005)


def limits(seconds: float) -> TimeLimits:
    """Every step gets this long."""
    return TimeLimits(**dict.fromkeys(TimeLimits.__dataclass_fields__, seconds))


class Bench:
    """A sender and its neighbours."""

    def __init__(self, **options: Any):
        self.ledger = FakeLedger(time.time)
        self.conductor = FakeConductor()
        self.renderer = FakeRenderer()
        self.reputation = FakeReputation()
        self.resolver = FakeResolver()
        self.sender = Sender(
            Egress(EGRESS, "client.test"),
            self.ledger,
            self.conductor,
            self.reputation,
            [self.renderer],
            self.resolver,
            time.time,
            **options,
        )

    def settled(self, rows: int) -> Callable[[], bool]:
        return lambda: len(self.ledger.outcomes) >= rows


def tried(bench: Bench) -> list[Outcome]:
    """The outcomes of rows that were tried; those that were only in hand meanwhile went back."""
    return [outcome for outcome in bench.ledger.outcomes.values() if outcome.stage is not Stage.HAND]


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Bench]:
    """Runs the sender, then drains it and checks that nothing was left behind."""
    task = asyncio.create_task(bench.sender.run())
    try:
        yield bench
        await bench.sender.drain()
        await task
        assert bench.ledger.released == 1
        assert not bench.ledger.open
        assert set(bench.conductor.finished) == set(bench.conductor.leased)
        rows = {row for lease in bench.conductor.leased.values() for s in lease.shards for row in s.rows.tolist()}
        assert rows == {row for _, row in bench.ledger.outcomes} | set(bench.conductor.unsent)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def site(server: FakeSmtp, name: str = "one.test", **options: Any) -> Site:
    """The site that a fake server receives for."""
    return Site(name, (Host(server.address, server.port),), **options)
