"""When each site of a job will be through, and what will miss the deadline: a flow at the speeds that the lanes have learned.

Mails of a site flow at the sum of its lanes' speeds, all sites at once, together no faster than the job's rate; nothing flows
outside the job's hours; a lane that has used its day's quota rests until the next day's. Other jobs, retries and what the lanes
will still learn are left out, so it is a forecast of one job alone. Pure.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from actors.conductor.schedule import next_change, pausing
from actors.model.delivery import Site
from actors.model.forecast import Forecast, LaneSpeed, SiteForecast
from actors.model.job import JobRecord

HORIZON = 30 * 86_400.0  # seconds; no row is retried for longer
DAY = 86_400.0
MOST_STEPS = 100_000
OTHER_SITES = "(many small sites)"
FIRST_RATE = 20.0  # mails a second that a lane nobody knows yet is expected to do: four connections, 0.2 s a mail
_NOTHING = 0.5  # of a mail: what is left by rounding


def rows_by_site(domains: Mapping[str, int], sites: Mapping[str, Site]) -> dict[str, int]:
    """Rows by site's name, from rows by domain ("": small ones together). Rows that nobody takes are through at once."""
    rows: dict[str, int] = {}
    for domain, count in domains.items():
        site = sites[domain] if domain else None
        if site is None or site.refusal is None:
            name = site.name if site else OTHER_SITES
            rows[name] = rows.get(name, 0) + count
    return rows


def forecast(record: JobRecord, rows: Mapping[str, int], lanes: Sequence[LaneSpeed], now: float) -> Forecast:
    """`rows`: pending rows by site; `lanes`: those of the job's pool, any number a site; `now` in seconds since the epoch."""
    names = sorted(rows, key=lambda name: (-rows[name], name))
    flow = _Flow(record, np.array([rows[n] for n in names], np.float64), names, lanes)
    start = max(now, record.start_at)
    flow.run(start, start + HORIZON)
    deadline = record.deadline_at
    sites = []
    for index, name in enumerate(names):
        mine = [lane for lane in lanes if lane.site == name]
        through = float(flow.through[index])
        late = math.ceil(flow.left_at_deadline[index] - 1e-3) if deadline else 0
        known = [lane for lane in mine if lane.learned]
        speed = sum(lane.rate for lane in mine)
        why = next((lane.why for lane in known if lane.why), "")
        sites.append(SiteForecast(name, rows[name], speed, through, late, len(known), len(mine), why))
    last = max((s.through_at for s in sites), default=start)
    if any(not s.through_at for s in sites):
        last = 0.0
    return Forecast(start, last, deadline, tuple(sites))


def pool_lanes(sites: Iterable[str], egresses: Sequence[str], speeds: Sequence[LaneSpeed]) -> list[LaneSpeed]:
    """The lanes from a pool's egresses to these sites: as learned, else as they would start."""
    known = {(speed.egress, speed.site): speed for speed in speeds}
    return [known.get((e, site)) or LaneSpeed(e, site, FIRST_RATE, learned=False) for site in sites for e in egresses]


class _Flow:
    """What is left of each site while time passes."""

    def __init__(self, record: JobRecord, left: NDArray[np.float64], names: Sequence[str], lanes: Sequence[LaneSpeed]):
        place = {name: index for index, name in enumerate(names)}
        mine = [lane for lane in lanes if lane.site in place and lane.rate > 0]
        self._record, self._left = record, left
        self._site = np.array([place[lane.site] for lane in mine], np.int64)
        self._rate = np.array([lane.rate for lane in mine], np.float64)
        self._opens = np.array([lane.closed_until for lane in mine], np.float64)
        self._day = np.array([lane.quota if lane.quota >= 0 else np.inf for lane in mine], np.float64)
        self._quota = self._day.copy()
        self._resets = np.array([lane.quota_until or np.inf for lane in mine], np.float64)
        self.through = np.zeros(len(left))
        self.left_at_deadline = left.copy()

    def run(self, now: float, end: float) -> None:
        """Lets it flow from `now` until nothing is left, or `end`."""
        deadline = self._record.deadline_at
        for _ in range(MOST_STEPS):
            if deadline and now <= deadline:
                self.left_at_deadline = self._left.copy()
            if now >= end or not np.any(self._left > _NOTHING):
                break
            until = min(next_change(self._record, now), end)
            if deadline and now < deadline:
                until = min(until, deadline)
            speeds = self._speeds(now)
            until = min(until, self._next(now, speeds))
            self._pass(now, until, speeds)
            now = until
        if deadline and now <= deadline:
            self.left_at_deadline = self._left.copy()

    def _speeds(self, now: float) -> NDArray[np.float64]:
        """Mails a second, a lane each."""
        fresh = self._resets <= now
        self._quota[fresh] = self._day[fresh]
        self._resets[fresh] += DAY * np.ceil((now - self._resets[fresh]) / DAY + 1e-9)
        works = (self._opens <= now) & (self._quota > _NOTHING) & (self._left[self._site] > _NOTHING)
        if pausing(self._record, now):
            works[:] = False
        speeds = np.where(works, self._rate, 0.0)
        total = float(speeds.sum())
        if self._record.rate and total > self._record.rate:
            speeds *= self._record.rate / total
        return speeds

    def _next(self, now: float, speeds: NDArray[np.float64]) -> float:
        """When the speeds change next: a site is through, a quota used up or new, a lane opens."""
        flows = self._by_site(speeds)
        moving = (flows > 0) & (self._left > _NOTHING)
        used = speeds > 0
        times = [
            now + float(np.min(self._left[moving] / flows[moving], initial=np.inf)),
            now + float(np.min(self._quota[used] / speeds[used], initial=np.inf)),
            float(np.min(self._opens[self._opens > now], initial=np.inf)),
            float(np.min(self._resets[self._resets > now], initial=np.inf)),
        ]
        return max(min(times), now + 1e-3)

    def _pass(self, now: float, until: float, speeds: NDArray[np.float64]) -> None:
        done = self._by_site(speeds) * (until - now)
        before = self._left > _NOTHING
        self._left = np.maximum(self._left - done, 0.0)
        self._quota = np.maximum(self._quota - speeds * (until - now), 0.0)
        self.through[before & (self._left <= _NOTHING)] = until

    def _by_site(self, speeds: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(self._site, speeds, len(self._left)), np.float64)
