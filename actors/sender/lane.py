"""One (egress, site) pair as the sender works it: what waits, what is open, its connections, what it saw since the last report.

Connections are opened one task each, only while there is mail for them; the first one is there before any row of the lane is
opened in the ledger, so a dead site never has a row in doubt.
"""

import asyncio
import logging
import re
from collections import deque
from typing import Protocol

from actors.model.delivery import LaneLimits, LaneReport, Reply, Site
from actors.model.states import Stage
from actors.sender.connect import ConnectFailed
from actors.sender.hand import Chunk, Mail, Row, Work
from actors.sender.messages import End, Event
from actors.sender.pool import Pool
from actors.sender.session import Session

log = logging.getLogger(__name__)

FIRST_ROWS = 32  # open at once on a lane that nobody knows yet: eight new lanes fit
READY_SECONDS = 2.0  # rendered mail kept ready, in seconds of the lane's own speed
OPEN_SECONDS = 0.2  # the same for rows open in the ledger: some rounds of calls to it
MOST_READY = 1024
TRIES = 2  # connections that one opened mail may meet the end of
MAILS_A_CONNECTION = 4  # so many wait before another connection is worth its set-up
LOADED_ROWS = 32  # a lane with this many rows in hand, and two seconds of its speed, wants no more
BARREN = 3  # connections in a row that ended before any mail had its reply: the site is not there
RETRY_CONNECT = 2.0  # a lane that still has connections waits this long before it asks for another one again
SMOOTH = 0.5  # weight of the newest half second in the lane's speed


ADDRESS = re.compile(r"\S+@\S+")


