"""One receiving site: its policies asked in order, step by step of a delivery. No socket, no clock.

Limits are looked at before MAIL is answered and charged there; a message that ends in a refusal for another reason gives its
share back, unless the limit counts attempts. What a refusal says, and where in the dialogue, is the text's matter.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sandbox.policy import Stage
from sandbox.world.answers import ACCEPTED, READY, Answer
from sandbox.world.blocks import Record, within
from sandbox.world.counters import Bucket, Day, Standing
from sandbox.world.recipients import Memory, kind_of, place
from sandbox.world.spec import Limit, Outage, SiteSpec
from sandbox.world.texts import families, for_recipient

AGAINST_SOURCE = frozenset({"rate", "volume", "warmup", "standing", "connections", "connects"})  # counted by `refusals` blocks


class Counter(Protocol):
    """Something that has room for so many messages more."""

    def room(self, now: float) -> float: ...
    def take(self) -> None: ...
    def give_back(self) -> None: ...


@dataclass(slots=True)
class Client:
    """What a site knows of one source."""

    address: str
    record: Record
    counters: list[tuple[str, Counter, bool]]  # (rule, counter, counts attempts)
    connects: list[Bucket]
    most: int  # connections; 0 = any number
    standing: Standing | None = None
    open: int = 0


@dataclass(slots=True)
class Session:
    """One connection to a site. `answer`: what it was greeted with; only if that is a yes may messages follow."""

    client: Client
    answer: Answer = READY
    messages: int = 0
    held: Answer | None = None  # a refusal that is said at a later stage
    charged: list[Counter] = field(default_factory=list)
    closed: bool = False


class ReceivingSite:
    """See the module's rules. `chance` gives numbers in [0, 1)."""

    def __init__(self, spec: SiteSpec, seed: int, chance: Callable[[], float] | None = None):
        self.spec = spec
        self._seed = seed
        self._chance = chance or random.Random(f"{seed}/{spec.name}").random
        self._texts = families()[spec.texts]
        self._clients: dict[str, Client] = {}
        self._shared: list[tuple[str, Counter, bool]] = []
        self._most = min((x.connections for x in spec.limits if x.per == "site" and x.connections), default=0)
        self._connects = [Bucket(x.connects, x.burst, 0.0) for x in spec.limits if x.per == "site" and x.connects]
        for limit in spec.limits:
            if limit.per == "site":
                self._shared += [("site_" + r if r == "rate" else r, c, a) for r, c, a in _counters(limit, 0.0)]
        self._memory = Memory(spec.greylist) if spec.greylist else None
        self._said: dict[tuple[str, Stage, str], Answer] = {}
        self._open = 0
        self._now = 0.0

    # -- steps -----------------------------------------------------------------------------------------------------------

    def connect(self, now: float, source: str) -> Session:
        """A connection is asked for; when the greeting is a yes, `close` must be called once."""
        now = self._monotone(now)
        client = self.client(source, now)
        session = Session(client)
        delay = 0.0
        for outage in self.spec.outages:
            if outage.period.holds(now):
                if outage.how != "tarpit":
                    return self._turned_away(session, self._outage(outage, client))
                delay = outage.delay
        block = client.record.blocked(now)
        if block is not None and block.at == "connect" and self._texts[block.text].at is None:
            return self._turned_away(session, self._say(block.text, Stage.CONNECT, client))
        rule = self._crowded(client, now)
        if rule:
            client.record.refused(now)
            return self._turned_away(session, self._say(rule, Stage.CONNECT, client))
        client.open += 1
        self._open += 1
        if delay:
            session.answer = Answer(Stage.CONNECT, delay=delay)
        return session

    def close(self, session: Session) -> None:
        """The connection is gone."""
        if not session.closed:
            session.closed = True
            session.client.open -= 1
            self._open -= 1

    def mail(self, now: float, session: Session) -> Answer | None:
        """MAIL: None is the usual yes. A refusal that is said later is kept for `rcpt` or `dot`."""
        now = self._monotone(now)
        client = session.client
        self._give_back(session)  # of a transaction that was given up
        session.held = None
        client.record.message(now)
        for outage in self.spec.outages:
            if outage.period.holds(now):
                if outage.how != "tarpit":
                    return self._outage(outage, client)._replace(stage=Stage.MAIL)
                return Answer(Stage.MAIL, delay=outage.delay)
        if self.spec.messages and session.messages >= self.spec.messages:
            return self._say("messages", Stage.MAIL, client)
        block = client.record.blocked(now)
        rule = block.text if block is not None else self._over(client, now)
        if rule:
            if rule in AGAINST_SOURCE:
                client.record.refused(now)
            answer = self._say(rule, Stage.MAIL, client)
            if answer.stage is Stage.MAIL:
                return answer
            session.held = answer
            return None
        for _, counter, attempts in (*client.counters, *self._shared):
            counter.take()
            if not attempts:
                session.charged.append(counter)
        return None

    def rcpt(self, now: float, session: Session, recipient: str) -> Answer | None:
        """RCPT, of an address in lower case."""
        now = self._monotone(now)
        client = session.client
        if session.held is not None and session.held.stage is Stage.RCPT:
            return session.held
        kind = kind_of(self.spec.recipients, self._seed, recipient)
        if kind:
            if kind == "unknown":
                client.record.unknown(now)
                if client.standing is not None:
                    client.standing.bad()
        elif self._memory is not None and self._memory.refuses(now, client.address, recipient):
            kind = "greylist"
        elif self.spec.trouble and self._chance() < self.spec.trouble:
            kind = "trouble"
        if not kind:
            return None
        self._give_back(session)
        return self._say(kind, Stage.RCPT, client, recipient)

    def body(self, now: float, session: Session) -> Answer | None:
        """The middle of a message."""
        self._monotone(now)
        if session.held is None and self.spec.drops and self._chance() < self.spec.drops:
            self._give_back(session)
            return Answer(Stage.DATA, drop=True, rule="drop")
        return None

    def dot(self, now: float, session: Session, recipient: str, content: bytes = b"") -> Answer | None:
        """The end of a message to `recipient` (the first, if there are several)."""
        self._monotone(now)
        client = session.client
        if session.held is not None:
            return session.held
        for rule in self.spec.contents:
            if (rule.contains and rule.contains.encode() in content) or (
                rule.share and place(self._seed, rule.text, recipient) < rule.share
            ):
                self._give_back(session)
                return self._say(rule.text, Stage.DOT, client, recipient)
        session.messages += 1
        session.charged = []
        if client.standing is not None:
            client.standing.good()
        if self._memory is not None:
            self._memory.passed(client.address)
        return None

    def message(self, now: float, session: Session, recipient: str, content: bytes = b"") -> Answer:
        """A whole delivery to one recipient; the delays of its steps are added up."""
        asked = self.mail(now, session)
        delay = 0.0
        if asked is not None:
            if not asked.yes:
                return asked
            delay = asked.delay
        answer = (
            self.rcpt(now, session, recipient)
            or self.body(now, session)
            or self.dot(now, session, recipient, content)
            or ACCEPTED
        )
        return answer._replace(delay=answer.delay + delay) if delay else answer

    # -- for who knows everything ----------------------------------------------------------------------------------------

    def room(self, now: float, source: str) -> float:
        """How many messages from a source would pass its limits now, without a refusal and without starting a block."""
        client = self.client(source, now)
        if client.record.blocked(now) is not None or any(o.period.holds(now) for o in self.spec.outages):
            return 0.0
        counters = (*client.counters, *self._shared)
        return min([client.record.room(now), *(c.room(now) for _, c, _ in counters)])

    def client(self, source: str, now: float) -> Client:
        """What is known of a source."""
        found = self._clients.get(source)
        if found is None:
            found = self._clients[source] = self._new_client(source, now)
        return found

    # -- parts -----------------------------------------------------------------------------------------------------------

    def _new_client(self, source: str, now: float) -> Client:
        limits = [x for x in self.spec.limits if x.per == "source" and within(source, x.source)]
        counters = [c for limit in limits for c in _counters(limit, now)]
        warmups = [w for w in self.spec.warmups if within(source, w.source)]
        counters += [("warmup", Day(w.first, w.growth, w.most), False) for w in warmups]
        standing = Standing(self.spec.standing, now) if self.spec.standing else None
        if standing is not None:
            counters.append(("standing", standing, False))
        connects = [Bucket(x.connects, x.burst, now) for x in limits if x.connects]
        most = min((x.connections for x in limits if x.connections), default=0)
        return Client(source, Record(self.spec.blocks, source), counters, connects, most, standing)

    def _crowded(self, client: Client, now: float) -> str:
        """The rule that a new connection breaks."""
        if client.most and client.open >= client.most:
            return "connections"
        if self._most and self._open >= self._most:
            return "site_connections"
        buckets = [*client.connects, *self._connects]
        if any(bucket.room(now) < 1.0 for bucket in buckets):
            return "connects"
        for bucket in buckets:
            bucket.take()
        return ""

    def _over(self, client: Client, now: float) -> str:
        """The limit that a message breaks."""
        for rule, counter, _ in client.counters:
            if counter.room(now) < 1.0:
                return rule
        for rule, counter, _ in self._shared:
            if counter.room(now) < 1.0:
                return rule
        return ""

    def _give_back(self, session: Session) -> None:
        for counter in session.charged:
            counter.give_back()
        session.charged = []

    def _outage(self, outage: Outage, client: Client) -> Answer:
        if outage.how == "refuse":
            return Answer(Stage.CONNECT, drop=True, rule="outage")
        return self._say("busy", Stage.CONNECT, client)

    def _say(self, rule: str, stage: Stage, client: Client, recipient: str = "") -> Answer:
        key = (rule, stage, client.address)
        answer = self._said.get(key)
        if answer is None:
            text = self._texts[rule]
            answer = Answer(text.at or stage, text.fill(client.address, self.spec.hosts[0]), rule=rule)
            self._said[key] = answer
        return answer._replace(reply=for_recipient(answer.reply, recipient)) if recipient else answer

    @staticmethod
    def _turned_away(session: Session, answer: Answer) -> Session:
        session.answer, session.closed = answer, True
        return session

    def _monotone(self, now: float) -> float:
        self._now = max(self._now, now)
        return self._now


def _counters(limit: Limit, now: float) -> list[tuple[str, Counter, bool]]:
    found: list[tuple[str, Counter, bool]] = []
    if limit.rate:
        found.append(("rate", Bucket(limit.rate, limit.burst, now), limit.attempts))
    if limit.volume:
        found.append(("volume", Day(limit.volume), limit.attempts))
    return found
