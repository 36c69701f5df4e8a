"""One (egress, site) pair as the sender works it: what waits, what is open, what it saw since the last report. Its connections
are next door (`connections`).

The first connection is there before any row of the lane is opened in the ledger, so a dead site never has a row in doubt.
"""

import asyncio
from collections import deque
from typing import Protocol

from actors.model.delivery import Reply, Site
from actors.model.lanes import LaneLimits, LaneReport
from actors.model.replies import judge
from actors.model.states import Stage
from actors.sender.connections import Connections
from actors.sender.hand import Chunk, Mail, Row, Work
from actors.sender.messages import CLOSING, End, Event
from actors.sender.outcomes import full
from actors.sender.pacing import Pace
from actors.sender.pool import Pool
from actors.sender.session import Session
from actors.sender.tally import Tally

FIRST_ROWS = 32  # open at once on a lane that nobody knows yet: eight new lanes fit
READY_SECONDS = 2.0  # rendered mail kept ready, in seconds of the lane's own speed
OPEN_SECONDS = 0.5  # rows open in the ledger beyond two a connection, in seconds of that speed: enough for large calls to it
SHORT_SECONDS = 0.1  # with less than this beyond two a connection a lane is short: a call takes as long when the ledger is busy
MOST_READY = 1024
TRIES = 2  # connections that one opened mail may meet the end of, besides those that have carried enough
MAILS_A_CONNECTION = 4  # so many wait before another connection is worth its set-up
LOADED_ROWS = 32  # a lane with this many rows in hand, and two seconds of its speed, wants no more
PACED_SECONDS = 2.0  # rows open on a lane that is held to a rate, in seconds of that rate,
FEWEST_OPEN = 2  # or so many
SHED_SECONDS, SHED_ROWS = 20.0, 16  # rows of more than so long a wait, and more than so many, are other egresses' to take
NO_QUOTA_SECONDS = 30.0  # a lane without a quota asks again
SMOOTH = 0.5  # weight of the newest half second in the lane's speed


def most_open(rate: float, concurrency: int) -> int:
    """Rows that a lane may have open at this speed (below 0: not known), were it not held to a rate."""
    carried = 2 * concurrency
    return max(FIRST_ROWS, carried) if rate < 0 else carried + int(rate * OPEN_SECONDS)


class Owner(Protocol):
    """Who works the lanes."""

    pool: Pool

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def may_start(self) -> bool:
        """Whether new mail may be started now (the lease of the sender holds)."""
        ...

    def may_connect(self, lane: "Lane") -> bool:
        """Whether the lane may open another connection now."""
        ...

    def settled(self, lane: "Lane", mail: Mail, event: Event, host: str, tls: str) -> None: ...
    def connected(self, lane: "Lane") -> None: ...
    def unreachable(self, lane: "Lane", stage: Stage, reply: Reply) -> None:
        """No host of the site takes connections now."""
        ...


