"""The conductor over a real ledger and vault: every row is leased, retried and ended, also through restarts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from actors.conductor.actor import Conductor
from actors.conductor.leases import lease_rows
from actors.ledger.actor import Ledger
from actors.model.delivery import SENDER_LEASE_SECONDS, Host, Lease, Opening, Outcome, Site
from actors.model.job import BEST, DOMAIN, JobRecord, segment_path, snapshot_path
from actors.model.states import Blame, JobState, RowState, Stage
from cluster.vault import Vault
from tests.fakes.clock import FakeClock

SEGMENT_ROWS = 100
EGRESS = "127.0.0.2"


class Sites:
    """Every domain but b2.test is a site of its own; b2.test is served by b.test's hosts."""

    async def sites(self, domains: Sequence[str]) -> dict[str, Site]:
        names = {d: "b.test" if d == "b2.test" else d for d in domains}
        return {d: Site(name, (Host(f"mx.{name}"),)) for d, name in names.items()}

    async def addresses(self, host: str) -> list[str]:
        raise AssertionError("the conductor connects nowhere")


class Written:
    def __init__(self) -> None:
        self.jobs: list[str] = []

    async def write(self, job: str) -> str:
        self.jobs.append(job)
        return f"memory://{job}"

    async def written(self, job: str) -> bool:
        return job in self.jobs


