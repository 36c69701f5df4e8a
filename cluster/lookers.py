"""Renderers in processes of their own, for a look at a long list: one a core.

Each compiles the job for itself; only sums come back.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from actors.model.errors import Unavailable
from cluster import names
from cluster.build import Parts, build
from cluster.config import Config

WORTH_ROWS = 20_000  # below it the list is looked at before the processes have started


class Pool:
    """A renderer's `look`, by whichever process is free."""

    def __init__(self, executor: ProcessPoolExecutor):
        self._executor = executor

    async def look(self, *arguments: Any) -> Any:
        """The renderer's own method. Unavailable when a process has ended by itself (no memory left, say)."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, _look, *arguments)
        except BrokenProcessPool as error:
            raise Unavailable("look", "one of its processes has ended") from error


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def pool(config: Config, workers: int) -> Iterator[Pool]:
    """The processes end with the block."""
    executor = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (config,))
    try:
        yield Pool(executor)
    finally:
        executor.shutdown(cancel_futures=True)


_renderer: Any = None  # of this process


def _begin(config: Config) -> None:
    global _renderer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command hears it and ends the pool

    def nobody(name: str) -> Any:
        raise LookupError(name)

    _renderer = build(Parts(config, nobody), names.renderer(0))


def _look(*arguments: Any) -> Any:
    return _renderer.look(*arguments)
