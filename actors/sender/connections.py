"""The connections of one lane: opened one task each, only while there is mail for them, and ended together.

A connection that ended before any mail had its reply is barren: the next one waits longer, and after some of them in a row the
site is not there.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from actors.model.delivery import Reply
from actors.model.states import Stage
from actors.sender.connect import ConnectFailed
from actors.sender.session import Session

if TYPE_CHECKING:
    from actors.sender.lane import Lane, Owner

log = logging.getLogger(__name__)

BARREN = 3  # connections in a row that ended before any mail had its reply: the site is not there
RETRY_CONNECT = 2.0  # a lane that still has connections waits this long before it asks for another one again
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds after barren connections; each one doubles the pause


class Connections:
    """Counted in the owner's pool from the moment they are being opened."""

    def __init__(self, lane: "Lane", owner: "Owner"):
        self._lane, self._owner = lane, owner
        self._loop = asyncio.get_running_loop()
        self.sessions: set[Session] = set()
        self._connecting: set[asyncio.Task[bool]] = set()
        self._not_before = 0.0  # loop time
        self._barren = 0  # in a row
        self.stopped = False

    @property
    def there(self) -> int:
        """Open, or being opened."""
        return len(self.sessions) + len(self._connecting)

    @property
    def connecting(self) -> bool:
        return bool(self._connecting)

    def open(self, wanted: int) -> None:
        """So many more, as far as the owner lets the lane."""
        while wanted > 0 and self._loop.time() >= self._not_before and self._owner.may_connect(self._lane):
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
        lane = self._lane
        try:
            connection, host = await self._owner.pool.connect(lane.site)
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
        session = Session(connection, host, lane, self._owner.pool.limits, lane.limits.messages_per_connection)
        self.sessions.add(session)
        session.pump()
        self._owner.connected(lane)
        return True

    def _failed(self, stage: Stage, reply: Reply) -> None:
        tally = self._lane.tally
        tally.count("connect_failures")
        if reply.code:
            tally.count("connects_refused")
        tally.said(reply)
        self._not_before = self._loop.time() + RETRY_CONNECT
        if not self.sessions and not self._connecting:
            self._owner.unreachable(self._lane, stage, reply)

    def ended(self, session: Session) -> None:
        """One of the sessions is gone."""
        self.sessions.discard(session)
        self._owner.pool.taken -= 1
        if session.settled or session.quitting:
            self._barren = 0
            if session.full or not session.quitting:
                self._lane.tally.closed(session.settled)
            return
        self._barren += 1
        self._not_before = self._loop.time() + min(FIRST_PAUSE * 2**self._barren, LONGEST_PAUSE)
        self._lane.tally.count("connect_failures")
        if self._barren >= BARREN and not self.sessions and not self.stopped:
            self._owner.unreachable(self._lane, Stage.MAIL, Reply(0, "the connection ends before any mail is answered"))

    def quit_idle(self) -> None:
        """Gives up those that have nothing to do."""
        for session in [s for s in self.sessions if s.wants]:
            session.quit()

    async def close(self) -> None:
        """QUIT on every one; waits until they are gone."""
        self._stop()
        for session in list(self.sessions):
            session.quit()
        while self.sessions:
            await asyncio.sleep(0.02)  # each session's own time limit ends this

    def abort(self, why: str) -> None:
        """Ends every one now; no new one is opened."""
        self._stop()
        for session in list(self.sessions):
            session.abort(why)

    def _stop(self) -> None:
        self.stopped = True
        for task in list(self._connecting):
            task.cancel()
