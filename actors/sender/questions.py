"""Questions to the DNS, and nothing else: one adapter over dnspython with limits, short answers, and whether they were
validated.

An answer counts as validated (the AD bit, RFC 4035 section 3.2.3) only when every name server asked is on loopback: between
us and any other one the bit can be forged (RFC 7672 section 2.1).
"""

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import NamedTuple

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.resolver

from actors.model.delivery import Reply

LIFETIME = 20.0  # seconds for one question, all servers and repeats included
MOST_AT_ONCE = 200  # questions under way
SHORTEST_TTL, LONGEST_TTL = 60.0, 6 * 3600.0
NEGATIVE_TTL = 900.0  # no such domain, or none of this kind
EDNS_PAYLOAD = 1232  # larger UDP answers are cut to pieces on the way; TCP takes over

NO_DOMAIN = Reply(550, "no such domain", "5.1.2")
NO_ANSWER = Reply(451, "the name servers give no answer", "4.4.3")


class Answer(NamedTuple):
    """Records as text, none where the name has none of this kind; seconds to keep them; whether they were validated."""

    records: list[str]
    ttl: float
    secure: bool = False


class Questions:
    """Asks the given name servers, or the system's. Opens nothing before it is asked."""

    def __init__(self, nameservers: Sequence[str] = (), port: int = 53, validating: bool = False):
        self._nameservers, self._port, self._validating = tuple(nameservers), port, validating
        self._dns: dns.asyncresolver.Resolver | None = None
        self._slots: asyncio.Semaphore | None = None
        self._trusted = False

    async def ask(self, name: str, kind: str) -> Answer | Reply:
        """The answer, or what failed: 5xx only where the DNS itself says that there is no such name."""
        if self._slots is None:
            self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        try:
            async with self._slots:
                answer = await self._resolver().resolve(name, kind, raise_on_no_answer=False, lifetime=LIFETIME)
        except dns.resolver.NXDOMAIN:
            return NO_DOMAIN
        except (dns.exception.DNSException, OSError, ValueError, EOFError):
            return NO_ANSWER
        secure = self._trusted and bool(answer.response.flags & dns.flags.AD)
        if answer.rrset is None:
            return Answer([], NEGATIVE_TTL, secure)
        ttl = min(max(float(answer.rrset.ttl), SHORTEST_TTL), LONGEST_TTL)
        return Answer([record.to_text() for record in answer.rrset], ttl, secure)

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if self._dns is None:
            self._dns = dns.asyncresolver.Resolver(configure=not self._nameservers)
            if self._nameservers:
                self._dns.nameservers = list(self._nameservers)
                self._dns.port = self._port
            self._trusted = self._validating and all(_local(str(server)) for server in self._dns.nameservers)
            if self._trusted:
                self._dns.use_edns(0, dns.flags.DO, EDNS_PAYLOAD)
                self._dns.flags = dns.flags.RD | dns.flags.AD
        return self._dns


def _local(server: str) -> bool:
    try:
        return ipaddress.ip_address(server).is_loopback
    except ValueError:
        return False
