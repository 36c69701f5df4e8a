"""Rows into a job's queues: segments cut when few rows wait, deferred rows when they are due.

Reads the snapshot's domains, asks the resolver for their sites and the ledger for the rows' states; `tell` is called whenever
there is something new to lease.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from actors.conductor.pace import Pace
from actors.conductor.roster import Domains
from actors.conductor.work import Chunk, Queues, cut_segment, fresh_chunk, split_due
from actors.model.delivery import DueRows, Site
from actors.model.job import JobRecord, RowArray
from actors.model.ports import JobLedger, Resolver, Vault

LOW_ROWS = 20_000  # cut the next segment when fewer rows wait: some seconds of work for all senders
MOST_QUEUED_RETRIES = 50_000  # more due rows than this wait in the ledger, not in memory
LATE_SECONDS = 900.0  # a row that is due may wait so long beyond `retry_for`: the longest pause of a lane
DUE_PAGE = 8_192


class JobWork:
    """What the conductor holds of one active job; all of it can be rebuilt from ledger and vault."""

    def __init__(self, record: JobRecord):
        self.record = record
        self.queues = Queues()
        self.next_cut = 0
        self.held = np.zeros(record.rows, np.bool_)  # deferred rows that are queued or leased here
        self.held_rows = 0
        self.starved = False
        self.halted = False  # its reason tells of halts
        self.looked_at = 0.0  # when the snapshot was last seen
        self.pace = Pace(record.rate) if record.rate else None

    @property
    def segments(self) -> int:
        return -(-self.record.rows // self.record.segment_rows)

    @property
    def cuts(self) -> int:
        """How many times segments are cut: twice each where the best rows go first."""
        return self.segments * (2 if self.record.best else 1)

    def may_lease(self, most: int, now: float) -> int:
        """How many of `most` rows the job's rate lets go now."""
        return min(most, self.pace.allowed(now)) if self.pace else most

    def leased(self, rows: int) -> None:
        """`rows` rows were leased (below 0: came back unsent)."""
        if self.pace:
            self.pace.took(rows)

    def hold(self, rows: RowArray, value: bool) -> None:
        self.held_rows += int(np.count_nonzero(self.held[rows] != value)) * (1 if value else -1)
        self.held[rows] = value


class Filling:
    """Keeps the queues of jobs filled."""

    def __init__(self, ledger: JobLedger, vault: Vault, resolver: Resolver, tell: Callable[[], None]):
        self._ledger, self._resolver, self._tell = ledger, resolver, tell
        self._domains = Domains(vault)

    async def refill(self, work: JobWork) -> None:
        """Cuts segments until enough rows wait, at least one more when a sender found nothing it could take."""
        record = work.record
        while work.next_cut < work.cuts and (work.starved or work.queues.rows < LOW_ROWS):
            turn, segment = divmod(work.next_cut, work.segments)
            first = segment * record.segment_rows
            states = await self._ledger.row_states(record.job, first, min(first + record.segment_rows, record.rows))
            codes, names, best = self._domains.load(record.job, segment)
            if record.best:
                codes = np.where(best == (turn == 0), codes, np.int32(-1))
            parts = list(cut_segment(codes, states, first))
            sites = await self._resolver.sites([names[code] for code, _ in parts])
            for site, rows in _by_site(parts, names, sites):
                work.queues.add(segment, fresh_chunk(site, rows))
            work.next_cut += 1
            work.starved = False
            self._tell()

    async def fetch_due(self, work: JobWork, now: float) -> None:
        """Queues deferred rows whose time has come."""
        after = -1
        while work.held_rows < MOST_QUEUED_RETRIES:
            due = await self._ledger.due(work.record.job, now, DUE_PAGE, after)
            keep = ~work.held[due.rows]
            for segment in np.unique(due.rows[keep] // work.record.segment_rows):
                here = keep & (due.rows // work.record.segment_rows == segment)
                await self._queue_due(work, int(segment), due, here, now)
            if len(due.rows) < DUE_PAGE:
                return
            after = int(due.rows[-1])

    async def expire_late(self, work: JobWork, now: float) -> None:
        """Rows that wait for a closed lane do not wait for ever: `retry_for` ends for them too."""
        late = work.queues.pop_late(now - work.record.retry_for - LATE_SECONDS)
        if len(late):
            work.hold(late, False)  # should the ledger be away now, they are due again
            await self._ledger.expire_rows(work.record.job, late)

    async def _queue_due(self, work: JobWork, segment: int, due: DueRows, here: NDArray[np.bool_], now: float) -> None:
        codes, names, _ = self._domains.load(work.record.job, segment)
        row_codes = np.full(len(due.rows), -1, np.int32)
        row_codes[here] = codes[due.rows[here] - segment * work.record.segment_rows]
        groups = list(split_due(due, here, row_codes))
        sites = await self._resolver.sites([names[code] for code, _, _ in groups])
        for code, avoid, at in groups:
            rows = due.rows[at]
            chunk = Chunk(sites[names[code]], rows, due.attempts[at], due.stamps[at], due.first_at[at], avoid, now)
            work.hold(rows, True)
            work.queues.add(segment, chunk)
        self._tell()


def _by_site(parts: list[tuple[int, RowArray]], names: list[str], sites: Mapping[str, Site]) -> list[tuple[Site, RowArray]]:
    """Joins the rows of all domains that share a site."""
    grouped: dict[str, tuple[Site, list[RowArray]]] = {}
    for code, rows in parts:
        site = sites[names[code]]
        grouped.setdefault(site.name, (site, []))[1].append(rows)
    return [(site, np.sort(np.concatenate(rows))) for site, rows in grouped.values()]
