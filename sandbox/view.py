"""What a running sandbox shows: its counts with rates, as one JSON object, also over HTTP on loopback. Pure but for `serve`."""

import asyncio
import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.store import Counts

MAX_REQUEST = 8192  # a browser's request is under 2 KB
REQUEST_SECONDS = 5.0
KINDS = ("accepted", "deferred", "refused")

Look = Callable[[], Awaitable[dict[str, Any]]]


class Meter:
    """Turns counts that grow into rates between two looks."""

    def __init__(self, now: float):
        self._started = self._at = now
        self._messages = 0
        self._rate = 0.0

    def view(self, counts: Counts, now: float, most_domains: int = 0) -> dict[str, Any]:
        """Totals, messages a second since the last look (looks closer than 0.2 s repeat the last rate), and the domains with
        the most recipients (0 = all)."""
        if now - self._at >= 0.2:
            self._rate = (counts.messages - self._messages) / (now - self._at)
            self._at, self._messages = now, counts.messages
        domains = sorted(counts.domains.items(), key=lambda item: (-sum(item[1]), item[0]))
        shown = domains[:most_domains] if most_domains else domains
        totals = {name: value for name, value in counts.as_json().items() if name != "domains"}
        return {
            "seconds": round(now - self._started, 3),
            "rate": round(self._rate, 1),
            **totals,
            "domains": {domain: dict(zip(KINDS, numbers, strict=True)) for domain, numbers in shown},
        }


async def serve(host: str, port: int, look: Look) -> asyncio.Server:
    """Answers every HTTP GET with the view. Loopback only; ValueError else."""
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError("the view listens on loopback addresses only")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                good = request.startswith(b"GET ")
                body = json.dumps(await look() if good else {"error": "GET only"}, ensure_ascii=False).encode() + b"\n"
                status = b"200 OK" if good else b"405 Method Not Allowed"
                writer.write(
                    b"HTTP/1.1 %b\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n"
                    b"Connection: close\r\n\r\n%b" % (status, len(body), body)
                )
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the asker went away or is no HTTP client
        finally:
            writer.close()

    return await asyncio.start_server(answer, host, port, limit=MAX_REQUEST)
