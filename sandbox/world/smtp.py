"""A world behind real SMTP: one `WorldReception` a connection answers the sandbox's dialogue from its site. No socket here.

A message takes the site's `service` time on its connection, as in simulated time; a world's clock starts with the server.
"""

from collections.abc import Iterable

from sandbox.policy import YES, Features, Stage
from sandbox.policy import Answer as Said
from sandbox.world.answers import Answer
from sandbox.world.site import ReceivingSite
from sandbox.world.spec import WorldSpec
from sandbox.world.world import NO_SUCH_DOMAIN, World


class WorldReception:
    """What one connection meets. The same shape as `policy.Reception`."""

    connections = 0  # the site counts them itself, and messages too
    messages = 0

    def __init__(self, world: World, site: ReceivingSite, source: str, now: float, started: float):
        self._world, self._site, self._started = world, site, started
        self._session = site.connect(now - started, source)
        self.features: Features = site.spec.features
        self.breaks_tls = not site.spec.tls
        self._first = ""

    def answer(self, stage: Stage, now: float, recipient: str = "", domain: str = "") -> Said:
        """The answer to a recipient."""
        if self._world.site_of(domain) is not self._site:
            return Said(NO_SUCH_DOMAIN)
        self._first = self._first or recipient
        return said(self._site.rcpt(now - self._started, self._session, recipient))

    def answer_all(self, stage: Stage, now: float, recipients: Iterable[str], content: bytes = b"") -> Said:
        """The answer at any other stage; a message is judged by its first recipient."""
        site, at = self._site, now - self._started
        if stage is Stage.CONNECT:
            return said(self._session.answer, site.spec.connect)
        if stage is Stage.MAIL:
            self._first = ""
            return said(site.mail(at, self._session), site.spec.service)
        if stage is Stage.BODY:
            return said(site.body(at, self._session))
        if stage is Stage.DOT:
            return said(site.dot(at, self._session, self._first, content))
        return YES

    def closed(self) -> None:
        """The connection is gone."""
        self._site.close(self._session)


class WorldPolicy:
    """The receptions of a world's sites. `started`: seconds since the epoch at the world's time 0."""

    def __init__(self, spec: WorldSpec, started: float):
        self.world = World(spec)
        self.hostname = spec.hostname
        self._started = started

    def reception(self, source: str, host: str, now: float) -> WorldReception:
        """What a client from `source` meets that connected to `host`; KeyError when no site listens there."""
        site = self.world.site_at(host)
        if site is None:
            raise KeyError(host)
        return WorldReception(self.world, site, source, now, self._started)


def said(answer: Answer | None, delay: float = 0.0) -> Said:
    """In the dialogue's terms."""
    if answer is None:
        return Said(delay=delay) if delay else YES
    return Said(answer.reply, answer.delay + delay, answer.drop)


def places(spec: WorldSpec, port: int | None = None) -> list[tuple[str, int]]:
    """Where the world's sites listen."""
    return [(host, spec.port if port is None else port) for site in spec.sites for host in site.hosts]


def routes(spec: WorldSpec, port: int | None = None) -> list[dict[str, object]]:
    """The `routes` of a config that lead each domain to its site: many domains, few hosts."""
    at = spec.port if port is None else port
    return [
        {"pattern": domain, "host": site.hosts[0], "port": at, "tls": "opportunistic" if site.features.starttls else "none"}
        for site in spec.sites
        for domain in site.domains
    ]
