"""Gauges for the Ray dashboard and Prometheus: rows by state, mails a second, lanes, queue ages.

One process (the launcher) asks the actors every few seconds; nothing on the way of a mail counts for the metrics. No label
holds a job's name, an address or a recipient: cardinality stays small and nothing personal leaves.
"""

import asyncio
import logging
from typing import Any

from ray.util.metrics import Gauge

from actors.model.errors import HongyanError
from actors.model.states import RowState
from cluster import lanefigures, names
from cluster.build import Parts
from cluster.nodes import present

LANE = {
    "concurrency": "Connections a lane may hold",
    "closed_seconds": "How long a lane stays closed",
    "circuit": "0 open, 1 half-open, 2 closed",
    "rate": "Mails a second a lane may begin; 0: no limit is known",
    "accepted_per_second": "Mails a second that were accepted lately",
}
log = logging.getLogger(__name__)


class Metrics:
    """Reads the actors and sets the gauges."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._rows = Gauge("hongyan_rows", "Rows of active jobs by state", ("state",))
        self._rate = Gauge("hongyan_settled_per_second", "Rows of active jobs settled a second")
        self._jobs = Gauge("hongyan_active_jobs", "Jobs scheduled, running, paused or stalled")
        self._queued = Gauge("hongyan_queued_rows", "Rows cut and waiting for a sender")
        self._held = Gauge("hongyan_held_retries", "Deferred rows queued or leased again")
        self._age = Gauge("hongyan_oldest_job_seconds", "Age of the oldest active job")
        self._lanes = Gauge("hongyan_lanes", "Lanes by circuit state", ("state",))
        self._lane = {name: Gauge(f"hongyan_lane_{name}", what, ("egress", "site")) for name, what in LANE.items()}
        self._told: set[tuple[str, str]] = set()
        self._sender = Gauge("hongyan_sender", "Figures of a sender", ("egress", "figure"))
        self._settled: tuple[float, int] | None = None

    async def run(self, seconds: float) -> None:
        while True:
            try:
                await self.read()
            except Exception as error:  # a metric must never end the launcher's loop
                log.info("metrics: %s", type(error).__name__ if not isinstance(error, HongyanError) else error)
            await asyncio.sleep(seconds)

    async def read(self) -> None:
        """One round."""
        port, now = self._parts.port, self._parts.clock()
        await self._read_rows(port(names.LEDGER), now)
        for name, value in (await port(names.CONDUCTOR).stats()).items():
            {"queued_rows": self._queued, "held_retries": self._held, "active_jobs": self._jobs}[name].set(value)
        await self._read_lanes(port(names.REPUTATION), now)
        for address in present(self._parts.config):
            for figure, value in (await port(names.sender(address)).stats()).items():
                self._sender.set(float(value), {"egress": address, "figure": figure})

    async def _read_lanes(self, port: Any, now: float) -> None:
        lanes = await port.lanes()
        for state, count in lanefigures.counts(lanes).items():
            self._lanes.set(count, {"state": state})
        shown = lanefigures.shown(lanes, now)
        for key in self._told | shown.keys():  # one that is shown no more tells 0, not its last word
            for name, gauge in self._lane.items():
                gauge.set(shown.get(key, {}).get(name, 0.0), {"egress": key[0], "site": key[1]})
        self._told = set(shown)

    async def _read_rows(self, ledger: Any, now: float) -> None:
        records = await ledger.active_jobs()
        sums = dict.fromkeys(RowState, 0)
        for record in records:
            for state, count in (await ledger.status(record.job)).counts.items():
                sums[state] += count
        for state, count in sums.items():
            self._rows.set(count, {"state": state.label})
        self._age.set(max((now - r.created_at for r in records), default=0.0))
        settled = sum(n for s, n in sums.items() if s not in (RowState.PENDING, RowState.DEFERRED, RowState.TRANSMITTING))
        if self._settled is not None and now > self._settled[0]:
            self._rate.set(max(0.0, (settled - self._settled[1]) / (now - self._settled[0])))
        self._settled = (now, settled)
