"""Which host of a site is tried, and in what order: by preference, equal ones in an order given from outside, dead ones last.

Also remembers, for a while, hosts that did not answer and hosts whose TLS does not work.
"""

import random
from collections.abc import Callable, Sequence
from typing import Protocol

from actors.model.delivery import Host, Reply, Site, Tlsa
from actors.model.ports import Clock, Resolver
from actors.model.states import Stage
from actors.sender.connect import ConnectFailed, Connection, Connector, TimeLimits, TlsFailed, same_family

MOST_ADDRESSES = 5  # tried for one connection: RFC 5321 section 5.1 asks for at least two
DEAD_SECONDS = 60.0
PLAIN_SECONDS = 600.0  # a host whose handshake failed is spoken to without TLS for so long, where the policy allows it
MAX_REMEMBERED = 10_000
MOST_CONNECTIONS = 400  # of one sender: a process has 1,024 descriptors by default

Order = Callable[[list[tuple[Host, str]]], None]  # puts targets in another order, in place


class Opener(Protocol):
    """Opens one connection; `Connector` is the real one."""

    async def open(
        self, site: Site, host: Host, address: str, plain: bool = False, tlsa: Sequence[Tlsa] = ()
    ) -> Connection: ...


class Pool:
    """Finds a connection for a site. `order`: chance, so that equal hosts share the load."""

    def __init__(
        self,
        connector: Connector | Opener,
        resolver: Resolver,
        egress: str,
        clock: Clock,
        limits: TimeLimits,
        order: Order = random.shuffle,
    ):
        self.limits = limits
        self.taken = 0  # connections that are open or being opened; the lanes count
        self._connector, self._resolver, self._egress, self._clock, self._order = connector, resolver, egress, clock, order
        self._dead: dict[tuple[str, int], float] = {}
        self._plain: dict[tuple[str, int], float] = {}

    @property
    def full(self) -> bool:
        return self.taken >= MOST_CONNECTIONS

    async def connect(self, site: Site) -> tuple[Connection, str]:
        """A connection to the best host that takes one, and the host's name. Raises the last ConnectFailed."""
        failure = ConnectFailed(Stage.CONNECT, Reply(0, "no address of this site can be reached from here"))
        for host, address in await self._targets(site):
            key = (address, host.port)
            try:
                connection = await self._open(site, host, address)
            except ConnectFailed as error:
                failure = error
                _remember(self._dead, key, self._clock() + DEAD_SECONDS)
                continue
            self._dead.pop(key, None)
            return connection, host.name
        raise failure

    async def _open(self, site: Site, host: Host, address: str) -> Connection:
        key = (address, host.port)
        tlsa = await self._resolver.tlsa(host.name, host.port) if site.dane else ()
        if isinstance(tlsa, Reply):
            raise ConnectFailed(Stage.STARTTLS, tlsa)
        if tlsa:
            return await self._connector.open(site, host, address, tlsa=tlsa)
        if self._plain.get(key, 0.0) > self._clock():
            return await self._connector.open(site, host, address, plain=True)
        try:
            return await self._connector.open(site, host, address)
        except TlsFailed:
            if site.tls != "opportunistic" or site.auth:
                raise
            _remember(self._plain, key, self._clock() + PLAIN_SECONDS)
            return await self._connector.open(site, host, address, plain=True)

    async def _targets(self, site: Site) -> list[tuple[Host, str]]:
        """Hosts and addresses to try, best first; dead ones only when there is nothing else."""
        targets: list[tuple[Host, str]] = []
        for preference in sorted({h.preference for h in site.hosts}):
            equal = [
                (host, address)
                for host in site.hosts
                if host.preference == preference
                for address in await self._resolver.addresses(host.name)
                if same_family(address, self._egress)
            ]
            self._order(equal)
            targets += equal
        now = self._clock()
        alive = [t for t in targets if self._dead.get((t[1], t[0].port), 0.0) <= now]
        return (alive or targets)[:MOST_ADDRESSES]


def _remember(marks: dict[tuple[str, int], float], key: tuple[str, int], until: float) -> None:
    marks.pop(key, None)
    if len(marks) >= MAX_REMEMBERED:
        del marks[next(iter(marks))]
    marks[key] = until
