"""The conductor's face: turns jobs into leases, retries what is due, ends what is through.

Rules are in `work`, `leases`, `shares` and `schedule`, queues are filled in `filling`; this module asks the ledger and the
vault, and keeps the loop going.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from actors.conductor.closing import Closing
from actors.conductor.filling import LOW_ROWS, Filling, JobWork
from actors.conductor.forecast import forecast, pool_lanes, rows_by_site
from actors.conductor.halts import PROBE_ROWS, Halts
from actors.conductor.leases import LeaseBook, lease_rows, retried_rows
from actors.conductor.schedule import not_before, past_deadline, pausing
from actors.conductor.shares import Shares
from actors.conductor.work import Chunk, MayTake, Queues, fresh_chunk
from actors.model.delivery import Lease
from actors.model.errors import HongyanError, Unavailable
from actors.model.forecast import Forecast, LaneSpeed
from actors.model.job import JobRecord, RowArray, snapshot_path
from actors.model.lanes import Refusals
from actors.model.ports import Clock, JobLedger, Resolver, Results, Vault
from actors.model.states import JobState, RowState
from actors.model.waiting import patiently, set_within

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0  # how late a retry, a start time or a deadline may be noticed
LEASES_AN_EPOCH = 2**32  # so no id comes twice: a sender may still hold leases of the conductor before
LOOK_SECONDS = 5.0  # a snapshot that has vanished is noticed within this time, though nothing of it is needed just then


class Conductor:
    """Cuts jobs into shards and leases them to senders.

    Hard state: none, all truth is in the ledger. `lease` promises that its rows are in no other valid lease of this conductor;
    the ledger's epoch check keeps leases of an older one from opening anything. A failed call has at most taken rows off the
    queue, which come back when the lease's holder asks again, without it, or is gone for a minute. After a restart queues
    are cut anew from the rows that the ledger still calls pending or deferred.
    """

    def __init__(
        self,
        ledger: JobLedger,
        vault: Vault,
        resolver: Resolver,
        results: Results,
        clock: Clock,
        pools: Mapping[str, str],
        retry_scale: float = 1.0,
    ):
        self._ledger, self._vault, self._resolver, self._results = ledger, vault, resolver, results
        self._clock, self._retry_scale = clock, retry_scale
        self._pools = dict(pools)
        self._filling = Filling(ledger, vault, resolver, self._tell)
        self._book = LeaseBook()
        self._jobs: dict[str, JobWork] = {}
        self._shares = Shares()
        self._halts = Halts()
        self._epoch = 0
        self._lease_id = 0
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self._asked = Counter[str]()  # `lease` calls by egress
        self._closing = Closing(ledger, results, TICK_SECONDS)

    # -- calls ---------------------------------------------------------------------------------------------------------------

    async def notify(self, job: str) -> None:
        self._wake.set()

    async def ping(self) -> str:
        return "conductor"

    async def stats(self) -> dict[str, float]:
        """Rows that wait here, for the metrics."""
        return {
            "queued_rows": float(sum(w.queues.rows for w in self._jobs.values())),
            "active_jobs": float(len(self._jobs)),
            "held_retries": float(sum(w.held_rows for w in self._jobs.values())),
        }

    async def lease(
        self, egress: str, epoch: int, held: Collection[int], busy_sites: Sequence[str], max_rows: int, wait: float
    ) -> Lease | None:
        for void in self._book.seen(egress, epoch, held, self._clock()):
            await self._give_back(void, lease_rows(void))
        self._asked[egress] = asked = self._asked[egress] + 1
        if not wait:
            self._tell()  # one that waits for the same sender is over
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while self._book.current(egress, epoch) and self._asked[egress] == asked:
            lease = self._cut_lease(egress, frozenset(busy_sites), max_rows)
            if lease is not None or not await set_within(self._news, until - loop.time()):
                return lease
        return None

    async def finish(self, egress: str, lease: int, unsent: RowArray, closed_sites: dict[str, float]) -> None:
        ended = self._book.finish(egress, lease, closed_sites)
        if ended is not None:
            await self._give_back(ended, unsent)

    async def forecast(self, record: JobRecord, domains: Mapping[str, int], speeds: Sequence[LaneSpeed]) -> Forecast:
        sites = await self._resolver.sites([name for name in domains if name])
        rows = rows_by_site(domains, sites)
        egresses = [egress for egress, pool in self._pools.items() if pool == record.pool]
        return forecast(record, rows, pool_lanes(rows, egresses, speeds), self._clock())

    async def refusals(self, egress: str, told: Sequence[Refusals]) -> None:
        now = self._clock()
        others = bool(self._alive(self._pools.get(egress, ""), now) - {egress})
        for one in told:
            work = self._jobs.get(one.job)
            if work is not None and self._halts.tell(work.record.account, one, now, egress, others):
                log.warning("%s at %s: halts have changed (%s)", one.job, one.site, one.blame or "delivered")
                self._wake.set()

    def _alive(self, pool: str, now: float) -> frozenset[str]:
        return self._book.alive(frozenset(e for e, p in self._pools.items() if p == pool), now)

    # -- leases --------------------------------------------------------------------------------------------------------------

    def _cut_lease(self, egress: str, busy: frozenset[str], max_rows: int) -> Lease | None:
        now = self._clock()
        pool_name = self._pools.get(egress, "")
        closed = busy | self._book.closed_sites(egress, now)
        alive = self._alive(pool_name, now)
        may_take = MayTake(egress, alive, now)
        records = [w.record for w in self._jobs.values() if w.record.pool == pool_name and self._sending(w.record, now)]
        for record in self._shares.order(records):
            work = self._jobs[record.job]
            most = work.may_lease(max_rows, now)
            if most <= 0:
                continue
            segment, chunks = self._take(work, closed, most, may_take, now)
            work.starved = not chunks
            if work.starved or work.queues.rows < LOW_ROWS:
                self._wake.set()
            if chunks:
                rows = sum(len(c.rows) for c in chunks)
                work.leased(rows)
                self._shares.took(record, rows)
                return self._book_lease(egress, record, segment, chunks, alive)
        return None

    def _take(self, work: JobWork, closed: frozenset[str], most: int, may_take: MayTake, now: float) -> tuple[int, list[Chunk]]:
        """Rows for a lease; none for sites where the job is halted, and few for one whose halt is over."""
        job, account = work.record.job, work.record.account
        halted = closed | self._halts.closed(job, account, now)
        lapsed = self._halts.lapsed(job, account, now) - halted
        for site in lapsed.intersection(work.queues.sites()):
            segment, chunks = work.queues.take(frozenset(work.queues.sites()) - {site}, min(most, PROBE_ROWS), may_take)
            if chunks:
                self._halts.probing(job, account, (site,), now)
                return segment, chunks
        return work.queues.take(halted | lapsed, most, may_take)

    def _book_lease(self, egress: str, record: JobRecord, segment: int, chunks: list[Chunk], alive: frozenset[str]) -> Lease:
        self._lease_id += 1
        lease = Lease(
            id=self._lease_id,
            conductor_epoch=self._epoch,
            job=record.job,
            segment=segment,
            shards=tuple(c.shard() for c in chunks),
            retry_for=record.retry_for,
            deadline_at=record.deadline_at,
            retry_scale=self._retry_scale,
            egresses=tuple(sorted(alive)),
        )
        self._book.add(egress, lease)
        return lease

    def _sending(self, record: JobRecord, now: float) -> bool:
        return record.state == JobState.RUNNING and not pausing(record, now) and not past_deadline(record, now)

    async def _give_back(self, lease: Lease, rows: RowArray) -> None:
        """Rows of an ended lease: what the ledger still calls pending is queued again, what is deferred is left to `due`."""
        work = self._jobs.get(lease.job)
        if work is None:
            return
        # Only retries were held by their lease: a fresh row of this one may be deferred, due and leased again by now.
        work.hold(retried_rows(lease), False)
        work.leased(-len(rows))
        if not len(rows):
            return
        first = lease.segment * work.record.segment_rows
        states = await self._ledger.row_states(lease.job, first, min(first + work.record.segment_rows, work.record.rows))
        wanted = set(rows.tolist())
        for shard in lease.shards:
            back = [r for r in shard.rows.tolist() if r in wanted and states[r - first] == RowState.PENDING]
            work.queues.add(lease.segment, fresh_chunk(shard.site, np.asarray(back, np.int64)))
        self._tell()

    def _tell(self) -> None:
        """Wakes every waiting `lease` call."""
        self._news.set()
        self._news = asyncio.Event()

    # -- the loop ------------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Claims the epoch and steers all jobs until cancelled."""
        self._epoch = await patiently(self._ledger.claim_conductor)
        self._lease_id = self._epoch * LEASES_AN_EPOCH
        await patiently(self._closing.close_forgotten)
        while True:
            try:
                await self._tick()
            except HongyanError as error:
                log.warning("conductor tick: %s", error)
            await set_within(self._wake, TICK_SECONDS)
            self._wake.clear()

    async def _tick(self) -> None:
        now = self._clock()
        for lease in self._book.gone(now):
            await self._give_back(lease, lease_rows(lease))
        for egress in await self._ledger.retire_senders(tuple(self._pools)):
            log.warning("%s is no egress any more; the rows that it had open are in doubt", egress)
        records = {r.job: r for r in await self._ledger.active_jobs()}
        for job in [j for j in self._jobs if j not in records]:
            self._closing.close(self._jobs.pop(job).record.job)
        for job, record in records.items():
            work = self._jobs.get(job)
            if work is None:
                work = self._jobs[job] = JobWork(record)
            work.record = record
            await self._steer(work, now)
        self._shares.keep(records.values())
        self._halts.forget(now)
        if any(record.rate for record in records.values()):
            self._tell()  # their buckets have filled up

    async def _steer(self, work: JobWork, now: float) -> None:
        record = work.record
        try:
            if past_deadline(record, now):
                work.record = await self._ledger.expire_job(record.job, "deadline")
                work.queues = Queues()
                work.next_cut = work.cuts
            elif record.state == JobState.SCHEDULED and not not_before(record, now):
                work.record = await self._ledger.move_job(record.job, JobState.RUNNING)
            if record.pool not in self._pools.values():
                await self._stall(work, f"no egress belongs to pool {record.pool!r}: add one to the config")
                return
            if record.state == JobState.STALLED or (record.state == JobState.RUNNING and now - work.looked_at >= LOOK_SECONDS):
                self._vault.read(f"{snapshot_path(record.job)}/manifest.json")
                work.looked_at = now
            if record.state == JobState.STALLED:
                work.record = await self._ledger.move_job(record.job, JobState.RUNNING)
            if work.record.state == JobState.RUNNING:
                await self._tell_halts(work, now)
                await self._filling.refill(work)
                await self._filling.fetch_due(work, now)
                await self._filling.expire_late(work, now)
            await self._end_if_through(work)
        except (FileNotFoundError, Unavailable) as error:
            if isinstance(error, Unavailable) and error.part == "ledger":
                raise
            await self._stall(work, f"the snapshot cannot be read: {error}")

    async def _stall(self, work: JobWork, reason: str) -> None:
        if work.record.state in (JobState.RUNNING, JobState.STALLED) and work.record.reason != reason:
            work.record = await self._ledger.move_job(work.record.job, JobState.STALLED, reason)

    async def _tell_halts(self, work: JobWork, now: float) -> None:
        """The job's reason says where it is halted and what to mend."""
        why = self._halts.why(work.record.job, work.record.account, now)
        if why or work.halted:
            if work.record.reason != why:
                work.record = await self._ledger.move_job(work.record.job, JobState.RUNNING, why)
            work.halted = bool(why)

    async def _end_if_through(self, work: JobWork) -> None:
        if work.queues or work.next_cut < work.cuts or work.record.state == JobState.SCHEDULED:
            return
        status = await self._ledger.status(work.record.job)
        if status.open == 0:
            why = status.record.reason if past_deadline(work.record, self._clock()) else ""
            await self._ledger.move_job(work.record.job, JobState.DONE, why)
            self._jobs.pop(work.record.job, None)
            self._closing.close(work.record.job)
