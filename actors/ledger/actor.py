"""The ledger's face: what happened to every row. One thread does all work on memory and store; the event loop only queues for
it.

What senders bring while a commit runs is committed together by the next one (group commit): under load one fsync serves many.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from actors.ledger import codes, decisions, epochs, lanes, lines, suppressions, upkeep
from actors.ledger.advance import Step
from actors.ledger.book import Book
from actors.ledger.jobs import ACTIVE
from actors.ledger.memory import Memory, States, Undo
from actors.ledger.overview import EndedJobs, list_jobs, record_of, status_of, with_trouble
from actors.ledger.series import Series
from actors.ledger.states import DEFERRED
from actors.ledger.store import Store
from actors.ledger.writes import Writer, batches
from actors.model.delivery import Advanced, DueRows, Opening, Outcome
from actors.model.errors import NotFound, Unavailable
from actors.model.job import JobRecord, JobStatus, RowArray
from actors.model.ports import Clock, RowStory
from actors.model.rowlines import RowLines
from actors.model.states import JobState, OnDoubt, RowState

log = logging.getLogger(__name__)
T = TypeVar("T")

# Rows a transaction of `settle`: intake of a big list must not keep the senders waiting.
SETTLE_ROWS = 10_000


class Ledger:
    """The ports JobLedger, SendLedger, LaneLedger and Suppressions over SQLite (`sqlite:///path`) or PostgreSQL (`postgresql://...`).

    Hard state: the database. Memory (a byte a row of each active job, what senders have open) is rebuilt from it by `start`,
    which the first call does by itself. A reply promises that the change is on disk. A failed call: any error but Unavailable
    means that nothing was done; after Unavailable the same call may simply be made again. One ledger a database: a second one
    is Unavailable.
    """

    def __init__(self, url: str, clock: Clock = time.time):
        self._clock = clock
        self._store = Store(url)
        self._book = Book(self._store, clock)
        self._ended = EndedJobs()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._closed = False
        self._swap = threading.Lock()
        self._waiting: list[tuple[Step, asyncio.Future[Advanced]]] = []

    async def start(self) -> None:
        """Opens the store and rebuilds memory; Unavailable says why it cannot."""
        await self._run(lambda: self._book.memory)

    async def close(self) -> None:
        """Commits what was brought, then gives up the store; later calls are Unavailable."""
        if self._closed:
            return
        closing, self._closed = self._run(self._store.close), True
        await closing
        self._thread.shutdown(wait=True)

    # JobLedger

    async def create_job(self, record: JobRecord) -> JobRecord:
        return await self._write(upkeep.create, record)

    async def settle(self, job: str, rows: RowArray, states: NDArray[np.uint8], reasons: Sequence[str]) -> None:
        plain_rows, plain_states = upkeep.rows_as_lists(rows, states)
        together = list(zip(plain_rows, plain_states, reasons, strict=True))
        for part in batches(together, SETTLE_ROWS):
            await self._write(upkeep.settle, job, *zip(*part, strict=True), self._clock())

    async def stock_codes(self, account: str, pool: str, found: Sequence[str]) -> int:
        def add(_memory: Memory, _undo: Undo, writer: Writer, part: Sequence[str]) -> int:
            return codes.stock(self._store, writer.connection, account, pool, part)

        return sum([await self._write(add, part) for part in batches(found, SETTLE_ROWS)])

    async def available_codes(self, account: str, pool: str, job: str) -> int:
        def count(_memory: Memory, _undo: Undo, writer: Writer) -> int:
            return codes.available(writer.connection, account, pool, job)

        return await self._write(count)

    async def claim_codes(self, job: str, pool: str, rows: RowArray) -> list[str | None]:
        def give(_memory: Memory, _undo: Undo, writer: Writer, part: Sequence[int]) -> list[str | None]:
            return codes.claim(self._store, writer.connection, pool, job, part)

        parts = batches(np.asarray(rows, np.int64).tolist(), SETTLE_ROWS)
        return [code for part in parts for code in await self._write(give, part)]

    async def begin_job(self, record: JobRecord) -> JobRecord:
        return await self._write(upkeep.begin, record, self._clock())

    async def move_job(self, job: str, state: JobState, reason: str = "") -> JobRecord:
        return await self._write(upkeep.move, job, state, reason, self._clock())

    async def expire_job(self, job: str, reason: str) -> JobRecord:
        # The conductor asks at every look after the deadline: only the first time there is something to write.
        if expired := await self._read(upkeep.expired, job, reason):
            return expired
        return await self._write(upkeep.expire, job, reason)

    async def decide(self, job: str, decision: OnDoubt, rows: RowArray | None = None) -> int:
        def word(memory: Memory, undo: Undo, writer: Writer) -> int:
            decided = decisions.decide(memory, undo, writer, job, decision, rows, self._clock())
            self._ended.forget(job)
            return decided

        return await self._write(word)

    async def expire_rows(self, job: str, rows: RowArray) -> int:
        return await self._write(upkeep.expire_rows, job, rows)

    async def status(self, job: str, account: str = "") -> JobStatus:
        return with_trouble(await self._read(status_of, job, account, self._clock()), self._book.trouble())

    async def list_jobs(self, account: str, limit: int = 100, after: str = "") -> list[JobStatus]:
        found = await self._read(list_jobs, account, limit, after, self._clock())
        return [with_trouble(status, self._book.trouble()) for status in found]

    async def active_jobs(self) -> list[JobRecord]:
        def active(memory: Memory, _connection: sa.Connection) -> list[JobRecord]:
            return [j.record for j in memory.jobs.values() if j.record.state in ACTIVE]

        return await self._read(active)

    async def claim_conductor(self) -> int:
        return await self._write(upkeep.claim_conductor)

    async def retire_senders(self, serving: Sequence[str]) -> list[str]:
        # The conductor asks at every look: only after a change of the config there is something to write.
        if not await self._read(upkeep.left_behind, serving, self._clock()):
            return []
        return await self._write(upkeep.retire, serving, self._clock())

    async def row_states(self, job: str, lo: int, hi: int) -> NDArray[np.uint8]:
        def some(memory: Memory, connection: sa.Connection) -> States:
            return self._ended.states(memory, connection, job)[1][max(lo, 0) : hi].copy()

        return await self._read(some)

    async def due(self, job: str, now: float, limit: int, after: int = -1) -> DueRows:
        def waiting(memory: Memory, connection: sa.Connection) -> DueRows:
            live = memory.jobs.get(job)
            if live is not None and not live.counts[DEFERRED]:
                return lines.none_due()
            number, states = self._ended.states(memory, connection, job)
            return lines.due(connection, number, states, now, limit, after)

        return await self._read(waiting)

    async def outcomes(self, job: str, after: int = -1, limit: int = 10_000, states: Sequence[RowState] = ()) -> RowLines:
        """Rows that are pending or on the wire for the first time have a line only where `states` names their state."""

        def page(memory: Memory, connection: sa.Connection) -> RowLines:
            number, cells = self._ended.states(memory, connection, job)
            return lines.lines(connection, number, cells, after, limit, states)

        return await self._read(page)

    # For the report and for questions about one row

    async def series(self, job: str) -> dict[str, Any]:
        """Figures over all rows: `bins` over time, `sites`, top `replies`, `doubts` (see `series.Series.finish`)."""
        number, record = await self._read(record_of, job)
        sums = Series(number, record, self._clock())
        for low in sums.stretches:
            await self._read(lambda _, connection, low=low: sums.add(connection, low))
        return await self._read(lambda _, connection: sums.finish(connection))

    async def row_story(self, job: str, row: int) -> RowStory:
        def tell(memory: Memory, connection: sa.Connection) -> RowStory:
            number, states = self._ended.states(memory, connection, job)
            if not 0 <= row < len(states):
                raise NotFound("row", f"{job}/{row}")
            return lines.story(connection, number, states, row)

        return await self._read(tell)

    # SendLedger

    async def claim_sender(self, egress: str) -> int:
        return await self._write(upkeep.claim_sender, egress, self._clock())

    async def advance(self, egress: str, epoch: int, results: Sequence[Outcome], openings: Sequence[Opening] = ()) -> Advanced:
        self._check_open()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Advanced] = loop.create_future()
        with self._swap:
            self._waiting.append((Step(egress, epoch, results, openings), answer))
            first = len(self._waiting) == 1
        if first:
            self._thread.submit(self._commit, loop)
        return await answer

    async def release_sender(self, egress: str, epoch: int) -> None:
        def let_go(memory: Memory, undo: Undo, _writer: Writer) -> None:
            epochs.release(epochs.holder(memory, undo, egress, epoch))

        await self._write(let_go)

    # Suppressions

    async def suppress(self, account: str, scope: str, addresses: Sequence[str], reason: str) -> int:
        found = suppressions.normalise(addresses)

        def insert(_memory: Memory, _undo: Undo, writer: Writer) -> int:
            return suppressions.insert(self._store, writer.connection, account, scope, found, reason, self._clock())

        return await self._write(insert)

    async def unsuppress(self, account: str, scope: str, addresses: Sequence[str]) -> int:
        found = suppressions.normalise(addresses)

        def delete(_memory: Memory, _undo: Undo, writer: Writer) -> int:
            return suppressions.delete(self._store, writer.connection, account, scope, found)

        return await self._write(delete)

    async def suppressed(
        self, account: str, scopes: Sequence[str], after: str = "", limit: int = 100_000
    ) -> list[tuple[str, str, str, float]]:
        return await self._read(lambda _, connection: suppressions.read(connection, account, scopes, after, limit))

    # LaneLedger

    async def load_lanes(self) -> list[tuple[str, str, str]]:
        return await self._read(lambda _, connection: lanes.load(connection))

    async def save_lanes(
        self,
        found: Sequence[tuple[str, str, str]],
        gone: Sequence[tuple[str, str]] = (),
        decisions: Sequence[tuple[str, str, float, str]] = (),
    ) -> None:
        def keep(_memory: Memory, _undo: Undo, writer: Writer) -> None:
            lanes.save(self._store, writer.connection, found, gone, decisions)

        await self._write(keep)

    async def lane_decisions(self, site: str = "", egress: str = "", limit: int = 100) -> list[str]:
        return await self._read(lambda _, connection: lanes.decisions(connection, site, egress, limit))

    # The thread

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("ledger", "it is closed")

    def _run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        self._check_open()
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _read(self, work: Callable[..., T], *arguments: Any) -> T:
        return await self._run(lambda: self._book.read(lambda memory, connection: work(memory, connection, *arguments)))

    async def _write(self, work: Callable[..., T], *arguments: Any) -> T:
        def change(memory: Memory, undo: Undo, writer: Writer) -> T:
            return work(memory, undo, writer, *arguments)

        return await self._run(lambda: self._book.write(change))

    def _commit(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the thread: commits all steps that wait by now. The event loop puts new ones into a new list, so the first of
        those submits the next commit."""
        with self._swap:
            brought, self._waiting = self._waiting, []
        try:
            answers: Sequence[Advanced | BaseException] = self._book.advance([step for step, _ in brought])
        except Unavailable as error:  # already when it looked at the store
            answers = [error] * len(brought)
        except Exception as error:
            log.exception("ledger: a commit failed in an unknown way")
            answers = [Unavailable("ledger", f"an internal error: {type(error).__name__}")] * len(brought)
        loop.call_soon_threadsafe(_answer, [future for _, future in brought], answers)


def _answer(futures: Sequence[asyncio.Future[Advanced]], answers: Sequence[Advanced | BaseException]) -> None:
    for future, answer in zip(futures, answers, strict=True):
        if future.done():  # its caller was cancelled
            continue
        if isinstance(answer, BaseException):
            future.set_exception(answer)
        else:
            future.set_result(answer)
