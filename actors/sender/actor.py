"""The sender's face: one egress address, its leases, and the loops that move rows from conductor to receivers and ledger.

A row's way: lease -> lane.waiting -> render -> lane.ready -> `advance` opens it -> lane.queue -> session -> `advance` again.
Rules are elsewhere: hand (whose rows), groups (what is opened), due (when), settling (ends of rows), lane, dialogue, outcomes.
"""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence

from actors.model.delivery import SENDER_LEASE_SECONDS, Envelopes, Outcomes, Reply, Site
from actors.model.errors import Fenced
from actors.model.laneports import Reputation
from actors.model.lanes import LaneLimits
from actors.model.ports import Clock, Conductor, Resolver, SendLedger
from actors.model.renderports import Renderer
from actors.model.sites import Credentials, Egress
from actors.model.states import Stage
from actors.model.waiting import patiently
from actors.sender.connect import Connector, TimeLimits, TlsContext, client_context
from actors.sender.due import LINGER, Due
from actors.sender.groups import Groups
from actors.sender.hand import Chunk, Hand, Mail, RenderOrder
from actors.sender.lane import Lane
from actors.sender.leases import Leases
from actors.sender.messages import End, Event
from actors.sender.pool import Order, Pool
from actors.sender.rendering import Rendering
from actors.sender.reporting import LimitsKept, Reporting
from actors.sender.settling import Settling

log = logging.getLogger(__name__)

FENCED_SECONDS = 1.0  # whoever took the egress over gets time to say so
DRAIN_SECONDS = 18.0  # for what is on the wire, of the 30 that a graceful stop may take
LEASE_ENDS_SECONDS = 3.0  # a `lease` call that is under way comes back once it is recalled, or within its own wait


