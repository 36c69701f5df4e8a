"""One client's socket: feeds the dialogue with bytes and time and does what it wishes. No SMTP is known here.

Replies of a flushing store wait for one flush an event-loop turn, shared by all connections (`Flusher`): when it fails, none of
the waiting replies leaves and the connections close, so that nothing is answered 250 that is not in the store.
"""

import asyncio
import ssl
import time
from typing import Protocol, cast

from sandbox.policy import Receives, Receptionist
from sandbox.protocol import Deliver, Dialogue
from sandbox.store import Counts, Store

IDLE_SECONDS = 300.0  # RFC 5321 section 4.5.3.2.7


class Flusher:
    """Makes the store safe once a turn of the event loop, then lets the waiting connections speak."""

    def __init__(self, loop: asyncio.AbstractEventLoop, store: Store):
        self._loop = loop
        self._store = store
        self._waiting: list[Connection] = []
        self.problem = ""

    def wait_for(self, connection: "Connection") -> None:
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(connection)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            self._store.flush()
        except OSError as error:
            self.problem = f"cannot write the record: {error.strerror}"
            for connection in waiting:
                connection.abort()
            return
        for connection in waiting:
            connection.speak()


class Receiver(Protocol):
    """What a connection needs to know of its server."""

    policy: Receptionist
    counts: Counts
    store: Store
    flusher: Flusher
    deliver: Deliver | None
    tls: ssl.SSLContext | None
    connections: set["Connection"]
    by_source: dict[str, int]


class Connection(asyncio.Protocol):
    """See the module's rules."""

    def __init__(self, server: Receiver, loop: asyncio.AbstractEventLoop):
        self._server = server
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._reception: Receives | None = None
        self._dialogue: Dialogue | None = None
        self._source = ""
        self._held = False
        self._securing: asyncio.Task[None] | None = None
        self._secured = False
        self._early = b""  # what came under TLS before its transport was handed over
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        server = self._server
        self._transport = cast(asyncio.Transport, transport)
        self._source = transport.get_extra_info("peername")[0]
        host = transport.get_extra_info("sockname")[0]
        server.connections.add(self)
        server.counts.connections += 1
        server.counts.open += 1
        mine = server.by_source[self._source] = server.by_source.get(self._source, 0) + 1
        reception = self._reception = server.policy.reception(self._source, host, time.time())
        self._dialogue = Dialogue(
            reception, server.policy.hostname, self._source, server.counts, server.deliver, server.tls is not None
        )
        self._heard_at = self._loop.time()
        self._timer = self._loop.call_later(IDLE_SECONDS, self._idle)
        self._dialogue.greet(time.time(), bool(reception.connections) and mine > reception.connections)
        self._follow()

    def data_received(self, data: bytes) -> None:
        assert self._dialogue is not None
        if self._dialogue.closing:
            return
        if self._securing is not None and not self._secured:
            self._early += data
            return
        self._heard_at = self._loop.time()
        self._dialogue.receive(data, time.time())
        self._follow()

    def connection_lost(self, exc: Exception | None) -> None:
        server = self._server
        if self not in server.connections:
            return
        server.connections.discard(self)
        server.counts.open -= 1
        server.by_source[self._source] -= 1
        if not server.by_source[self._source]:
            del server.by_source[self._source]
        if self._timer is not None:
            self._timer.cancel()
        if self._reception is not None:
            self._reception.closed()
        self._transport = None

    def abort(self) -> None:
        """Ends the connection without another word."""
        if self._transport is not None:
            self._transport.abort()

    def _follow(self) -> None:
        if self._server.store.flushes:
            if not self._held:
                self._held = True
                self._server.flusher.wait_for(self)
        else:
            self.speak()

    def speak(self) -> None:
        """Sends the replies and does what the dialogue wishes."""
        self._held = False
        dialogue, transport = self._dialogue, self._transport
        if dialogue is None or transport is None or transport.is_closing():
            return
        if dialogue.out:
            transport.write(b"".join(dialogue.out))
            dialogue.out.clear()
        if dialogue.closing:
            transport.close()
        elif dialogue.starttls:
            if self._securing is None:
                transport.pause_reading()  # the next octets are TLS, not the dialogue's
                self._securing = self._loop.create_task(self._secure(transport))
        elif dialogue.wait:
            transport.pause_reading()
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(dialogue.wait, self._resume)

    def _resume(self) -> None:
        if self._dialogue is None or self._transport is None:
            return
        self._heard_at = self._loop.time()
        self._timer = self._loop.call_later(IDLE_SECONDS, self._idle)
        self._transport.resume_reading()
        self._dialogue.resume(time.time())
        self._follow()

    async def _secure(self, transport: asyncio.Transport) -> None:
        assert self._server.tls is not None
        assert self._dialogue is not None
        if self._reception is not None and self._reception.breaks_tls:
            transport.abort()
            return
        self._dialogue.secured()
        try:
            secure = await self._loop.start_tls(transport, self, self._server.tls, server_side=True)
        except (OSError, ssl.SSLError):
            transport.abort()
            return
        self._transport, self._secured = secure, True
        if self._early:
            early, self._early = self._early, b""
            self.data_received(early)

    def _idle(self) -> None:
        spare = self._heard_at + IDLE_SECONDS - self._loop.time()
        if spare > 0:
            self._timer = self._loop.call_later(spare, self._idle)
        else:
            self.abort()
