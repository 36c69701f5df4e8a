"""Draining, fencing, parts that are away: what was opened is accounted for, what was not goes back."""

import asyncio
import time

import pytest
import uvloop

from actors.model.errors import Unavailable
from actors.model.lanes import LaneLimits
from actors.model.states import RowState
from tests.e2e import test_sender_delivers, test_sender_faults
from tests.e2e.sending import EGRESS, Bench, limits, running, site, until
from tests.fakes.ports import shard
from tests.fakes.smtp import SILENT, FakeSmtp, Script

ONE = LaneLimits(1)


async def test_drain_in_the_middle_finishes_the_wire_and_gives_the_rest_back() -> None:
    bench = Bench(first_limits=LaneLimits(4))
    async with FakeSmtp(Script(read_pause=0.005)) as server:
        async with running(bench):
            bench.conductor.shards.append(shard(site(server), range(2000)))
            await until(lambda: len(server.received) >= 100)
        done = len(bench.ledger.outcomes)
        assert 100 <= done < 2000
        assert bench.ledger.states() == {RowState.DELIVERED: done}
        leased = {r for lease in bench.conductor.leased.values() for s in lease.shards for r in s.rows.tolist()}
        assert sorted(leased - {row for _, row in bench.ledger.outcomes}) == bench.conductor.unsent
        assert len(server.received) == done
        assert all(s.commands[-1] == "QUIT" for s in server.sessions)


async def test_drain_does_not_wait_for_a_tarpit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.sender.actor.DRAIN_SECONDS", 0.3)
    bench = Bench(first_limits=ONE)
    bench.reputation.limits = ONE
    async with FakeSmtp(Script(after_data=lambda session, data: SILENT)) as server:
        started = time.monotonic()
        async with running(bench):
            bench.conductor.shards.append(shard(site(server), range(50)))
            await until(lambda: bool(server.sessions) and "DATA" in server.commands)
            await asyncio.sleep(0.1)
        assert time.monotonic() - started < 8
    states = bench.ledger.states()
    assert states[RowState.IN_DOUBT] == 1
    assert states[RowState.DEFERRED] == len(bench.ledger.outcomes) - 1
    later = [o for o in bench.ledger.outcomes.values() if o.state is RowState.DEFERRED]
    assert all(o.next_at <= time.time() for o in later), "another sender may start them at once"


async def test_a_cancelled_loop_ends_even_when_it_has_just_been_woken() -> None:
    """Else a drain that comes together with a result never ends."""
    sender = Bench().sender
    for waiting, wake in ((sender._ledger_loop(), sender._due._now), (sender._leases._wait_for_room(), sender._leases._moved)):
        task = asyncio.create_task(waiting)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        wake.set()
        task.cancel()
        await asyncio.wait([task], timeout=0.5)
        assert task.cancelled()


async def test_an_idle_sender_drains_at_once() -> None:
    bench = Bench()
    task = asyncio.create_task(bench.sender.run())
    await until(lambda: bench.ledger.epoch == 1)
    await bench.sender.drain()
    await task
    assert bench.ledger.released == 1


async def test_fenced_off_it_stops_and_begins_anew() -> None:
    bench = Bench(first_limits=LaneLimits(2))
    async with FakeSmtp(Script(read_pause=0.005)) as server:
        task = asyncio.create_task(bench.sender.run())
        bench.conductor.shards.append(shard(site(server), range(1000)))
        await until(lambda: len(server.received) >= 20)
        await bench.ledger.claim_sender(EGRESS)  # a replacement takes over
        doubts = set(bench.ledger.in_doubt)
        count = len(bench.ledger.outcomes)
        await until(lambda: bench.ledger.epoch == 3)
        assert len(bench.ledger.outcomes) == count, "results of the old epoch were taken"
        sent = {("J", int(r[1 : r.index("@")])) for r in server.recipients}
        assert sent <= doubts | set(bench.ledger.outcomes), "a mail left that nobody had opened"
        bench.conductor.shards[:] = [shard(site(server), [5000])]
        await until(lambda: ("J", 5000) in bench.ledger.outcomes)
        await bench.sender.drain()
        await task


