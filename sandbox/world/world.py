"""A whole world of receivers. Pure: time and chance are arguments, so the same world serves real SMTP and simulated time.

    world = World(spec)
    session = world.connect(now, "127.0.0.2", "gmail")
    if session.answer.yes:
        answer = world.message(now, "gmail", session, "ann@gmail.test")

Times are seconds from the world's start. The same spec, seed and calls give the same answers.
"""

from sandbox.policy import Stage
from sandbox.world.answers import Answer
from sandbox.world.site import ReceivingSite, Session
from sandbox.world.spec import WorldSpec

NO_SUCH_DOMAIN = b"550 5.1.2 no such domain here"


class World:
    """All sites, by name, by domain and by the address that they listen on."""

    def __init__(self, spec: WorldSpec, seed: int | None = None):
        self.spec = spec
        self.seed = spec.seed if seed is None else seed
        self.sites = {site.name: ReceivingSite(site, self.seed) for site in spec.sites}
        self._hosts = {host: self.sites[site.name] for site in spec.sites for host in site.hosts}
        self._domains = {domain: self.sites[site.name] for site in spec.sites for domain in site.domains}

    def site_of(self, domain: str) -> ReceivingSite | None:
        """The site that takes mail for a domain: by its name, or by a `*.` pattern above it."""
        found = self._domains.get(domain)
        while found is None and domain:
            domain = domain.partition(".")[2]
            found = self._domains.get(f"*.{domain}")
        return found

    def site_at(self, host: str) -> ReceivingSite | None:
        """The site that listens on an address."""
        return self._hosts.get(host)

    def connect(self, now: float, source: str, site: str) -> Session:
        """A connection from `source`; KeyError when there is no such site."""
        return self.sites[site].connect(now, source)

    def message(self, now: float, site: str, session: Session, recipient: str, content: bytes = b"") -> Answer:
        """One delivery over an open connection."""
        receiving = self.sites[site]
        if self.site_of(recipient.rpartition("@")[2]) is not receiving:
            return Answer(Stage.RCPT, NO_SUCH_DOMAIN, rule="domain")
        return receiving.message(now, session, recipient, content)

    def close(self, site: str, session: Session) -> None:
        """The connection is gone."""
        self.sites[site].close(session)
