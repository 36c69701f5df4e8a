"""What a site thinks of a recipient: whether it exists, and whether this source has tried it before (greylisting).

The same recipient is always of the same kind: its place is a hash of address and seed.
"""

import ipaddress
import zlib
from functools import lru_cache

from sandbox.world.spec import Greylist

KINDS = ("unknown", "disabled", "full")


def place(seed: int, salt: str, recipient: str) -> float:
    """A number in [0, 1) that only depends on its arguments."""
    mixed = zlib.crc32(recipient.encode(), zlib.crc32(salt.encode()) ^ (seed & 0xFFFFFFFF)) * 0x9E3779B1
    return ((mixed ^ (mixed >> 15)) & 0xFFFFFFFF) / 4294967296.0  # crc32 is linear: spread before use


def kind_of(shares: tuple[tuple[str, float], ...], seed: int, recipient: str) -> str:
    """`unknown`, `disabled`, `full`, or "" for somebody who takes mail."""
    if not shares:
        return ""
    at = place(seed, "kind", recipient)
    for kind, share in shares:
        if at < share:
            return kind
        at -= share
    return ""


class Memory:
    """Greylisting of one site: when a (source, recipient) pair was first seen, and how often a source passed."""

    def __init__(self, spec: Greylist):
        self._spec = spec
        self._first: dict[tuple[str, str], float] = {}
        self._passed: dict[str, int] = {}

    def refuses(self, now: float, source: str, recipient: str) -> bool:
        """Whether this try comes too early; it is remembered."""
        spec = self._spec
        if spec.domains and not _within(recipient.rpartition("@")[2], spec.domains):
            return False
        who = _network(source) if spec.network else source
        if spec.trust and self._passed.get(who, 0) >= spec.trust:
            return False
        key = (who, recipient)
        first = self._first.get(key)
        if first is None or now - first > spec.keep:
            self._first[key] = now
            return True
        return now - first < spec.after

    def passed(self, source: str) -> None:
        """A mail of the source was accepted."""
        if self._spec.trust:
            who = _network(source) if self._spec.network else source
            self._passed[who] = self._passed.get(who, 0) + 1


@lru_cache(4096)
def _within(domain: str, patterns: tuple[str, ...]) -> bool:
    return any(domain.endswith(p[1:]) if p.startswith("*.") else domain == p for p in patterns)


@lru_cache(4096)
def _network(source: str) -> str:
    address = ipaddress.ip_address(source)
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 64), strict=False))
