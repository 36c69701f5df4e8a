"""What a simulated receiver answers: rules asked in order, as pure objects.

A rule that only delays lets the search go on (delays add up); the first rule that replies or drops decides; none means yes.
Time and chance come as arguments. What rules remember (attempts, greylisting) is kept in `History` and nowhere else.
"""

import fnmatch
import ipaddress
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

MAX_CACHED_DOMAINS = 100_000  # more distinct domains than any list of the tests; only bounds a run with random ones


class Stage(StrEnum):
    """Where in the dialogue a rule speaks. BODY is in the middle of the message, DOT at its end (BDAT LAST likewise)."""

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DOT = "dot"


RECIPIENT_STAGES = frozenset({Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT})


@dataclass(frozen=True, slots=True)
class Features:
    """What EHLO offers."""

    pipelining: bool = True
    eightbitmime: bool = True
    smtputf8: bool = True
    chunking: bool = True
    starttls: bool = True
    enhancedstatuscodes: bool = True
    size: int = 52_428_800  # 50 MB, as the large receivers have it


SWITCHES = ("pipelining", "eightbitmime", "smtputf8", "chunking", "starttls", "enhancedstatuscodes")


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do instead of saying yes. An empty `reply` means the usual one."""

    reply: bytes = b""  # "550 5.1.1 no such user", without CRLF
    delay: float = 0.0  # seconds before the reply
    drop: bool = False  # close without a reply
    keep: bool = False  # with `drop` at DOT: the message counts as accepted, only the reply is lost

    @property
    def code(self) -> int:
        return int(self.reply[:3]) if self.reply else 0


YES = Answer()


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a script: conditions that must all hold, and one thing to do. Empty conditions hold always."""

    at: Stage = Stage.RCPT
    recipient: str = ""  # glob over the whole address, lower case
    domain: str = ""  # glob over the domain, lower case
    source: str = ""  # address or network that the client comes from
    host: str = ""  # address that the client connected to
    attempts: tuple[int, int] = (0, 0)  # first and last try of the recipient at this rule, from 1; (0, 0) = any
    share: float = 1.0  # of the recipients: always the same ones
    probability: float = 1.0  # each time anew
    reply: bytes = b""
    greylist: float = 0.0  # seconds from the first try of (source, recipient) during which it is refused
    drop: bool = False
    keep: bool = False
    delay: float = 0.0
    without: tuple[str, ...] = ()  # features that EHLO leaves out
    connections: int = 0  # open at once from one source
    messages: int = 0  # a connection

    @property
    def answer(self) -> Answer:
        return Answer(self.reply, 0.0, self.drop, self.keep)

    @property
    def decides(self) -> bool:
        return bool(self.reply) or self.drop or self.greylist > 0

    @property
    def remembers(self) -> bool:
        """Needs to know what came before, so that processes that share a port cannot share it."""
        return self.attempts != (0, 0) or self.greylist > 0 or self.connections > 0


@dataclass(frozen=True, slots=True)
class Script:
    """A whole scripted receiver."""

    rules: tuple[Rule, ...] = ()
    features: Features = field(default_factory=Features)
    hostname: str = "mx.sandbox.test"
    seed: int = 0


