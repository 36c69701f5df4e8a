"""Domain to site: routes first, then DNS (RFC 5321 section 5.1, null MX of RFC 7505). The only module that asks DNS.

Domains with the same set of MX hosts share a site. A failure is an answer too: a site with a refusal, 5xx only where the DNS
itself says that nobody is there. Answers are kept for their TTL, failures for a short while.
"""

import asyncio
import hashlib
import ipaddress
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver

from actors.model.delivery import Host, Reply, Site
from actors.model.ports import Clock
from actors.model.sites import Route, match_route, route_site

V = TypeVar("V")

LIFETIME = 20.0  # seconds for one question, all servers and repeats included
ROUTED_TTL = 3600.0
SHORTEST_TTL, LONGEST_TTL = 60.0, 6 * 3600.0
FAILURE_TTL = 60.0  # no answer: ask again soon
NEGATIVE_TTL = 900.0  # no such domain
MAX_CACHED = 500_000  # domains; about 200 MB. The oldest go first.
MAX_HOSTS = 20  # of one domain; nobody has more for good reasons
MOST_AT_ONCE = 200  # questions under way

NULL_MX = Reply(556, "the domain accepts no mail", "5.1.10")
NO_DOMAIN = Reply(550, "no such domain", "5.1.2")
NO_ANSWER = Reply(451, "the name servers give no answer", "4.4.3")


def site_name(hosts: Sequence[str]) -> str:
    """Short and the same for every domain with this set of hosts: the first by name, and a digest where there are more."""
    names = sorted({h.lower().rstrip(".") for h in hosts})
    if len(names) == 1:
        return names[0]
    return f"{names[0]}+{len(names) - 1}#{hashlib.sha256(' '.join(names).encode()).hexdigest()[:8]}"


def refused_site(reply: Reply) -> Site:
    """All domains with the same failure share a site: nobody connects there."""
    return Site(name=f"none:{reply.enhanced}", refusal=reply)


def mx_site(domain: str, records: Sequence[tuple[int, str]]) -> Site:
    """The site behind MX records (preference, host)."""
    if [name for _, name in records] == ["."] or not records:
        return refused_site(NULL_MX)
    usable = sorted((preference, name.lower().rstrip(".")) for preference, name in records if name != ".")[:MAX_HOSTS]
    hosts = tuple(Host(name, preference=preference) for preference, name in usable)
    return Site(site_name([h.name for h in hosts]), hosts)


class Cache(dict[str, tuple[float, V]]):
    """Values until a time; bounded."""

    def fresh(self, key: str, now: float) -> V | None:
        found = self.get(key)
        return found[1] if found and found[0] > now else None

    def keep(self, key: str, value: V, until: float) -> None:
        self.pop(key, None)
        while len(self) >= MAX_CACHED:
            del self[next(iter(self))]
        self[key] = (until, value)


class Resolver:
    """The Resolver port over dnspython. Opens nothing before it is asked; pickles as its arguments."""

    def __init__(self, routes: Sequence[Route], clock: Clock, nameservers: Sequence[str] = (), port: int = 53):
        self._routes, self._clock = tuple(routes), clock
        self._nameservers, self._port = tuple(nameservers), port
        self._sites: Cache[Site] = Cache()
        self._addresses: Cache[list[str]] = Cache()
        self._dns: dns.asyncresolver.Resolver | None = None
        self._asking: dict[str, asyncio.Task[Site]] = {}
        self._slots: asyncio.Semaphore | None = None

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (type(self), (self._routes, self._clock, self._nameservers, self._port))

    async def sites(self, domains: Sequence[str]) -> dict[str, Site]:
        """The site of each domain."""
        now = self._clock()
        known = {d: self._sites.fresh(d, now) for d in dict.fromkeys(domains)}
        missing = [d for d, site in known.items() if site is None]
        found = await asyncio.gather(*(self._once(d) for d in missing))
        answers = dict(zip(missing, found, strict=True))
        return {d: site or answers[d] for d, site in known.items()}

    async def addresses(self, host: str) -> list[str]:
        """IPv4 and IPv6 addresses of a host, in the order that the DNS gives; empty if none."""
        literal = _literal(host)
        if literal:
            return [literal]
        known = self._addresses.fresh(host, self._clock())
        if known is not None:
            return known
        answers = await asyncio.gather(self._ask(host, "A"), self._ask(host, "AAAA"))
        found = [record for answer in answers if not isinstance(answer, Reply) for record in answer[0]]
        ttl = min([a[1] for a in answers if not isinstance(a, Reply) and a[0]], default=FAILURE_TTL)
        self._addresses.keep(host, found, self._clock() + ttl)
        return found

    async def _once(self, domain: str) -> Site:
        """One question at a time for a domain; it goes on when one of those who wait gives up."""
        task = self._asking.get(domain)
        if task is None:
            task = self._asking[domain] = asyncio.get_running_loop().create_task(self._learn(domain))
            task.add_done_callback(lambda _: self._asking.pop(domain, None))
        return await asyncio.shield(task)

    async def _learn(self, domain: str) -> Site:
        site, ttl = await self._look_up(domain)
        self._sites.keep(domain, site, self._clock() + ttl)
        return site

    async def _look_up(self, domain: str) -> tuple[Site, float]:
        route = match_route(self._routes, domain)
        if route:
            return route_site(route), ROUTED_TTL
        literal = _literal(domain)
        if literal:
            return Site(literal, (Host(literal),)), ROUTED_TTL
        answer = await self._ask(domain, "MX")
        if isinstance(answer, Reply):
            return refused_site(answer), FAILURE_TTL if answer.code < 500 else NEGATIVE_TTL
        records, ttl = answer
        if records:
            pairs = [(int(preference), name) for preference, name in (r.split(" ", 1) for r in records)]
            return mx_site(domain, pairs), ttl
        return await self._implicit(domain)

    async def _implicit(self, domain: str) -> tuple[Site, float]:
        """No MX: the domain's own address serves."""
        answers = await asyncio.gather(self._ask(domain, "A"), self._ask(domain, "AAAA"))
        if any(not isinstance(a, Reply) and a[0] for a in answers):
            return Site(domain, (Host(domain),)), max(a[1] for a in answers if not isinstance(a, Reply))
        failure = next((a for a in answers if isinstance(a, Reply) and a.code < 500), None)
        return (refused_site(failure), FAILURE_TTL) if failure else (refused_site(NO_DOMAIN), NEGATIVE_TTL)

    async def _ask(self, name: str, kind: str) -> tuple[list[str], float] | Reply:
        """(records as text, seconds to keep), no records where the name has none of this kind; or what failed."""
        if self._slots is None:
            self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        try:
            async with self._slots:
                answer = await self._resolver().resolve(name, kind, raise_on_no_answer=False, lifetime=LIFETIME)
        except dns.resolver.NXDOMAIN:
            return NO_DOMAIN
        except (dns.exception.DNSException, OSError, ValueError, EOFError):
            return NO_ANSWER
        if answer.rrset is None:
            return [], NEGATIVE_TTL
        ttl = min(max(float(answer.rrset.ttl), SHORTEST_TTL), LONGEST_TTL)
        return [record.to_text() for record in answer.rrset], ttl

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if self._dns is None:
            self._dns = dns.asyncresolver.Resolver(configure=not self._nameservers)
            if self._nameservers:
                self._dns.nameservers = list(self._nameservers)
                self._dns.port = self._port
        return self._dns


def _literal(host: str) -> str:
    """The address that a host or `[literal]` names, empty if it is a name."""
    text = host.strip("[]").removeprefix("IPv6:") if host.startswith("[") else host
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
