"""Memory and store kept in step: every write is one transaction over both, every read sees only what is committed.

All methods run in the ledger's one thread. A write that fails has changed neither memory nor store. When the end of a commit
is not known (the connection broke, the disk failed), the commit number on disk tells before anything else is done: if it is
ours, memory is right, else memory is rebuilt.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import sqlalchemy as sa

from actors.ledger import rebuild
from actors.ledger.advance import Step, advance
from actors.ledger.memory import LiveJob, Memory, Undo
from actors.ledger.store import Store
from actors.ledger.writes import Statements, Writer
from actors.model.delivery import Advanced
from actors.model.errors import BrokenPromise, HongyanError, Unavailable
from actors.model.ports import Clock
from actors.model.states import ENDED_JOB_STATES

log = logging.getLogger(__name__)
T = TypeVar("T")

# Whoever could not write tries again within some three seconds: a failure older than this is over.
TROUBLE_SECONDS = 5.0


class Book:
    """What the ledger knows, and how it is changed."""

    def __init__(self, store: Store, clock: Clock):
        self.store, self._clock = store, clock
        self._statements = Statements(store)
        self._memory: Memory | None = None
        self._in_step = False
        self._failed = ("", 0.0)  # why a write could not be made, and when

    def trouble(self) -> str:
        """Why nothing can be written now; empty if it can, as far as is known."""
        why, at = self._failed
        return why if 0 <= self._clock() - at < TROUBLE_SECONDS else ""

    @property
    def memory(self) -> Memory:
        """Loaded, and in step with the store."""
        if self._memory is None:
            with self.store.transaction() as connection:
                self._memory = rebuild.load(connection)
            log.info("ledger: loaded %d jobs", len(self._memory.jobs))
        elif not self._in_step:
            with self.store.transaction() as connection:
                on_disk = rebuild.meta(connection, "serial")
            if on_disk != self._memory.serial:
                self._memory = None
                return self.memory
        self._in_step = True
        return self._memory

    def read(self, work: Callable[[Memory, sa.Connection], T]) -> T:
        memory = self.memory
        try:
            with self.store.transaction() as connection:
                return work(memory, connection)
        except Unavailable:
            self._in_step = False
            raise

    def write(self, work: Callable[[Memory, Undo, Writer], T]) -> T:
        """One transaction; durable when it returns."""
        memory = self.memory
        undo = Undo(memory)
        try:
            with self.store.transaction() as connection:
                writer = Writer(self._statements, connection)
                result = work(memory, undo, writer)
                writer.flush()
                self._seal(memory, writer)
                return result
        except BaseException as error:
            undo.back()
            self._in_step = isinstance(error, HongyanError) and not isinstance(error, Unavailable)
            self._note(error)
            raise

    def advance(self, steps: Sequence[Step]) -> list[Advanced | HongyanError]:
        """All steps in one transaction; a step that is refused fails alone, a store that fails fails all."""
        memory = self.memory
        undone: list[Undo] = []
        try:
            with self.store.transaction() as connection:
                writer = Writer(self._statements, connection)
                now = self._clock()
                answers = [self._step(memory, undone, writer, step, now) for step in steps]
                self._seal(memory, writer)
                return answers
        except BaseException as error:
            for undo in reversed(undone):
                undo.back()
            self._in_step = False
            self._note(error)
            if isinstance(error, BrokenPromise) and len(steps) > 1:
                # The store refused values of one of them: the others must not suffer for it.
                return [self.advance([step])[0] for step in steps]
            if isinstance(error, HongyanError):
                return [error for _ in steps]
            raise

    def _note(self, error: BaseException) -> None:
        if isinstance(error, Unavailable):
            self._failed = (error.why, self._clock())

    def _step(self, memory: Memory, undone: list[Undo], writer: Writer, step: Step, now: float) -> Advanced | HongyanError:
        undo = Undo(memory)
        try:
            answer, touched = advance(memory, undo, writer, step, now)
        except (HongyanError, TypeError, ValueError, OverflowError, AttributeError) as refusal:
            undo.back()
            writer.forget()
            if isinstance(refusal, HongyanError):
                return refusal
            log.exception("ledger: a step of %s is malformed", step.egress)
            return BrokenPromise(f"a step of {step.egress} is malformed: {type(refusal).__name__}")
        undone.append(undo)
        writer.flush()
        settle_ended(memory, undo, writer, touched)
        return answer

    @staticmethod
    def _seal(memory: Memory, writer: Writer) -> None:
        """Numbers the commit."""
        memory.serial += 1
        writer.serial(memory.serial)


def settle_ended(memory: Memory, undo: Undo, writer: Writer, names: set[str]) -> None:
    """Closes the account of jobs that have ended and have no row left open."""
    for name in names:
        job = memory.jobs.get(name)
        if job is not None and is_settled(job):
            writer.end(job)
            undo.drop(job)


def is_settled(job: LiveJob) -> bool:
    return job.record.state in ENDED_JOB_STATES and job.open == 0
