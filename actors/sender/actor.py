"""The sender's face: one egress address, its leases, and the loops that move rows from conductor to receivers and ledger.

A row's way: lease -> lane.waiting -> render -> lane.ready -> `advance` opens it -> lane.queue -> session -> result -> `advance`.
Rules are elsewhere: hand (leases), groups (what is opened when), lane, dialogue, outcomes, retry.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import TypeVar

import numpy as np

from actors.model.delivery import SENDER_LEASE_SECONDS, LaneLimits, Lease, Outcome, Reply
from actors.model.errors import Fenced, Unavailable
from actors.model.ports import Clock, Conductor, Renderer, Reputation, Resolver, SendLedger
from actors.model.replies import Judgement, judge
from actors.model.sites import Credentials, Egress
from actors.model.states import Blame, Stage, Verdict
from actors.sender.connect import Connector, TimeLimits, TlsContext, client_context
from actors.sender.groups import FULL_GROUP, Groups
from actors.sender.hand import Chunk, Mail, RenderOrder, Row, Work, next_order
from actors.sender.lane import Lane
from actors.sender.messages import End, Event
from actors.sender.outcomes import Place, judged, outcome, render_failure
from actors.sender.pool import Order, Pool

log = logging.getLogger(__name__)
T = TypeVar("T")

LEASE_ROWS = 1_024
MOST_ROWS = 3_072  # in hand: a second or two of work
MOST_LEASES = 8
LEASE_WAIT = 2.0
LINGER = 0.01  # results wait this long for company before they go to the ledger
RENEW_SECONDS = 1.0  # with rows open the lease is renewed at least so often
REPORT_SECONDS = 0.5
RENDER_ROWS = 128
RENDER_BYTES = 16 * 2**20  # of one render call, by what the job's mails weighed so far
RENDERS_AT_ONCE = 2  # one is transmitted, the next is rendered
SLOW_HAND_SECONDS = 10.0  # a full hand that rests so long gives its oldest lease back
ALIVE_SECONDS = 20.0  # the conductor hears of a sender with a full hand at least so often
FENCED_SECONDS = 1.0  # whoever took the egress over gets time to say so
DRAIN_SECONDS = 20.0  # of the 30 that a graceful stop may take
PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)  # between calls while another part is away
LANE_KEPT = 120.0  # an unused lane is forgotten after this many seconds


class Sender:
    """Delivers what the conductor leases to one egress.

    Hard state: none; what may have left is in the ledger before it leaves. A restart claims a new epoch: the ledger names the
    rows that the former sender had open. `drain` promises, when it returns, that nothing is on the wire and every result is committed.
    """

    def __init__(
        self,
        egress: Egress,
        ledger: SendLedger,
        conductor: Conductor,
        reputation: Reputation,
        renderers: Sequence[Renderer],
        resolver: Resolver,
        clock: Clock,
        credentials: Mapping[str, Credentials] | None = None,
        limits: TimeLimits = TimeLimits(),
        tls_context: TlsContext = client_context,
        order: Order = random.shuffle,
        first_limits: LaneLimits = LaneLimits(concurrency=4),
    ):
        self._egress, self._ledger, self._conductor, self._reputation = egress, ledger, conductor, reputation
        self._renderers, self._clock = list(renderers), clock
        connector = Connector(egress, limits, dict(credentials or {}), tls_context)
        self.pool = Pool(connector, resolver, egress.address, clock, limits, order)
        self._first_limits = first_limits
        self._lanes: dict[str, Lane] = {}
        self._works: list[Work] = []
        self._groups = Groups()
        self._epoch = 0
        self._lease_until = 0.0
        self._draining = False
        self._drained = asyncio.Event()
        self._flush = asyncio.Event()  # the ledger loop has something to do
        self._render = asyncio.Event()
        self._moved = asyncio.Event()  # rows left the hand
        self._linger: asyncio.TimerHandle | None = None
        self._finishing: set[asyncio.Task[None]] = set()
        self._rendering = [0] * len(self._renderers)
        self._weight: dict[str, float] = {}  # octets of a mail, by job
        self._running = False
        self._counts = dict.fromkeys(End, 0)

    # -- calls -----------------------------------------------------------------------------------------------------------

    async def ping(self) -> str:
        return f"sender/{self._egress.address}"

    async def stats(self) -> dict[str, float]:
        """For the metrics: mails by end, rows in hand and open, connections."""
        return {
            **{f"{end.value}_total": float(n) for end, n in self._counts.items()},
            "rows_in_hand": float(self._in_hand()),
            "rows_open": float(self._groups.open),
            "connections": float(sum(len(lane.sessions) for lane in self._lanes.values())),
            "lanes": float(len(self._lanes)),
            "leases": float(len(self._works)),
        }

    async def run(self) -> None:
        """Works until drained or cancelled."""
        self._running = True
        try:
            while not self._draining:
                self._epoch = await self._patiently(lambda: self._ledger.claim_sender(self._egress.address))
                self._lease_until = self._clock() + SENDER_LEASE_SECONDS
                try:
                    await self._serve()
                except* Fenced as fenced:
                    log.warning("sender %s: %s", self._egress.address, fenced.exceptions[0])
                    self._abandon()
                    await asyncio.sleep(FENCED_SECONDS)
        finally:
            self._abandon()
            self._running = False
            self._drained.set()

    async def drain(self) -> None:
        """Finishes what is on the wire, commits, gives the rest back and releases the lease; `run` returns then."""
        self._draining = True
        for event in (self._flush, self._render, self._moved):
            event.set()
        if self._running:
            await self._drained.wait()

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            loops = [group.create_task(loop()) for loop in (self._lease_loop, self._render_loop, self._report_loop)]
            ledger_loop = group.create_task(self._ledger_loop())
            while not self._draining:
                await asyncio.sleep(0.05)
            for loop in loops:
                loop.cancel()
            await self._settle_all()
            ledger_loop.cancel()
        await self._patiently(lambda: self._ledger.release_sender(self._egress.address, self._epoch))

    # -- leases ----------------------------------------------------------------------------------------------------------

    def _in_hand(self) -> int:
        return sum(w.left for w in self._works)

    async def _lease_loop(self) -> None:
        loop = asyncio.get_running_loop()
        asked = moved = loop.time()
        while True:
            if self._in_hand() + LEASE_ROWS > MOST_ROWS or len(self._works) >= MOST_LEASES:
                self._moved.clear()
                try:
                    await asyncio.wait_for(self._moved.wait(), SLOW_HAND_SECONDS)
                    moved = loop.time()
                except TimeoutError:
                    self._return_oldest()
                if loop.time() - asked > ALIVE_SECONDS:
                    await self._ask(0, 0.0)
                    asked = loop.time()
                if loop.time() - moved > SLOW_HAND_SECONDS:
                    self._return_oldest()
                continue
            lease = await self._ask(LEASE_ROWS, LEASE_WAIT)
            asked = loop.time()
            if lease is not None:
                self._accept(lease)

    async def _ask(self, rows: int, wait: float) -> Lease | None:
        now = self._clock()
        busy = [
            n for n, lane in self._lanes.items() if lane.limits.closed_until > now or lane.backlog > max(lane.rate, LEASE_ROWS)
        ]
        call = self._conductor.lease
        return await self._patiently(lambda: call(self._egress.address, self._epoch, busy, rows, wait))

    def _accept(self, lease: Lease) -> None:
        work = Work(lease, lease.rows, self._clock())
        self._works.append(work)
        for shard in lease.shards:
            chunk = Chunk.of(work, shard)
            if shard.site.refusal is not None:
                self._settle_rows(chunk.each(), Stage.RESOLVE, shard.site.refusal, shard.site.name)
                continue
            lane = self._lanes.get(shard.site.name)
            if lane is None:
                lane = self._lanes[shard.site.name] = Lane(shard.site, self, self._first_limits)
            if lane.limits.closed_until > self._clock():
                work.give_back(chunk.rows.tolist())
            else:
                lane.waiting.append(chunk)
        self._render.set()
        self._end_works()

    def _return_oldest(self) -> None:
        """Rows of the oldest lease that are not open go back: its sites are slow, others may be asked for."""
        for work in self._works:
            if not work.returning:
                work.returning = True
                for lane in self._lanes.values():
                    self._give_back(lane, lambda w, chosen=work: w is chosen)
                break
        self._end_works()

    def _give_back(self, lane: Lane, chosen: Callable[[Work], bool]) -> None:
        """Unopened rows of some works go back to the conductor."""
        for chunk in [c for c in lane.waiting if chosen(c.work)]:
            lane.waiting.remove(chunk)
            chunk.work.give_back(chunk.rows.tolist())
        for mail in [m for m in lane.ready if chosen(m.row.work)]:
            lane.ready.remove(mail)
            mail.row.work.give_back([mail.row.row])

    def _end_works(self) -> None:
        """Ends the leases whose rows are all settled."""
        for work in [w for w in self._works if not w.left]:
            self._works.remove(work)
            task = asyncio.get_running_loop().create_task(self._finish(work))
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)
        self._moved.set()

    async def _finish(self, work: Work) -> None:
        now = self._clock()
        closed = {name: lane.limits.closed_until for name, lane in self._lanes.items() if lane.limits.closed_until > now}
        unsent = np.array(sorted(work.unsent), np.int64)
        call = self._conductor.finish
        await self._patiently(lambda: call(self._egress.address, work.lease.id, unsent, closed))

    # -- rendering -------------------------------------------------------------------------------------------------------

    async def _render_loop(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                await self._render.wait()
                self._render.clear()
                while sum(self._rendering) < RENDERS_AT_ONCE:
                    order = self._next_order()
                    if order is None:
                        break
                    index = min(range(len(self._renderers)), key=self._rendering.__getitem__)
                    self._rendering[index] += 1
                    group.create_task(self._render_order(order, index))

    def _next_order(self) -> RenderOrder | None:
        lanes = list(self._lanes.values())
        first = next((lane.waiting[0].work.lease.job for lane in lanes if lane.waiting and lane.room > 0), None)
        if first is None:
            return None
        rows = int(RENDER_BYTES / max(self._weight.get(first, 0.0), RENDER_BYTES / RENDER_ROWS))
        order = next_order(lanes, max(1, rows))
        if order is not None:  # the lanes served now come last next time
            for lane, _ in order.parts:
                self._lanes[lane.site.name] = self._lanes.pop(lane.site.name)
        return order

    async def _render_order(self, order: RenderOrder, index: int) -> None:
        lease = order.work.lease
        stamps = order.stamps(int(self._clock()))
        try:
            render = self._renderers[index].render
            envelopes = await self._patiently(lambda: render(lease.job, lease.segment, order.rows, stamps))
        finally:
            self._rendering[index] -= 1
            for lane, chunk in order.parts:
                lane.rendering -= len(chunk.rows)
        now = self._clock()
        for failure in envelopes.failures:
            entry = render_failure(lease.job, failure.row, failure.state, failure.reason, self._egress.address, now)
            self._add_result(order.work, entry, was_open=False)
        if len(envelopes):
            self._weight = {lease.job: len(envelopes.data) / len(envelopes)} | self._weight if len(self._weight) < 1000 else {}
            self._weight[lease.job] = len(envelopes.data) / len(envelopes)
        mails = order.mails(envelopes, stamps)
        for mail in mails:
            mail.lane.ready.append(mail)
        for lane, _ in order.parts:
            if order.work.returning or lane.limits.closed_until > now:
                self._give_back(lane, lambda w: w is order.work)
            lane.wake()
        self._flush.set()
        self._render.set()

    # -- the ledger ------------------------------------------------------------------------------------------------------

    def may_start(self) -> bool:
        return self._clock() <= self._lease_until

    async def _ledger_loop(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._flush.wait(), RENEW_SECONDS)
            except TimeoutError:
                if not self._groups.open:
                    continue
            self._flush.clear()
            await self._advance()

    async def _advance(self) -> None:
        group = self._groups.plan(self._lanes.values(), opening=not self._draining)
        if not group and not self._groups.open:
            return
        asked = self._clock()
        call = self._ledger.advance
        advanced = await self._patiently(lambda: call(self._egress.address, self._epoch, group.results, group.openings))
        self._lease_until = min(advanced.lease_until, asked + SENDER_LEASE_SECONDS)
        for mail in self._groups.done(group, advanced):
            mail.row.work.give_back([mail.row.row])
        for lane in {id(m.lane): m.lane for m in chain.from_iterable(group.mails)}.values():
            lane.wake()
        self._end_works()
        self._render.set()
        if self._groups.results >= FULL_GROUP:
            self._flush.set()

    def _add_result(self, work: Work, entry: Outcome, was_open: bool) -> None:
        self._groups.add(work, entry, was_open)
        if self._groups.results >= FULL_GROUP:
            self._flush.set()
        elif self._linger is None:
            self._linger = asyncio.get_running_loop().call_later(LINGER, self._lingered)

    def _lingered(self) -> None:
        self._linger = None
        self._flush.set()

    # -- lanes tell ------------------------------------------------------------------------------------------------------

    def settled(self, lane: Lane, mail: Mail, event: Event, host: str) -> None:
        """A mail that was open has its end."""
        judgement = judged(event)
        lane.count(COUNTED.get(judgement.verdict) or ("busy" if judgement.blame in CONGESTION else "refused"), event.reply)
        self._counts[event.end] += 1
        place = Place(self._egress.address, lane.site.name, host)
        entry = outcome(mail.row, event.stage, event.reply, judgement, place, self._clock())
        self._add_result(mail.row.work, entry, was_open=True)

    def connected(self, lane: Lane) -> None:
        self._flush.set()

    def unreachable(self, lane: Lane, stage: Stage, reply: Reply) -> None:
        """Every row that is here for the site was tried in vain."""
        rows = [mail.row for mail in lane.ready] + [row for chunk in lane.waiting for row in chunk.each()]
        lane.ready.clear()
        lane.waiting.clear()
        self._settle_rows(rows, stage, reply, lane.site.name)
        opened = list(lane.queue)
        lane.queue.clear()
        lane.open -= len(opened)
        self._settle_rows([m.row for m in opened], stage, reply, lane.site.name, was_open=True)

    def _settle_rows(self, rows: Iterable[Row], stage: Stage, reply: Reply, site: str, was_open: bool = False) -> None:
        judgement, now = judge(stage, reply), self._clock()
        for row in rows:
            entry = outcome(row, stage, reply, judgement, Place(self._egress.address, site), now)
            self._add_result(row.work, entry, was_open)

    # -- reputation ------------------------------------------------------------------------------------------------------

    async def _report_loop(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            now = asyncio.get_running_loop().time()
            for name, lane in list(self._lanes.items()):
                lane.measure(REPORT_SECONDS)
                if lane.empty and not lane.sessions and now - lane.used_at > LANE_KEPT:
                    del self._lanes[name]
            reports = [r for r in (lane.report() for lane in self._lanes.values()) if r is not None]
            if reports:
                limits = await self._patiently(lambda sent=tuple(reports): self._reputation.report(self._egress.address, sent))
                self._follow(limits)
            for lane in list(self._lanes.values()):
                lane.wake()
            self._render.set()
            self._flush.set()

    def _follow(self, limits: Mapping[str, LaneLimits]) -> None:
        now = self._clock()
        for name, lane in list(self._lanes.items()):
            if name in limits:
                lane.limits = limits[name]
                if lane.limits.closed_until > now:
                    self._give_back(lane, lambda _: True)
        self._end_works()

    # -- ends ------------------------------------------------------------------------------------------------------------

    async def _settle_all(self) -> None:
        """Lets what is on the wire end, then commits; what has not ended by then is ended."""
        loop = asyncio.get_running_loop()
        until = loop.time() + DRAIN_SECONDS
        for lane in self._lanes.values():
            self._give_back(lane, lambda _: True)
        while self._groups.open and loop.time() < until:
            self._flush.set()
            await asyncio.sleep(LINGER)
        for lane in self._lanes.values():
            self._stop_queue(lane)
            lane.abort("the sender stops") if lane.open else None
        while self._groups.open or self._groups.results:
            self._flush.set()
            await asyncio.sleep(LINGER)
        self._end_works()
        await asyncio.gather(*self._finishing, *(lane.close() for lane in self._lanes.values()))

    def _stop_queue(self, lane: Lane) -> None:
        """Opened mails that were not started: another sender may start them at once."""
        opened = list(lane.queue)
        lane.queue.clear()
        lane.open -= len(opened)
        now = self._clock()
        for mail in opened:
            judgement = Judgement(Verdict.DEFERRED, Blame.US)
            entry = outcome(
                mail.row,
                Stage.MAIL,
                Reply(0, "the sender stopped first"),
                judgement,
                Place(self._egress.address, lane.site.name),
                now,
            )
            self._add_result(mail.row.work, entry._replace(next_at=now) if entry.next_at else entry, was_open=True)

    def _abandon(self) -> None:
        """Everything in hand is another sender's now, or nobody's: connections end, results of it are void."""
        for lane in self._lanes.values():
            lane.queue.clear()
            lane.abort("the sender was fenced off")
        self._lanes.clear()
        self._works.clear()
        self._groups = Groups()

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Makes the same call until the part is there: all of them are idempotent."""
        tries = 0
        while True:
            try:
                return await call()
            except Unavailable as error:
                if tries == 0:
                    log.warning("sender %s waits: %s", self._egress.address, error)
                await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
                tries += 1


COUNTED = {Verdict.DELIVERED: "delivered"}
CONGESTION = frozenset({Blame.BUSY, Blame.EGRESS, Blame.NETWORK})