class Sender:
    """Delivers what the conductor leases to one egress.

    Hard state: none; what may have left is in the ledger before it leaves. A restart claims a new epoch: the ledger names the
    rows that the former sender had open. `drain` promises that nothing is on the wire and every result is committed.
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
        self._limits = LimitsKept(first_limits)
        self._epoch = 0
        self._lease_until = 0.0
        self._stop = asyncio.Event()
        self._stopped = asyncio.Event()
        self._running = False
        self._ends = dict.fromkeys(End, 0)
        self._begin()

    def _begin(self) -> None:
        """A new epoch starts with an empty hand."""
        self._hand = Hand()
        self._groups = Groups()
        self._due = Due(self._groups, self._hand)
        egress, told = self._egress.address, (self._reputation, self._conductor)
        self._reporting = Reporting(egress, self._hand, *told, self._limits, self._follow, self._looked)
        self._settling = Settling(egress, self._groups, self._due, self._reporting, self._clock)
        self._leases = Leases(egress, self._epoch, self._hand, self._conductor, self._clock, self._settling.unopened)
        self._rendering = Rendering(self._hand, self._renderers, self._clock, self._rendered)

    # -- calls -----------------------------------------------------------------------------------------------------------

    async def ping(self) -> str:
        return f"sender/{self._egress.address}"

    async def stats(self) -> dict[str, float]:
        """For the metrics: mails by end, rows in hand and open, connections."""
        lanes = self._hand.lanes.values()
        return {
            **{f"{end.value}_total": float(n) for end, n in self._ends.items()},
            "rows_in_hand": float(self._hand.rows),
            "rows_open": float(self._groups.open),
            "connections": float(sum(len(lane.connections.sessions) for lane in lanes)),
            "lanes": float(len(lanes)),
            "leases": float(len(self._hand.works)),
        }

    async def run(self) -> None:
        """Works until drained or cancelled."""
        self._running = True
        try:
            while not self._stop.is_set():
                self._epoch = await patiently(lambda: self._ledger.claim_sender(self._egress.address))
                self._lease_until = self._clock() + SENDER_LEASE_SECONDS
                self._begin()
                try:
                    await self._serve()
                except* Fenced as fenced:
                    log.warning("sender %s: %s", self._egress.address, fenced.exceptions[0])
                    self._abandon()
                    await asyncio.sleep(FENCED_SECONDS)
        finally:
            self._abandon()
            self._running = False
            self._stopped.set()

    async def drain(self) -> None:
        """Finishes what is on the wire, commits, gives the rest back and releases the lease; `run` returns then."""
        self._stop.set()
        if self._running:
            await self._stopped.wait()

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._leases.run(self._lane_of, self._take))
            rendering = group.create_task(self._rendering.run())
            reporting = group.create_task(self._reporting.reports())
            refusing = group.create_task(self._reporting.refusals())
            advancing = group.create_task(self._ledger_loop())
            await self._stop.wait()
            self._leases.stop()
            rendering.cancel()
            recalling = group.create_task(self._leases.recall())
            await asyncio.wait([asking], timeout=LEASE_ENDS_SECONDS)
            await self._settle_all()
            for task in (asking, recalling, reporting, refusing, advancing):
                task.cancel()
        await patiently(lambda: self._ledger.release_sender(self._egress.address, self._epoch))

    def _lane_of(self, site: Site) -> Lane | None:
        """The lane for a shard of a new lease; None while it is closed."""
        lane = self._hand.lanes.get(site.name)
        if lane is None:
            lane = self._hand.lanes[site.name] = Lane(site, self, self._limits.take(site.name))
            self._reporting.lane_is_new()
        lane.site = site  # its hosts may have changed
        self._rendering.wake()
        return None if lane.closed(self._clock()) else lane

    def _take(self, lane: Lane, chunk: Chunk) -> None:
        """Rows of a new lease."""
        chunk = self._settling.hold_early(lane, chunk)
        if len(chunk.rows):
            lane.waiting.append(chunk)

    def _rendered(self, order: RenderOrder, envelopes: Envelopes, mails: list[Mail]) -> None:
        now = self._clock()
        self._settling.failed(order.work, envelopes.failures)
        for mail in mails:
            mail.lane.ready.append(mail)
        for lane, _ in order.parts:
            if order.work.returning or lane.closed(now):
                lane.give_back(order.work)
            lane.wake()
        self._leases.end()
        self._due.now()

    # -- the ledger ------------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return self._clock()

    def may_start(self) -> bool:
        return self._clock() <= self._lease_until

    def may_connect(self, lane: Lane) -> bool:
        return not (self.pool.full or lane.closed(self._clock()))

    async def _ledger_loop(self) -> None:
        while True:
            await self._due.wait()
            await self._advance()

    async def _advance(self) -> None:
        group = self._groups.plan(self._hand.lanes.values(), opening=not self._stop.is_set())
        if not group and not self._groups.open:
            return
        asked, lapsed = self._clock(), not self.may_start()
        call, results = self._ledger.advance, Outcomes(group.results)
        advanced = await patiently(lambda: call(self._egress.address, self._epoch, results, group.openings))
        self._lease_until = min(advanced.lease_until, asked + SENDER_LEASE_SECONDS)
        refused, halted = self._groups.done(group, advanced)
        for mail in refused:
            mail.row.work.give_back([mail.row.row])
        for work in halted:
            self._hand.give_back(work)
        for lane in list(self._hand.lanes.values()) if lapsed else group.lanes:
            lane.wake()
        self._leases.end()
        self._rendering.wake()
        if self._groups.results:
            self._due.result()

    # -- lanes tell ------------------------------------------------------------------------------------------------------

    def settled(self, lane: Lane, mail: Mail, event: Event, host: str, tls: str) -> None:
        self._ends[event.end] += 1
        self._settling.mail(lane, mail, event, host, tls)

    def connected(self, lane: Lane) -> None:
        self._due.now()

    def unreachable(self, lane: Lane, stage: Stage, reply: Reply) -> None:
        self._settling.unreachable(lane, stage, reply)

    # -- reports ---------------------------------------------------------------------------------------------------------

    def _looked(self) -> None:
        """Twice a second: what has only waited gets its turn."""
        lanes = list(self._hand.lanes.values())
        for lane in lanes if self.pool.full else ():
            lane.close_idle()
        for lane in lanes:
            lane.wake(waited=True)
        self._rendering.wake()
        self._due.look()

    def _follow(self, lane: Lane, limits: LaneLimits) -> None:
        lane.follow(limits)
        self._settling.put_back(lane.take_excess(), "the lane was closed before the mail was begun", lane.site.name)
        if lane.closed(self._clock()):
            lane.give_back()
        lane.shed()
        self._leases.end()

    # -- ends ------------------------------------------------------------------------------------------------------------

    async def _settle_all(self) -> None:
        """Lets what is on the wire end, then commits; what has not ended by then is ended."""
        loop = asyncio.get_running_loop()
        until = loop.time() + DRAIN_SECONDS
        lanes = list(self._hand.lanes.values())
        for lane in lanes:
            lane.give_back()
        while self._groups.open and loop.time() < until:
            await asyncio.sleep(LINGER)
        for lane in lanes:
            if lane.open:
                lane.connections.abort("the sender stopped")
            self._settling.put_back(lane.take_queue(), "the sender stopped first", lane.site.name)
        while self._groups.open or self._groups.results:
            self._due.now()
            await asyncio.sleep(LINGER)
        self._leases.end()
        await asyncio.gather(self._leases.finished(), *(lane.connections.close() for lane in lanes))

    def _abandon(self) -> None:
        """Everything in hand is another sender's now, or nobody's: connections end, what they tell is void."""
        for lane in self._hand.lanes.values():
            lane.connections.abort("the sender was fenced off")
        self._leases.cancel()
        self._due.stop()
        self._begin()
