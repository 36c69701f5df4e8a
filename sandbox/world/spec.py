"""What a world is: values only, as `parse` reads them. Times are seconds from the world's start, rates are events a second.

A `source` condition is a network or "" for all; who a client is to a receiver is its address and nothing else.
"""

from dataclasses import dataclass, field

from sandbox.policy import Features

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` until `until`, again each `every` seconds (0 = once)."""

    start: float = 0.0
    until: float = float("inf")
    every: float = 0.0

    def holds(self, now: float) -> bool:
        if self.every and now > self.start:
            now = self.start + (now - self.start) % self.every
        return self.start <= now < self.until


@dataclass(frozen=True, slots=True)
class Limit:
    """How much at most, for each source by itself or for the whole site. Only what is not 0 is limited."""

    per: str = "source"  # source | site
    source: str = ""  # whom it holds for
    rate: float = 0.0  # messages a second
    burst: float = 0.0  # messages at once after a pause; 0 = one second's
    connections: int = 0  # open at once
    connects: float = 0.0  # new connections a second
    volume: int = 0  # messages a day
    attempts: bool = False  # refused messages count as well


@dataclass(frozen=True, slots=True)
class Greylist:
    """Unknown (source, recipient) pairs are refused for a while after the first try."""

    after: float = 300.0
    keep: float = 4 * 3600.0  # a first try is forgotten after so long without a second one
    network: bool = False  # a source is its /24 (IPv4) or /64 (IPv6)
    trust: int = 0  # mails that passed after which a source is asked no more; 0 = never
    domains: tuple[str, ...] = ()  # of the site's, those whose recipients are greylisted; () = all


@dataclass(frozen=True, slots=True)
class Standing:
    """A source's reputation, from 0 to 1: what it may send is `rate` times the standing, at least `floor` of it."""

    rate: float
    burst: float = 0.0
    start: float = 0.5
    good: float = 0.0005  # gained by a mail that is accepted
    unknown: float = 0.01  # lost by a recipient that nobody knows
    recover: float = 0.0  # gained in an hour by itself, up to `start`
    floor: float = 0.05


@dataclass(frozen=True, slots=True)
class Warmup:
    """A ceiling a day for sources that are new: it grows after each day that was used to at least half."""

    source: str
    first: int
    growth: float = 2.0
    most: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Block:
    """Sources that are refused: in a period, or for `lasts` seconds after they behaved so within `over` seconds."""

    source: str = ""
    period: Period | None = None
    above: float = 0.0  # messages a second
    refusals: int = 0  # refused messages
    unknown: float = 0.0  # share of unknown recipients, of at least 50 mails
    over: float = 60.0
    lasts: float = 1800.0
    at: str = "connect"  # connect | mail
    text: str = "blocked"  # key of the texts


@dataclass(frozen=True, slots=True)
class Outage:
    """The whole site is away. `how`: refuse (no connection), busy (421), tarpit (`delay` before each reply)."""

    period: Period
    how: str = "refuse"
    delay: float = 60.0


@dataclass(frozen=True, slots=True)
class Content:
    """Messages that are refused at their end: those with `contains` in them, or a share of the recipients."""

    contains: str = ""
    share: float = 0.0
    text: str = "content"


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """One receiving site: the domains that its hosts take mail for, and how it behaves."""

    name: str
    domains: tuple[str, ...]
    hosts: tuple[str, ...]  # loopback addresses
    texts: str = "postfix"
    connect: float = 0.15  # seconds until a connection is ready for MAIL
    service: float = 0.1  # seconds that a message takes on a connection
    messages: int = 0  # a connection; 0 = any number
    limits: tuple[Limit, ...] = ()
    recipients: tuple[tuple[str, float], ...] = ()  # (kind, share): unknown, disabled, full; always the same ones
    trouble: float = 0.0  # share of the attempts that fail for a moment, whoever sends
    drops: float = 0.0  # share of the messages in which the connection ends
    tls: bool = True  # False: STARTTLS is offered and its handshake fails
    greylist: Greylist | None = None
    standing: Standing | None = None
    warmups: tuple[Warmup, ...] = ()
    blocks: tuple[Block, ...] = ()
    outages: tuple[Outage, ...] = ()
    contents: tuple[Content, ...] = ()
    features: Features = field(default_factory=Features)


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """All receivers of a world."""

    sites: tuple[SiteSpec, ...]
    name: str = "world"
    seed: int = 0
    port: int = 2525
    hostname: str = "mx.sandbox.test"
