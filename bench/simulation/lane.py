"""One lane in simulated time, with the rules of `actors.sender.lane`: what is in hand, what is open, connections, reports.

Taken over from there: how many rows are wanted, when a connection is opened and given up, what a closed lane does with its
rows, that a mail which met the end of a connection goes over another one, and that a lane whose connections all fail defers its
rows. When a mail may begin is the real sender's `Pace`.
"""

from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from actors.model.delivery import Reply
from actors.model.lanes import LaneLimits, LaneReport
from actors.model.replies import Judgement, judge
from actors.model.states import Blame, Stage, Verdict
from actors.sender.connections import BARREN, RETRY_CONNECT
from actors.sender.lane import FIRST_ROWS, LOADED_ROWS, MAILS_A_CONNECTION, SMOOTH, TRIES, most_open
from actors.sender.pacing import Pace
from actors.sender.pool import PLAIN_SECONDS
from actors.sender.replyreader import make_reply
from actors.sender.tally import Tally
from bench.simulation.engine import Engine
from sandbox.world import Answer, ReceivingSite, Session

IDLE_SECONDS = 10.0  # TimeLimits.idle
GREETING_SECONDS = 300.0  # TimeLimits.greeting; a reply to MAIL is waited for as long
SPARE = 1.5  # connections for so much more than the pace needs
NO_REPLY = Reply(0, "connection lost")


class Owner(Protocol):
    """Whose lane it is."""

    engine: Engine
    address: str

    def settled(self, lane: "Lane", row: int, stage: Stage, reply: Reply, judgement: Judgement, rule: str) -> None: ...
    def connecting(self, lane: "Lane", refused: bool) -> None: ...
    def address_of(self, row: int) -> str: ...


@dataclass(slots=True, eq=False)
class Connection:
    """One open connection."""

    session: Session
    most: int
    sent: int = 0
    settled: int = 0
    busy: bool = False
    closed: bool = False
    idle_since: float = 0.0


