"""Who holds which rows, and when a holder counts as gone.

Pure: the time is an argument. Leases live in memory only; a new conductor starts with none, and its new epoch in the ledger
makes all older leases worthless.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from actors.model.delivery import Lease
from actors.model.job import RowArray

HOLDER_GONE_SECONDS = 60.0  # a live sender asks for work every few seconds, even while its sites are slow


@dataclass(slots=True)
class Holder:
    """One sender as the conductor knows it."""

    epoch: int
    seen: float
    leases: dict[int, Lease] = field(default_factory=dict)
    closed: dict[str, float] = field(default_factory=dict)  # site -> nothing before this time


def lease_rows(lease: Lease) -> RowArray:
    """All rows of a lease."""
    return np.concatenate([s.rows for s in lease.shards]) if lease.shards else np.empty(0, np.int64)


def retried_rows(lease: Lease) -> RowArray:
    """The rows of a lease that were tried before, or in a sender's hand when a site was away."""
    return (
        np.concatenate([s.rows[(s.attempts > 0) | (s.first_at > 0)] for s in lease.shards])
        if lease.shards
        else np.empty(0, np.int64)
    )


class LeaseBook:
    """All holders and their leases."""

    def __init__(self) -> None:
        self._holders: dict[str, Holder] = {}

    def seen(self, egress: str, epoch: int, held: Collection[int], now: float) -> list[Lease]:
        """The egress asks for work. Gives its leases that are void now: of a former epoch, or on their way when a call broke,
        so that it has never `held` them."""
        holder = self._holders.get(egress)
        if holder is None or epoch > holder.epoch:
            self._holders[egress] = Holder(epoch, now)
            return list(holder.leases.values()) if holder else []
        holder.seen = now
        lost = [number for number in holder.leases if number not in held] if epoch == holder.epoch else []
        return [holder.leases.pop(number) for number in lost]

    def current(self, egress: str, epoch: int) -> bool:
        return self._holders[egress].epoch == epoch

    def add(self, egress: str, lease: Lease) -> None:
        self._holders[egress].leases[lease.id] = lease

    def finish(self, egress: str, lease_id: int, closed: dict[str, float]) -> Lease | None:
        """Takes the lease off the book; None if it was void already."""
        holder = self._holders.get(egress)
        if holder is None:
            return None
        holder.closed.update(closed)
        return holder.leases.pop(lease_id, None)

    def closed_sites(self, egress: str, now: float) -> set[str]:
        holder = self._holders[egress]
        for site in [s for s, until in holder.closed.items() if until <= now]:
            del holder.closed[site]
        return set(holder.closed)

    def gone(self, now: float) -> list[Lease]:
        """Leases of holders that have not been seen for long; they are taken off the book."""
        lost = [h for h in self._holders.values() if h.leases and now - h.seen > HOLDER_GONE_SECONDS]
        leases = [lease for holder in lost for lease in holder.leases.values()]
        for holder in lost:
            holder.leases.clear()
        return leases

    def alive(self, pool: frozenset[str], now: float) -> frozenset[str]:
        """Egresses of the pool that have asked for work lately."""
        return frozenset(e for e, h in self._holders.items() if e in pool and now - h.seen <= HOLDER_GONE_SECONDS)
