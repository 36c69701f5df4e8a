"""The DNS as `hongyan doctor` asks it: texts, reverse names, addresses. Decides nothing.

[] is the DNS's own word that there is nothing; None means that no answer came.
"""

from collections.abc import Sequence
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.resolver
import dns.reversename

SECONDS = 6.0  # one question, all servers and repeats: a person is waiting


class Lookup:
    """Name servers from the config, or the system's."""

    def __init__(self, nameservers: Sequence[str] = (), port: int = 53, seconds: float = SECONDS):
        self._nameservers, self._port, self._seconds = tuple(nameservers), port, seconds
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def texts(self, name: str) -> list[str] | None:
        """TXT records, each joined from its strings."""
        answer = await self._ask(name, "TXT")
        return None if answer is None else [b"".join(r.strings).decode("utf-8", "replace") for r in answer]

    async def names(self, address: str) -> list[str] | None:
        """PTR records of an address, without the last dot."""
        answer = await self._ask(dns.reversename.from_address(address).to_text(), "PTR")
        return None if answer is None else [r.target.to_text(omit_final_dot=True) for r in answer]

    async def addresses(self, name: str, kind: str) -> list[str] | None:
        """A or AAAA records."""
        answer = await self._ask(name, kind)
        return None if answer is None else [r.address for r in answer]

    async def _ask(self, name: str, kind: str) -> list[Any] | None:
        try:
            answer = await self._made().resolve(name, kind, raise_on_no_answer=False, lifetime=self._seconds, search=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError, ValueError, EOFError):
            return None
        return list(answer.rrset or ())

    def _made(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            self._resolver = dns.asyncresolver.Resolver(configure=not self._nameservers)
            if self._nameservers:
                self._resolver.nameservers = list(self._nameservers)
                self._resolver.port = self._port
        return self._resolver
