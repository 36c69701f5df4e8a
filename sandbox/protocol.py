"""The receiver's side of SMTP (RFC 5321, 2920, 3030, 3207, 6531) as a pure state machine: bytes in, bytes and wishes out.

No socket and no clock: `receive(data, now)` moves it, then the adapter does what `out`, `closing`, `starttls` and `wait` ask.
Commands end at CRLF and nowhere else; where a message ends is `content`'s matter; what is answered is the rules' (`policy`).
"""

import re
from collections.abc import Callable

from sandbox.answering import Answering
from sandbox.commands import offers, read_bdat, read_mail, read_rcpt
from sandbox.policy import YES, Answer, Receives, Stage
from sandbox.store import Counts, Received
from sandbox.transaction import Transaction

MAX_COMMAND = 4096  # RFC 5321 says 512 and its extensions add some hundred; this only stops a line that never ends
MAX_RECIPIENTS = 1000  # a transaction; RFC 5321 asks for at least 100

_BAD = re.compile(rb"[\r\n\0]")

COMMAND, CONTENT, CHUNK = range(3)

Deliver = Callable[[Received], None]


class Dialogue(Answering):
    """One connection. After each call `out` holds the replies to send; then, in this order: `closing` (close when they are
    sent), `starttls` (call `secured`, start TLS), `wait` > 0 (read nothing for so many seconds, then call `resume`)."""

    def __init__(
        self, reception: Receives, hostname: str, source: str, counts: Counts, deliver: Deliver | None, tls_ready: bool
    ):
        super().__init__(reception, counts)
        self.starttls = False
        self._hostname = hostname.encode()
        self._source = source
        self._deliver = deliver
        self._offers_tls = tls_ready and self.features.starttls
        self._rest = b""
        self._tls = False
        self._hello = ""
        self._messages = 0
        self._reset()

    def _reset(self) -> None:
        self._transaction = Transaction(self.features.size)
        self._mode = COMMAND

    def greet(self, now: float, full: bool = False) -> None:
        """The connection is open; `full`: the source has more connections than it may."""
        self._now = now
        if full:
            self._counts.reply(421)
            self._end(b"421 4.7.0 too many connections from your address")
        else:
            self._act(self._ask(Stage.CONNECT, ()), lambda: self._say(b"220 " + self._hostname + b" ESMTP sandbox"))

    def receive(self, data: bytes, now: float) -> None:
        """Bytes from the client."""
        self._now = now
        self._rest = self._rest + data if self._rest else data
        self._run()

    def resume(self, now: float) -> None:
        """The wait is over."""
        self._now = now
        self._go_on()
        self._run()

    def secured(self) -> None:
        """TLS is on: nothing that was said before counts (RFC 3207 section 4.2)."""
        self._reset()
        self._hello, self._tls, self._offers_tls, self.starttls, self._rest = "", True, False, False, b""
        self._counts.tls += 1

    def _run(self) -> None:
        """Works through `_rest` as far as it goes."""
        while self._rest and not self.closing and self._then is None and not self.starttls:
            if self._mode == COMMAND:
                if not self._take_command():
                    return
            elif self._transaction.body_asked or not self._interrupted():
                self._take_content() if self._mode == CONTENT else self._take_chunk()

    # commands

    def _take_command(self) -> bool:
        """One command; False when its end has not come yet."""
        rest = self._rest
        end = rest.find(b"\r\n")
        if end < 0 or end > MAX_COMMAND:
            if len(rest) > MAX_COMMAND:
                self._end(b"500 5.5.6 line too long")
            return False
        line, self._rest = rest[:end], rest[end + 2 :]
        verb = line.partition(b" ")[0].upper()
        if self._rest and not self.features.pipelining and verb not in (b"BDAT", b"STARTTLS"):
            self._end(b"503 5.5.0 PIPELINING was not offered")
        elif _BAD.search(line):
            self._error(b"500 5.5.2 bare CR, bare LF or NUL in a command")
        elif verb in _VERBS:
            _VERBS[verb](self, line)
        else:
            self._error(b"500 5.5.1 unknown command")
        return True

    def _ehlo(self, line: bytes) -> None:
        name = line[5:].decode("utf-8", "replace").strip()
        if not name:
            return self._error(b"501 5.5.4 a name is needed")
        self._reset()
        self._hello = name
        if line[:4].upper() == b"HELO":
            return self._say(b"250 " + self._hostname)
        return self._say(offers(self._hostname, self.features, self._offers_tls))

    def _mail(self, line: bytes) -> None:
        if not self._hello:
            return self._error(b"503 5.5.1 say EHLO first")
        if self._transaction.sender is not None:
            return self._error(b"503 5.5.1 one MAIL at a time")
        mail = read_mail(line, self.features)
        if mail.error:
            return self._error(mail.error)
        if self.reception.messages and self._messages >= self.reception.messages:
            return self._end(b"421 4.7.0 enough messages on this connection")
        return self._act(self._ask(Stage.MAIL, ()), lambda: self._begin(mail.sender, mail.utf8))

    def _begin(self, sender: str, utf8: bool) -> None:
        self._transaction.sender, self._transaction.utf8 = sender, utf8
        self._say(b"250 2.1.0 ok")

    def _rcpt(self, line: bytes) -> None:
        if self._transaction.sender is None:
            return self._error(b"503 5.5.1 MAIL first")
        rcpt = read_rcpt(line, self._transaction.utf8)
        if rcpt.error:
            return self._error(rcpt.error)
        if len(self._transaction.recipients) >= MAX_RECIPIENTS:
            return self._say(b"452 4.5.3 too many recipients")
        lower = rcpt.recipient.lower()
        domain = lower.rpartition("@")[2]
        answer = self.reception.answer(Stage.RCPT, self._now, lower, domain)
        if answer.code >= 400:
            self._counts.settle(answer.code, (lower,))
        return self._act(answer, lambda: self._add(rcpt.recipient))

    def _add(self, recipient: str) -> None:
        self._transaction.recipients.append(recipient)
        self._say(b"250 2.1.5 ok")

    def _data(self, line: bytes) -> None:
        if len(line) > 4:
            return self._error(b"501 5.5.4 DATA takes nothing")
        if self._transaction.chunked:
            return self._error(b"503 5.5.1 BDAT has begun")
        if problem := self._transaction.problem:
            return self._error(problem)
        return self._act(self._ask_and_settle(Stage.DATA, self._transaction.recipients), self._go_ahead)

    def _go_ahead(self) -> None:
        self._mode = CONTENT
        self._say(b"354 end with CRLF.CRLF")

    def _bdat(self, line: bytes) -> None:
        chunk = read_bdat(line)
        if chunk is None or not self.features.chunking:  # its octets cannot be told from commands: nothing safe can follow
            return self._end(
                b"501 5.5.4 BDAT size [LAST] is needed" if chunk is None else b"502 5.5.1 CHUNKING was not offered"
            )
        self._transaction.missing, self._transaction.last = chunk
        answer = YES
        if not self._transaction.chunked and not (problem := self._transaction.problem):
            answer = self._ask_and_settle(Stage.DATA, self._transaction.recipients)
            self._transaction.content.fault = answer.reply if answer.code >= 400 else b""
        elif not self._transaction.chunked:
            self._transaction.content.fault = problem
        self._transaction.chunked = True
        return self._act(Answer(b"", answer.delay, answer.drop), self._begin_chunk)

    def _begin_chunk(self) -> None:
        self._mode = CHUNK
        if not self._transaction.missing:
            self._end_chunk()

    def _starttls(self, line: bytes) -> None:
        if not self._offers_tls:
            return self._error(b"502 5.5.1 STARTTLS was not offered")
        if self._rest:  # said in the clear, must never count as said under TLS
            return self._end(b"503 5.5.0 nothing may follow STARTTLS")
        self._say(b"220 2.0.0 go ahead")
        self.starttls = True
        return None

    def _rset(self, line: bytes) -> None:
        self._reset()
        self._say(b"250 2.0.0 ok")

    def _noop(self, line: bytes) -> None:
        self._say(b"250 2.0.0 ok")

    def _vrfy(self, line: bytes) -> None:
        self._say(b"252 2.5.0 send some mail and see")

    def _quit(self, line: bytes) -> None:
        self._end(b"221 2.0.0 bye")

    # messages

    def _interrupted(self) -> bool:
        """Asks the rules of the middle of a message; True if the connection drops or waits there."""
        self._transaction.body_asked = True
        answer = self._ask(Stage.BODY, self._transaction.recipients)
        self._act(answer, lambda: None)
        return answer.drop or answer.delay > 0

    def _take_content(self) -> None:
        octets, self._rest = self._rest, b""
        behind = self._transaction.content.after_data(octets)
        if behind is not None:
            self._rest = behind
            self._finish()

    def _take_chunk(self) -> None:
        self._rest = self._transaction.take_chunk(self._rest)
        if not self._transaction.missing:
            self._end_chunk()

    def _end_chunk(self) -> None:
        self._mode = COMMAND
        if self._transaction.last:
            self._finish()
        else:
            # A refused message is refused at every further chunk until LAST or RSET (RFC 3030 section 2).
            self._say(self._transaction.content.fault or b"250 2.0.0 continue")

    def _finish(self) -> None:
        """The message is whole."""
        data = self._transaction.end()
        fault = self._transaction.content.fault
        recipients = self._transaction.recipients
        answer = Answer(fault) if fault else self.reception.answer_all(Stage.DOT, self._now, recipients, data)
        if answer.code < 400 and (not answer.drop or answer.keep):
            self._accept(data)
        elif answer.code >= 400:
            self._counts.settle(answer.code, self._transaction.recipients)
        self._reset()
        self._act(answer, lambda: self._say(b"250 2.0.0 accepted"))

    def _accept(self, data: bytes) -> None:
        mail, counts = self._transaction, self._counts
        counts.messages += 1
        counts.recipients += len(self._transaction.recipients)
        counts.bytes += len(data)
        self._messages += 1
        counts.settle(250, self._transaction.recipients)
        if self._deliver is not None:
            self._deliver(
                Received(
                    mail.sender or "", tuple(mail.recipients), mail.clear(data), self._source, self._now,
                    self._hello, self._tls, mail.utf8, mail.chunked,
                )
            )  # fmt: skip


_VERBS: dict[bytes, Callable[[Dialogue, bytes], None]] = {
    b"EHLO": Dialogue._ehlo,
    b"HELO": Dialogue._ehlo,
    b"MAIL": Dialogue._mail,
    b"RCPT": Dialogue._rcpt,
    b"DATA": Dialogue._data,
    b"BDAT": Dialogue._bdat,
    b"STARTTLS": Dialogue._starttls,
    b"RSET": Dialogue._rset,
    b"NOOP": Dialogue._noop,
    b"VRFY": Dialogue._vrfy,
    b"QUIT": Dialogue._quit,
}
