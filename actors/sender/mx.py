"""Domain to site: routes first, then DNS (RFC 5321 section 5.1, null MX of RFC 7505) with MTA-STS and DANE.

Domains with the same set of MX hosts share a site, apart by what their connections must hold to. A failure is an answer too:
a site with a refusal, 5xx only where the DNS itself says that nobody is there. Answers are kept for their TTL, failures for a
short while.
"""

import asyncio
import hashlib
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from actors.model.delivery import Host, Reply, Site, Tlsa
from actors.model.ports import Clock
from actors.model.sites import Route, TlsRule, match_route, match_tls, route_site
from actors.sender.connect import client_context
from actors.sender.dane import read_records
from actors.sender.policies import Fetch, Policies, over_https
from actors.sender.policystore import PolicyStore
from actors.sender.questions import NEGATIVE_TTL, NO_DOMAIN, Answer, Questions
from actors.sender.sts import record_id, secured

V = TypeVar("V")

ROUTED_TTL = 3600.0
FAILURE_TTL = 60.0  # no answer: ask again soon
MAX_CACHED = 500_000  # domains; about 200 MB. The oldest go first.
MAX_HOSTS = 20  # of one domain; nobody has more for good reasons

NULL_MX = Reply(556, "the domain accepts no mail", "5.1.10")
NO_TLSA = Reply(451, "the TLSA records of the host cannot be looked up", "4.4.3")


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


class Addresses(NamedTuple):
    """Addresses of a host, and whether all of them were validated."""

    found: list[str]
    secure: bool


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


@dataclass(frozen=True, slots=True)
class Security:
    """What connections hold to beyond routes. `sts`: MTA-STS policies count; `dane`: TLSA records count where the name servers
    are local ones that validate; `rules`: the operator's, by domain."""

    sts: bool = False
    dane: bool = False
    rules: tuple[TlsRule, ...] = ()


class Resolver:
    """The Resolver port over DNS and HTTPS. Opens nothing before it is asked; pickles as its arguments."""

    def __init__(
        self,
        routes: Sequence[Route],
        clock: Clock,
        nameservers: Sequence[str] = (),
        port: int = 53,
        security: Security = Security(),
        fetch: Fetch | None = None,
        store: PolicyStore | None = None,
    ):
        self._arguments = (tuple(routes), clock, tuple(nameservers), port, security, fetch, store)
        self._routes, self._clock, self._security = tuple(routes), clock, security
        self._questions = Questions(nameservers, port, security.dane)
        self._policies = Policies(fetch or over_https(self.addresses, lambda: client_context(True)), clock, store)
        self._sites: Cache[Site] = Cache()
        self._addresses: Cache[Addresses] = Cache()
        self._tlsa: Cache[tuple[Tlsa, ...]] = Cache()
        self._asking: dict[str, asyncio.Task[Site]] = {}

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (type(self), self._arguments)

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
        return [literal] if literal else (await self._host(host)).found

    async def _host(self, host: str) -> "Addresses":
        known = self._addresses.fresh(host, self._clock())
        if known is not None:
            return known
        answers = [a for a in await asyncio.gather(self._ask(host, "A"), self._ask(host, "AAAA")) if isinstance(a, Answer)]
        found = [record for answer in answers for record in answer.records]
        ttl = min([a.ttl for a in answers if a.records], default=FAILURE_TTL)
        made = Addresses(found, bool(found) and all(a.secure for a in answers if a.records))
        self._addresses.keep(host, made, self._clock() + ttl)
        return made

    async def tlsa(self, host: str, port: int) -> tuple[Tlsa, ...] | Reply:
        """Validated TLSA records of a host's port (RFC 7672 section 2.2); a Reply where it cannot be known if it has some."""
        name = f"_{port}._tcp.{host}"
        known = self._tlsa.fresh(name, self._clock())
        if known is not None:
            return known
        if _literal(host) or not (await self._host(host)).secure:  # a host in an unsigned zone has none that could be trusted
            return ()
        answer = await self._ask(name, "TLSA")
        if isinstance(answer, Reply):
            if answer.code < 500:
                return NO_TLSA
            answer = Answer([], NEGATIVE_TTL)
        records = read_records(answer.records) if answer.secure else ()
        self._tlsa.keep(name, records, self._clock() + answer.ttl)
        return records

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
        if answer.records:
            pairs = [(int(preference), name) for preference, name in (r.split(" ", 1) for r in answer.records)]
            site, ttl = mx_site(domain, pairs), answer.ttl
            if answer.secure and site.refusal is None:
                site = replace(site, name=f"{site.name}!dane", dane=True)
        else:
            site, ttl = await self._implicit(domain)
        return await self._secured(domain, site), ttl

    async def _secured(self, domain: str, site: Site) -> Site:
        rule = match_tls(self._security.rules, domain)
        policy = None
        if self._security.sts and site.refusal is None:
            answer = await self._ask(f"_mta-sts.{domain}", "TXT")
            record = record_id(answer.records) if isinstance(answer, Answer) else ""
            policy = await self._policies.of(domain, record)
        return secured(site, policy, rule)

    async def _implicit(self, domain: str) -> tuple[Site, float]:
        """No MX: the domain's own address serves."""
        answers = await asyncio.gather(self._ask(domain, "A"), self._ask(domain, "AAAA"))
        found = [a for a in answers if isinstance(a, Answer)]
        if any(a.records for a in found):
            return Site(domain, (Host(domain),)), max(a.ttl for a in found)
        failure = next((a for a in answers if isinstance(a, Reply) and a.code < 500), None)
        return (refused_site(failure), FAILURE_TTL) if failure else (refused_site(NO_DOMAIN), NEGATIVE_TTL)

    async def _ask(self, name: str, kind: str) -> Answer | Reply:
        return await self._questions.ask(name, kind)


def _literal(host: str) -> str:
    """The address that a host or `[literal]` names, empty if it is a name."""
    text = host.strip("[]").removeprefix("IPv6:") if host.startswith("[") else host
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
