"""The reputation actor's face: one learned lane for each (egress, site) pair that reports. The rules are in `lanes`."""

from collections.abc import Sequence

from actors.model.delivery import LaneLimits, LaneReport
from actors.model.forecast import LaneSpeed
from actors.model.ports import Clock
from actors.reputation.expected import speed
from actors.reputation.lanes import Lane

FORGET_AFTER = 6 * 3600.0  # a lane that nobody reports any more starts anew: what it knew is old
MAX_LANES = 200_000  # about 60 MB; beyond it the longest silent lanes are forgotten


class Reputation:
    """What each lane may do.

    Hard state: none. A new one learns again from the reports that come in every half second, and takes the connections that are
    open as proof that they are allowed. A failed call has at most counted a report that its sender brings again.
    """

    def __init__(self, clock: Clock, start: int = 4, most: int = 20):
        self._clock = clock
        self._start, self._most = start, most
        self._lanes: dict[tuple[str, str], tuple[Lane, float]] = {}  # oldest report first

    async def report(self, egress: str, reports: Sequence[LaneReport]) -> dict[str, LaneLimits]:
        """Takes what the egress's lanes saw, gives the limits of those sites."""
        now = self._clock()
        limits: dict[str, LaneLimits] = {}
        for report in reports:
            known = self._lanes.pop((egress, report.site), None)
            lane = known[0] if known else Lane(self._start, self._most)
            self._lanes[egress, report.site] = (lane, now)
            limits[report.site] = lane.take(report, now)
        self._forget(now)
        return limits

    async def ping(self) -> str:
        return "reputation"

    async def stats(self) -> dict[str, float]:
        """Lanes known and closed, for the metrics."""
        now = self._clock()
        closed = sum(lane.closed_until > now for lane, _ in self._lanes.values())
        return {"lanes": float(len(self._lanes)), "closed_lanes": float(closed)}

    async def limits(self) -> dict[tuple[str, str], LaneLimits]:
        """Every lane's limits by (egress, site), for operators."""
        return {key: lane.limits() for key, (lane, _) in self._lanes.items()}

    async def speeds(self) -> list[LaneSpeed]:
        return [speed(*key, limits) for key, limits in (await self.limits()).items()]

    def _forget(self, now: float) -> None:
        while self._lanes:
            key, (_, seen) = next(iter(self._lanes.items()))
            if len(self._lanes) <= MAX_LANES and now - seen <= FORGET_AFTER:
                return
            del self._lanes[key]
