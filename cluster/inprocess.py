"""The whole system in one process, without Ray: the same classes on one event loop.

`hongyan preview`, `check`, `render` and most tests use it. CPU work (render, intake) runs in threads, so that the loop
stays awake.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from actors.intake.ids import new_job_id
from cluster import names
from cluster.build import Parts, build
from cluster.config import Config


class Threaded:
    """Makes the plain methods of an object awaitable, each call in a thread."""

    def __init__(self, inner: object):
        self._inner = inner

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_"):
            raise AttributeError(method)
        function = getattr(self._inner, method)
        if asyncio.iscoroutinefunction(function):
            return function

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(function, *args, **kwargs)

        return call


class Local:
    """The ports of a system in this process, by actor name; each is made when first asked for."""

    def __init__(
        self,
        config: Config,
        clock: Callable[[], float] | None = None,
        new_id: Callable[[float, str], str] = new_job_id,
    ):
        self.parts = Parts(config, self.port, clock, new_id)
        self._made: dict[str, Any] = {}

    def port(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _Later(lambda: build(self.parts, name))
        return self._made[name]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Local"]:
        """Runs conductor and senders until the block ends, then drains."""
        config = self.parts.config
        senders = [self.port(names.sender(e.address)) for e in config.egresses]
        loops = [self.port(names.CONDUCTOR), *senders]
        tasks = [asyncio.create_task(loop.run()) for loop in loops]
        try:
            yield self
        finally:
            await asyncio.gather(*(s.drain() for s in senders))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.port(names.REPUTATION).close()
            await self.port(names.LEDGER).close()


class _Later:
    """A port whose object is made at its first call, so that roles may refer to each other in any order."""

    def __init__(self, make: Callable[[], Any]):
        self._make = make
        self._target: Any = None

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_"):
            raise AttributeError(method)
        if self._target is None:
            self._target = Threaded(self._make())
        return getattr(self._target, method)
