"""The delivery dialogue after connect, EHLO and TLS, a pure state machine: messages and replies in, bytes and events out.

- No IO, no clock. The caller hands messages over while `wants`, writes what `output` gives (in order, all of it), feeds
  `receive`, and calls `lost` once the connection is gone.
- Each message gets exactly one Event. Bytes count as sent from the moment `output` has given them: only then may a final dot
  have left, and only then is a missing reply a doubt.
- A reply that no written command waits for, or one that cannot answer it, ends the connection; it is never given to another.
"""

from collections import deque
from collections.abc import Callable

from actors.model.delivery import Reply
from actors.model.states import Stage
from actors.sender.messages import CLOSING, End, Event, Features, Message, envelope_commands, local_refusal
from actors.sender.replyreader import RawReply, ReplyReader, to_reply
from actors.sender.transaction import Transaction

BDAT_WINDOW = 4  # messages in flight with CHUNKING; their rows are all open, so the number stays small

Buffer = bytes | memoryview


Step = tuple[Stage | None, Transaction | None]  # None: RSET, QUIT or a lone dot, whose reply tells nothing about a message


class Dialogue:
    """One connection's dialogue. `done`: nothing may be written any more, close it."""

    def __init__(self, features: Features):
        self._features = features
        self._bdat = features.chunking and features.pipelining
        self._reader = ReplyReader()
        self._expected: deque[Step] = deque()  # commands given out whose replies have not come
        self._pending: list[Step] = []  # the same for commands in `_out`
        self._ending: list[Transaction] = []  # transactions whose last octet is in `_out`
        self._live: deque[Transaction] = deque()  # transactions without an event, oldest first
        self._out: list[Buffer] = []
        self._todo: deque[tuple[bytes, Step]] = deque()  # without PIPELINING: commands that wait for the reply before
        self._body: Transaction | None = None  # whose message is being given out
        self._open = False  # an envelope was written and its DATA is not answered yet
        self._reset = False  # the receiver still holds a refused envelope
        self._quitting = False
        self.said_quit = False
        self.replies = 0  # complete replies so far
        self._answered = False  # some message of this connection had the reply to its end
        self._carried = False  # some message of this connection was settled by a reply
        self._events: list[Event] = []
        self.done = False
        self._on: dict[Stage | None, Callable[[Transaction, RawReply], None]] = {
            Stage.MAIL: self._on_mail,
            Stage.RCPT: self._on_rcpt,
            Stage.DATA: self._on_data,
            Stage.DOT: self._on_dot,
        }

    @property
    def wants(self) -> bool:
        """Whether a message handed over now would have its envelope in the next output."""
        if self.done or self._quitting or self._open:
            return False
        if self._bdat:
            return self._body is None and len(self._live) < BDAT_WINDOW
        if not self._features.pipelining:
            return self._body is None and not (self._expected or self._pending or self._todo)
        return self._body is None or self._body.at_last_piece

    @property
    def idle(self) -> bool:
        """Nothing is under way: no message, no reply to wait for, no bytes to write."""
        return not (self._live or self._expected or self._out or self._todo or self._body)

    @property
    def writing(self) -> bool:
        """A message is being given out and has octets left."""
        return self._body is not None

    @property
    def awaiting(self) -> Stage | None:
        """What the connection stands at: the stage of the oldest open reply, DATA while a message is written."""
        if self._expected:
            return self._expected[0][0] or Stage.MAIL
        return Stage.DATA if self._body else None

    # -- messages in -----------------------------------------------------------------------------------------------------

    def send(self, message: Message) -> Event | None:
        """Takes a message; gives its event at once when it cannot be said to this receiver."""
        refusal = local_refusal(message, self._features)
        if refusal:
            return refusal
        transaction = Transaction(message)
        self._live.append(transaction)
        if self._body is not None:  # its last piece, then the dot, then this envelope: one write
            self._finish_body()
        self._envelope(transaction)
        return None

    def _envelope(self, transaction: Transaction) -> None:
        mail, rcpt = envelope_commands(transaction.message, self._features)
        if self._bdat:
            self._bdat_envelope(transaction, mail, rcpt)
            return
        self._open = True
        steps: list[tuple[bytes, Step]] = []
        if self._reset:
            steps.append((b"RSET\r\n", (None, None)))
            self._reset = False
        steps += [
            (mail, (Stage.MAIL, transaction)),
            (rcpt, (Stage.RCPT, transaction)),
            (b"DATA\r\n", (Stage.DATA, transaction)),
        ]
        if self._features.pipelining:
            self._out.append(b"".join([command for command, _ in steps]))
            self._pending += [step for _, step in steps]
        else:
            self._todo.extend(steps)
            self._next_command()

    def _bdat_envelope(self, transaction: Transaction, mail: bytes, rcpt: bytes) -> None:
        """RFC 3030: all in one flight. RSET goes first unless nothing came before: how that ended is not known yet."""
        reset = b"RSET\r\n" if self._answered or len(self._live) > 1 or self._reset else b""
        self._out.append(b"%b%b%bBDAT %d LAST\r\n" % (reset, mail, rcpt, len(transaction.message.body)))
        if reset:
            self._pending.append((None, None))
        self._pending += [(Stage.MAIL, transaction), (Stage.RCPT, transaction), (Stage.DOT, transaction)]
        transaction.chunked = True
        self._body = transaction

    def _next_command(self) -> None:
        if self._todo and not (self._expected or self._pending):
            command, step = self._todo.popleft()
            self._say(command, step)

    def _say(self, command: bytes, step: Step) -> None:
        self._out.append(command)
        self._pending.append(step)

    def quit(self) -> None:
        """Says goodbye once nothing is under way; no message is taken any more."""
        if not self._quitting and not self.done:
            self._quitting = True
            self._maybe_quit()

    def _maybe_quit(self) -> None:
        if self._quitting and not self.said_quit and self.idle:
            self.said_quit = True
            self._say(b"QUIT\r\n", (None, None))

    # -- bytes out -------------------------------------------------------------------------------------------------------

    def output(self) -> list[Buffer]:
        """What to write next, [] when there is nothing; ask again once it is written, while the transport takes more."""
        if self.done:
            return []
        body = self._body
        if body is not None:
            if body.at_last_piece:
                self._finish_body()
            else:
                self._out.append(body.piece())
        if self._pending:
            self._expected.extend(self._pending)
            self._pending.clear()
        for transaction in self._ending:
            transaction.dot = True
        self._ending.clear()
        out, self._out = self._out, []
        return out

    def _finish_body(self) -> None:
        body = self._body
        assert body is not None
        self._body = None
        self._out.append(body.piece())
        self._ending.append(body)
        if not body.chunked:
            self._say(b".\r\n", (Stage.DOT, body))

    # -- bytes in --------------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[Event]:
        """What the received bytes settle."""
        for raw in self._reader.feed(data):
            if self.done:
                break
            self.replies += 1
            if not self._expected:
                self._end("unsolicited reply", to_reply(raw) if raw.code == CLOSING else None)
                break
            stage, transaction = self._expected.popleft()
            if raw.code == CLOSING:
                self._closing(stage, transaction, raw)
            elif transaction is None:
                self.done = self.said_quit and self.idle
            else:
                self._on[stage](transaction, raw)
            if self._todo:
                self._next_command()
        if not self.done:
            if self._reader.broken or (self._reader.partial and not self._expected):
                self._end(self._reader.broken or "unsolicited reply")
            elif self._quitting:
                self._maybe_quit()
        return self._take_events()

    def lost(self, why: str = "connection lost") -> list[Event]:
        """The connection is gone, or is given up: settles every message that is left."""
        if not self.done:
            self._end(why)
        return self._take_events()

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _on_mail(self, transaction: Transaction, raw: RawReply) -> None:
        if not 250 <= raw.code <= 259:
            self._refuse(transaction, Stage.MAIL, raw)
        transaction.stage = Stage.RCPT

    def _on_rcpt(self, transaction: Transaction, raw: RawReply) -> None:
        if not 250 <= raw.code <= 259:
            transaction.rcpt_refused = True
            self._refuse(transaction, Stage.RCPT, raw)
        transaction.stage = Stage.DATA

    def _on_data(self, transaction: Transaction, raw: RawReply) -> None:
        self._open = False
        if raw.code == 354:
            if not transaction.ended:
                self._body = transaction
            elif transaction.rcpt_refused:  # RFC 2920 section 3.1: an empty message for nobody ends this state
                self._say(b".\r\n", (None, None))
                self._reset = False
            else:
                self._end("message asked for after its envelope was refused")
        elif not transaction.ended:
            self._refuse(transaction, Stage.DATA, raw)
        elif raw.code < 400:
            self._end("reply out of order")

    def _on_dot(self, transaction: Transaction, raw: RawReply) -> None:
        self._answered = True
        if transaction.ended:  # BDAT of an envelope that was refused before
            return
        if 250 <= raw.code <= 259:
            self._settle(transaction, End.DELIVERED, Stage.DOT, to_reply(raw))
        elif raw.code >= 400:
            self._settle(transaction, End.REFUSED if raw.code >= 500 else End.DEFERRED, Stage.DOT, to_reply(raw))
        else:
            self._end("reply out of order")

    def _refuse(self, transaction: Transaction, stage: Stage, raw: RawReply) -> None:
        """The envelope was not taken; what was pipelined behind it is still answered."""
        if raw.code < 400:
            self._end("reply out of order")
            return
        self._reset = True
        if not transaction.ended:
            self._settle(transaction, End.REFUSED if raw.code >= 500 else End.DEFERRED, stage, to_reply(raw))
        if self._todo:  # not pipelined: its other commands were never written
            self._todo.clear()
            self._open = False

    def _closing(self, stage: Stage | None, transaction: Transaction | None, raw: RawReply) -> None:
        """421: the receiver ends the connection. A later message's MAIL only met its closing, and can go elsewhere."""
        reply = to_reply(raw)
        met_closing = stage is Stage.MAIL and self._carried
        unsure = transaction is not None and transaction.chunked and stage is not Stage.DOT
        if transaction and stage and not (transaction.ended or met_closing or unsure):
            self._settle(transaction, End.DEFERRED, stage, reply)
        self._end("closing", reply)

    def _settle(self, transaction: Transaction, end: End, stage: Stage, reply: Reply) -> None:
        transaction.ended = self._carried = True
        self._live.remove(transaction)
        self._events.append(Event(end, transaction.message, stage, reply))

    def _end(self, why: str, reply: Reply | None = None) -> None:
        """Ends the connection: what may have been delivered is in doubt, all else was not sent."""
        for transaction in self._live:
            transaction.ended = True
            end, stage = (End.DOUBT, Stage.DOT) if transaction.dot else (End.NOT_SENT, transaction.stage)
            self._events.append(Event(end, transaction.message, stage, reply or Reply(0, why)))
        self._live.clear()
        self._expected.clear()
        self._todo.clear()
        self._out.clear()
        self._pending.clear()
        self._body = None
        self.done = True
