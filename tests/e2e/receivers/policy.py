"""A greylisting policy service for Postfix (its SMTPD_POLICY_README), in the test's own process."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

GREYLISTED = "DEFER_IF_PERMIT 4.2.0 Greylisted, see http://postgrey.schweikert.ch/help/to.test.html"  # postgrey's words


@dataclass
class Greylist:
    """Puts each (client, sender, recipient) off until `delay` seconds after its first try."""

    delay: float
    port: int = 0
    put_off: int = 0
    passed: int = 0
    seen: dict[tuple[str, str, str], float] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def judge(self, asked: dict[str, str], now: float) -> str:
        key = (asked["client_address"], asked["sender"], asked["recipient"])
        first = self.seen.setdefault(key, now)
        if now - first < self.delay:
            self.put_off += 1
            return GREYLISTED
        self.passed += 1
        return "DUNNO"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        asked: dict[str, str] = {}
        try:
            while line := await reader.readline():
                name, is_pair, value = line.decode().rstrip("\n").partition("=")
                if is_pair:
                    asked[name] = value
                else:
                    writer.write(f"action={self.judge(asked, time.monotonic())}\n\n".encode())
                    asked = {}
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
