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
from cluster import names
from cluster.build import Parts
from cluster.nodes import present

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
        self._lane = Gauge("hongyan_lane_concurrency", "Connections a lane may hold", ("egress", "site"))
        self._lane_closed = Gauge("hongyan_lane_closed_seconds", "How long a lane stays closed", ("egress", "site"))
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
        for (egress, site), limits in (await port(names.REPUTATION).limits()).items():
            tags = {"egress": egress, "site": site}
            self._lane.set(limits.concurrency, tags)
            self._lane_closed.set(max(0.0, limits.closed_until - now), tags)
        for address in present(self._parts.config):
            for figure, value in (await port(names.sender(address)).stats()).items():
                self._sender.set(float(value), {"egress": address, "figure": figure})

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
