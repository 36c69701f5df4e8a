"""What the sandbox answers: the rules are asked, then comes what they want, at once, after a wait, or never.

Every reply passes here on its way out, and is counted.
"""

import re
from collections.abc import Callable, Sequence

from sandbox.policy import YES, Answer, Receives, Stage
from sandbox.store import Counts

MAX_ERRORS = 20  # a client that still has not understood is a defect or an attack

_ENHANCED = re.compile(rb"^(\d\d\d) \d\.\d{1,3}\.\d{1,3} ")


class Answering:
    """One connection's answers. `out` holds the replies to send; `closing`: nothing follows them; `wait`: so many seconds must
    pass before anything else happens."""

    def __init__(self, reception: Receives, counts: Counts):
        self.reception = reception
        self.features = reception.features
        self.out: list[bytes] = []
        self.wait = 0.0
        self.closing = False
        self._counts = counts
        self._then: Callable[[], None] | None = None
        self._errors = 0
        self._now = 0.0

    def _ask(self, stage: Stage, recipients: Sequence[str]) -> Answer:
        return self.reception.answer_all(stage, self._now, recipients)

    def _ask_and_settle(self, stage: Stage, recipients: Sequence[str]) -> Answer:
        """A refusal of the transaction is what became of its recipients."""
        answer = self._ask(stage, recipients)
        if answer.code >= 400:
            self._counts.settle(answer.code, recipients)
        return answer

    def _go_on(self) -> None:
        """The wait is over."""
        self.wait = 0.0
        then, self._then = self._then, None
        if then is not None:
            then()

    def _act(self, answer: Answer, usual: Callable[[], None]) -> None:
        """Does what the rules want, `usual` when they want nothing; after the delay if there is one."""
        if answer is YES:
            usual()
        elif answer.delay:
            self.wait = answer.delay
            self._then = lambda: self._act(Answer(answer.reply, 0.0, answer.drop, answer.keep), usual)
        elif answer.drop:
            self._counts.dropped += 1
            self.closing = True
        elif answer.code >= 400:
            self._counts.replies[answer.reply.decode()] += 1
            self._counts.reply(answer.code)
            self._say(answer.reply)
            self.closing = answer.code == 421
        else:
            usual()

    def _error(self, reply: bytes) -> None:
        self._errors += 1
        self._counts.reply(int(reply[:3]))
        if self._errors > MAX_ERRORS:
            self._end(b"421 4.7.0 too many errors")
        else:
            self._say(reply)

    def _end(self, reply: bytes) -> None:
        """The last thing said on this connection."""
        self._say(reply)
        self.closing = True

    def _say(self, reply: bytes) -> None:
        if not self.features.enhancedstatuscodes:
            reply = _ENHANCED.sub(rb"\1 ", reply)
        self.out.append(reply + b"\r\n")
