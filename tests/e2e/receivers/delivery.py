"""Delivers messages by the real sender to a real receiver; only the sender's neighbours (ledger, conductor, ...) are fakes."""

import asyncio
import ssl
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from random import Random

from actors.model.delivery import Host, Outcome, Site
from actors.model.sites import Egress
from actors.sender.actor import Sender
from tests.e2e.receivers.base import Receiver
from tests.fakes.ports import FakeConductor, FakeLedger, FakeRenderer, FakeReputation, FakeResolver, shard

WORDS = ["鴻雁", "傳書", "千里", "會員", "點數", "statement", "points", "thank", "you", "=", "=3D", "\t", "From", "here", "."]
SECONDS = 120.0


def make_message(row: int) -> bytes:
    """A message in wire form whose text has what transports trip over: long words, Chinese, "From ", dots, big files."""
    random = Random(row)
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = "鴻雁 <service@from.test>", f"r{row}@to.test"
    mail["Subject"] = f"您的帳單 {row} " + "長" * (row % 90)
    mail["Message-ID"], mail["Date"] = f"<{row}@from.test>", "Tue, 01 Dec 2026 09:00:00 +0800"
    lines = [" ".join(random.choices(WORDS, k=random.randint(0, 30))) for _ in range(random.randint(1, 60))]
    mail.set_content("\n".join(["From the first line", *lines, "x" * 3000]), cte=("quoted-printable", "base64")[row % 2])
    if row % 10 == 0:
        mail.add_attachment(random.randbytes(100_000), maintype="application", subtype="pdf", filename="條款.pdf")
    if mail.is_multipart():
        mail.set_boundary(f"=_{row}_boundary")
    return mail.as_bytes().replace(b"\r\n.", b"\r\n=2E") if row % 2 == 0 else mail.as_bytes()


def as_stored(message: bytes) -> bytes:
    return message.replace(b"\r\n", b"\n")


async def deliver(
    receiver: Receiver,
    rows: range,
    tls: str = "opportunistic",
    chunking: bool = False,
    body: Callable[[int], bytes] = make_message,
) -> dict[int, Outcome]:
    """Sends the messages of these rows; gives their outcomes."""
    ledger, conductor, renderer = FakeLedger(time.time), FakeConductor(), FakeRenderer()
    renderer.body = body
    resolver = FakeResolver({receiver.name: [receiver.host]})

    def context(verify: bool) -> ssl.SSLContext:
        trusted = ssl.create_default_context(cadata=receiver.authority or None)
        if not verify:
            trusted.check_hostname, trusted.verify_mode = False, ssl.CERT_NONE
        return trusted

    site = Site("to.test", (Host(receiver.name, receiver.port),), tls=tls, chunking=chunking)
    conductor.shards.append(shard(site, rows))
    egress = Egress("127.0.0.2", "client.test")
    sender = Sender(egress, ledger, conductor, FakeReputation(), [renderer], resolver, time.time, tls_context=context)
    running = asyncio.create_task(sender.run())
    end = time.monotonic() + SECONDS
    while len(ledger.outcomes) < len(rows) and time.monotonic() < end and not running.done():
        await asyncio.sleep(0.01)
    await sender.drain()
    await running
    return {row: outcome for (_, row), outcome in ledger.outcomes.items()}