class Lane:
    """The keeper of its connections."""

    def __init__(self, site: ReceivingSite, owner: Owner, limits: LaneLimits):
        self.site, self.limits, self._owner = site, limits, owner
        self.name = site.spec.name
        self._engine = owner.engine
        self.ready: deque[int] = deque()  # in hand, not opened
        self.queue: deque[tuple[int, int]] = deque()  # opened, not started: (row, connections it met the end of)
        self.open = 0  # opened and not settled
        self.connections: dict[Connection, None] = {}  # in the order of their opening, so that a seed gives one result
        self.connecting = 0
        self.rate = -1.0
        self._settled = 0
        self._not_before = 0.0
        self._barren = 0
        self._plain_until = 0.0
        self._pace = Pace(limits, owner.engine.clock())
        self._paced = False
        self._spent = site.spec.service  # seconds a mail, smoothed
        self.seen = Tally(self.name)

    # -- how much --------------------------------------------------------------------------------------------------------

    @property
    def wants(self) -> int:
        """How many more rows it would take in hand."""
        if self.closed:
            return 0
        most = FIRST_ROWS * 4 if self.rate < 0 else max(LOADED_ROWS, int(2 * self.rate))
        most = int(min(most, self._pace.allowed(self._engine.clock()) + self.open))
        missing = most - len(self.ready) - self.open
        return missing if 2 * missing >= most else 0

    @property
    def closed(self) -> bool:
        return self.limits.closed_until > self._engine.clock()

    def follow(self, limits: LaneLimits) -> list[int]:
        """Takes new limits; gives the rows that go back."""
        self.limits = limits
        self._pace.follow(limits, self._engine.clock())
        if not self.closed:
            return []
        back = [row for row, _ in self.queue] + list(self.ready)
        self.open -= len(self.queue)
        self.queue.clear()
        self.ready.clear()
        return back

    # -- work ------------------------------------------------------------------------------------------------------------

    def wake(self, waited: bool = False) -> None:
        """Starts what may be started now."""
        self._open_rows()
        if self.queue:
            for connection in [c for c in self.connections if not c.busy]:
                if not self._start(connection):
                    break
        there = len(self.connections) + self.connecting
        wanted = self._useful - there
        if (
            waited
            and self.queue
            and not self.limits.rate
            and wanted <= 0
            and there < self.limits.concurrency
            and not self.connecting
        ):
            wanted = 1
        if wanted > 0 and not self.closed and self._engine.now >= self._not_before:
            for _ in range(wanted):
                self._connect()

    @property
    def _useful(self) -> int:
        """How many connections have work: for the mails there are, and for the pace at which they may begin."""
        wanted = min(-(-(self.open + len(self.ready)) // MAILS_A_CONNECTION), self.limits.concurrency)
        if self.limits.rate:
            wanted = min(wanted, 1 + int(SPARE * self.limits.rate * self._spent))
        return int(min(wanted, len(self.connections) + self._pace.allowed(self._engine.clock())))

    def _open_rows(self) -> None:
        if not self.connections:
            return
        wanted = most_open(self.rate, self.limits.concurrency) - self.open
        for _ in range(int(min(len(self.ready), wanted, self._pace.allowed(self._engine.clock()) - len(self.queue)))):
            self.queue.append((self.ready.popleft(), 0))
            self.open += 1

    def _start(self, connection: Connection) -> bool:
        """Gives a free connection a mail; False when there is none to give now."""
        if not self.queue:
            connection.idle_since = self._engine.now
            return False
        now, clock = self._engine.now, self._engine.clock()
        if not self._pace.may_begin(clock):
            wait = self._pace.wait(clock)
            if wait and not self._paced:
                self._paced = True
                self._engine.at(now + max(wait, 1e-3), self._slot)  # the clock is no finer than that since the epoch
            return False
        self._pace.begin()
        row, tries = self.queue.popleft()
        connection.busy = True
        connection.sent += 1
        answer = self.site.message(now, connection.session, self._owner.address_of(row))
        spent = self.site.spec.service + answer.delay
        if answer.delay >= GREETING_SECONDS:
            spent, answer = GREETING_SECONDS, Answer(answer.stage, drop=True, rule="tarpit")
        self._engine.at(now + spent, self._finish, connection, row, tries, answer, spent)
        return True

    def _slot(self) -> None:
        self._paced = False
        self.wake()

    def _finish(self, connection: Connection, row: int, tries: int, answer: Answer, spent: float) -> None:
        """The mail has its answer."""
        connection.busy = False
        self._spent += SMOOTH * (spent - self._spent)
        stage = Stage(answer.stage.value)
        met_closing = answer.code == 421 and stage is Stage.MAIL and connection.settled > 0
        if (answer.drop or met_closing) and tries + 1 < TRIES:
            self.queue.appendleft((row, tries + 1))
            if met_closing:
                reply, judgement = read(stage, answer.reply, answer.drop)
                self.seen.held_back(judgement, reply)
        else:
            if not (answer.drop or met_closing):
                connection.settled += 1
                self._settled += 1
            self.open -= 1
            reply, judgement = read(stage, answer.reply, answer.drop)
            if answer.drop or met_closing:
                judgement = Judgement(Verdict.DEFERRED, Blame.BUSY if met_closing else Blame.NETWORK)
            self._owner.settled(self, row, stage, reply, judgement, answer.rule)
        if answer.ends or connection.sent >= connection.most:
            self._close(connection, quitting=not answer.ends)
        else:
            self._open_rows()
            self._start(connection)

    def _settle_queue(self, stage: Stage, reply: Reply, also_ready: bool = False) -> None:
        """Rows that end untried by any connection."""
        rows = [row for row, _ in self.queue] + (list(self.ready) if also_ready else [])
        self.open -= len(self.queue)
        self.queue.clear()
        if also_ready:
            self.ready.clear()
        for row in rows:
            self._owner.settled(self, row, stage, reply, judge(stage, reply), "unreachable")

    # -- connections -----------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self.connecting += 1
        session = self.site.connect(self._engine.now, self._owner.address)
        self._owner.connecting(self, not session.answer.yes)
        spent = self.site.spec.connect + min(session.answer.delay, GREETING_SECONDS)
        if not self.site.spec.tls and self._engine.now >= self._plain_until:  # the handshake fails: once more without TLS
            spent += self.site.spec.connect
            self._plain_until = self._engine.now + PLAIN_SECONDS
        self._engine.at(self._engine.now + spent, self._connected, session)

    def _connected(self, session: Session) -> None:
        self.connecting -= 1
        answer = session.answer
        if not answer.yes or answer.delay >= GREETING_SECONDS:
            self.site.close(session)
            stage = Stage.CONNECT if answer.drop else Stage.GREETING
            self._failed(stage, Reply(0, "timed out") if answer.yes else read(stage, answer.reply, answer.drop)[0])
            return
        connection = Connection(session, self.limits.messages_per_connection, idle_since=self._engine.now)
        self.connections[connection] = None
        self._engine.at(self._engine.now + IDLE_SECONDS, self._idle, connection)
        self.wake()

    def _failed(self, stage: Stage, reply: Reply) -> None:
        self.seen.count("connect_failures")
        if reply.code:
            self.seen.count("connects_refused")
        self.seen.said(reply)
        self._not_before = self._engine.now + RETRY_CONNECT
        if not self.connections and not self.connecting:
            self._settle_queue(stage, reply, also_ready=True)

    def _close(self, connection: Connection, quitting: bool) -> None:
        connection.closed = True
        self.connections.pop(connection, None)
        self.site.close(connection.session)
        if connection.settled and not quitting:
            self.seen.closed(connection.settled)
        if connection.settled or quitting:
            self._barren = 0
        else:
            self._barren += 1
            self._not_before = self._engine.now + min(0.5 * 2**self._barren, 30.0)
            self.seen.count("connect_failures")
            if self._barren >= BARREN and not self.connections:
                self._settle_queue(Stage.MAIL, NO_REPLY, also_ready=True)
        self.wake()

    def _idle(self, connection: Connection) -> None:
        """Looks whether a connection has been without work for long."""
        if connection.closed:
            return
        now, until = self._engine.now, connection.idle_since + IDLE_SECONDS
        if connection.busy or now < until:
            self._engine.at(until if now < until and not connection.busy else now + IDLE_SECONDS, self._idle, connection)
        else:
            self._close(connection, quitting=True)

    # -- reports ---------------------------------------------------------------------------------------------------------

    @property
    def quiet(self) -> bool:
        """There is nothing to tell and nothing to do; that a connection is still there tells nothing."""
        return not (self.ready or self.open or self.connecting or self.seen)

    def measure(self, seconds: float) -> None:
        if self._settled or self.open:
            now = self._settled / seconds
            self.rate = now if self.rate < 0 else SMOOTH * now + (1 - SMOOTH) * self.rate
        self._settled = 0

    def report(self) -> LaneReport:
        """What the lane saw since it was last asked."""
        return self.seen.report(len(self.connections), self._pace.report())


@lru_cache(65_536)
def read(stage: Stage, reply: bytes, drop: bool) -> tuple[Reply, Judgement]:
    """An answer as the sender reads and judges it."""
    if reply:
        lines = reply.decode().split("\r\n")
        found = make_reply(int(lines[0][:3]), "\n".join(line[4:] for line in lines))
    else:
        found = NO_REPLY if drop else Reply(250, "accepted", "2.0.0")
    return found, judge(stage, found)
