"""A sender delivers its leases over loopback: every row once, from the egress's own address, opened before it leaves."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from actors.model.delivery import Host, Reply, Site
from actors.model.sites import Egress
from actors.model.states import Blame, RowState, Stage
from actors.sender.actor import Sender
from tests.fakes.ports import FakeConductor, FakeLedger, FakeRenderer, FakeReputation, FakeResolver, shard
from tests.fakes.smtp import FakeSmtp, Script


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.005)


class Bench:
    """A sender with fakes around it."""

    def __init__(self, **options: Any):
        self.ledger = FakeLedger(time.time)
        self.conductor = FakeConductor()
        self.renderer = FakeRenderer()
        self.reputation = FakeReputation()
        self.resolver = FakeResolver()
        self.sender = Sender(
            Egress("127.0.0.2", "client.test"),
            self.ledger,
            self.conductor,
            self.reputation,
            [self.renderer],
            self.resolver,
            time.time,
            **options,
        )


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Bench]:
    task = asyncio.create_task(bench.sender.run())
    try:
        yield bench
        await bench.sender.drain()
        await task
        assert bench.ledger.released == 1
        assert not bench.ledger.open
        assert set(bench.conductor.finished) == set(bench.conductor.leased)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def site(server: FakeSmtp, name: str = "one.test", **options: Any) -> Site:
    return Site(name, (Host(server.address, server.port),), **options)


@pytest.mark.parametrize(
    "extensions",
    [("PIPELINING", "8BITMIME", "SIZE"), (), ("PIPELINING", "CHUNKING", "SIZE 100000")],
    ids=["pipelining", "plain", "chunking"],
)
async def test_every_row_is_delivered_once(extensions: tuple[str, ...]) -> None:
    bench = Bench()
    async with FakeSmtp(Script(extensions=extensions)) as server, running(bench):
        bench.conductor.shards.append(shard(site(server, chunking=True), range(1500)))
        await until(lambda: len(bench.ledger.outcomes) == 1500)
    assert sorted(server.recipients) == sorted(f"r{n}@to.test" for n in range(1500))
    assert bench.ledger.states() == {RowState.DELIVERED: 1500}
    assert bench.ledger.most_open <= 256
    assert {r.peer for r in server.received} == {"127.0.0.2"}
    assert all(r.data == bench.renderer.message(int(r.recipient[1 : r.recipient.index("@")])) for r in server.received)
    assert not server.unplanned
    assert bench.conductor.unsent == []
    entry = bench.ledger.outcomes["J", 7]
    assert (entry.code, entry.enhanced, entry.stage, entry.site, entry.egress) == (
        250,
        "2.0.0",
        Stage.DOT,
        "one.test",
        "127.0.0.2",
    )


async def test_render_failures_refused_rows_and_dead_domains_settle_without_opening() -> None:
    bench = Bench()
    bench.renderer.failures = {3: RowState.RENDER_ERROR, 5: RowState.SKIPPED}
    bench.ledger.refuse = {8, 9}
    async with FakeSmtp() as server, running(bench):
        dead = Site("none:5.1.10", refusal=Reply(556, "the domain accepts no mail", "5.1.10"))
        away = Site("none:4.4.3", refusal=Reply(451, "the name servers give no answer", "4.4.3"))
        bench.conductor.shards += [shard(site(server), range(10)), shard(dead, [10, 11]), shard(away, [12])]
        await until(lambda: bool(bench.conductor.finished))
    states = {row: outcome.state for (_, row), outcome in bench.ledger.outcomes.items()}
    assert [states[r] for r in (3, 5, 10, 11, 12)] == [
        RowState.RENDER_ERROR,
        RowState.SKIPPED,
        RowState.BOUNCED,
        RowState.BOUNCED,
        RowState.DEFERRED,
    ]
    assert bench.ledger.outcomes["J", 10].blame is Blame.RECIPIENT
    assert bench.conductor.unsent == [8, 9]
    assert len(server.received) == 6
    assert not {("J", r) for r in (3, 5, 10, 11, 12)} & bench.ledger.ever_opened


async def test_replies_become_outcomes() -> None:
    replies = {
        0: b"550 5.1.1 no such user\r\n",
        1: b"450 4.7.1 greylisted\r\n",
        2: b"554 5.7.1 listed at spamhaus\r\n",
        3: b"552 5.2.2 mailbox full\r\n",
    }

    def hook(_: object, verb: str, line: str) -> bytes | None:
        return replies.get(int(line[len("RCPT TO:<r") : line.index("@")])) if verb == "RCPT" else None

    bench = Bench()
    for lax in (False, True):
        bench = Bench()
        async with FakeSmtp(Script(hook=hook, lax_data=lax)) as server, running(bench):
            bench.conductor.shards.append(shard(site(server), range(20), attempts=1, first_at=time.time()))
            await until(lambda b=bench: len(b.ledger.outcomes) == 20)
        told = {row: (o.state, o.blame, o.stage, o.avoid) for (_, row), o in bench.ledger.outcomes.items()}
        assert told[0] == (RowState.BOUNCED, Blame.RECIPIENT, Stage.RCPT, "")
        assert told[1] == (RowState.DEFERRED, Blame.BUSY, Stage.RCPT, "")
        assert told[2] == (RowState.DEFERRED, Blame.EGRESS, Stage.RCPT, "127.0.0.2")
        assert told[3] == (RowState.DEFERRED, Blame.RECIPIENT, Stage.RCPT, "")
        assert len(server.received) == 16
        assert bench.ledger.outcomes["J", 1].next_at > time.time() + 200
        assert bool(server.empty) == lax


async def test_stamp_of_a_row_in_doubt_is_kept() -> None:
    bench = Bench()
    seen: list[int] = []
    inner = bench.renderer.render

    async def render(job: str, segment: int, rows: Any, stamps: Any) -> Any:
        seen.extend(stamps.tolist())
        return await inner(job, segment, rows, stamps)

    bench.renderer.render = render  # type: ignore[method-assign]
    async with FakeSmtp() as server, running(bench):
        bench.conductor.shards.append(shard(site(server), [1, 2], stamp=1234567))
        await until(lambda: len(bench.ledger.outcomes) == 2)
    assert seen == [1234567, 1234567]
    assert np.all(np.array(seen) == 1234567)
