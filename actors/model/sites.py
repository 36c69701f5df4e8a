"""Who sends and where a domain's mail goes by config: egresses, routes and credentials, with the rule that picks a route.

Only values and one pure rule live here; DNS is the sender's `mx`, secrets are resolved by whoever reads the config.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.model.delivery import Host, Site


@dataclass(frozen=True, slots=True)
class Egress:
    """One sending address: the source IP, the name it says in EHLO, and the pool it works for."""

    address: str
    ehlo: str
    pool: str = "default"


@dataclass(frozen=True, slots=True)
class Route:
    """Sends the domains that match `pattern` (`*`, `example.com`, `*.example.com`) to one host instead of their MX."""

    pattern: str
    host: str
    port: int = 25
    tls: str = "opportunistic"  # none | opportunistic | required | verify
    auth: str = ""  # name of the credentials
    chunking: bool = False


@dataclass(frozen=True, slots=True)
class Credentials:
    """User and password for a relay; never shown."""

    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TlsRule:
    """How mail for the domains that match `pattern` is secured."""

    pattern: str
    tls: str  # none | opportunistic | required | verify


def match_tls(rules: Sequence[TlsRule], domain: str) -> str:
    """What the first rule that matches says; empty if none does."""
    return next((rule.tls for rule in rules if _matches(rule.pattern, domain)), "")


def _matches(pattern: str, domain: str) -> bool:
    pattern, domain = pattern.lower().rstrip("."), domain.lower().rstrip(".")
    return pattern in ("*", domain) or (pattern.startswith("*.") and domain.endswith(pattern[1:]))


def match_route(routes: Sequence[Route], domain: str) -> Route | None:
    """The first route whose pattern matches; `*.example.com` matches every subdomain but not example.com itself."""
    return next((route for route in routes if _matches(route.pattern, domain)), None)


def route_site(route: Route) -> Site:
    """The site that a route leads to; all domains of one host and port share it."""
    return Site(
        name=f"route:{route.host}:{route.port}",
        hosts=(Host(route.host, route.port),),
        tls=route.tls,
        auth=route.auth,
        chunking=route.chunking,
    )
