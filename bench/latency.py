"""Mails a second that one connection carries over a long line: with and without PIPELINING and CHUNKING.

The line is a relay on loopback that holds every piece of data back for half the round trip, in each direction; its
bandwidth is not limited. What counts is the way the dialogue uses the line: the real connector, session and dialogue
speak to the sandbox. The limit is what one mail a round trip would come to; without pipelining four round trips a mail
are the least (MAIL, RCPT, DATA, dot).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from actors.model.delivery import Host, Site
from actors.model.sites import Egress
from actors.sender.connect import Connector, TimeLimits, client_context
from actors.sender.messages import End, Event, Message
from actors.sender.session import Session
from sandbox import Sandbox

ROUND_TRIP = 0.1
OCTETS = 10_240
CASES: dict[str, tuple[dict[str, bool], int, int]] = {  # what the receiver offers; mails, mails when it must be quick
    "plain": ({"pipelining": False, "chunking": False}, 40, 10),
    "pipelining": ({"pipelining": True, "chunking": False}, 200, 40),
    "chunking": ({"pipelining": True, "chunking": True}, 400, 80),
}


@asynccontextmanager
async def delayed(host: str, port: int, one_way: float) -> AsyncIterator[int]:
    """A relay to (host, port) that hands on everything `one_way` seconds later, in order: its own port."""
    loop = asyncio.get_running_loop()
    ends: set[asyncio.StreamWriter] = set()
    serving: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            loop.call_later(one_way, writer.write, data)
        loop.call_later(one_way, writer.close)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        far_reader, far_writer = await asyncio.open_connection(host, port)
        ends.update((writer, far_writer))
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for end in ends:
            end.close()
        await asyncio.gather(*serving, return_exceptions=True)


class _Mails:
    """The keeper of one session: hands out mails, and knows when the last one has ended."""

    def __init__(self, count: int):
        body = b"Subject: latency\r\n\r\n" + (b"x" * 76 + b"\r\n") * (OCTETS // 78)
        self._waiting = [Message("a@from.test", f"r{n}@to.test", memoryview(body)) for n in range(count)]
        self._left = count
        self.delivered = 0
        self.over = asyncio.Event()

    def next_message(self, session: Session) -> Message | None:
        return self._waiting.pop() if self._waiting else None

    def on_events(self, session: Session, events: list[Event]) -> None:
        self._left -= len(events)
        self.delivered += sum(event.end is End.DELIVERED for event in events)
        if self._left <= 0:
            self.over.set()

    def on_closed(self, session: Session) -> None:
        self.over.set()


async def measure(offers: dict[str, bool], mails: int, round_trip: float = ROUND_TRIP) -> float:
    """Mails a second over one connection, all of them delivered; the connection's own set-up is not counted."""
    async with Sandbox({"features": {**offers, "starttls": False}}, "counts") as sandbox:
        async with delayed(sandbox.host, sandbox.port, round_trip / 2) as port:
            limits = TimeLimits()
            connector = Connector(Egress("127.0.0.1", "bench.test"), limits, {}, client_context)
            site = Site("line", (Host("127.0.0.1", port),), tls="none", chunking=offers["chunking"])
            connection = await connector.open(site, site.hosts[0], "127.0.0.1")
            keeper = _Mails(mails)
            session = Session(connection, "127.0.0.1", keeper, limits, mails + 1)
            began = time.perf_counter()
            session.pump()
            await keeper.over.wait()
            seconds = time.perf_counter() - began
            session.abort("measured")
    if keeper.delivered != mails:
        raise RuntimeError(f"{keeper.delivered} of {mails} mails were delivered")
    return mails / seconds


def run(cases: list[str], quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """The result as `hongyan bench latency --json` prints it."""
    results = []
    for case in cases:
        offers, mails, few = CASES[case]
        say(f"{case}: {few if quick else mails} mails over a line of {ROUND_TRIP * 1000:.0f} ms")
        rate = asyncio.run(measure(offers, few if quick else mails))
        results.append(
            {
                "case": case,
                "rate": round(rate, 2),
                "unit": "mails/s a connection",
                "round_trips_a_mail": round(1 / (rate * ROUND_TRIP), 3),
                "round_trip_ms": ROUND_TRIP * 1000,
                "limit": round(1 / ROUND_TRIP, 2),
                "limit_is": "one mail a round trip",
                "ratio": round(rate * ROUND_TRIP, 3),
            }
        )
    return {"bench": "latency", "octets": OCTETS, "results": results}
