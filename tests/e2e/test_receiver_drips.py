"""A receiver that answers by drops, without end, or not in SMTP, at each stage of a connection: the stage's own limit ends it,
bytes do not move it, and what came is bounded."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from actors.model.delivery import Host, Site
from actors.model.lanes import LaneLimits
from actors.model.states import RowState, Stage
from actors.sender.connect import TimeLimits
from tests.e2e.receivers.serving import Server
from tests.e2e.sending import Bench, running, until
from tests.fakes.ports import shard

PLAIN = ("greeting", "ehlo", "mail", "rcpt", "data", "dot")
TLS = ("greeting", "ehlo", "starttls", "handshake")
LIMIT = 0.4
PAUSE = 0.02
LATEST = 4.0  # a machine under load; without a limit these stages last for minutes
ANSWERS = {
    "greeting": b"220 drip.test\r\n",
    "ehlo": b"250-drip.test\r\n250 STARTTLS\r\n",
    "starttls": b"220 go\r\n",
    "mail": b"250 ok\r\n",
    "rcpt": b"250 ok\r\n",
    "data": b"354 go\r\n",
    "dot": b"250 taken\r\n",
}
NEVER = 3600.0


def drops() -> Iterator[bytes]:
    """The next octet of a reply that never ends."""
    return itertools.chain([b"2", b"5", b"0", b"-"], itertools.repeat(b"x"))


def tls_drops() -> Iterator[bytes]:
    """The same of a TLS record of 16 KB (RFC 8446 section 5.1)."""
    return itertools.chain([b"\x16\x03\x03\x3f\xff"], itertools.repeat(b"\0"))


def lines() -> Iterator[bytes]:
    return itertools.repeat(b"250-more\r\n" * 1000)


def one_line() -> Iterator[bytes]:
    return itertools.chain([b"250 "], itertools.repeat(b"x" * 10_000))


def binary() -> Iterator[bytes]:
    return itertools.repeat(bytes(range(256)) * 40)


@dataclass
class Drip(Server):
    """A receiver that answers well up to a stage, and there by what `flow` gives; no PIPELINING, so each stage is its own."""

    stages: tuple[str, ...]
    stage: str
    flow: Callable[[], Iterator[bytes]]
    pause: float
    mails: int = 0  # whole mails that came
    lasted: list[float] = field(default_factory=list)  # seconds from the stage's beginning to the end of its connection

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for stage in self.stages:
            if stage == "dot":
                await reader.readuntil(b"\r\n.\r\n")
                self.mails += 1
            elif stage == "handshake":
                await reader.readexactly(5)  # the client speaks first
            elif stage != "greeting":
                await reader.readline()
            if stage == self.stage:
                await self._flow(writer)
            writer.write(ANSWERS[stage])

    async def _flow(self, writer: asyncio.StreamWriter) -> None:
        began = time.monotonic()
        try:
            for part in self.flow():
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(self.pause)
        finally:
            self.lasted.append(time.monotonic() - began)


def only(stage: str, seconds: float) -> TimeLimits:
    """This stage's limit; all others are so long that none of them can be what ended it."""
    return replace(
        TimeLimits(**dict.fromkeys(TimeLimits.__dataclass_fields__, NEVER)), **{stage: seconds, "idle": 1.0, "quit": 1.0}
    )


async def told(drip: Drip, limits: TimeLimits) -> tuple[RowState, Stage, str]:
    """What one row's attempt there came to."""
    bench = Bench(limits=limits, first_limits=LaneLimits(1))
    bench.reputation.limits = LaneLimits(1)
    async with drip.listening(), running(bench):
        tls = "required" if drip.stages is TLS else "none"
        bench.conductor.shards.append(shard(Site("drip.test", (Host("127.0.0.1", drip.port),), tls=tls), [1]))
        await until(bench.settled(1))
        await until(lambda: len(drip.lasted) > 0)
    found = bench.ledger.outcomes["J", 1]
    assert (("J", 1) in bench.ledger.ever_opened) is (drip.stage in ("mail", "rcpt", "data", "dot"))
    return found.state, found.stage, found.reply


def expected(stage: str) -> tuple[RowState, Stage]:
    state = RowState.IN_DOUBT if stage == "dot" else RowState.DEFERRED
    return state, Stage("starttls" if stage == "handshake" else stage)


def limit_of(stage: str) -> str:
    return "tls" if stage in ("starttls", "handshake") else stage


async def test_drops_do_not_move_the_limit_of_the_stage() -> None:
    drips = [Drip(PLAIN, stage, drops, PAUSE) for stage in PLAIN]
    drips += [Drip(TLS, "starttls", drops, PAUSE), Drip(TLS, "handshake", tls_drops, PAUSE)]
    ends = await asyncio.gather(*(told(drip, only(limit_of(drip.stage), LIMIT)) for drip in drips))
    for drip, end in zip(drips, ends, strict=True):
        assert end == (*expected(drip.stage), "timed out"), drip.stage
        assert LIMIT * 0.5 < min(drip.lasted) <= max(drip.lasted) < LATEST, drip.stage
        assert drip.mails == (drip.stage == "dot")


@pytest.mark.parametrize("flow", [lines, one_line, binary])
async def test_what_never_ends_or_is_no_smtp_ends_the_connection_at_once(flow: Callable[[], Iterator[bytes]]) -> None:
    drips = [Drip(PLAIN, stage, flow, 0.0) for stage in PLAIN] + [Drip(TLS, stage, flow, 0.0) for stage in TLS[2:]]
    ends = await asyncio.gather(*(told(drip, only(limit_of(drip.stage), NEVER)) for drip in drips))
    for drip, (state, stage, reply) in zip(drips, ends, strict=True):
        assert (state, stage) == expected(drip.stage)
        assert reply.isprintable(), drip.stage
        assert len(reply) < 100, drip.stage
        assert max(drip.lasted) < LATEST, drip.stage
        assert drip.mails == (drip.stage == "dot")
