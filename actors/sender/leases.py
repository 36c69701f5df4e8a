"""Between conductor and hand: asks for leases while there is room, gives ended ones back, sheds those that slow sites hold up.

How much is asked for follows the sender's own speed: a second or two of work, so that memory stays flat and faster senders are
not kept waiting for rows.
"""

import asyncio
from collections.abc import Callable, Iterable

import numpy as np

from actors.model.delivery import Lease, Reply, Site
from actors.model.ports import Clock, Conductor
from actors.model.states import Stage
from actors.model.waiting import patiently, set_within
from actors.sender.hand import Chunk, Hand, Row, Work
from actors.sender.lane import Lane

MOST_LEASE_ROWS = 1_024
FEWEST_LEASE_ROWS = 128  # a call through Ray costs as much as some of them
LEASE_SECONDS = 1.0  # of the sender's speed, in one lease
FULL_LEASES = 2  # so many leases' worth of rows are in hand before no more is asked for
MOST_LEASES = 8
WAIT = 2.0
STUCK_SECONDS = 10.0  # a full hand that takes no lease for so long gives its oldest back
ALIVE_SECONDS = 20.0  # the conductor hears of a sender with a full hand at least so often

SettleRows = Callable[[Iterable[Row], Stage, Reply, str], None]


class Leases:
    """The conductor's side of a sender's hand, for one epoch."""

    def __init__(self, egress: str, epoch: int, hand: Hand, conductor: Conductor, clock: Clock, settle: SettleRows):
        self._egress, self._epoch, self._hand = egress, epoch, hand
        self._conductor, self._clock, self._settle = conductor, clock, settle
        self._moved = asyncio.Event()
        self._held: set[int] = set()  # ids of leases that came and are not back
        self._finishing: set[asyncio.Task[None]] = set()
        self.stopping = False

    async def run(self, lane_of: Callable[[Site], Lane | None], take: Callable[[Lane, Chunk], None]) -> None:
        """Keeps the hand filled until `stop`; `lane_of` gives the lane of a site, None when it takes nothing now, `take` puts
        rows on it."""
        loop = asyncio.get_running_loop()
        asked = took = loop.time()
        while not self.stopping:
            rows = self._lease_rows()
            if self._hand.rows >= FULL_LEASES * rows or len(self._hand.works) >= MOST_LEASES:
                await self._wait_for_room()
                if loop.time() - took > STUCK_SECONDS:
                    self._return_oldest()
                    took = loop.time()
                if loop.time() - asked > ALIVE_SECONDS:
                    await self._ask(0, 0.0)
                    asked = loop.time()
                continue
            lease = await self._ask(rows, WAIT)
            asked = took = loop.time()
            if lease is not None:
                self._accept(lease, lane_of, take)

    def stop(self) -> None:
        """No more leases; one that is on its way is given back by `accept`."""
        self.stopping = True
        self._moved.set()

    async def recall(self) -> None:
        """The conductor answers a call that waits there for rows."""
        await self._ask(0, 0.0)

    async def finished(self) -> None:
        """All ended leases are back with the conductor."""
        await asyncio.gather(*self._finishing)

    def cancel(self) -> None:
        for task in self._finishing:
            task.cancel()

    def _lease_rows(self) -> int:
        speeds = [lane.rate for lane in self._hand.lanes.values()]
        if not speeds or min(speeds) < 0:
            return MOST_LEASE_ROWS
        return min(max(int(sum(speeds) * LEASE_SECONDS), FEWEST_LEASE_ROWS), MOST_LEASE_ROWS)

    async def _wait_for_room(self) -> None:
        self._moved.clear()
        await set_within(self._moved, STUCK_SECONDS)

    async def _ask(self, rows: int, wait: float) -> Lease | None:
        now = self._clock()
        busy = [name for name, lane in self._hand.lanes.items() if lane.closed(now) or lane.loaded]
        held = sorted(self._held)
        return await patiently(lambda: self._conductor.lease(self._egress, self._epoch, held, busy, rows, wait))

    def _accept(self, lease: Lease, lane_of: Callable[[Site], Lane | None], take: Callable[[Lane, Chunk], None]) -> None:
        work = Work(lease, lease.rows)
        self._held.add(lease.id)
        self._hand.works.append(work)
        for shard in lease.shards:
            chunk = Chunk.of(work, shard)
            if self.stopping:
                work.give_back(chunk.rows.tolist())
            elif shard.site.refusal is not None:
                self._settle(chunk.each(), Stage.RESOLVE, shard.site.refusal, shard.site.name)
            elif (lane := lane_of(shard.site)) is not None:
                take(lane, chunk)
            else:
                work.give_back(chunk.rows.tolist())
        self.end()

    def _return_oldest(self) -> None:
        """Rows of the oldest lease that are not open go back: its sites are slow, and other rows want to be asked for."""
        work = next((w for w in self._hand.works if not w.returning), None)
        if work is not None:
            self._hand.give_back(work)
            self.end()

    def end(self) -> None:
        """Gives back the leases whose rows are all settled."""
        for work in [w for w in self._hand.works if not w.left]:
            self._hand.works.remove(work)
            task = asyncio.get_running_loop().create_task(self._finish(work))
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)
        self._moved.set()

    async def _finish(self, work: Work) -> None:
        now = self._clock()
        closed = {name: lane.closed_until(now) for name, lane in self._hand.lanes.items() if lane.closed(now)}
        unsent = np.array(sorted(work.unsent), np.int64)
        await patiently(lambda: self._conductor.finish(self._egress, work.lease.id, unsent, closed))
        self._held.discard(work.lease.id)
