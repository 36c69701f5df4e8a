"""Between renderers and hand: keeps a little rendered mail ready on every lane, never more than the lane will soon need.

One call goes to the renderer with the least of ours under way; the next one is asked for while the first is being transmitted.
"""

import asyncio
from collections.abc import Callable, Sequence

from actors.model.delivery import Envelopes
from actors.model.ports import Clock
from actors.model.renderports import Renderer
from actors.model.waiting import patiently
from actors.sender.hand import Hand, Mail, RenderOrder, next_order

CALL_ROWS = 1024  # the renderer works on columns: what a call costs by itself is spread over its rows
CALL_BYTES = 16 * 2**20  # of one call, by what the job's mails weighed so far
READY_BYTES = 48 * 2**20  # rendered or being rendered, of a sender: beyond it nothing is rendered ahead
AT_ONCE = 2
KNOWN_JOBS = 1_000  # whose weights are remembered

Done = Callable[[RenderOrder, Envelopes, list[Mail]], None]


class Rendering:
    """Feeds the lanes of a hand; `done` is told of every call's result."""

    def __init__(self, hand: Hand, renderers: Sequence[Renderer], clock: Clock, done: Done):
        self._hand, self._renderers, self._clock, self._done = hand, list(renderers), clock, done
        self._under_way = [0] * len(self._renderers)
        self._weights: dict[str, float] = {}  # octets of a mail, by job
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be something to render."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled; rows under way then are given back."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while sum(self._under_way) < AT_ONCE:
                    order = self._next()
                    if order is None:
                        break
                    index = self._under_way.index(min(self._under_way))
                    self._under_way[index] += 1
                    group.create_task(self._render(order, index))

    def _next(self) -> RenderOrder | None:
        lanes = self._hand.lanes
        first = next((lane for lane in lanes.values() if lane.hungry), None)
        if first is None:
            return None
        weight = self._weights.get(first.waiting[0].work.lease.job, 0.0)
        ahead = sum(len(lane.ready) + lane.rendering for lane in lanes.values())
        rows = CALL_ROWS
        if weight:
            rows = min(rows, max(1, int(CALL_BYTES / weight)), int(READY_BYTES / weight) - ahead)
        if ahead and rows <= 0:
            return None
        order = next_order(lanes.values(), max(1, rows))
        for lane, _ in order.parts if order else []:  # those served now come last next time
            lanes[lane.site.name] = lanes.pop(lane.site.name)
        return order

    async def _render(self, order: RenderOrder, index: int) -> None:
        lease = order.work.lease
        stamps = order.stamps(int(self._clock()))
        try:
            render = self._renderers[index].render
            envelopes = await patiently(lambda: render(lease.job, lease.segment, order.rows, stamps))
        except BaseException:
            order.work.give_back(order.rows.tolist())
            raise
        finally:
            self._under_way[index] -= 1
            for lane, chunk in order.parts:
                lane.rendering -= len(chunk.rows)
        if len(envelopes):
            if len(self._weights) >= KNOWN_JOBS:
                self._weights.clear()
            self._weights[lease.job] = len(envelopes.data) / len(envelopes)
        self._done(order, envelopes, order.mails(envelopes, stamps))
        self._wake.set()
