"""A relay between sender and receiver that makes one of them fall silent: what real servers do then is seen as it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Relay:
    """Passes everything on. On its first connection the client falls silent before `hold`: what it says is kept until the
    server hangs up, or the relay in its place after `patience` seconds. Or the server falls silent after `mute`: what it says
    is kept, and the client hung up on."""

    host: str
    upstream: int
    hold: bytes = b""
    mute: bytes = b""
    patience: float = 0.0
    port: int = 0
    connections: int = 0
    open: int = 0
    last_words: bytes = b""  # of the server on the first connection, from when one of the two fell silent
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _clients: set[asyncio.StreamWriter] = field(default_factory=set)

    def hang_up(self) -> None:
        """On all that are connected now, without a word."""
        for client in self._clients:
            client.transport.abort()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        self._clients.add(writer)
        first = self.connections == 1
        quiet = asyncio.Event()
        try:
            theirs, ours = await asyncio.open_connection(self.host, self.upstream)
            said = asyncio.create_task(self._pass_on(reader, ours, first, quiet))
            with suppress(ConnectionError):
                while data := await theirs.read(65_536):
                    if quiet.is_set():
                        self.last_words += data
                        if self.mute:
                            break
                    writer.write(data)
            said.cancel()
            with suppress(OSError):
                await writer.drain()
            writer.close()
            ours.close()
        finally:
            self.open -= 1
            self._clients.discard(writer)
            self._tasks.discard(task)

    async def _pass_on(
        self, reader: asyncio.StreamReader, ours: asyncio.StreamWriter, first: bool, quiet: asyncio.Event
    ) -> None:
        """The client's bytes, as far as they may go."""
        seen, passed = b"", 0
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                seen += data
                silent = (self.hold or self.mute) if first else b""
                at = seen.find(silent) if silent else -1
                until = len(seen) if at < 0 else at if self.hold else at + len(silent)
                if at >= 0:
                    quiet.set()
                    if self.patience:
                        asyncio.get_running_loop().call_later(self.patience, self.hang_up)
                ours.write(seen[passed : max(passed, until)])
                passed = max(passed, until)
            ours.close()
