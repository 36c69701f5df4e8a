"""Fetches MTA-STS policies over HTTPS and keeps them (RFC 8461 section 3.3 and 5.1): the only module that speaks HTTP to
strangers.

A certificate for `mta-sts.DOMAIN` or no policy; no redirects; short, bounded, once in a while. A policy that is kept serves
on while a newer one cannot be fetched: that is what protects from somebody who blocks the way.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace

from actors.model.ports import Clock
from actors.sender.policystore import PolicyStore
from actors.sender.sts import MAX_POLICY, Policy, read_policy

log = logging.getLogger(__name__)

FETCH_SECONDS = 20.0
SAVE_SECONDS = 5.0  # policies that are new within so long are written together
AGAIN_SECONDS = 300.0  # after a fetch that failed (RFC 8461 section 3.3 asks for at least five minutes)
MAX_HEAD = 16_384  # octets of an HTTP answer's header
MAX_KEPT = 100_000
PATH = "/.well-known/mta-sts.txt"

Fetch = Callable[[str], Awaitable[str | None]]  # host of the policy -> its text
Addresses = Callable[[str], Awaitable[list[str]]]


class Policies:
    """The policies of domains. `fetch` gets a policy's text, or None. `store` keeps them over restarts: it is read before the
    first answer, and written some seconds after a change."""

    def __init__(self, fetch: Fetch, clock: Clock, store: PolicyStore | None = None):
        self._fetch, self._clock, self._store = fetch, clock, store
        self._kept: dict[str, Policy] = {}
        self._not_before: dict[str, float] = {}
        self._loading: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None
        self._unsaved = False

    async def of(self, domain: str, record: str) -> Policy | None:
        """The domain's policy; `record`: the id in its DNS record, empty if there is none now."""
        if self._store is not None:
            if self._loading is None:
                self._loading = asyncio.get_running_loop().create_task(self._load(self._store))
            await asyncio.shield(self._loading)
        now = self._clock()
        kept = self._kept.get(domain)
        if kept is not None and kept.until <= now:
            del self._kept[domain]
            kept = None
        fresh = kept is not None and kept.id == record and now < kept.until - kept.max_age / 2
        if not record or fresh or self._not_before.get(domain, 0.0) > now:
            return kept
        text = await self._fetch(f"mta-sts.{domain}")
        policy = read_policy(text) if text is not None else None
        if policy is None:
            _keep(self._not_before, domain, now + AGAIN_SECONDS)
            return kept
        policy = replace(policy, id=record, until=now + policy.max_age)
        _keep(self._kept, domain, policy)
        self._save_soon()
        return policy

    async def _load(self, store: PolicyStore) -> None:
        now = self._clock()
        for domain, policy in (await asyncio.to_thread(store.read)).items():
            if policy.until > now:
                _keep(self._kept, domain, policy)

    def _save_soon(self) -> None:
        self._unsaved = True
        if self._store is not None and (self._saving is None or self._saving.done()):
            self._saving = asyncio.get_running_loop().create_task(self._save(self._store))

    async def _save(self, store: PolicyStore) -> None:
        while self._unsaved:
            await asyncio.sleep(SAVE_SECONDS)
            self._unsaved, now = False, self._clock()
            kept = {domain: policy for domain, policy in self._kept.items() if policy.until > now}
            if not await asyncio.to_thread(store.write, kept):
                return  # with the next change


def _keep(marks: dict[str, Policy] | dict[str, float], domain: str, value: Policy | float) -> None:
    marks.pop(domain, None)
    while len(marks) >= MAX_KEPT:
        del marks[next(iter(marks))]
    marks[domain] = value  # type: ignore[assignment]


def over_https(addresses: Addresses, context: Callable[[], ssl.SSLContext], port: int = 443) -> Fetch:
    """A Fetch that asks the host itself, first address first."""

    async def fetch(host: str) -> str | None:
        for address in (await addresses(host))[:2]:
            try:
                async with asyncio.timeout(FETCH_SECONDS):
                    text = await _get(host, address, port, context())
                if text is not None:
                    return text
            except (OSError, ssl.SSLError, ssl.CertificateError, TimeoutError, ValueError, EOFError) as error:
                log.info("the policy of %s cannot be fetched: %s", host, type(error).__name__)
        return None

    return fetch


async def _get(host: str, address: str, port: int, context: ssl.SSLContext) -> str | None:
    """The body of a plain 200 answer. HTTP/1.0: the body comes in one piece and ends with the connection."""
    reader, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host, limit=MAX_HEAD)
    try:
        writer.write(f"GET {PATH} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("ascii"))
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = head[0].split(" ")
        kinds = [line.partition(":")[2].strip().lower() for line in head[1:] if line.lower().startswith("content-type:")]
        if len(status) < 2 or status[1] != "200" or not any(k.partition(";")[0].strip() == "text/plain" for k in kinds):
            return None
        body = b""
        while len(body) <= MAX_POLICY:
            piece = await reader.read(MAX_POLICY)
            if not piece:
                return body.decode("utf-8")
            body += piece
        return None
    except (asyncio.LimitOverrunError, asyncio.IncompleteReadError):
        return None
    finally:
        writer.transport.abort()
