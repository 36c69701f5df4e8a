"""One process that renders: compiles the job once, then tasks in, blocks of mails written.

It talks to its crew over one connection. The crew sends tasks (rows to render) and grants (where the oldest block that is held
goes); the worker answers with `Ready` as soon as a block's length is known and with `Done` when it is written. While it waits
for a grant it renders on, up to HELD blocks. It ends when the connection does, so no worker outlives its crew.
"""

import contextlib
import errno
import os
import traceback
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from actors.model.errors import BrokenPromise, HongyanError, Unavailable
from actors.model.job import RowArray
from actors.model.rendersettings import Identity, TemplateKeys, TimeLimit
from actors.model.states import RowState
from actors.renderer.actor import Renderer
from cluster.export.forms import Block, Form
from cluster.export.index import RENDERED, Tally, index_lines
from cluster.vault import Vault

FIRST_ROWS = 32  # that are rendered together before the weight of a mail is known
ROWS_WITH_FILES = 64  # where each row brings files of its own: the next ones may be far heavier than those before
MOST_ROWS = 4_096  # what a step costs whatever its rows is spread over them: 2,048 take a sixth longer a row
SHARD_BYTES = 50 << 20  # what the mails of rows that are rendered together may weigh: their columns are mostly far less
BLOCK_BYTES = 24 << 20  # what a block of mails weighs: a few are all that a worker holds
HELD = 2


@dataclass(frozen=True, slots=True)
class Order:
    """What all workers of a run have in common."""

    vault: Vault
    identities: tuple[Identity, ...]
    keys: TemplateKeys
    limit: TimeLimit
    job: str
    form: Form
    stamp: int
    shard_rows: int = MOST_ROWS


@dataclass(frozen=True, slots=True)
class Task:
    """Rows first..stop-1, all in this segment."""

    segment: int
    first: int
    stop: int


@dataclass(frozen=True, slots=True)
class Grant:
    """Where the oldest held block goes."""

    at: int


@dataclass(frozen=True, slots=True)
class Ready:
    """Rows first..stop-1 are rendered and take so many bytes of the one file."""

    first: int
    stop: int
    length: int


@dataclass(frozen=True, slots=True)
class Done:
    """They are written: their index lines, records of the zip's directory, and counts."""

    first: int
    stop: int
    index: bytes
    directory: bytes
    bytes: int  # of the mails, with all that the form puts around them
    tally: Tally


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker gives up; its work so far is of no use."""

    error: HongyanError


@dataclass(slots=True)
class _Held:
    rows: range
    block: Block
    without: dict[int, tuple[RowState, str]] = field(default_factory=dict)  # rows that have no mail


def work(connection: Connection, order: Order) -> None:
    """A worker's whole life."""
    import pyarrow as pa

    from actors.intake.memory import return_freed_memory

    pa.set_cpu_count(1)  # the other cores have workers of their own
    return_freed_memory()
    try:
        renderer = Renderer(order.vault, order.identities, kept_segments=1, keys=order.keys, limit=order.limit)
        Worker(connection, order, renderer).serve()
    except (EOFError, ConnectionError):
        return
    except Exception as error:
        with contextlib.suppress(OSError):  # another worker's failure may have ended the run
            connection.send(Failed(told(error)))


def told(error: Exception) -> HongyanError:
    """The error as the crew passes it on: never with a value of a row in it."""
    if isinstance(error, HongyanError):
        return error
    if isinstance(error, OSError):
        return disk_error(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return BrokenPromise(f"rendering broke: {type(error).__name__} in {os.path.basename(last.filename)} line {last.lineno}")


def disk_error(error: OSError) -> Unavailable:
    """Why the output could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(
            "the output", "the disk (or your share of it) is full; make room, or choose another place with --out"
        )
    if error.errno == errno.EFBIG:
        return Unavailable("the output", "the file is larger than the file system or the process may have (ulimit -f)")
    name = errno.errorcode.get(error.errno or 0, "unknown")
    return Unavailable("the output", f"cannot be written: {error.strerror} ({name})")


class Worker:
    """The loop of `work`."""

    def __init__(self, connection: Any, order: Order, renderer: Renderer):
        self._connection, self._order, self._renderer = connection, order, renderer
        self._tasks: deque[Task] = deque()
        self._held: deque[_Held] = deque()
        self._heaviest = 0.0  # bytes of a mail, the largest mean that a block had

    def serve(self) -> None:
        """Until the crew hangs up."""
        while True:
            while not self._tasks:
                self._receive()
            task = self._tasks.popleft()
            for held in chain.from_iterable(self._render(task.segment, rows) for rows in self.cut(task)):
                self._held.append(held)
                self._connection.send(Ready(held.rows.start, held.rows.stop, held.block.length))
                while len(self._held) >= HELD or self._connection.poll():
                    self._receive()

    def _receive(self) -> None:
        message = self._connection.recv()
        if isinstance(message, Grant):
            self._write(self._held.popleft(), message.at)
        else:
            self._tasks.append(message)

    def cut(self, task: Task) -> Iterator[range]:
        """The task's rows as they are rendered together, no heavier than the mails so far let expect."""
        first = task.first
        while first < task.stop:
            most = min(self._order.shard_rows, int(SHARD_BYTES / self._heaviest)) if self._heaviest else FIRST_ROWS
            stop = min(first + max(1, most), task.stop)
            yield range(first, stop)
            first = stop

    def _render(self, segment: int, rows: range) -> Iterator[_Held]:
        """The rows' mails in blocks; each is written when the one before has been taken."""
        order = self._order
        settled = self._renderer.settled(order.job, segment, rows.start, rows.stop)
        pending: RowArray = np.array([row for row in rows if row not in settled], np.int64)
        stamps = np.full(len(pending), order.stamp)
        first = rows.start
        for mails in self._renderer.render_blocks(order.job, segment, pending, stamps, BLOCK_BYTES):
            self.weigh(len(mails.data), len(mails))
            pending = pending[len(mails) + len(mails.failures) :]
            stop = int(pending[0]) if len(pending) else rows.stop
            without = {row: why for row, why in settled.items() if first <= row < stop}
            without |= {failure.row: (failure.state, failure.reason) for failure in mails.failures}
            yield _Held(range(first, stop), order.form.pack(mails), without)
            first = stop

    def weigh(self, size: int, mails: int) -> None:
        """A block of so many mails had so many bytes."""
        if mails:
            self._heaviest = max(self._heaviest, size / mails)

    def _write(self, held: _Held, at: int) -> None:
        written = self._order.form.write(held.block, at)
        places = iter(written.places)
        tally, lines = Tally(), []
        for row in held.rows:
            if row in held.without:
                state, reason = held.without[row]
                tally.add(state.label, reason, row)
                lines.append((row, state.label, "", reason))
            else:
                lines.append((row, RENDERED, next(places), ""))
        tally.states[RENDERED] = len(held.block.rows)
        index, size = index_lines(lines), held.block.starts[-1]
        self._connection.send(Done(held.rows.start, held.rows.stop, index, written.directory, size, tally))
