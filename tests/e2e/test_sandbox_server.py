"""The sandbox on real sockets: Python's smtplib against it, TLS, limits, drops, and what it says it saw."""

import asyncio
import inspect
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from sandbox import Sandbox

BODY = b"Subject: x\r\nMessage-ID: <1@from.test>\r\n\r\n.dot\r\ntext\r\n"


async def client(sandbox: Sandbox, work: Callable[[smtplib.SMTP], Any], source: str = "127.0.0.1") -> Any:
    def run() -> Any:
        with smtplib.SMTP(sandbox.host, sandbox.port, "client.test", 10, (source, 0)) as smtp:
            return work(smtp)

    return await asyncio.to_thread(run)


def connect(sandbox: Sandbox) -> tuple[socket.socket, bytes]:
    """A raw connection and its greeting."""
    raw = socket.create_connection((sandbox.host, sandbox.port), 10)
    return raw, raw.recv(4096)


def read_all(raw: socket.socket) -> bytes:
    found = b""
    while part := raw.recv(4096):
        found += part
    return found


def on_both_loops(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs an async test on asyncio's own loop and on uvloop, which behaves otherwise around TLS and closing."""

    def run(loop_factory: Callable[[], asyncio.AbstractEventLoop], **arguments: Any) -> None:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(test(**arguments))

    own = [inspect.Parameter("loop_factory", inspect.Parameter.KEYWORD_ONLY)]
    run.__signature__ = inspect.Signature([*inspect.signature(test).parameters.values(), *own])  # type: ignore[attr-defined]
    run.__name__ = test.__name__
    factories = [asyncio.new_event_loop, uvloop.new_event_loop]
    marked = pytest.mark.parametrize("loop_factory", factories, ids=["asyncio", "uvloop"])(run)
    marked.pytestmark += getattr(test, "pytestmark", [])
    return marked


@on_both_loops
async def test_messages_arrive_in_the_clear_and_under_tls() -> None:
    async with Sandbox() as sandbox:
        assert sandbox.certificate is not None
        authority = sandbox.certificate.authority.decode()

        def work(smtp: smtplib.SMTP) -> None:
            assert smtp.sendmail("a@from.test", ["b@to.test", "c@to.test"], BODY) == {}
            smtp.starttls(context=ssl.create_default_context(cadata=authority))
            assert smtp.sendmail("a@from.test", ["d@to.test"], BODY + b"x" * 70 * 14_000 + b"\r\n") == {}

        await client(sandbox, work, "127.0.0.5")
        first, second = sandbox.messages
    assert (first.data, first.recipients, first.source, first.tls) == (BODY, ("b@to.test", "c@to.test"), "127.0.0.5", False)
    assert (len(second.data), second.tls) == (len(BODY) + 980_002, True)
    assert sandbox.counts.domains == {"to.test": [3, 0, 0]}
    assert (sandbox.counts.connections, sandbox.counts.tls, sandbox.counts.open) == (1, 1, 0)


@on_both_loops
async def test_s6_plaintext_in_the_packet_of_starttls_is_never_obeyed() -> None:
    async with Sandbox() as sandbox:

        def work() -> bytes:
            raw, _ = connect(sandbox)
            with raw:
                raw.sendall(b"EHLO x\r\nSTARTTLS\r\nMAIL FROM:<evil@from.test>\r\nRCPT TO:<b@to.test>\r\nDATA\r\nx\r\n.\r\n")
                return read_all(raw)

        said = await asyncio.to_thread(work)
    assert said.endswith(b"503 5.5.0 nothing may follow STARTTLS\r\n")
    assert sandbox.messages == []


@on_both_loops
async def test_refusals_reach_the_client() -> None:
    rules = [
        {"recipient": "unknown*", "reply": "550 5.1.1 no such user"},
        {"domain": "slow.test", "at": "dot", "delay": 0.2},
        {"domain": "full.test", "at": "dot", "reply": "452 4.2.2 full"},
    ]
    async with Sandbox({"rules": rules}) as sandbox:

        def work(smtp: smtplib.SMTP) -> float:
            assert smtp.sendmail("a@from.test", ["unknown@to.test", "b@to.test"], BODY) == {
                "unknown@to.test": (550, b"5.1.1 no such user")
            }
            with pytest.raises(smtplib.SMTPDataError) as caught:
                smtp.sendmail("a@from.test", ["b@full.test"], BODY)
            assert caught.value.smtp_code == 452
            began = time.monotonic()
            smtp.sendmail("a@from.test", ["b@slow.test"], BODY)
            return time.monotonic() - began

        assert await client(sandbox, work) >= 0.2
    assert (sandbox.counts.refused, sandbox.counts.deferred, len(sandbox.messages)) == (1, 1, 2)
    assert sandbox.counts.domains == {"to.test": [1, 0, 1], "full.test": [0, 1, 0], "slow.test": [1, 0, 0]}


@on_both_loops
@pytest.mark.parametrize(("stage", "kept"), [("connect", 0), ("rcpt", 0), ("body", 0), ("dot", 0), ("dot", 1)])
async def test_connections_drop(stage: str, kept: int) -> None:
    rule = {"at": stage, "drop": True, **({"keep": True} if kept else {})}
    async with Sandbox({"rules": [rule]}) as sandbox:
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            await client(sandbox, lambda smtp: smtp.sendmail("a@from.test", ["b@to.test"], BODY))
        assert (sandbox.counts.dropped, len(sandbox.messages)) == (1, kept)


@on_both_loops
async def test_connections_per_source_are_limited() -> None:
    async with Sandbox({"rules": [{"source": "127.0.0.1", "connections": 2}]}) as sandbox:

        def work() -> list[bytes]:
            opened = [connect(sandbox) for _ in range(3)]
            for raw, _ in opened:
                raw.close()
            return [greeting[:3] for _, greeting in opened]

        assert await asyncio.to_thread(work) == [b"220", b"220", b"421"]
        while sandbox.counts.open:
            await asyncio.sleep(0.005)
        raw, greeting = await asyncio.to_thread(connect, sandbox)
        raw.close()
        assert greeting[:3] == b"220"


@on_both_loops
async def test_several_addresses_at_once() -> None:
    async with Sandbox(
        {"rules": [{"host": "127.0.0.12", "reply": "550 5.7.1 not here"}]}, listen=[("127.0.0.11", 0), ("127.0.0.12", 0)]
    ) as sandbox:

        def code(place: tuple[str, int]) -> int:
            with smtplib.SMTP(*place, "client.test", 10) as smtp:
                smtp.ehlo()
                smtp.mail("a@from.test")
                return smtp.rcpt("b@to.test")[0]

        codes = [await asyncio.to_thread(code, place) for place in sandbox.listening]
    assert codes == [250, 550]


@on_both_loops
async def test_only_loopback_is_listened_on() -> None:
    with pytest.raises(ValueError, match="loopback"):
        async with Sandbox(listen=[("0.0.0.0", 0)]):
            pass


@on_both_loops
async def test_a_taken_port_is_told_and_nothing_stays_open() -> None:
    async with Sandbox() as first:
        with pytest.raises(OSError, match="in use"):
            async with Sandbox(listen=[("127.0.0.1", 0), (first.host, first.port)]):
                pass


@on_both_loops
async def test_a_client_that_never_finishes_tls_holds_nothing_up() -> None:
    async with Sandbox() as sandbox:

        def begin() -> socket.socket:
            raw, _ = connect(sandbox)
            raw.sendall(b"EHLO x\r\n")
            raw.recv(4096)
            raw.sendall(b"STARTTLS\r\n")
            assert raw.recv(4096).startswith(b"220")
            raw.sendall(b"this is no TLS record\r\n")
            return raw

        raw = await asyncio.to_thread(begin)
        await client(sandbox, lambda smtp: smtp.sendmail("a@from.test", ["b@to.test"], BODY))
        raw.close()
        while sandbox.counts.open:
            await asyncio.sleep(0.005)
    assert len(sandbox.messages) == 1
