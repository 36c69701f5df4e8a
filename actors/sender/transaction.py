"""One message's way through the dialogue: envelope written and answered, message given out in pieces, final reply. Pure."""

from actors.model.states import Stage
from actors.sender.messages import Message

BODY_PIECE = 131_072  # a message goes out in pieces of this size, so that its dot stays here while the receiver does not read


class Transaction:
    """Where one message stands."""

    __slots__ = ("at", "chunked", "dot", "ended", "message", "rcpt_refused", "stage")

    def __init__(self, message: Message):
        self.message = message
        self.at = 0  # octets of the message that were given out
        self.dot = False  # the end of the message was given out: it may have left
        self.ended = False  # its event was made
        self.rcpt_refused = False
        self.chunked = False
        self.stage = Stage.MAIL  # which reply it waits for

    @property
    def at_last_piece(self) -> bool:
        """Whether what is left goes out at once, and the end of the message with it."""
        return len(self.message.body) - self.at <= BODY_PIECE

    def piece(self) -> memoryview:
        """The next octets of the message: BODY_PIECE of them, or all that are left."""
        body, start = self.message.body, self.at
        self.at = min(start + BODY_PIECE, len(body))
        return body[start : self.at] if self.at - start < len(body) else body
