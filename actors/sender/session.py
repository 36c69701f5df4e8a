"""One connection in use: asyncio's Protocol on one side, the pure dialogue on the other; all IO and time of it.

A session pulls: whenever its dialogue wants a message it asks its keeper. One timer watches the step that the connection stands
at; a reply, or progress while a message is written, sets it anew, single bytes do not.
"""

import asyncio
import sys
from typing import Protocol

from actors.model.states import Stage
from actors.sender.connect import Connection, TimeLimits
from actors.sender.dialogue import Dialogue
from actors.sender.messages import Event, Message

JOIN_BELOW = 65_536  # up to here one copy is cheaper than one more system call


class Keeper(Protocol):
    """Who keeps the session."""

    def next_message(self, session: "Session") -> Message | None:
        """The next message for this connection; None: there is none now."""
        ...

    def on_events(self, session: "Session", events: list[Event]) -> None: ...

    def on_closed(self, session: "Session") -> None:
        """The connection is gone; all its messages have had their events."""
        ...


class Session(asyncio.Protocol):
    """Delivers over one open connection until it is closed."""

    def __init__(self, connection: Connection, host: str, keeper: Keeper, limits: TimeLimits, most: int):
        self.host = host
        self.tls = connection.tls
        self.sent = 0
        self.settled = 0  # messages that had a reply here; the keeper counts
        self._most = most
        self._keeper = keeper
        self._dialogue = Dialogue(connection.features)
        self._transport = connection.transport
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._paused = False
        self.quitting = False
        self.full = False  # the receiver takes no more mails here, and leaves it to us to hang up
        self.closed = False
        self._deadline = self._loop.time() + limits.idle
        self._vectored = _vectored(self._transport)
        self._by_stage = {
            Stage.MAIL: limits.mail,
            Stage.RCPT: limits.rcpt,
            Stage.DATA: limits.data,
            Stage.DOT: limits.dot,
            None: limits.idle,
        }
        self._transport.set_protocol(self)
        self._timer: asyncio.TimerHandle = self._loop.call_later(limits.idle, self._on_timer)

    @property
    def wants(self) -> bool:
        """Whether `pump` would take a message now."""
        return self._dialogue.wants and not (self.quitting or self._paused or self.closed)

    # -- work ------------------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Takes messages while the dialogue wants them and writes what it has to say."""
        dialogue = self._dialogue
        fresh = dialogue.idle
        while not self.closed:
            while dialogue.wants and not (self.quitting or self._paused):
                message = self._keeper.next_message(self)
                if message is None:
                    break
                refusal = dialogue.send(message)
                if refusal is not None:
                    self._keeper.on_events(self, [refusal])
                    continue
                self.sent += 1
                if self.sent >= self._most:
                    self.quitting = True
                    dialogue.quit()
            if self._paused and dialogue.writing:
                break  # the receiver does not read: the message's dot stays here
            parts = dialogue.output()
            if not parts:
                break
            self._write(parts)
        if dialogue.done and not self.closed:
            self._close()
            self._keeper.on_closed(self)
        elif fresh and not dialogue.idle:
            self._extend()

    def quit(self) -> None:
        """Takes no more messages; QUIT goes out when those under way have ended."""
        if not (self.quitting or self.closed):
            self.quitting = True
            self._dialogue.quit()
            self.pump()

    def retire(self) -> None:
        """As `quit`, said while the keeper is told of events: the session writes by itself when that has ended."""
        self.full = self.quitting = True
        self._dialogue.quit()

    def abort(self, why: str) -> None:
        """Ends the connection now; messages whose dot may have left are in doubt."""
        if not self.closed:
            events = self._dialogue.lost(why)
            self._close()
            self._tell(events)

    def _write(self, parts: list[bytes | memoryview]) -> None:
        if len(parts) == 1:
            self._transport.write(parts[0])
        elif self._vectored or sum(map(len, parts)) < JOIN_BELOW:
            self._transport.writelines(parts)
        else:
            for part in parts:
                self._transport.write(part)

    # -- asyncio.Protocol ------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self.closed:
            return
        dialogue = self._dialogue
        before = dialogue.replies
        events = dialogue.receive(data)
        if events:
            self._keeper.on_events(self, events)
        self.pump()
        if dialogue.replies != before and not self.closed:
            self._extend()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._extend()
        self.pump()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed:
            events = self._dialogue.lost()
            self._close()
            self._tell(events)

    # -- ends ------------------------------------------------------------------------------------------------------------

    def _tell(self, events: list[Event]) -> None:
        if events:
            self._keeper.on_events(self, events)
        self._keeper.on_closed(self)

    def _close(self) -> None:
        """The dialogue is done; whoever calls tells the keeper."""
        self.closed = True
        self._timer.cancel()
        if self._dialogue.said_quit:
            self._transport.close()
        else:
            self._transport.abort()

    # -- time ------------------------------------------------------------------------------------------------------------

    def _extend(self) -> None:
        """The step has changed: its own limit counts from now. The timer itself is moved only when it fires."""
        dialogue = self._dialogue
        if dialogue.said_quit:
            limit = self._limits.quit
        elif dialogue.writing:
            limit = self._limits.block
        else:
            limit = self._by_stage[dialogue.awaiting]
        deadline = self._loop.time() + limit
        if deadline < self._timer.when():  # a shorter step than the timer was set for
            self._timer.cancel()
            self._timer = self._loop.call_later(limit, self._on_timer)
        self._deadline = deadline

    def _on_timer(self) -> None:
        left = self._deadline - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._on_timer)
            return
        if self._dialogue.idle and not self.quitting:
            self._timer = self._loop.call_later(self._limits.quit, self._on_timer)
            self.quit()
        else:
            self.abort("timed out")


def _vectored(transport: asyncio.Transport) -> bool:
    """Whether `writelines` goes out without joining the parts into a copy first."""
    if type(transport).__module__.startswith("asyncio"):
        return sys.version_info >= (3, 12) and transport.get_extra_info("ssl_object") is None
    return True
