"""The sender's neighbours in memory; each one checks the rules of its port and fails the test when they are broken."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from actors.model.delivery import (
    MAX_OPEN_ROWS,
    SENDER_LEASE_SECONDS,
    Advanced,
    Dsn,
    Envelopes,
    Lease,
    Opening,
    Outcome,
    Reply,
    RowFailure,
    Shard,
    Site,
    Tlsa,
)
from actors.model.errors import BrokenPromise, Fenced, Unavailable
from actors.model.job import RowArray, StampArray
from actors.model.lanes import LaneLimits, LaneReport, Refusals
from actors.model.ports import Clock
from actors.model.states import RowState


class FakeLedger:
    """SendLedger: counts open rows, refuses results of rows that were not opened, remembers every outcome."""

    def __init__(self, clock: Clock):
        self.clock = clock
        self.epoch = 0
        self.open: dict[tuple[str, int], int] = {}  # -> stamp
        self.ever_opened: set[tuple[str, int]] = set()
        self.outcomes: dict[tuple[str, int], Outcome] = {}
        self.history: list[Outcome] = []
        self.most_open = 0
        self.calls = 0
        self.in_doubt: list[tuple[str, int]] = []
        self.refuse: set[int] = set()  # rows that come back masked False
        self.failures = 0  # so many calls are Unavailable first
        self.delay = 0.0
        self.released = 0
        self.lease_seconds = SENDER_LEASE_SECONDS

    async def claim_sender(self, egress: str) -> int:
        self.epoch += 1
        self.in_doubt += list(self.open)
        self.open.clear()
        return self.epoch

    async def advance(self, egress: str, epoch: int, results: Sequence[Outcome], openings: Sequence[Opening] = ()) -> Advanced:
        if self.failures:
            self.failures -= 1
            raise Unavailable("ledger", "test")
        await asyncio.sleep(self.delay)
        if epoch != self.epoch:
            raise Fenced(egress, epoch, self.epoch)
        self.calls += 1
        for outcome in results:
            self._take(outcome)
        masks = tuple(self._open(o) for o in openings)
        self.most_open = max(self.most_open, len(self.open))
        if len(self.open) > MAX_OPEN_ROWS:
            raise BrokenPromise("too many rows open")
        return Advanced(masks, self.clock() + self.lease_seconds)

    def _take(self, outcome: Outcome) -> None:
        key = (outcome.job, outcome.row)
        if outcome.state in (RowState.DELIVERED, RowState.IN_DOUBT):
            assert key in self.open, f"row {key} was delivered without being opened"
        known = self.outcomes.get(key)
        assert known is None or known.state is RowState.DEFERRED, f"row {key} has two outcomes"
        self.open.pop(key, None)
        self.outcomes[key] = outcome
        self.history.append(outcome)

    def _open(self, opening: Opening) -> NDArray[np.bool_]:
        mask = np.ones(len(opening.rows), np.bool_)
        assert (opening.stamps != 0).all(), "opened without a stamp"
        for i, (row, stamp) in enumerate(zip(opening.rows.tolist(), opening.stamps.tolist(), strict=True)):
            key = (opening.job, row)
            assert key not in self.open, f"row {key} is open already"
            if row in self.refuse:
                mask[i] = False
            else:
                self.open[key] = stamp
                self.ever_opened.add(key)
        return mask

    async def release_sender(self, egress: str, epoch: int) -> None:
        assert not self.open, "released with rows open"
        self.released += 1

    def states(self) -> dict[RowState, int]:
        counts: dict[RowState, int] = {}
        for outcome in self.outcomes.values():
            counts[outcome.state] = counts.get(outcome.state, 0) + 1
        return counts


def shard(site: Site, rows: Sequence[int], attempts: int = 0, stamp: int = 0, first_at: float = 0.0) -> Shard:
    n = len(rows)
    return Shard(
        site,
        np.array(rows, np.int64),
        np.full(n, attempts, np.int16),
        np.full(n, stamp, np.int64),
        np.full(n, first_at, np.float64),
    )


def _part(of: Shard, rows: slice) -> Shard:
    return Shard(of.site, of.rows[rows], of.attempts[rows], of.stamps[rows], of.first_at[rows], of.avoid)


@dataclass
class FakeConductor:
    """Conductor: hands out what it was given, checks that every lease is finished once."""

    shards: list[Shard] = field(default_factory=list)
    job: str = "J"
    retry_for: float = 48 * 3600.0
    deadline_at: float = 0.0
    finished: dict[int, list[int]] = field(default_factory=dict)
    closed: dict[str, float] = field(default_factory=dict)
    leased: dict[int, Lease] = field(default_factory=dict)
    holders: dict[int, tuple[str, int]] = field(default_factory=dict)  # egress and epoch of each lease
    busy_seen: list[tuple[str, ...]] = field(default_factory=list)
    refused: list[Refusals] = field(default_factory=list)

    async def notify(self, job: str) -> None: ...

    async def lease(
        self, egress: str, epoch: int, held: Collection[int], busy_sites: Sequence[str], max_rows: int, wait: float
    ) -> Lease | None:
        out = {number for number, holder in self.holders.items() if holder == (egress, epoch)} - self.finished.keys()
        assert out <= set(held), "the sender does not name a lease that it has"
        self.busy_seen.append(tuple(busy_sites))
        taken: list[Shard] = []
        left = max_rows
        for s in [s for s in self.shards if s.site.name not in busy_sites]:
            if left <= 0:
                break
            head = _part(s, slice(left))
            self.shards.remove(s)
            if len(s.rows) > left:
                self.shards.append(_part(s, slice(left, None)))
            taken.append(head)
            left -= len(head.rows)
        if not taken:
            await asyncio.sleep(min(wait, 0.02))
            return None
        lease = Lease(len(self.leased) + 1, 1, self.job, 0, tuple(taken), self.retry_for, self.deadline_at)
        self.leased[lease.id], self.holders[lease.id] = lease, (egress, epoch)
        return lease

    async def finish(self, egress: str, lease: int, unsent: RowArray, closed_sites: dict[str, float]) -> None:
        assert lease in self.leased
        assert lease not in self.finished, "finished twice"
        self.finished[lease] = unsent.tolist()
        self.closed.update(closed_sites)

    async def refusals(self, egress: str, told: Sequence[Refusals]) -> None:
        self.refused += told

    @property
    def unsent(self) -> list[int]:
        return sorted(row for rows in self.finished.values() for row in rows)


class FakeRenderer:
    """Renderer: a message of `size` octets a row, that names it; `address` gives the recipient."""

    def __init__(self, size: int = 400, address: Callable[[int], str] = lambda row: f"r{row}@to.test"):
        self.size, self.address = size, address
        self.return_path = "bounce@from.test"
        self.row_path: Callable[[int], str] | None = None  # a return path for each row
        self.dsn: Dsn | None = None
        self.failures: dict[int, RowState] = {}
        self.calls = 0
        self.most_rows = 0
        self.body: Callable[[int], bytes] | None = None

    def message(self, row: int) -> bytes:
        if self.body is not None:
            return self.body(row)
        head = f"Message-ID: <{row}@test>\r\nSubject: row {row}\r\n\r\n".encode()
        line = b"x" * 76 + b"\r\n"
        return head + line * max(0, (self.size - len(head)) // len(line))

    async def render(self, job: str, segment: int, rows: RowArray, stamps: StampArray) -> Envelopes:
        assert (stamps != 0).all()
        assert len(rows) == len(stamps)
        self.calls += 1
        self.most_rows = max(self.most_rows, len(rows))
        good = [r for r in rows.tolist() if r not in self.failures]
        bodies = [self.message(r) for r in good]
        offsets = np.cumsum([0, *map(len, bodies)], dtype=np.int64)
        addresses = [self.address(r) for r in good]
        return Envelopes(
            job,
            self.return_path,
            np.array(good, np.int64),
            np.frombuffer(b"".join(bodies), np.uint8),
            offsets,
            addresses,
            np.array([not a.isascii() for a in addresses], np.bool_),
            [RowFailure(r, self.failures[r], "no value") for r in rows.tolist() if r in self.failures],
            [self.row_path(r) for r in good] if self.row_path else [],
            self.dsn,
        )


@dataclass
class FakeReputation:
    """Reputation: the same limits for all; keeps the reports."""

    limits: LaneLimits = LaneLimits(concurrency=4)
    reports: list[LaneReport] = field(default_factory=list)

    async def report(self, egress: str, reports: Sequence[LaneReport]) -> dict[str, LaneLimits]:
        self.reports += reports
        return {r.site: self.limits for r in reports}


class FakeResolver:
    """Resolver of addresses by a table."""

    def __init__(self, table: dict[str, list[str]] | None = None):
        self.table = table or {}
        self.tlsas: dict[str, tuple[Tlsa, ...] | Reply] = {}

    async def sites(self, domains: Sequence[str]) -> dict[str, Site]:
        raise AssertionError("a sender looks up no sites")

    async def addresses(self, host: str) -> list[str]:
        return self.table.get(host, [host] if host.replace(".", "").isdigit() else [])

    async def tlsa(self, host: str, port: int) -> tuple[Tlsa, ...] | Reply:
        return self.tlsas.get(host, ())
