"""The leases in a sender's hand: which rows wait, which are rendered, and when a lease has ended. Pure bookkeeping.

A row of a lease is in one place: in a chunk that waits to be rendered, in a render order, a Mail, or settled. A lease ends when
every row has an outcome that the ledger has confirmed, or was never opened and goes back.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from actors.model.delivery import Envelopes, Lease, Shard
from actors.model.job import RowArray, StampArray
from actors.sender.messages import Message

if TYPE_CHECKING:
    from actors.sender.lane import Lane


@dataclass(slots=True, eq=False)
class Work:
    """One lease in hand."""

    lease: Lease
    left: int  # rows that are not settled
    unsent: list[int] = field(default_factory=list)
    returning: bool = False  # nothing of it is opened any more: the rest goes back

    def give_back(self, rows: Iterable[int]) -> None:
        before = len(self.unsent)
        self.unsent.extend(rows)
        self.left -= len(self.unsent) - before


@dataclass(slots=True, eq=False)
class Row:
    """What the sender must know of a row to tell its outcome."""

    work: Work
    row: int
    attempt: int  # this attempt's number, from 1
    first_at: float
    avoid: str = ""


class Mail(Message):
    """A rendered row on its way."""

    __slots__ = ("lane", "row", "stamp", "tries")

    def __init__(
        self, lane: "Lane", row: Row, stamp: int, return_path: str, to: str, body: memoryview, utf8: bool, eight: bool
    ):
        super().__init__(return_path, to, body, utf8, eight)
        self.lane = lane
        self.row = row
        self.stamp = stamp
        self.tries = 0


@dataclass(slots=True, eq=False)
class Chunk:
    """Rows of one lease and one lane that wait to be rendered."""

    work: Work
    rows: RowArray
    attempts: NDArray[np.int16]
    stamps: StampArray
    first_at: NDArray[np.float64]
    avoid: str = ""

    @classmethod
    def of(cls, work: Work, shard: Shard) -> "Chunk":
        return cls(work, shard.rows, shard.attempts, shard.stamps, shard.first_at, shard.avoid)

    def take(self, count: int) -> "Chunk":
        """Cuts the first `count` rows off."""
        head = self._of(slice(count))
        self.rows, self.attempts = self.rows[count:], self.attempts[count:]
        self.stamps, self.first_at = self.stamps[count:], self.first_at[count:]
        return head

    def split(self, mask: NDArray[np.bool_]) -> "tuple[Chunk, Chunk]":
        """The rows of the mask, and the others."""
        return self._of(mask), self._of(~mask)

    def _of(self, which: NDArray[np.bool_] | slice) -> "Chunk":
        columns = self.rows[which], self.attempts[which], self.stamps[which], self.first_at[which]
        return Chunk(self.work, *columns, self.avoid)

    def each(self) -> Iterator[Row]:
        for row, attempts, first_at in zip(self.rows.tolist(), self.attempts.tolist(), self.first_at.tolist(), strict=True):
            yield Row(self.work, row, attempts + 1, first_at, self.avoid)


class Hand:
    """All leases of a sender, and the lanes that their rows wait on; lanes in the order they are served next."""

    def __init__(self) -> None:
        self.lanes: dict[str, Lane] = {}
        self.works: list[Work] = []

    @property
    def rows(self) -> int:
        """Rows that are not settled."""
        return sum(w.left for w in self.works)

    def give_back(self, work: Work) -> None:
        """The lease's rows that are not open go back, also those that are being rendered."""
        work.returning = True
        for lane in self.lanes.values():
            lane.give_back(work)


@dataclass(slots=True, eq=False)
class RenderOrder:
    """Rows to render in one call: chunks of one lease, each with its lane."""

    work: Work
    parts: list[tuple["Lane", Chunk]]

    @property
    def rows(self) -> RowArray:
        return np.concatenate([chunk.rows for _, chunk in self.parts])

    def stamps(self, now: int) -> StampArray:
        """What each row is rendered at: its own stamp, `now` where it has none yet."""
        stamps = np.concatenate([chunk.stamps for _, chunk in self.parts])
        return np.where(stamps == 0, now, stamps).astype(np.int64)

    def mails(self, envelopes: Envelopes, stamps: StampArray) -> list[Mail]:
        """The rendered rows as mails, in the order of the envelopes."""
        known: dict[int, tuple[Lane, Row, int]] = {}
        at = iter(stamps.tolist())
        for lane, chunk in self.parts:
            for row in chunk.each():
                known[row.row] = (lane, row, next(at))
        data = envelopes.data.data.cast("B")
        eight = len(envelopes.data) > 0 and int(envelopes.data.max()) > 0x7F
        ends = envelopes.offsets.tolist()
        to, utf8, dsn = envelopes.recipients, envelopes.utf8.tolist(), envelopes.dsn
        paths = envelopes.return_paths or [envelopes.return_path] * len(envelopes)
        mails = []
        for i, row in enumerate(envelopes.rows.tolist()):
            start, end = ends[i], ends[i + 1]
            high = eight and int(envelopes.data[start:end].max(initial=0)) > 0x7F
            mail = Mail(*known[row], paths[i], to[i], data[start:end], utf8[i], high)
            if dsn:
                mail.dsn, mail.envid = dsn, f"{envelopes.job}.{row}"
            mails.append(mail)
        return mails


def next_order(lanes: Iterable["Lane"], most: int) -> RenderOrder | None:
    """Rows to render next: of the first lane that has room, filled up with the same lease's rows of other lanes."""
    work: Work | None = None
    parts: list[tuple[Lane, Chunk]] = []
    left = most
    for lane in lanes:
        count = min(left, lane.room)
        if count <= 0 or not lane.waiting or (work is not None and lane.waiting[0].work is not work):
            continue
        work = lane.waiting[0].work
        chunk = take_chunk(lane.waiting, count)
        lane.rendering += len(chunk.rows)
        parts.append((lane, chunk))
        left -= len(chunk.rows)
        if left <= 0:
            break
    return RenderOrder(work, parts) if work else None


def take_chunk(waiting: deque[Chunk], count: int) -> Chunk:
    """Up to `count` rows of the first chunk, which leaves the queue when it is empty."""
    chunk = waiting[0].take(count)
    if not len(waiting[0].rows):
        waiting.popleft()
    return chunk