class World:
    """Ledger and vault that outlive a conductor."""

    def __init__(self, folder: Path):
        self.clock = FakeClock()
        self.vault = Vault(f"file://{folder}/vault")
        self.vault.create()
        self.ledger = Ledger(f"sqlite:///{folder}/ledger.db", self.clock)
        self.results = Written()

    async def add_job(self, job: str, rows: int, **fields: object) -> None:
        domains = ["a.test", "b.test", "b2.test", "c.test"]
        for segment in range(-(-rows // SEGMENT_ROWS)):
            count = min(SEGMENT_ROWS, rows - segment * SEGMENT_ROWS)
            codes = pa.array([i % 4 for i in range(count)], pa.int32())
            table = pa.table({DOMAIN: pa.DictionaryArray.from_arrays(codes, pa.array(domains))})
            if fields.get("best"):
                table = table.append_column(BEST, pa.array([i % 5 == 0 for i in range(count)]))
            sink = pa.BufferOutputStream()
            with pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
            self.vault.write(segment_path(job, segment), sink.getvalue().to_pybytes())
        self.vault.write(f"{snapshot_path(job)}/manifest.json", b"{}")
        account = str(fields.pop("account", "acme"))
        record = JobRecord(job, account, job, JobState.ACCEPTING, idempotency_key=job)
        await self.ledger.create_job(record)
        await self.ledger.begin_job(replace(record, rows=rows, segment_rows=SEGMENT_ROWS, **fields))  # type: ignore[arg-type]

    @asynccontextmanager
    async def conductor(self, pools: dict[str, str] | None = None) -> AsyncIterator[Conductor]:
        conductor = Conductor(
            self.ledger, self.vault, Sites(), self.results, self.clock, pools or {EGRESS: "default", "127.0.0.3": "default"}
        )
        task = asyncio.create_task(conductor.run())
        try:
            yield conductor
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks ten times as often: the clock here is a fake one, only the looks take real time."""
    monkeypatch.setattr("actors.conductor.actor.TICK_SECONDS", 0.1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.ledger.close()


class FakeSender:
    """Leases, opens and settles rows as `verdict(row, attempt)` says; counts how often a row was transmitted."""

    def __init__(self, world: World, egress: str = EGRESS):
        self.world, self.egress = world, egress
        self.held: set[int] = set()
        self.sent: Counter[int] = Counter()
        self.deferred: Counter[int] = Counter()

    async def claim(self) -> "FakeSender":
        self.epoch = await self.world.ledger.claim_sender(self.egress)
        return self

    async def lease(self, conductor: Conductor, rows: int = 64, wait: float = 3.0) -> Lease | None:
        lease = await conductor.lease(self.egress, self.epoch, self.held, (), rows, wait)
        self.held |= {lease.id} if lease else set()
        return lease

    async def deliver(self, lease: Lease, defer: frozenset[int] = frozenset()) -> None:
        rows = lease_rows(lease)
        opening = Opening(lease.job, lease.conductor_epoch, rows, np.full(len(rows), int(self.world.clock())))
        advanced = await self.world.ledger.advance(self.egress, self.epoch, (), [opening])
        results = []
        for row in rows[advanced.opened[0]].tolist():
            later = row in defer
            (self.deferred if later else self.sent)[row] += 1
            results.append(
                Outcome(
                    lease.job,
                    row,
                    RowState.DEFERRED if later else RowState.DELIVERED,
                    self.world.clock(),
                    Stage.DOT,
                    Blame.BUSY if later else Blame.NONE,
                    next_at=self.world.clock() + 60 if later else 0.0,
                )
            )
        await self.world.ledger.advance(self.egress, self.epoch, results)

    async def work(self, conductor: Conductor, defer: frozenset[int] = frozenset()) -> None:
        """Until no lease comes for a while."""
        while (lease := await self.lease(conductor, wait=0.6)) is not None:
            await self.deliver(lease, defer)
            await conductor.finish(self.egress, lease.id, np.empty(0, np.int64), {})


async def until_done(world: World, job: str) -> None:
    async with asyncio.timeout(60):
        while (await world.ledger.status(job)).record.state != JobState.DONE or job not in world.results.jobs:
            await asyncio.sleep(0.02)


async def test_every_row_is_delivered_once_and_the_job_ends(world: World) -> None:
    await world.add_job("j1", 350)
    async with world.conductor() as conductor:
        sender = await FakeSender(world).claim()
        await sender.work(conductor)
        await until_done(world, "j1")
    assert sender.sent == Counter(range(350))
    assert (await world.ledger.status("j1")).balanced


async def test_a_lease_joins_domains_of_one_site(world: World) -> None:
    await world.add_job("j1", 100)
    async with world.conductor() as conductor:
        sender = await FakeSender(world).claim()
        lease = await sender.lease(conductor, rows=1000)
        assert lease is not None
        by_site: dict[str, set[int]] = {}
        for shard in lease.shards:
            by_site.setdefault(shard.site.name, set()).update(shard.rows.tolist())
        assert by_site["b.test"] == {r for r in range(100) if r % 4 in (1, 2)}
        assert lease.rows == 100


async def test_deferred_rows_come_again_when_due_and_not_before(world: World) -> None:
    await world.add_job("j1", 100)
    late = frozenset({3, 50, 97})
    async with world.conductor() as conductor:
        sender = await FakeSender(world).claim()
        await sender.work(conductor, defer=late)
        assert set(range(100)) - set(sender.sent) == late
        world.clock.advance(61)
        await sender.work(conductor)
        await until_done(world, "j1")
    assert sender.sent == Counter(range(100))
    assert set(sender.deferred) == late


async def test_a_row_is_in_one_lease_only_when_its_first_one_ends_late(world: World) -> None:
    await world.add_job("j1", 10)
    async with world.conductor() as conductor:
        sender = await FakeSender(world).claim()
        first = await sender.lease(conductor)
        assert first is not None
        await sender.deliver(first, defer=frozenset({3}))
        world.clock.advance(61)
        second = await sender.lease(conductor)
        assert second is not None
        assert lease_rows(second).tolist() == [3]
        await conductor.finish(EGRESS, first.id, np.empty(0, np.int64), {})
        assert await sender.lease(conductor, wait=1.5) is None
        await sender.deliver(second)
        await conductor.finish(EGRESS, second.id, np.empty(0, np.int64), {})
        await until_done(world, "j1")
    assert sender.sent == Counter(range(10))


async def test_a_new_conductor_leases_only_what_is_left(world: World) -> None:
    await world.add_job("j1", 300)
    sender = FakeSender(world)
    await sender.claim()
    async with world.conductor() as conductor:
        first = await sender.lease(conductor)
        lost = await sender.lease(conductor)
        assert first is not None
        assert lost is not None
        await sender.deliver(first)
    async with world.conductor() as conductor:
        async with asyncio.timeout(60):
            while (again := await sender.lease(conductor)) is None:
                pass
        await sender.deliver(lost)  # a lease of the conductor that died opens nothing
        assert set(sender.sent) == set(lease_rows(first).tolist())
        await sender.deliver(again)
        await conductor.finish(EGRESS, again.id, np.empty(0, np.int64), {})
        await sender.work(conductor)
        await until_done(world, "j1")
    assert sender.sent == Counter(range(300))


async def test_the_late_end_of_a_former_conductors_lease_ends_none_of_the_new_ones(world: World) -> None:
    await world.add_job("j1", 100)
    sender = await FakeSender(world).claim()
    async with world.conductor() as conductor:
        former = await sender.lease(conductor)
        assert former is not None
        await sender.deliver(former)
    async with world.conductor() as conductor:
        async with asyncio.timeout(60):
            while (lease := await sender.lease(conductor)) is None:
                pass
        await conductor.finish(EGRESS, former.id, np.empty(0, np.int64), {})
        await conductor.finish(EGRESS, lease.id, lease_rows(lease), {})
        await sender.work(conductor)
    assert sender.sent == Counter(range(100))


async def test_a_lease_whose_call_broke_on_the_way_back_is_leased_again(world: World) -> None:
    await world.add_job("j1", 100)
    async with world.conductor() as conductor:
        sender = await FakeSender(world).claim()
        assert await conductor.lease(EGRESS, sender.epoch, (), (), 64, 3.0) is not None
        await sender.work(conductor)
        await until_done(world, "j1")
    assert sender.sent == Counter(range(100))


async def test_a_call_without_a_wait_recalls_the_senders_own_that_waits(world: World) -> None:
    async with world.conductor() as conductor, asyncio.timeout(30):
        sender, other = await FakeSender(world).claim(), await FakeSender(world, "127.0.0.3").claim()
        waiting = asyncio.create_task(sender.lease(conductor, wait=3600.0))
        others = asyncio.create_task(other.lease(conductor, wait=3600.0))
        await asyncio.sleep(0)
        assert await sender.lease(conductor, 0, 0.0) is None
        assert await waiting is None
        await world.add_job("j1", 10)
        await conductor.notify("j1")
        lease = await others
        assert lease is not None
        assert len(lease_rows(lease)) == 10


async def test_leases_of_a_dead_sender_go_to_the_next(world: World) -> None:
    await world.add_job("j1", 100)
    async with world.conductor() as conductor:
        dead = await FakeSender(world).claim()
        assert await dead.lease(conductor) is not None
        heir = await FakeSender(world).claim()
        await heir.work(conductor)
        await until_done(world, "j1")
    assert heir.sent == Counter(range(100))


async def test_rows_of_an_egress_that_left_the_config_are_sent_by_the_others(world: World) -> None:
    await world.add_job("j1", 100)
    async with world.conductor() as conductor:
        gone = await FakeSender(world).claim()
        lease = await gone.lease(conductor)
        assert lease is not None
        opening = Opening("j1", lease.conductor_epoch, lease_rows(lease), np.full(len(lease_rows(lease)), 7))
        await world.ledger.advance(EGRESS, gone.epoch, (), [opening])
    world.clock.advance(SENDER_LEASE_SECONDS)
    async with world.conductor({"127.0.0.3": "default"}) as conductor:
        heir = await FakeSender(world, "127.0.0.3").claim()
        await heir.work(conductor)
        await until_done(world, "j1")
    assert heir.sent == Counter(range(100))
    assert (await world.ledger.status("j1")).doubts == len(lease_rows(lease))


async def test_unsent_rows_of_a_closed_lane_wait_and_others_take_them(world: World) -> None:
    await world.add_job("j1", 100)
    async with world.conductor() as conductor:
        closed = await FakeSender(world).claim()
        other = await FakeSender(world, "127.0.0.3").claim()
        lease = await closed.lease(conductor, rows=1000)
        assert lease is not None
        sites = {s.site.name: world.clock() + 1000 for s in lease.shards}
        await conductor.finish(EGRESS, lease.id, lease_rows(lease), sites)
        assert await closed.lease(conductor, wait=0.2) is None
        await other.work(conductor)
        await until_done(world, "j1")
    assert other.sent == Counter(range(100))


async def test_a_job_waits_for_its_start_and_expires_at_its_deadline(world: World) -> None:
    now = world.clock()
    await world.add_job("j1", 100, start_at=now + 100, deadline_at=now + 200)
    async with world.conductor() as conductor:
        sender = await FakeSender(world).claim()
        assert await sender.lease(conductor, wait=0.3) is None
        world.clock.advance(101)
        lease = await sender.lease(conductor, rows=10)
        assert lease is not None
        await sender.deliver(lease)
        await conductor.finish(EGRESS, lease.id, np.empty(0, np.int64), {})
        world.clock.advance(100)
        assert await sender.lease(conductor, wait=0.1) is None
        await until_done(world, "j1")
    counts = (await world.ledger.status("j1")).counts
    assert counts[RowState.DELIVERED] == len(sender.sent)
    assert counts[RowState.EXPIRED] == 100 - len(sender.sent)


async def test_a_paused_job_leases_nothing_and_a_cancelled_one_ends(world: World) -> None:
    await world.add_job("j1", 100)
    async with world.conductor() as conductor:
        sender = await FakeSender(world).claim()
        assert await sender.lease(conductor) is not None
        await world.ledger.move_job("j1", JobState.PAUSED)
        await conductor.notify("j1")
        await asyncio.sleep(0.2)
        assert await sender.lease(conductor, wait=0.2) is None
        await world.ledger.move_job("j1", JobState.CANCELLED)
        await conductor.notify("j1")
        async with asyncio.timeout(60):
            while "j1" not in world.results.jobs:
                await asyncio.sleep(0.02)
    assert (await world.ledger.status("j1")).counts[RowState.CANCELLED] == 100


async def test_a_paused_job_ends_at_its_deadline(world: World) -> None:
    await world.add_job("j1", 100, deadline_at=world.clock() + 100)
    await world.ledger.move_job("j1", JobState.PAUSED)
    async with world.conductor():
        world.clock.advance(101)
        await until_done(world, "j1")
    assert (await world.ledger.status("j1")).counts == {RowState.EXPIRED: 100}


async def leased_rows(sender: FakeSender, conductor: Conductor, rounds: int, rows: int = 10) -> Counter[str]:
    """How many rows of each job were leased and delivered in so many leases."""
    had: Counter[str] = Counter()
    for _ in range(rounds):
        lease = await sender.lease(conductor, rows)
        assert lease is not None
        had[lease.job] += lease.rows
        await sender.deliver(lease)
    return had


async def test_accounts_share_a_pool_and_an_urgent_job_goes_ahead(world: World) -> None:
    await world.add_job("01A", 400)
    await world.add_job("01B", 400, account="bank")
    await world.add_job("01C", 400, account="bank", priority=1)
    async with world.conductor() as conductor:
        sender = await FakeSender(world).claim()
        await asyncio.sleep(0.6)  # all three are known
        had = await leased_rows(sender, conductor, 60)
    assert set(had) == {"01A", "01B", "01C"}
    assert had["01C"] > 2 * had["01B"]


async def test_the_best_rows_go_first_and_every_row_once(world: World) -> None:
    await world.add_job("01A", 250, best=1)
    order: list[int] = []
    async with world.conductor() as conductor:
        sender = await FakeSender(world).claim()
        while len(order) < 250:
            lease = await sender.lease(conductor, 40)
            assert lease is not None
            order += lease_rows(lease).tolist()
            await sender.deliver(lease)
        await until_done(world, "01A")
    best = [row for row in range(250) if row % SEGMENT_ROWS % 5 == 0]
    assert sorted(order) == list(range(250))
    assert set(order[: len(best)]) == set(best)


async def test_a_capped_job_is_leased_no_faster(world: World) -> None:
    await world.add_job("01A", 100, rate=5.0)
    async with world.conductor() as conductor:
        sender = await FakeSender(world).claim()
        taken = 0
        for _ in range(8):
            lease = await sender.lease(conductor, 64, 1.0)
            if lease is not None:
                taken += lease.rows
                await sender.deliver(lease)
            world.clock.advance(1.0)
            assert taken <= 5 * 8 + 10
    assert taken >= 25


async def test_a_job_rests_on_days_that_are_not_its_own(world: World) -> None:
    today = datetime.fromtimestamp(world.clock(), ZoneInfo("Asia/Taipei")).weekday()
    await world.add_job("01A", 10, days=((today + 1) % 7,))
    async with world.conductor() as conductor:
        sender = await FakeSender(world).claim()
        assert await sender.lease(conductor, 64, 0.3) is None
        world.clock.advance(86_400)
        lease = await sender.lease(conductor, 64, 3.0)
        assert lease is not None
        assert lease.job == "01A"


async def test_a_vanished_vault_stalls_the_job_until_it_is_back(world: World, tmp_path: Path) -> None:
    await world.add_job("j1", 100)
    (tmp_path / "vault").rename(tmp_path / "away")
    async with world.conductor() as conductor:
        sender = await FakeSender(world).claim()
        async with asyncio.timeout(60):
            while (await world.ledger.status("j1")).record.state != JobState.STALLED:
                await asyncio.sleep(0.02)
        assert "vault" in (await world.ledger.status("j1")).record.reason
        (tmp_path / "away").rename(tmp_path / "vault")
        await sender.work(conductor)
        await until_done(world, "j1")
    assert sender.sent == Counter(range(100))


async def test_a_pool_without_egress_stalls_the_job(world: World) -> None:
    await world.add_job("j1", 10, pool="gold")
    async with world.conductor():
        async with asyncio.timeout(60):
            while (await world.ledger.status("j1")).record.state != JobState.STALLED:
                await asyncio.sleep(0.02)
    assert "gold" in (await world.ledger.status("j1")).record.reason


async def test_missing_result_files_are_written_after_a_restart(world: World) -> None:
    await world.add_job("j1", 10)
    await world.ledger.move_job("j1", JobState.CANCELLED)
    for _ in range(2):
        async with world.conductor():
            async with asyncio.timeout(60):
                while "j1" not in world.results.jobs:
                    await asyncio.sleep(0.02)
    assert world.results.jobs == ["j1"]
