"""A greylisting policy service for Postfix (its SMTPD_POLICY_README), in the test's own process."""

import asyncio
import time
from dataclasses import dataclass, field

from tests.e2e.receivers.serving import Server

GREYLISTED = "DEFER_IF_PERMIT 4.2.0 Greylisted, see http://postgrey.schweikert.ch/help/to.test.html"  # postgrey's words


@dataclass
class Greylist(Server):
    """Puts each (client, sender, recipient) off until `delay` seconds after its first try."""

    delay: float
    put_off: int = 0
    passed: int = 0
    seen: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def judge(self, asked: dict[str, str], now: float) -> str:
        key = (asked["client_address"], asked["sender"], asked["recipient"])
        first = self.seen.setdefault(key, now)
        if now - first < self.delay:
            self.put_off += 1
            return GREYLISTED
        self.passed += 1
        return "DUNNO"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked: dict[str, str] = {}
        while line := await reader.readline():
            name, is_pair, value = line.decode().rstrip("\n").partition("=")
            if is_pair:
                asked[name] = value
            else:
                writer.write(f"action={self.judge(asked, time.monotonic())}\n\n".encode())
                asked = {}
