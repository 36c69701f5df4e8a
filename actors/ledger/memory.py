"""What the ledger holds in memory: one byte a row of every active job, and the rows that senders have open.

All of it is rebuilt from the store at start. Only the store's own thread reads or changes it. Every change goes through an
`Undo`, so that a step that is refused, or a commit that fails, leaves no trace.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.ledger.states import DEFERRED, PENDING, STATES, TRANSMITTING
from actors.model.errors import BrokenPromise
from actors.model.job import JobRecord

States = NDArray[np.uint8]


class LiveJob:
    """A job that is not yet settled: its record and the state of each of its rows."""

    __slots__ = ("attempts", "cells", "counts", "doubts", "excused", "id", "record", "states", "swept")

    def __init__(self, id: int, record: JobRecord, states: States, swept: int = 0, excused: int = 0):
        self.id, self.record, self.states = id, record, states
        self.cells = memoryview(states.data)  # single cells, three times faster than through numpy
        self.counts: list[int] = np.bincount(states, minlength=STATES).tolist()
        self.swept, self.excused = swept, excused
        self.attempts = 0
        self.doubts = 0

    @property
    def open(self) -> int:
        """Rows that are not in a final state."""
        return self.counts[PENDING] + self.counts[DEFERRED] + self.counts[TRANSMITTING]


@dataclass(slots=True)
class OpenRow:
    """A row that a sender has on disk as about to be transmitted."""

    group: int
    stamp: int
    opened_at: float


@dataclass(slots=True)
class Holder:
    """The sender of one egress: its epoch, its lease and what it has open. `open`: (job number, row) -> OpenRow."""

    name: str
    epoch: int = 0
    lease_until: float = 0.0
    open: dict[tuple[int, int], OpenRow] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)  # group -> rows without a result


@dataclass(slots=True)
class Memory:
    """Everything; `serial` counts the commits and numbers groups, doubts and history entries."""

    jobs: dict[str, LiveJob] = field(default_factory=dict)
    numbers: dict[int, LiveJob] = field(default_factory=dict)
    senders: dict[str, Holder] = field(default_factory=dict)
    conductor_epoch: int = 0
    serial: int = 0

    def add(self, job: LiveJob) -> None:
        self.jobs[job.record.job] = self.numbers[job.id] = job

    def drop(self, job: LiveJob) -> None:
        self.jobs.pop(job.record.job, None)
        self.numbers.pop(job.id, None)

    def live(self, job: str) -> LiveJob:
        try:
            return self.jobs[job]
        except KeyError:
            raise BrokenPromise(f"{job} is no job with open rows") from None


class Undo:
    """Remembers what a step found, to put it back."""

    def __init__(self, memory: Memory):
        self._memory = memory
        self._serial, self._conductor_epoch = memory.serial, memory.conductor_epoch
        self._jobs: dict[int, tuple[LiveJob, JobRecord, list[int], int, int, int, int]] = {}
        self._senders: dict[str, tuple[Holder, int, float, dict[tuple[int, int], OpenRow], dict[int, int]]] = {}
        self._added: list[LiveJob] = []
        self._dropped: list[LiveJob] = []
        # (cells, where, old values) in the order of the changes; `where` is a row or an array of rows
        self.log: list[tuple[Any, Any, Any]] = []

    def job(self, job: LiveJob) -> LiveJob:
        """Call before the first change of a job."""
        if job.id not in self._jobs:
            kept = (job, job.record, job.counts.copy(), job.swept, job.excused, job.attempts, job.doubts)
            self._jobs[job.id] = kept
        return job

    def sender(self, holder: Holder) -> Holder:
        """Call before the first change of a sender."""
        if holder.name not in self._senders:
            kept = (holder, holder.epoch, holder.lease_until, holder.open.copy(), holder.left.copy())
            self._senders[holder.name] = kept
        return holder

    def set_rows(self, job: LiveJob, rows: NDArray[np.int64] | NDArray[np.bool_], state: int) -> None:
        """Changes many rows of a touched job to one state; `rows` as numbers or as a mask over all."""
        old = job.states[rows]
        self.log.append((job.states, rows, old))
        job.states[rows] = state
        for gone, count in enumerate(np.bincount(old, minlength=STATES).tolist()):
            job.counts[gone] -= count
        job.counts[state] += len(old)

    def add(self, job: LiveJob) -> None:
        self._memory.add(job)
        self._added.append(job)

    def drop(self, job: LiveJob) -> None:
        self._memory.drop(job)
        self._dropped.append(job)

    def back(self) -> None:
        """Puts everything back."""
        for cells, where, old in reversed(self.log):
            cells[where] = old
        for job, record, counts, swept, excused, attempts, doubts in self._jobs.values():
            job.record, job.counts, job.swept, job.excused = record, counts, swept, excused
            job.attempts, job.doubts = attempts, doubts
        for holder, epoch, lease_until, rows, left in self._senders.values():
            holder.epoch, holder.lease_until, holder.open, holder.left = epoch, lease_until, rows, left
        for job in self._dropped:
            self._memory.add(job)
        for job in self._added:
            self._memory.drop(job)
        self._memory.serial, self._memory.conductor_epoch = self._serial, self._conductor_epoch