async def test_ledger_and_others_away_for_a_while() -> None:
    bench = Bench()
    bench.ledger.failures = 3
    away = {"lease": 2, "render": 2, "report": 2}

    def flaky(name: str, call):  # type: ignore[no-untyped-def]
        async def wrapped(*arguments):  # type: ignore[no-untyped-def]
            if away[name]:
                away[name] -= 1
                raise Unavailable(name, "test")
            return await call(*arguments)

        return wrapped

    bench.conductor.lease = flaky("lease", bench.conductor.lease)  # type: ignore[method-assign]
    bench.renderer.render = flaky("render", bench.renderer.render)  # type: ignore[method-assign]
    bench.reputation.report = flaky("report", bench.reputation.report)  # type: ignore[method-assign]
    async with FakeSmtp() as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(100)))
        await until(bench.settled(100))
        await until(lambda: sum(r.delivered for r in bench.reputation.reports) == 100)
    assert len(server.received) == 100


async def test_no_mail_starts_after_the_lease_has_run_out() -> None:
    bench = Bench(first_limits=LaneLimits(1))
    bench.reputation.limits = ONE
    bench.ledger.lease_seconds = 0.4
    async with FakeSmtp(Script(read_pause=0.01)) as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(100)))
        await until(lambda: len(server.received) >= 3)
        bench.ledger.failures = 10**6  # away: the lease cannot be renewed
        await asyncio.sleep(1.0)
        before = len(server.received)
        await asyncio.sleep(0.5)
        assert len(server.received) == before
        bench.ledger.failures = 0
        await until(bench.settled(100))


async def test_stats_add_up() -> None:
    bench = Bench()
    async with FakeSmtp() as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(30)))
        await until(bench.settled(30))
        stats = await bench.sender.stats()
        assert stats["delivered_total"] == 30
        assert stats["lanes"] == 1
        assert await bench.sender.ping() == f"sender/{EGRESS}"


async def test_a_stuck_hand_gives_its_oldest_lease_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.sender.leases.STUCK_SECONDS", 0.3)
    bench = Bench(first_limits=ONE, limits=limits(60.0))
    bench.reputation.limits = ONE
    slow = Script(after_data=lambda session, data: SILENT)
    async with FakeSmtp(slow) as tarpit, FakeSmtp() as fast:
        task = asyncio.create_task(bench.sender.run())
        bench.conductor.shards.append(shard(site(tarpit, "tarpit.test"), range(4000)))
        await until(lambda: len(bench.conductor.leased) >= 2)
        bench.conductor.shards[:] = [shard(site(fast, "fast.test"), range(9000, 9100))]
        await until(lambda: len(fast.received) == 100)
        await until(lambda: any("tarpit.test" in busy for busy in bench.conductor.busy_seen))
        assert len([row for _, row in bench.ledger.open if row < 4000]) <= 32
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


SAME = [
    lambda: test_sender_delivers.test_every_row_is_delivered_once(("PIPELINING", "SIZE")),
    lambda: test_sender_delivers.test_big_messages_arrive_whole(3_000_000),
    lambda: test_sender_faults.test_dropped_before_the_dot_goes_out_on_another_connection("DATA", True),
    lambda: test_sender_faults.test_421_at_every_verb(".", True),
    test_sender_faults.test_nobody_listens_and_the_next_host_is_used,
    test_drain_in_the_middle_finishes_the_wire_and_gives_the_rest_back,
]


@pytest.mark.parametrize("scenario", SAME, ids=range(len(SAME)))
def test_the_same_under_uvloop(scenario) -> None:  # type: ignore[no-untyped-def]
    """Ray runs async actors on uvloop where it is installed."""
    uvloop.run(scenario())
