"""The rows of one job that wait to be leased, by segment and site.

Pure bookkeeping over row numbers: who asks for the time, the vault or the ledger is the actor. A row is either in a queue here,
or in a lease, or neither (not cut yet, settled, or deferred in the ledger); never in two.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actors.model.delivery import ONLY, DueRows, Shard, Site
from actors.model.job import RowArray
from actors.model.states import RowState

AVOIDED_SECONDS = 300.0  # so long a row that is due keeps away from the egresses that were refused with it
SHARE_OF_LEASE = 4  # one site gets a quarter of a lease at first, so that a lease keeps several sites busy


@dataclass(slots=True)
class Chunk:
    """Rows of one segment bound for one site, with what their next attempt must know."""

    site: Site
    rows: RowArray
    attempts: NDArray[np.int16]
    stamps: NDArray[np.int64]
    first_at: NDArray[np.float64]
    avoid: str = ""
    queued_at: float = 0.0  # of retries: when they fell due

    def take(self, count: int) -> "Chunk":
        """Cuts the first `count` rows off this chunk."""
        columns = self.rows[:count], self.attempts[:count], self.stamps[:count], self.first_at[:count]
        head = Chunk(self.site, *columns, self.avoid, self.queued_at)
        self.rows, self.attempts = self.rows[count:], self.attempts[count:]
        self.stamps, self.first_at = self.stamps[count:], self.first_at[count:]
        return head

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Keeps these rows only."""
        self.rows, self.attempts = self.rows[mask], self.attempts[mask]
        self.stamps, self.first_at = self.stamps[mask], self.first_at[mask]

    def joined(self, other: "Chunk") -> "Chunk":
        """This chunk's rows, then those of `other`, which are bound for the same site."""
        return Chunk(
            self.site,
            np.concatenate((self.rows, other.rows)),
            np.concatenate((self.attempts, other.attempts)),
            np.concatenate((self.stamps, other.stamps)),
            np.concatenate((self.first_at, other.first_at)),
            self.avoid,
            self.queued_at,
        )

    def shard(self) -> Shard:
        return Shard(self.site, self.rows, self.attempts, self.stamps, self.first_at, self.avoid)


def fresh_chunk(site: Site, rows: RowArray) -> Chunk:
    """Rows that were never tried."""
    n = len(rows)
    return Chunk(site, rows, np.zeros(n, np.int16), np.zeros(n, np.int64), np.zeros(n, np.float64))


def cut_segment(codes: NDArray[np.int32], states: NDArray[np.uint8], first_row: int) -> Iterator[tuple[int, RowArray]]:
    """Pending rows of a segment by domain code.

    `codes`: index of each row's domain in the segment's dictionary, -1 for none; `states`: RowState a row; gives (code, rows)
    with absolute row numbers in ascending order.
    """
    wanted = np.flatnonzero((states == RowState.PENDING) & (codes >= 0))
    order = wanted[np.argsort(codes[wanted], kind="stable")]
    sorted_codes = codes[order]
    borders = np.flatnonzero(np.diff(sorted_codes)) + 1
    for part in np.split(order, borders):
        if len(part):
            yield int(codes[part[0]]), part.astype(np.int64) + first_row


def split_due(due: DueRows, keep: NDArray[np.bool_], codes: NDArray[np.int32]) -> Iterator[tuple[int, str, NDArray[np.int64]]]:
    """Due rows worth queueing, grouped: (domain code, egresses to avoid, indices into `due`)."""
    groups: dict[tuple[int, str], list[int]] = {}
    for index in np.flatnonzero(keep):
        groups.setdefault((int(codes[index]), due.avoid[index]), []).append(int(index))
    for (code, avoid), indices in groups.items():
        yield code, avoid, np.asarray(indices, np.int64)


