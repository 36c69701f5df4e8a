"""A receiver that listens: sockets, TLS and the event loop around policy, dialogue and store.

    async with Sandbox(script, Record("out.jsonl")) as sandbox:
        ... deliver to sandbox.host, sandbox.port ...
        sandbox.counts, sandbox.messages

Only loopback addresses are listened on: a receiver that takes mail for every domain is no thing to show to a network.
"""

import asyncio
import datetime
import ipaddress
import random
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sandbox.certificate import Certificate, make_certificate
from sandbox.connection import Connection, Flusher
from sandbox.policy import Policy, Receptionist, Script
from sandbox.protocol import Deliver
from sandbox.script import load_script, parse_script
from sandbox.signatures import Verifier
from sandbox.store import Counts, Memory, Nothing, Received, Store
from sandbox.world.smtp import WorldPolicy
from sandbox.world.spec import WorldSpec

BACKLOG = 1024


class Sandbox:
    """One process's receiver.

    script: a `Script`, its YAML values, the path of its file, or None (accepts everything).
    mode: "keep" (messages in memory, for tests), "counts", or a store: `Maildir(folder)`, `Record(path)`.
    listen: loopback addresses and ports; port 0 takes a free one; `host` and `port` are the first. `shared` lets other
    processes listen on the same ports; `certificate` None makes one at the start; `verifier` checks
    DKIM signatures of a share of the messages. `world`: the sites of a world instead of a script; `listen` must then be
    addresses of its hosts (`world.smtp.places`).
    """

    def __init__(
        self,
        script: Script | Mapping[str, Any] | str | Path | None = None,
        mode: str | Store = "keep",
        *,
        listen: Sequence[tuple[str, int]] = (("127.0.0.1", 0),),
        shared: bool = False,
        certificate: Certificate | None = None,
        verifier: Verifier | None = None,
        world: WorldSpec | None = None,
    ):
        self.script = Script(hostname=world.hostname) if world else _script(script)
        self.listening = list(listen)
        self.counts = Counts()
        self.store = _store(mode)
        self.policy: Receptionist = (
            WorldPolicy(world, time.time()) if world else Policy(self.script, random.Random(self.script.seed).random)
        )
        self.certificate = certificate
        self.tls: ssl.SSLContext | None = None
        self.connections: set[Connection] = set()
        self.by_source: dict[str, int] = {}
        self._shared = shared
        self._verifier = verifier
        self.deliver: Deliver | None = self._deliver if self.store.wants_data or verifier else None
        self._servers: list[asyncio.Server] = []
        self.flusher: Flusher

    @property
    def messages(self) -> list[Received]:
        """What was accepted so far, in mode "keep"."""
        if not isinstance(self.store, Memory):
            raise TypeError('messages are kept in mode "keep" only')
        return self.store.messages

    async def __aenter__(self) -> Self:
        if not all(ipaddress.ip_address(host).is_loopback for host, _ in self.listening):
            raise ValueError("the sandbox listens on loopback addresses only")
        loop = asyncio.get_running_loop()
        if self.script.features.starttls:
            if self.certificate is None:
                now = datetime.datetime.now(datetime.UTC)
                self.certificate = make_certificate(self.script.hostname, tuple({h: None for h, _ in self.listening}), now)
            self.tls = self.certificate.server_context()
        self.flusher = Flusher(loop, self.store)
        try:
            for i, (host, port) in enumerate(self.listening):
                listener = open_listener(host, port, self._shared)
                self.listening[i] = (host, listener.getsockname()[1])
                server = await loop.create_server(lambda: Connection(self, loop), sock=listener, backlog=BACKLOG)
                self._servers.append(server)
        except OSError:
            await self.stop()
            raise
        return self

    @property
    def host(self) -> str:
        return self.listening[0][0]

    @property
    def port(self) -> int:
        return self.listening[0][1]

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Ends all connections at once and closes the store."""
        for server in self._servers:
            server.close()
        for connection in list(self.connections):
            connection.abort()
        while self.connections:
            await asyncio.sleep(0)
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        self.store.flush()
        self.store.close()

    def _deliver(self, message: Received) -> None:
        self.store.add(message)
        if self._verifier is not None:
            good = self._verifier.check(message.data)
            self.counts.signed_good += good is True
            self.counts.signed_bad += good is False


def open_listener(host: str, port: int, shared: bool) -> socket.socket:
    """A bound socket. Port 0 takes a free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _script(given: Script | Mapping[str, Any] | str | Path | None) -> Script:
    if isinstance(given, Script):
        return given
    return load_script(given) if isinstance(given, str | Path) else parse_script(given)


def _store(mode: str | Store) -> Store:
    if not isinstance(mode, str):
        return mode
    if mode not in ("keep", "counts"):
        raise ValueError('mode is "keep", "counts" or a store')
    return Memory() if mode == "keep" else Nothing()