class Lane:
    """The keeper of its sessions."""

    def __init__(self, site: Site, owner: Owner, limits: LaneLimits):
        self.site, self.limits = site, limits
        self._owner = owner
        self.tally = Tally(site.name)
        self._pace = Pace(limits, owner.now())
        self._paced: asyncio.TimerHandle | None = None  # wakes the lane when its rate lets the next mail begin
        self._loop = asyncio.get_running_loop()
        self.waiting: deque[Chunk] = deque()  # not rendered
        self.rendering = 0
        self.ready: deque[Mail] = deque()  # rendered, not opened
        self.queue: deque[Mail] = deque()  # opened, not started
        self.open = 0  # opened in the ledger and not settled
        self.connections = Connections(self, owner)
        self.rate = -1.0  # mails a second; below 0 = not known
        self._settled = 0
        self.used_at = self._loop.time()

    # -- how much --------------------------------------------------------------------------------------------------------

    @property
    def backlog(self) -> int:
        """Rows that wait here, rendered or not."""
        return len(self.ready) + self.rendering + sum(len(c.rows) for c in self.waiting)

    @property
    def _wanted(self) -> int:
        """How many rendered mails the lane would like to have ready."""
        wanted = FIRST_ROWS * 4 if self.rate < 0 else int(self.rate * READY_SECONDS)
        return min(max(wanted, 32), MOST_READY)

    @property
    def room(self) -> int:
        """How many more rows may be rendered."""
        return self._wanted - len(self.ready) - self.rendering

    @property
    def hungry(self) -> bool:
        """Whether rows should be rendered now: half of what it wants is gone, so that calls are large."""
        return bool(self.waiting) and 2 * self.room >= min(self._wanted, 2 * len(self.waiting[0].rows))

    @property
    def openable(self) -> int:
        """How many of the ready mails may be opened now."""
        if not self.connections.sessions:
            return 0
        most: float = most_open(self.rate, self.limits.concurrency)
        if self.limits.rate:
            most = min(most, max(FEWEST_OPEN, self.limits.rate * PACED_SECONDS))
        room = min(most - self.open, self._pace.allowed(self._owner.now()) - len(self.queue))
        return max(0, min(len(self.ready), int(room)))

    @property
    def short(self) -> bool:
        """Whether its connections run out of opened mail while there is more that may be opened."""
        if not self.ready:  # most lanes, where every row has a domain of its own
            return False
        soon = 2 * len(self.connections.sessions) + self.rate * SHORT_SECONDS
        return self.open < (FIRST_ROWS / 2 if self.rate < 0 else soon) and self.openable > 0

    @property
    def loaded(self) -> bool:
        """Whether more rows would only wait here."""
        if self._few:
            return self.backlog + self.open >= max(1, self.limits.probe)
        return self.rate >= 0 and self.backlog + self.open >= max(LOADED_ROWS, 2 * self.rate)

    @property
    def _few(self) -> bool:
        """Half-open: a few mails only."""
        return self.limits.probe > 0 or self.limits.quota == 0

    def follow(self, limits: LaneLimits) -> None:
        """Takes the limits that answer the last report."""
        self.limits = limits
        self._pace.follow(limits, self._owner.now())
        if self._paced is not None:
            self._paced.cancel()
            self._paced = None

    def take_excess(self) -> list[Row]:
        """Rows that are open and may not be begun under the limits; they leave the lane."""
        left = self._pace.allowed(self._owner.now())
        rows: list[Row] = []
        while len(self.queue) > left:
            rows.append(self.queue.pop().row)
        self.open -= len(rows)
        return rows

    def shed(self) -> None:
        """Rows that the rate will not carry soon go back, for other egresses to take."""
        limits = self.limits
        most = limits.probe if self._few else SHED_SECONDS * limits.rate if limits.rate else float("inf")
        while self.waiting and self.backlog > max(SHED_ROWS, most):
            chunk = self.waiting.pop()
            chunk.work.give_back(chunk.rows.tolist())

    def closed(self, now: float) -> bool:
        """Whether reputation has closed the lane. `now`: seconds since the epoch."""
        return self.closed_until(now) > 0

    def closed_until(self, now: float) -> float:
        """When the lane may take rows again; 0 = it may now. Without a quota it takes none."""
        limits = self.limits
        if limits.closed_until > now:
            return limits.closed_until
        return min(limits.quota_until, now + NO_QUOTA_SECONDS) if limits.quota == 0 and limits.quota_until > now else 0.0

    def give_back(self, work: Work | None = None) -> None:
        """Rows that are not open go back to the conductor: those of one lease, or all."""
        for chunk in [c for c in self.waiting if work in (None, c.work)]:
            self.waiting.remove(chunk)
            chunk.work.give_back(chunk.rows.tolist())
        for mail in [m for m in self.ready if work in (None, m.row.work)]:
            self.ready.remove(mail)
            mail.row.work.give_back([mail.row.row])

    def take_unopened(self) -> list[Row]:
        """All rows that are here and not open; they leave the lane."""
        rows = [mail.row for mail in self.ready] + [row for chunk in self.waiting for row in chunk.each()]
        self.ready.clear()
        self.waiting.clear()
        return rows

    def take_queue(self) -> list[Row]:
        """All rows that are open and not started; they leave the lane."""
        rows = [mail.row for mail in self.queue]
        self.queue.clear()
        self.open -= len(rows)
        return rows

    @property
    def empty(self) -> bool:
        return not (self.waiting or self.rendering or self.ready or self.queue or self.open)

    # -- connections -----------------------------------------------------------------------------------------------------

    def wake(self, waited: bool = False) -> None:
        """There is mail: gives it to connections that wait, opens more within the limit. `waited`: some of it was here before,
        so the connections that are there are too few, however little mail it is."""
        connections = self.connections
        if connections.stopped:
            return
        if self.queue:
            for session in list(connections.sessions):
                if not self.queue:
                    break
                if session.wants:
                    session.pump()
        there = connections.there
        wanted = min(-(-(self.open + len(self.ready)) // MAILS_A_CONNECTION), self.limits.concurrency) - there
        if waited and self.queue and wanted <= 0 and there < self.limits.concurrency and not connections.connecting:
            wanted = 1
        connections.open(wanted)

    def close_idle(self) -> None:
        """Gives up connections that have nothing to do."""
        if self.empty:
            self.connections.quit_idle()

    # -- Keeper ----------------------------------------------------------------------------------------------------------

    def next_message(self, session: Session) -> Mail | None:
        if not self.queue or not self._owner.may_start():
            return None
        now = self._owner.now()
        if not self._pace.may_begin(now):
            self._wait(now)
            return None
        self._pace.begin()
        return self.queue.popleft()

    def _wait(self, now: float) -> None:
        wait = self._pace.wait(now)
        if wait and self._paced is None and not self.connections.stopped:
            self._paced = self._loop.call_later(wait, self._turn)

    def _turn(self) -> None:
        self._paced = None
        self.wake()

    def on_events(self, session: Session, events: list[Event]) -> None:
        for event in events:
            mail = event.message
            assert isinstance(mail, Mail)
            carried = session.settled > 0
            if carried and full(event):
                session.retire()
                self.queue.appendleft(mail)
                continue
            if event.end is End.NOT_SENT:
                if not carried or (event.reply.code != CLOSING and event.stage is not Stage.MAIL):
                    mail.tries += 1  # it may be this mail that ends connections, not what they have carried
                elif event.reply.code == CLOSING:
                    self.tally.held_back(judge(event.stage, event.reply), event.reply)
                if mail.tries < TRIES:
                    self.queue.appendleft(mail)  # still open in the ledger, and no dot of it has left
                    continue
            else:
                session.settled += 1
                self._settled += 1
            self.open -= 1
            self._owner.settled(self, mail, event, session.host, session.tls)

    def on_closed(self, session: Session) -> None:
        self.connections.ended(session)
        self.wake()

    # -- reports ---------------------------------------------------------------------------------------------------------

    def measure(self, seconds: float) -> None:
        """Takes what was settled in the last `seconds` into the lane's speed."""
        if self._settled or self.open:
            now = self._settled / seconds
            self.rate = now if self.rate < 0 else SMOOTH * now + (1 - SMOOTH) * self.rate
            self.used_at = self._loop.time()
        self._settled = 0

    def report(self) -> LaneReport | None:
        """What the lane saw since it was last asked; None if nothing. Addresses in reply texts stay here."""
        if not (self.tally or self.connections.there or self.backlog):
            return None
        return self.tally.report(len(self.connections.sessions), self._pace.report())

    def unreported(self, report: LaneReport) -> None:
        """The report reached nobody: its counts go into the next one."""
        self.tally.unreported(report)
        self._pace.unreported(report.started)