class Queues:
    """Chunks by segment, then site; segments in the order they came, sites in turn."""

    def __init__(self) -> None:
        self._segments: dict[int, dict[str, deque[Chunk]]] = {}
        self.rows = 0

    def __bool__(self) -> bool:
        return self.rows > 0

    def add(self, segment: int, chunk: Chunk) -> None:
        if not len(chunk.rows):
            return
        self._segments.setdefault(segment, {}).setdefault(chunk.site.name, deque()).append(chunk)
        self.rows += len(chunk.rows)

    def pop_late(self, before: float) -> RowArray:
        """Takes out the rows that were first tried before this time."""
        late: list[RowArray] = []
        for segment, sites in list(self._segments.items()):
            for name, queue in list(sites.items()):
                for chunk in [c for c in queue if c.first_at[0]]:  # a chunk is of fresh rows or of retries
                    old = (chunk.first_at > 0) & (chunk.first_at < before)
                    if old.any():
                        late.append(chunk.rows[old])
                        chunk.keep(~old)
                left = deque(c for c in queue if len(c.rows))
                if left:
                    sites[name] = left
                else:
                    del sites[name]
            if not sites:
                del self._segments[segment]
        found = np.concatenate([np.empty(0, np.int64), *late])
        self.rows -= len(found)
        return found

    def sites(self) -> Iterable[str]:
        """Names of all sites that have rows here."""
        return {name for sites in self._segments.values() for name in sites}

    def take(self, busy: frozenset[str], max_rows: int, may_take: "MayTake") -> tuple[int, list[Chunk]]:
        """Up to `max_rows` rows of one segment on none of the busy sites: (segment, chunks); no chunks if there are none."""
        for segment, sites in self._segments.items():
            taken = self._take_segment(sites, busy, max_rows, may_take)
            if taken:
                self.rows -= sum(len(c.rows) for c in taken)
                if not sites:
                    del self._segments[segment]
                return segment, taken
        return -1, []

    def _take_segment(
        self, sites: dict[str, deque[Chunk]], busy: frozenset[str], max_rows: int, may_take: "MayTake"
    ) -> list[Chunk]:
        """First a share for each site in turn, then whatever still fits; one chunk a site, so that one call renders it."""
        taken: dict[tuple[str, str], Chunk] = {}
        left = max_rows
        for share in (max(1, max_rows // SHARE_OF_LEASE), max_rows):
            for name in list(sites):
                if left <= 0:
                    return list(taken.values())
                if name in busy:
                    continue
                chunk = self._take_site(sites, name, min(share, left), may_take)
                if chunk is not None:
                    left -= len(chunk.rows)
                    key = (name, chunk.avoid)
                    taken[key] = taken[key].joined(chunk) if key in taken else chunk
        return list(taken.values())

    @staticmethod
    def _take_site(sites: dict[str, deque[Chunk]], name: str, count: int, may_take: "MayTake") -> Chunk | None:
        queue = sites.get(name)
        if not queue:
            return None
        for index, chunk in enumerate(queue):
            if not may_take(chunk):
                continue
            part = chunk.take(count)
            if not len(chunk.rows):
                del queue[index]
            del sites[name]
            if queue:
                sites[name] = queue  # back at the end: the next lease starts with another site
            return part
        return None


class MayTake:
    """Whether an egress may carry a chunk. `alive`: the egresses of its pool that are there; rows that were told to avoid this
    one go to another of them, rows that are bound to one wait for it. What nobody else has taken for a while, since their lanes
    are closed too, is for all."""

    def __init__(self, egress: str, alive: frozenset[str] = frozenset(), now: float = 0.0):
        self._egress, self._alive, self._now = egress, alive, now

    def __call__(self, chunk: Chunk) -> bool:
        if chunk.avoid.startswith(ONLY):
            bound = chunk.avoid.removeprefix(ONLY)
            return bound == self._egress or bound not in self._alive
        avoided = chunk.avoid.split()
        if self._egress not in avoided or self._now - chunk.queued_at >= AVOIDED_SECONDS:
            return True
        return self._alive.issubset((*avoided, self._egress))
