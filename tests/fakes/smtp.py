"""A scripted SMTP server on loopback: strict about what it gets, obedient in what it answers. Records messages and commands.

`Script` says what to offer and how to answer; a hook gets (session, verb, line) and gives reply bytes, DROP, SILENT, or None
for the usual answer. Replies can be cut into small pieces. With `tls` it offers STARTTLS.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

DROP = b"\x00drop"  # closes the connection without a word
SILENT = b"\x00silent"  # never answers this command

VERBS = {"EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT", "NOOP", "STARTTLS", "AUTH"}


@dataclass
class Received:
    """One message that was accepted."""

    sender: str
    recipient: str
    data: bytes
    mail_params: str
    peer: str
    tls: bool
    rcpt_params: str = ""


@dataclass
class Script:
    """How the server behaves."""

    greeting: bytes = b"220 fake.test ESMTP\r\n"
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SIZE 50000000", "SMTPUTF8", "ENHANCEDSTATUSCODES")
    hook: Callable[["Session", str, str], bytes | None] | None = None
    piece: int = 0  # octets written at once, 0 = all
    tls: ssl.SSLContext | None = None
    lax_data: bool = False  # answers 354 even when no recipient was taken
    after_data: Callable[["Session", bytes], bytes | None] | None = None
    read_pause: float = 0.0  # seconds before each read: a receiver that drains slowly
    users: dict[str, str] = field(default_factory=dict)


class Session:
    """One connection."""

    def __init__(self, server: "FakeSmtp", reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.server, self.reader, self.writer = server, reader, writer
        self.peer = writer.get_extra_info("peername")[0]
        self.sender: str | None = None
        self.params = self.rcpt_params = ""
        self.recipient: str | None = None
        self.chunks = b""
        self.tls = False
        self.accepted = 0
        self.commands: list[str] = []

    async def serve(self) -> None:
        script = self.server.script
        if not await self.say(script.greeting):
            return
        while True:
            if script.read_pause:
                await asyncio.sleep(script.read_pause)
            line = await self.reader.readline()
            if not line:
                return
            text = line.decode("utf-8", "replace")
            if not text.endswith("\r\n"):
                self.server.unplanned.append(text)
            text = text.rstrip("\r\n")
            self.commands.append(text)
            self.server.commands.append(text)
            verb = text.split(" ", 1)[0].split(":", 1)[0].upper()
            if verb not in VERBS:
                self.server.unplanned.append(text)
            payload = await self._payload(verb, text)
            scripted = script.hook(self, verb, text) if script.hook else None
            reply = scripted if scripted is not None else self._answer(verb, text, payload)
            if scripted is not None and verb == "RSET":
                self._clear()
            if not await self.say(reply):
                return
            if verb == "QUIT":
                return
            if verb == "DATA" and reply.startswith(b"354") and not await self._read_data():
                return
            if verb == "STARTTLS" and reply.startswith(b"220") and script.tls:
                await self._start_tls(script.tls)
            if verb == "AUTH" and reply.startswith(b"334") and not await self._auth():
                return

    async def _payload(self, verb: str, text: str) -> bytes:
        return await self.reader.readexactly(int(text.split()[1])) if verb == "BDAT" else b""

    def _answer(self, verb: str, text: str, payload: bytes) -> bytes:
        script = self.server.script
        if verb in ("EHLO", "HELO"):
            offers = [*script.extensions]
            if script.tls and not self.tls:
                offers.append("STARTTLS")
            if script.users and self.tls:
                offers.append("AUTH PLAIN")
            lines = ["fake.test", *offers]
            return b"".join(f"250{'-' if n < len(lines) - 1 else ' '}{o}\r\n".encode() for n, o in enumerate(lines))
        if verb == "MAIL":
            if self.sender is not None:
                return b"503 5.5.1 nested MAIL\r\n"
            path, _, self.params = text[len("MAIL FROM:<") :].partition(">")
            self.sender = path
            return b"250 2.1.0 sender ok\r\n"
        if verb == "RCPT":
            if self.sender is None:
                return b"503 5.5.1 need MAIL\r\n"
            self.recipient, _, self.rcpt_params = text[len("RCPT TO:<") :].partition(">")
            return b"250 2.1.5 recipient ok\r\n"
        if verb == "DATA":
            return b"354 go on\r\n" if self.recipient is not None or script.lax_data else b"503 5.5.1 need RCPT\r\n"
        if verb == "BDAT":
            return self._take(payload) if self.recipient is not None else b"503 5.5.1 need RCPT\r\n"
        if verb == "AUTH":
            return self._plain(text.split()[2]) if len(text.split()) > 2 else b"334 \r\n"
        if verb == "STARTTLS":
            return b"220 go on\r\n"
        if verb == "RSET":
            self._clear()
        return b"221 bye\r\n" if verb == "QUIT" else b"250 2.0.0 ok\r\n"

    def _clear(self) -> None:
        self.sender = self.recipient = None

    async def _read_data(self) -> bool:
        lines: list[bytes] = []
        while True:
            line = await self.reader.readline()
            if not line:
                self.server.torn += 1
                return False
            if line == b".\r\n":
                break
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        data = b"".join(lines)
        if self.recipient is None:  # 354 after all RCPT were refused
            self.server.empty += 1
            self._clear()
            assert not data, "a message came for nobody"
            return await self.say(b"554 5.5.1 no valid recipients\r\n")
        return await self.say(self._take(data))

    def _take(self, data: bytes) -> bytes:
        script = self.server.script
        reply = script.after_data(self, data) if script.after_data else None
        if reply is None or reply.startswith(b"250") or reply in (DROP + b"+", SILENT + b"+"):
            self.server.received.append(
                Received(self.sender or "", self.recipient or "", data, self.params, self.peer, self.tls, self.rcpt_params)
            )
            self.accepted += 1
        self._clear()
        if reply is not None:
            return reply.removesuffix(b"+") if reply[:1] == b"\x00" else reply
        return b"250 2.0.0 taken as %d\r\n" % len(self.server.received)

    def _plain(self, response: str) -> bytes:
        import base64

        _, user, password = base64.b64decode(response).decode().split("\0")
        self.server.logins.append((user, self.tls))
        return b"235 2.7.0 welcome\r\n" if self.server.script.users.get(user) == password else b"535 5.7.8 no\r\n"

    async def _auth(self) -> bool:
        line = await self.reader.readline()
        return await self.say(self._plain(line.decode().strip()))

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        await self.writer.start_tls(context)
        self.tls = True
        self._clear()

    async def say(self, reply: bytes) -> bool:
        """False: the connection is to be closed."""
        if reply.startswith(b"\x00"):
            if reply == SILENT:
                await self.reader.read()
            return False
        piece = self.server.script.piece or len(reply)
        for at in range(0, len(reply), piece):
            self.writer.write(reply[at : at + piece])
            await self.writer.drain()
            if self.server.script.piece:
                await asyncio.sleep(0)
        return not reply.startswith(b"421")


class FakeSmtp:
    """`async with FakeSmtp(script) as server`: listens on a loopback port until the block ends."""

    def __init__(self, script: Script | None = None, address: str = "127.0.0.1"):
        self.script = script or Script()
        self.address = address
        self.received: list[Received] = []
        self.commands: list[str] = []
        self.unplanned: list[str] = []
        self.sessions: list[Session] = []
        self.logins: list[tuple[str, bool]] = []
        self.torn = 0  # connections that ended within a message
        self.empty = 0  # lone dots
        self.port = 0
        self.failures: list[BaseException] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def recipients(self) -> list[str]:
        return [r.recipient for r in self.received]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        self.sessions.append(session)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await session.serve()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass
        except Exception as error:
            self.failures.append(error)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def __aenter__(self) -> "FakeSmtp":
        self._server = await asyncio.start_server(self._connected, self.address, 0, limit=2**22, backlog=1000)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))
        await asyncio.sleep(0)
        assert not self.failures, self.failures
