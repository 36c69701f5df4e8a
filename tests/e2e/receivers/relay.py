"""A relay between sender and receiver that makes one of them fall silent: what real servers do then is seen as it is."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from tests.e2e.receivers.serving import Server


@dataclass
class Relay(Server):
    """Passes everything on. On its first connection the client falls silent before `hold`: what it says is kept until the
    server hangs up, or the relay in its place after `patience` seconds. Or the server falls silent after `mute`: what it says
    is kept, and the client hung up on."""

    host: str
    upstream: int
    hold: bytes = b""
    mute: bytes = b""
    patience: float = 0.0
    connections: int = 0
    open: int = 0
    last_words: bytes = b""  # of the server on the first connection, from when one of the two fell silent
    _clients: set[asyncio.StreamWriter] = field(default_factory=set)

    def hang_up(self) -> None:
        """On all that are connected now, without a word."""
        for client in self._clients:
            client.transport.abort()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
            ours.close()
        finally:
            self.open -= 1
            self._clients.discard(writer)

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
                if at >= 0 and not quiet.is_set():
                    quiet.set()
                    if self.patience:
                        asyncio.get_running_loop().call_later(self.patience, self.hang_up)
                ours.write(seen[passed : max(passed, until)])
                passed = max(passed, until)
            ours.close()
