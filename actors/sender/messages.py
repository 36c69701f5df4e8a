"""What goes into the dialogue and what comes out of it: messages, what a receiver offers, events; and the envelope commands.

Pure. An address reaches the wire only through `envelope_commands`, after `local_refusal` saw that it cannot end its command.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from actors.model.delivery import Dsn, Reply
from actors.model.states import Stage
from actors.sender.dsn import mail_parameters, rcpt_parameters

# A path as RFC 5321 section 4.1.2 has it, loosely: no control characters, no blanks or brackets outside quotes, one domain.
# Whether it is a good address was intake's question; here it must only be unable to end the command (S4).
PLAIN = r"""[^\x00-\x20\x7f-\xa0<>@"\\,;:\[\]()]+"""
QUOTED = r'''"(?:[\x20\x21\x23-\x5b\x5d-\x7e\xa1-\U0010ffff]|\\[\x20-\x7e])*"'''
PATH = re.compile(rf"(?:{PLAIN}|{QUOTED})@(?:{PLAIN}|\[[0-9A-Fa-f:.IPv]+\])")
MAX_PATH = 320  # RFC 5321 section 4.5.3.1 allows 64 + 1 + 255 octets
CLOSING = 421  # the receiver ends the connection (RFC 5321 section 3.8)

BAD_ADDRESS = Reply(553, "the address cannot be written in a command", "5.1.3")
BAD_RETURN_PATH = Reply(553, "the return path cannot be written in a command", "5.1.7")
TOO_BIG = Reply(552, "the message is larger than the receiver takes", "5.3.4")
NEEDS_SMTPUTF8 = Reply(550, "the receiver does not offer SMTPUTF8", "5.6.7")
NEEDS_8BIT = Reply(554, "the receiver does not offer 8BITMIME", "5.6.3")


class Message:
    """One message for one recipient, in wire form (see `Envelopes`). Subclasses carry what their maker needs to know it by.
    `envid`: the name that notifications about it carry back."""

    __slots__ = ("body", "dsn", "eight_bit", "envid", "recipient", "return_path", "utf8")

    def __init__(self, return_path: str, recipient: str, body: memoryview, utf8: bool = False, eight_bit: bool = False):
        self.return_path = return_path
        self.recipient = recipient
        self.body = body
        self.utf8 = utf8
        self.eight_bit = eight_bit
        self.dsn: Dsn | None = None
        self.envid = ""


class End(StrEnum):
    """How a message left the dialogue."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # 5xx
    DEFERRED = "deferred"  # 4xx
    NOT_SENT = "not_sent"  # the connection ended before the final dot was written: safe to send elsewhere
    DOUBT = "doubt"  # the final dot was written and no reply came


class Event(NamedTuple):
    """The one event of a message. `reply` code 0: no reply, the text says why. With NOT_SENT and a code: what ended the
    connection, not a word about this message."""

    end: End
    message: Message
    stage: Stage
    reply: Reply


@dataclass(frozen=True, slots=True)
class Features:
    """What a receiver offered in EHLO and may be used."""

    pipelining: bool = False
    chunking: bool = False
    eight_bit: bool = False
    utf8: bool = False
    size: int | None = None  # None: not offered; 0: offered without a limit
    tls: bool = False
    dsn: bool = False

    @classmethod
    def of(cls, extensions: dict[str, str], chunking: bool = False, tls: bool = False) -> "Features":
        """From EHLO keywords in lower case. `chunking`: the operator allows it for this site."""
        size = extensions.get("size")
        return cls(
            pipelining="pipelining" in extensions,
            chunking=chunking and "chunking" in extensions,
            eight_bit="8bitmime" in extensions,
            utf8="smtputf8" in extensions,
            size=None if size is None else int(size) if size.isascii() and size.isdigit() and len(size) < 19 else 0,
            tls=tls,
            dsn="dsn" in extensions,
        )


def local_refusal(message: Message, features: Features) -> Event | None:
    """The event of a message that cannot be said to this receiver; nothing of it may be written."""
    to, sender = message.recipient, message.return_path
    if len(to) > MAX_PATH or not PATH.fullmatch(to):
        return Event(End.REFUSED, message, Stage.RCPT, BAD_ADDRESS)
    if sender and (len(sender) > MAX_PATH or not PATH.fullmatch(sender)):
        return Event(End.REFUSED, message, Stage.MAIL, BAD_RETURN_PATH)
    if features.size and len(message.body) > features.size:
        return Event(End.REFUSED, message, Stage.MAIL, TOO_BIG)
    if not features.utf8 and (message.utf8 or not (to.isascii() and sender.isascii())):
        return Event(End.REFUSED, message, Stage.RCPT, NEEDS_SMTPUTF8)
    if message.eight_bit and not (features.eight_bit or message.utf8):  # RFC 6531 section 3.1: SMTPUTF8 implies 8BITMIME
        return Event(End.REFUSED, message, Stage.DATA, NEEDS_8BIT)
    return None


def envelope_commands(message: Message, features: Features) -> tuple[bytes, bytes]:
    """MAIL and RCPT lines (RFC 5321 section 4.1.1; RFC 1870, 3461, 6152, 6531)."""
    size = f" SIZE={len(message.body)}" if features.size is not None else ""
    body = " BODY=8BITMIME" if message.eight_bit and features.eight_bit else ""
    utf8 = " SMTPUTF8" if message.utf8 or not (message.recipient.isascii() and message.return_path.isascii()) else ""
    asked, wanted = "", ""
    if features.dsn and message.dsn:
        asked, wanted = mail_parameters(message.dsn, message.envid), rcpt_parameters(message.dsn, message.recipient)
    mail = f"MAIL FROM:<{message.return_path}>{size}{body}{utf8}{asked}\r\n"
    return mail.encode(), f"RCPT TO:<{message.recipient}>{wanted}\r\n".encode()
