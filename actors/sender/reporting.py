"""What a sender tells beside the mail: lane reports to reputation, whose limits come back, and refusals to the conductor.

Counts, not rows: nothing here is worth a mail, so a part that is away is told later, with the next counts.
"""

import asyncio
from collections.abc import Callable, Iterable

from actors.model.delivery import Reply
from actors.model.errors import Unavailable
from actors.model.laneports import Reputation
from actors.model.lanes import LaneLimits
from actors.model.ports import Conductor
from actors.model.replies import Judgement
from actors.model.waiting import set_within
from actors.sender.hand import Hand
from actors.sender.lane import Lane
from actors.sender.refusals import Noted

REPORT_SECONDS = 0.5
LANE_KEPT = 10.0  # an unused lane is forgotten after this many seconds: a list may have a domain a row
KNOWN_LIMITS = 10_000  # of lanes that are not in use now


class LimitsKept:
    """What is known of the limits of lanes that were in use; it outlives an epoch."""

    def __init__(self, first: LaneLimits):
        self._first = first
        self._known: dict[str, LaneLimits] = {}

    def take(self, site: str) -> LaneLimits:
        """What a new lane begins with."""
        return self._known.pop(site, self._first)

    def keep(self, site: str, limits: LaneLimits) -> None:
        if limits != self._first and len(self._known) < KNOWN_LIMITS:
            self._known[site] = limits


class Reporting:
    """For the lanes of a hand, for one epoch. `follow` is given each lane's new limits; `looked` is called after each round."""

    def __init__(
        self,
        egress: str,
        hand: Hand,
        reputation: Reputation,
        conductor: Conductor,
        kept: LimitsKept,
        follow: Callable[[Lane, LaneLimits], None],
        looked: Callable[[], None],
    ):
        self._egress, self._hand, self._kept = egress, hand, kept
        self._reputation, self._conductor = reputation, conductor
        self._follow, self._looked = follow, looked
        self._noted = Noted()
        self._new_lane = asyncio.Event()  # reputation should be asked about it now
        self._refused = asyncio.Event()  # the conductor should hear of refusals now

    def lane_is_new(self) -> None:
        self._new_lane.set()

    def note(self, job: str, site: str, judgement: Judgement, reply: Reply) -> bool:
        """Takes one mail's end; whether the conductor hears of it at once, so that no more of the job should be begun there."""
        urgent = self._noted.note(job, site, judgement, reply)
        if urgent:
            self._refused.set()
        return urgent

    async def reports(self) -> None:
        """Until cancelled: every lane twice a second, a new one at once."""
        loop = asyncio.get_running_loop()
        measured = loop.time()
        while True:
            until = loop.time() + REPORT_SECONDS
            while (left := until - loop.time()) > 0 and await set_within(self._new_lane, left):
                self._new_lane.clear()
                await asyncio.sleep(0)  # its rows are put on it
                await self._tell([lane for lane in self._hand.lanes.values() if lane.rate < 0 and not lane.open])
            now = loop.time()
            self._measure(now, now - measured)
            measured = now
            await self._tell(self._hand.lanes.values())
            self._looked()

    async def refusals(self) -> None:
        """Until cancelled: what the conductor should know of, at the latest half a second after it was noted."""
        while True:
            await set_within(self._refused, REPORT_SECONDS)
            self._refused.clear()
            told = self._noted.take()
            try:
                if told:
                    await self._conductor.refusals(self._egress, told)
            except Unavailable:
                self._noted.again(told)
                await asyncio.sleep(REPORT_SECONDS)
            self._noted.forget({work.lease.job for work in self._hand.works})

    def _measure(self, now: float, seconds: float) -> None:
        """Takes the last `seconds` into the lanes' speeds; forgets those that nobody has used for long."""
        lanes = self._hand.lanes
        for name, lane in list(lanes.items()):
            lane.measure(seconds)
            if lane.empty and not lane.connections.there and now - lane.used_at > LANE_KEPT:
                del lanes[name]
                self._kept.keep(name, lane.limits)

    async def _tell(self, told: Iterable[Lane]) -> None:
        """Reports of some lanes, and the limits that answer them."""
        lanes = self._hand.lanes
        reports = [r for r in (lane.report() for lane in told) if r is not None]
        try:
            limits = await self._reputation.report(self._egress, reports) if reports else {}
        except Unavailable:  # mail goes on with the limits that are known
            for report in reports:
                if report.site in lanes:
                    lanes[report.site].unreported(report)
            return
        for name in limits.keys() & lanes.keys():
            self._follow(lanes[name], limits[name])
