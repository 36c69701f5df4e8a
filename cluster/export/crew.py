"""The workers of a run, seen from the command: hands out tasks, grants places in row order, gives the results in row order.

A block's place is granted when the lengths of all blocks before it are known, so the file grows in row order while the workers
write side by side. Each worker has TASKS tasks at most, so what is held in memory does not grow with the list. A worker that
ends by itself ends the run.
"""

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import MappingProxyType
from typing import Any

from actors.model.errors import Unavailable
from cluster.export.worker import Done, Failed, Grant, Order, Ready, Task, work

TASK_ROWS = 4_096  # a few blocks: a worker has work while its news travel
TASKS = 2  # a worker: one under way, one waiting
END_SECONDS = 5.0  # a worker ends within the block that it writes
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "ARROW_NUM_THREADS")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def tasks(rows: range, segment_rows: int, task_rows: int = TASK_ROWS) -> Iterator[Task]:
    """These rows in order, cut into tasks that each lie in one segment."""
    first = rows.start
    while first < rows.stop:
        segment = first // segment_rows
        stop = min(first + task_rows, (segment + 1) * segment_rows, rows.stop)
        yield Task(segment, first, stop)
        first = stop


@dataclass(slots=True)
class _Hand:
    """One worker: its process, and the blocks that it is ready to write."""

    process: BaseProcess
    connection: Connection
    open_rows: deque[int] = field(default_factory=deque)  # ends of its tasks


class Crew:
    """`with Crew(order, workers) as crew`: for done in crew.run(tasks). The workers end with the block.
    `environment`: what theirs has besides the command's."""

    def __init__(self, order: Order, workers: int, environment: Mapping[str, str] = MappingProxyType({})):
        self._order, self._count, self._environment = order, workers, environment
        self._hands: list[_Hand] = []

    def __enter__(self) -> "Crew":
        context = multiprocessing.get_context("spawn")
        with _quiet_children(self._environment):
            for number in range(self._count):
                ours, theirs = context.Pipe()
                process = context.Process(target=work, args=(theirs, self._order), name=f"render-{number}", daemon=True)
                process.start()
                theirs.close()
                self._hands.append(_Hand(process, ours))
        return self

    def __exit__(self, *_: object) -> None:
        for hand in self._hands:
            hand.connection.close()
        for hand in self._hands:
            hand.process.join(END_SECONDS)
            if hand.process.is_alive():
                hand.process.kill()
                hand.process.join()

    def run(self, todo: Iterator[Task], first: int) -> Iterator[Done]:
        """The blocks of all tasks in row order, from row `first`. Unavailable: a worker died, or a full disk."""
        ready: dict[int, tuple[_Hand, Ready]] = {}
        done: dict[int, Done] = {}
        granted = told = first
        at = 0
        for hand in self._hands * TASKS:
            self._task(hand, todo)
        by_connection: dict[Any, _Hand] = {hand.connection: hand for hand in self._hands}
        while any(hand.open_rows for hand in self._hands):
            for connection in wait(list(by_connection)):
                hand = by_connection[connection]
                message = self._receive(hand)
                if isinstance(message, Ready):
                    ready[message.first] = hand, message
                else:
                    done[message.first] = message
                    if message.stop == hand.open_rows[0]:
                        hand.open_rows.popleft()
                        self._task(hand, todo)
            while granted in ready:
                hand, block = ready.pop(granted)
                self._send(hand, Grant(at))
                granted, at = block.stop, at + block.length
            while told in done:
                yield (block_done := done.pop(told))
                told = block_done.stop

    def _task(self, hand: _Hand, todo: Iterator[Task]) -> None:
        task = next(todo, None)
        if task is not None:
            hand.open_rows.append(task.stop)
            self._send(hand, task)

    def _send(self, hand: _Hand, message: Task | Grant) -> None:
        try:
            hand.connection.send(message)
        except OSError:  # it is gone; it may have told why
            self._receive(hand)

    def _receive(self, hand: _Hand) -> Ready | Done:
        try:
            message = hand.connection.recv()
        except (EOFError, OSError):
            hand.process.join(END_SECONDS)
            raise _died(hand.process.exitcode) from None
        if isinstance(message, Failed):
            raise message.error
        assert isinstance(message, (Ready, Done))
        return message


def _died(code: int | None) -> Unavailable:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return Unavailable("a rendering process", f"it was ended by {name}; if memory ran out, try fewer --cores")
    return Unavailable("a rendering process", f"it ended by itself (exit code {code})")


@contextlib.contextmanager
def _quiet_children(more: Mapping[str, str]) -> Iterator[None]:
    """Processes started inside see no Ctrl-C, which is meant for the command, compute with one thread each, and have `more`
    in their environment."""
    environment = {**dict.fromkeys(ONE_THREAD, "1"), **more}
    kept = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    resource_tracker.ensure_running()  # its start would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