class Owner(Protocol):
    """Who works the lanes."""

    pool: Pool

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
        self._loop = asyncio.get_running_loop()
        self.waiting: deque[Chunk] = deque()  # not rendered
        self.rendering = 0
        self.ready: deque[Mail] = deque()  # rendered, not opened
        self.queue: deque[Mail] = deque()  # opened, not started
        self.open = 0  # opened in the ledger and not settled
        self.sessions: set[Session] = set()
        self._connecting: set[asyncio.Task[bool]] = set()
        self._not_before = 0.0  # loop time
        self._stopped = False
        self._barren = 0  # connections in a row that ended without settling anything
        self.rate = -1.0  # mails a second; below 0 = not known
        self._settled = 0
        self.used_at = self._loop.time()
        self._report = LaneReport(site.name)
        self._counts = {"delivered": 0, "refused": 0, "busy": 0, "connect_failures": 0}
        self._seconds = 0.0
        self._last_reply = ""

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
        if not self.sessions:
            return 0
        wanted = FIRST_ROWS if self.rate < 0 else int(self.rate * OPEN_SECONDS)
        return max(0, min(len(self.ready), max(wanted, 2 * self.limits.concurrency) - self.open))

    @property
    def loaded(self) -> bool:
        """Whether more rows would only wait here."""
        return self.rate >= 0 and self.backlog + self.open >= max(LOADED_ROWS, 2 * self.rate)

    def closed(self, now: float) -> bool:
        """Whether reputation has closed the lane. `now`: seconds since the epoch."""
        return self.limits.closed_until > now

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
        if self._stopped:
            return
        if self.queue:
            for session in list(self.sessions):
                if not self.queue:
                    break
                if session.wants:
                    session.pump()
        there = len(self.sessions) + len(self._connecting)
        wanted = min(-(-(self.open + len(self.ready)) // MAILS_A_CONNECTION), self.limits.concurrency) - there
        if waited and self.queue and wanted <= 0 and there < self.limits.concurrency and not self._connecting:
            wanted = 1
        while wanted > 0 and self._loop.time() >= self._not_before and self._owner.may_connect(self):
            wanted -= 1
            self._owner.pool.taken += 1
            task = self._loop.create_task(self._connect())
            self._connecting.add(task)
            task.add_done_callback(self._connect_ended)

    def _connect_ended(self, task: asyncio.Task[bool]) -> None:
        self._connecting.discard(task)
        if task.cancelled() or not task.result():
            self._owner.pool.taken -= 1

    async def _connect(self) -> bool:
        """Whether there is one connection more now."""
        failure: ConnectFailed | None = None
        try:
            connection, host = await self._owner.pool.connect(self.site)
        except ConnectFailed as error:
            failure = error
        except Exception:
            log.exception("connecting failed")
            failure = ConnectFailed(Stage.CONNECT, Reply(0, "connecting failed"))
        task = asyncio.current_task()
        assert task is not None
        self._connecting.discard(task)
        if failure is not None:
            self._failed(failure.stage, failure.reply)
            return False
        session = Session(connection, host, self, self._owner.pool.limits, self.limits.messages_per_connection)
        self.sessions.add(session)
        session.pump()
        self._owner.connected(self)
        return True

    def _failed(self, stage: Stage, reply: Reply) -> None:
        self._counts["connect_failures"] += 1
        self._last_reply = f"{reply.code} {reply.text}"
        self._not_before = self._loop.time() + RETRY_CONNECT
        if not self.sessions and not self._connecting:
            self._owner.unreachable(self, stage, reply)

    def close_idle(self) -> None:
        """Gives up connections that have nothing to do."""
        if self.empty:
            for session in [s for s in self.sessions if s.wants]:
                session.quit()

    async def close(self) -> None:
        """QUIT on every connection; waits until they are gone."""
        self._stopped = True
        for task in list(self._connecting):
            task.cancel()
        for session in list(self.sessions):
            session.quit()
        while self.sessions:
            await asyncio.sleep(0.02)  # each session's own time limit ends this

    def abort(self, why: str) -> None:
        """Ends every connection now; no new one is opened."""
        self._stopped = True
        for task in list(self._connecting):
            task.cancel()
        for session in list(self.sessions):
            session.abort(why)

    # -- Keeper ----------------------------------------------------------------------------------------------------------

    def next_message(self, session: Session) -> Mail | None:
        if not self.queue or not self._owner.may_start():
            return None
        mail = self.queue.popleft()
        mail.started = self._loop.time()
        return mail

    def on_events(self, session: Session, events: list[Event]) -> None:
        now = self._loop.time()
        for event in events:
            mail = event.message
            assert isinstance(mail, Mail)
            self._seconds += now - mail.started
            if event.end is End.NOT_SENT:
                mail.tries += 1
                if mail.tries < TRIES:
                    self.queue.appendleft(mail)  # still open in the ledger, and no dot of it has left
                    continue
            else:
                session.settled += 1
                self._settled += 1
            self.open -= 1
            self._owner.settled(self, mail, event, session.host, session.tls)

    def on_closed(self, session: Session) -> None:
        self.sessions.discard(session)
        self._owner.pool.taken -= 1
        if session.settled or session.quitting:
            self._barren = 0
        else:
            self._barren += 1
            self._not_before = self._loop.time() + min(0.5 * 2**self._barren, 30.0)
            self._counts["connect_failures"] += 1
            if self._barren >= BARREN and not self.sessions and not self._stopped:
                self._owner.unreachable(self, Stage.MAIL, Reply(0, "the connection ends before any mail is answered"))
        self.wake()

    # -- reports ---------------------------------------------------------------------------------------------------------

    def count(self, kind: str, reply: Reply) -> None:
        self._counts[kind] += 1
        if kind != "delivered":
            self._last_reply = f"{reply.code} {reply.enhanced} {reply.text}"

    def measure(self, seconds: float) -> None:
        """Takes what was settled in the last `seconds` into the lane's speed."""
        if self._settled or self.open:
            now = self._settled / seconds
            self.rate = now if self.rate < 0 else SMOOTH * now + (1 - SMOOTH) * self.rate
            self.used_at = self._loop.time()
        self._settled = 0

    def report(self) -> LaneReport | None:
        """What the lane saw since it was last asked; None if nothing. Addresses in reply texts stay here."""
        if not (any(self._counts.values()) or self.sessions or self._connecting or self.backlog):
            return None
        report = LaneReport(
            self.site.name,
            connections=len(self.sessions),
            seconds=self._seconds,
            last_reply=ADDRESS.sub("<address>", self._last_reply)[:200],
            **self._counts,  # type: ignore[arg-type]
        )
        self._counts = dict.fromkeys(self._counts, 0)
        self._seconds, self._last_reply = 0.0, ""
        return report

    def unreported(self, report: LaneReport) -> None:
        """The report reached nobody: its counts go into the next one."""
        for kind in self._counts:
            self._counts[kind] += getattr(report, kind)
        self._seconds += report.seconds
        self._last_reply = self._last_reply or report.last_reply
