"""Discrete events in simulated time: what was asked for last at the same time happens last."""

import heapq
from collections.abc import Callable
from typing import Any

EPOCH = 20_834 * 86_400.0  # midnight UTC, so that the days of worlds and of the reputation code begin together


class Engine:
    """A queue of calls. `now` is in seconds from the start; `clock` gives seconds since the epoch, as the real parts want."""

    def __init__(self) -> None:
        self.now = 0.0
        self._queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def clock(self) -> float:
        return EPOCH + self.now

    def at(self, time: float, call: Callable[..., None], *args: Any) -> None:
        """Calls back at a time; one that is over counts as now."""
        self._count += 1
        heapq.heappush(self._queue, (max(time, self.now), self._count, call, args))

    def run(self, until: float) -> None:
        """All that happens up to and with `until`."""
        queue = self._queue
        while queue and queue[0][0] <= until:
            self.now, _, call, args = heapq.heappop(queue)
            call(*args)
        self.now = until