class History:
    """When a key was first seen and how often."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, str, str], tuple[int, float]] = {}

    def note(self, key: tuple[int, str, str], now: float) -> tuple[int, float]:
        """Counts this time in; gives (times, first time)."""
        times, first = self._seen.get(key, (0, now))
        self._seen[key] = (times + 1, first)
        return times + 1, first


class Reception:
    """What clients from one source meet at one host: the policy narrowed to them, so that most questions cost one look-up."""

    def __init__(self, script: Script, rules: list[tuple[int, Rule]], history: History, chance: Callable[[], float]):
        self.features = script.features
        self.connections = 0
        self.messages = 0
        self.source = ""
        self.breaks_tls = False
        self._history = history
        self._chance = chance
        self._seed = script.seed
        self._rules: dict[Stage, list[tuple[int, Rule]]] = {stage: [] for stage in Stage}
        self._by_domain: dict[Stage, dict[str, tuple[tuple[int, Rule], ...]]] = {stage: {} for stage in Stage}
        for number, rule in rules:
            self._rules[rule.at].append((number, rule))
            self._settle(rule)
        self.quiet = {stage: not self._rules[stage] for stage in Stage}

    def _settle(self, rule: Rule) -> None:
        if rule.without:
            self.features = replace(self.features, **dict.fromkeys(rule.without, False))
        self.connections = min(n for n in (self.connections, rule.connections) if n) if rule.connections else self.connections
        self.messages = min(n for n in (self.messages, rule.messages) if n) if rule.messages else self.messages

    def answer(self, stage: Stage, now: float, recipient: str = "", domain: str = "") -> Answer:
        """The answer at a stage; `recipient` and `domain` in lower case."""
        if self.quiet[stage]:
            return YES
        known = self._by_domain[stage].get(domain)
        if known is None:
            known = self._narrow(stage, domain)
        delay = 0.0
        for number, rule in known:
            if self._holds(number, rule, now, recipient):
                delay += rule.delay
                if rule.decides:
                    return replace(rule.answer, delay=delay) if delay else rule.answer
        return Answer(delay=delay) if delay else YES

    def answer_all(self, stage: Stage, now: float, recipients: Iterable[str], content: bytes = b"") -> Answer:
        """The answer to a whole transaction: that of the first recipient that is refused or dropped, or the longest delay.
        No rule of a script asks for the content."""
        if self.quiet[stage]:
            return YES
        if stage not in RECIPIENT_STAGES:
            return self.answer(stage, now)
        delay = 0.0
        for recipient in recipients:
            lower = recipient.lower()
            answer = self.answer(stage, now, lower, lower.rpartition("@")[2])
            delay = max(delay, answer.delay)
            if answer.code >= 400 or answer.drop:
                return answer
        return Answer(delay=delay) if delay else YES

    def closed(self) -> None:
        """The connection is gone; a script counts connections by their sockets."""

    def _narrow(self, stage: Stage, domain: str) -> tuple[tuple[int, Rule], ...]:
        cache = self._by_domain[stage]
        if len(cache) >= MAX_CACHED_DOMAINS:
            cache.clear()
        rules = tuple((n, r) for n, r in self._rules[stage] if not r.domain or fnmatch.fnmatchcase(domain, r.domain))
        cache[domain] = rules
        return rules

    def _holds(self, number: int, rule: Rule, now: float, recipient: str) -> bool:
        if rule.recipient and not _glob(rule.recipient).match(recipient):
            return False
        if rule.share < 1.0 and _fraction(self._seed, number, recipient) >= rule.share:
            return False
        if rule.attempts != (0, 0):
            times, _ = self._history.note((number, "", recipient), now)
            if not rule.attempts[0] <= times <= rule.attempts[1]:
                return False
        if rule.probability < 1.0 and self._chance() >= rule.probability:
            return False
        if rule.greylist:
            _, first = self._history.note((number, self.source, recipient), now)
            return now - first < rule.greylist
        return True


class Receives(Protocol):
    """What the dialogue asks about one connection: a `Reception` of a script, or that of a world."""

    features: Features
    connections: int  # open at once from one source, 0 = any number
    messages: int  # on this connection, 0 = any number
    breaks_tls: bool  # STARTTLS is offered, and its handshake fails

    def answer(self, stage: Stage, now: float, recipient: str = "", domain: str = "") -> Answer: ...
    def answer_all(self, stage: Stage, now: float, recipients: Iterable[str], content: bytes = b"") -> Answer: ...
    def closed(self) -> None: ...


class Receptionist(Protocol):
    """Who greets connections."""

    hostname: str

    def reception(self, source: str, host: str, now: float) -> Receives: ...


class Policy:
    """The rules of one script over all clients. `chance` gives numbers in [0, 1)."""

    def __init__(self, script: Script, chance: Callable[[], float]):
        self.hostname = script.hostname
        self._script = script
        self._chance = chance
        self._history = History()
        self._receptions: dict[tuple[str, str], Reception] = {}

    def reception(self, source: str, host: str, now: float = 0.0) -> Reception:
        """What a client from `source` meets that connected to `host` (both IP addresses), whenever."""
        found = self._receptions.get((source, host))
        if found is None:
            rules = [(n, r) for n, r in enumerate(self._script.rules) if _within(source, r.source) and _within(host, r.host)]
            found = self._receptions[source, host] = Reception(self._script, rules, self._history, self._chance)
            found.source = source
        return found


_patterns: dict[str, re.Pattern[str]] = {}


def _glob(pattern: str) -> re.Pattern[str]:
    found = _patterns.get(pattern)
    if found is None:
        found = _patterns[pattern] = re.compile(fnmatch.translate(pattern))
    return found


def _within(address: str, network: str) -> bool:
    return not network or ipaddress.ip_address(address) in ipaddress.ip_network(network)


def _fraction(seed: int, number: int, recipient: str) -> float:
    """The recipient's place in [0, 1) for this rule: the same in every process and every run."""
    mixed = zlib.crc32(f"{recipient}|{number}|{seed}".encode()) * 0x9E3779B1  # crc32 is linear: spread it before use
    return ((mixed ^ (mixed >> 15)) & 0xFFFFFFFF) / 4294967296.0
