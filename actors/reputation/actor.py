"""The reputation actor's face: one learned lane for each (egress, site) pair that reports. The rules are in `lanes` and what it
calls; here are the lanes, what the lanes of a site know of each other, and the way to the ledger and back.
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from actors.model.errors import Unavailable
from actors.model.forecast import LaneSpeed
from actors.model.laneports import LaneLedger
from actors.model.lanes import NO_QUOTA, ClosedSpan, LaneLimits, LaneReport
from actors.model.ports import Clock
from actors.model.sitenames import means
from actors.reputation import choice, warmup
from actors.reputation.bases import base_of
from actors.reputation.content import Experiment
from actors.reputation.expected import speed
from actors.reputation.journal import MOST_KEPT, Journal, circuits, from_json, to_json
from actors.reputation.lanes import Decision, decide, limits_of
from actors.reputation.pins import Pin
from actors.reputation.readings import Readings
from actors.reputation.starting import Start
from actors.reputation.state import HALF_OPEN, OPEN, LaneState, View
from actors.reputation.warmup import Curve, EgressState

log = logging.getLogger(__name__)

FORGET_AFTER = 30 * 86400.0  # what a lane knew a month ago is worth no more than a start
MAX_LANES = 200_000  # about 200 MB; beyond it the longest silent lanes are forgotten
SAVE_SECONDS = 5.0


class Reputation:
    """What each lane may do.

    Hard state: lanes, egresses, decisions and what unknown replies mean in the ledger, written every SAVE_SECONDS and by
    `close`; a new actor reads them before its first answer. What was learned since the last write is learned again. A failed
    call has at most counted a report that its sender brings again. Without a ledger it starts empty.
    """

    def __init__(
        self,
        clock: Clock,
        start: int = 2,
        most: int = 20,
        ledger: LaneLedger | None = None,
        pins: Sequence[Pin] = (),
        curves: Mapping[str, Curve] | None = None,
        starts: Sequence[Start] = (),
        seed: int = 0,
    ):
        self._clock, self._seed = clock, seed
        self._ledger, self._curves = ledger, dict(curves or {})
        self._base = partial(base_of, View(most=most, start=start), tuple(starts), tuple(pins))
        self._lanes: dict[tuple[str, str], LaneState] = {}  # (egress, site); oldest report first
        self._sites: dict[str, dict[str, LaneState]] = {}
        self._bases: dict[tuple[str, str], View] = {}  # start, most, pins of each lane
        self._limits: dict[tuple[str, str], LaneLimits] = {}
        self._experiments: dict[str, Experiment] = {}
        self._egresses: dict[str, EgressState] = {}
        self._readings = Readings()
        self._journal = Journal()
        self._changed: set[tuple[str, str]] = set()
        self._loading: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None
        self._loaded = ledger is None
        self._saved_at = 0.0

    # -- calls -----------------------------------------------------------------------------------------------------------

    async def report(self, egress: str, reports: Sequence[LaneReport]) -> dict[str, LaneLimits]:
        """Takes what the egress's lanes saw, gives the limits of those sites."""
        if not self._loaded:
            await self._load()
        now = self._clock()
        limits = {report.site: self._take(egress, report, now) for report in reports}
        self._forget(now)
        if self._ledger is not None and now - self._saved_at >= SAVE_SECONDS and (self._saving is None or self._saving.done()):
            self._saved_at = now
            self._saving = asyncio.get_running_loop().create_task(self._save())
        return limits

    async def ping(self) -> str:
        return "reputation"

    async def stats(self) -> dict[str, float]:
        """Lanes known and closed, for the metrics."""
        closed = sum(lane.circuit != OPEN for lane in self._lanes.values())
        return {"lanes": float(len(self._lanes)), "closed_lanes": float(closed)}

    async def limits(self, site: str = "", egress: str = "") -> dict[tuple[str, str], LaneLimits]:
        """The lanes' limits by (egress, site), for operators; empty matches all."""
        if not self._loaded:
            await self._load()
        return {k: v for k, v in self._limits.items() if egress in ("", k[0]) and means(site, k[1])}

    async def speeds(self) -> list[LaneSpeed]:
        """What each lane that is known is expected to deliver."""
        return [speed(*key, limits, self._lanes[key].top) for key, limits in (await self.limits()).items()]

    async def lanes(self, site: str = "", egress: str = "") -> list[dict[str, Any]]:
        """What the lanes that match have learned and may do, as plain data, by site and egress."""
        found = await self.limits(site, egress)
        order = sorted(found, key=lambda key: (key[1], key[0]))
        return [self._lanes[key].data() | {"limits": found[key]} for key in order]

    async def decisions(self, site: str = "", egress: str = "", limit: int = 100) -> list[Decision]:
        """The newest decisions of the lanes that match, oldest first; `lanes.replay` gives their limits again."""
        if self._ledger is None:
            return self._journal.of(site, egress, limit)
        await self._save()
        return [from_json(line) for line in await self._ledger.lane_decisions(site, egress, limit)]

    async def circuits(self, since: float, until: float) -> list[ClosedSpan]:
        """When lanes were closed or half-open between two times, as far as the newest decisions tell."""
        return circuits(await self.decisions(limit=MOST_KEPT), since, until)

    async def replies(self, site: str = "") -> list[dict[str, Any]]:
        """What is known of replies whose words nobody knows, the commonest first, as plain data."""
        if not self._loaded:
            await self._load()
        return self._readings.told(site)

    async def close(self) -> None:
        """Writes what was learned since the last time."""
        if self._loaded:
            await self._save()

    # -- one report ------------------------------------------------------------------------------------------------------

    def _take(self, egress: str, report: LaneReport, now: float) -> LaneLimits:
        key = (egress, report.site)
        lane = self._lanes.pop(key, None) or self._new_lane(key, now)
        self._lanes[key] = lane  # the newest report is last
        view = self._view(lane, report, now)
        old = self._limits[key]
        limits, decision = decide(lane, report, now, view, old)
        if decision is not None:
            self._journal.add(decision)
        if decision is not None or report.settled or report.started or limits != old:
            self._changed.add(key)
        self._limits[key] = limits
        for template, finding in self._readings.take(egress, report, now):
            who = f"{finding.blame} {finding.of}".strip() or "nobody in particular"
            log.info(
                "%s: %s %s %r is about %s: %s", report.site, template.code, template.enhanced, template.text, who, finding.why
            )
        readings = self._readings.of(report.site)
        return replace(limits, readings=readings) if readings else limits

    def _view(self, lane: LaneState, report: LaneReport, now: float) -> View:
        others = [o for o in self._sites[lane.site].values() if o is not lane]
        content_share, misnamed = 0.0, 0
        if report.jobs:
            experiment = self._experiments.setdefault(lane.site, Experiment())
            experiment.take(lane.egress, report)
            content_share = experiment.content_share(lane.egress, report)
            misnamed = experiment.misnamed(lane.egress, report)
        quota, quota_until = self._quota(lane.egress, report, now)
        seen = choice.view_of(self._bases[lane.egress, lane.site], lane, others, now, self._seed)
        if not content_share and not misnamed and quota == NO_QUOTA:
            return seen
        return replace(seen, content_share=content_share, misnamed=misnamed, quota=quota, quota_until=quota_until)

    def _quota(self, egress: str, report: LaneReport, now: float) -> tuple[int, float]:
        state = self._egresses.get(egress)
        if state is None:
            state = self._egresses[egress] = EgressState(egress, born=now)
            self._changed.add((egress, ""))
        curve = self._curves.get(egress)
        if curve is None:
            return NO_QUOTA, 0.0
        self._changed.add((egress, ""))
        good, bad = report.delivered + report.refused, report.busy + report.egress
        return warmup.take(state, curve, report.site, report.started, good, bad, now)

    def _new_lane(self, key: tuple[str, str], now: float) -> LaneState:
        egress, site = key
        base, start = self._base(site, egress)
        lane = LaneState(site, egress, min(base.start, base.most))
        if start is not None:
            lane.rate, lane.grey_wait = start.rate, start.grey_wait
            lane.why = f"starting values for {start.name}: {start.source}"
        self._add(lane, base)
        return lane

    def _add(self, lane: LaneState, base: View) -> None:
        key = (lane.egress, lane.site)
        self._lanes[key], self._bases[key] = lane, base
        self._sites.setdefault(lane.site, {})[lane.egress] = lane
        self._limits[key] = limits_of(lane, self._clock(), base)

    def _forget(self, now: float) -> None:
        while self._lanes:
            key, lane = next(iter(self._lanes.items()))
            if len(self._lanes) <= MAX_LANES and now - lane.at <= FORGET_AFTER:
                return
            egress, site = key
            del self._lanes[key], self._bases[key], self._limits[key]
            del self._sites[site][egress]
            if not self._sites[site]:
                del self._sites[site]
                self._experiments.pop(site, None)
            self._changed.add(key)

    # -- the ledger ------------------------------------------------------------------------------------------------------

    async def _load(self) -> None:
        if self._loading is None or self._loading.done():
            self._loading = asyncio.get_running_loop().create_task(self._read())
        await asyncio.shield(self._loading)

    async def _read(self) -> None:
        assert self._ledger is not None
        found = await self._ledger.load_lanes()
        if self._loaded:
            return
        for egress, site, text in found:
            try:
                self._restore(egress, site, json.loads(text))
            except (ValueError, TypeError, KeyError):  # an older version's: learned again
                log.warning("a lane of %s could not be read", egress)
        self._lanes = dict(sorted(self._lanes.items(), key=lambda item: item[1].at))
        self._loaded = True

    def _restore(self, egress: str, site: str, data: dict[str, Any]) -> None:
        if not site:
            self._egresses[egress] = EgressState(**data)
            return
        if not egress:
            self._readings.restore(site, data["replies"])
            return
        lane = LaneState.of(data | {"egress": egress, "site": site})
        if lane.circuit == HALF_OPEN:  # nobody tells what became of the try
            lane.probed = lane.probe_good = lane.probe_bad = 0
        self._add(lane, self._base(site, egress)[0])

    async def _save(self) -> None:
        """Writes what has changed; what cannot be written now is written with the next."""
        if self._ledger is None:
            return
        changed, self._changed = self._changed | {("", site) for site in self._readings.changed}, set()
        self._readings.changed.clear()
        entries, gone = [], []
        for egress, site in changed:
            data = self._data(egress, site)
            if data is None:
                gone.append((egress, site))
            else:
                entries.append((egress, site, json.dumps(data, ensure_ascii=False, separators=(",", ":"))))
        decided = self._journal.waiting()
        lines = [(d.site, d.egress, d.at, to_json(d)) for d in decided]
        try:
            await self._ledger.save_lanes(entries, gone, lines)
        except Unavailable:
            self._changed |= changed
            self._journal.back(decided)

    def _data(self, egress: str, site: str) -> dict[str, Any] | None:
        """What is kept of a lane, of an egress (no site) or of a site's unknown replies (no egress); None: nothing any more."""
        if not egress:
            replies = self._readings.data(site)
            return {"replies": replies} if replies else None
        state = self._lanes.get((egress, site)) if site else self._egresses.get(egress)
        return None if state is None else state.data()
