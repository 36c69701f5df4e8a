"""What the receiver offers, and what it reads in MAIL, RCPT and BDAT lines; pure functions. An error is the client's reply."""

import re
from typing import NamedTuple

from sandbox.policy import Features

_MAIL = re.compile(rb"(?i)MAIL FROM: ?<([^<>\"\s]*|\"(?:[^\"\\]|\\.)*\"@[^<>\"\s]+)>((?: [^ ]+)*) ?")
_RCPT = re.compile(rb"(?i)RCPT TO: ?<((?:[^<>\"\s@]+|\"(?:[^\"\\]|\\.)*\")@[^<>\"\s@]+|postmaster)>((?: [^ ]+)*) ?")
_BDAT = re.compile(rb"(?i)BDAT ([0-9]{1,20})( LAST)? ?")

_OFFERS = (
    ("pipelining", b"PIPELINING"),
    ("eightbitmime", b"8BITMIME"),
    ("smtputf8", b"SMTPUTF8"),
    ("chunking", b"CHUNKING"),
    ("enhancedstatuscodes", b"ENHANCEDSTATUSCODES"),
)

NOT_OFFERED = b"555 5.5.4 parameter not offered"


class Mail(NamedTuple):
    """A MAIL command. `error` is the reply to a bad one."""

    sender: str = ""
    utf8: bool = False
    error: bytes = b""


class Rcpt(NamedTuple):
    """A RCPT command. `error` is the reply to a bad one."""

    recipient: str = ""
    error: bytes = b""


class Chunk(NamedTuple):
    """A BDAT command."""

    size: int
    last: bool


def offers(hostname: bytes, features: Features, tls: bool) -> bytes:
    """The reply to EHLO, without its last CRLF."""
    lines = [hostname, b"SIZE %d" % features.size]
    lines += [word for switch, word in _OFFERS if getattr(features, switch)]
    if tls:
        lines.append(b"STARTTLS")
    return b"\r\n".join([*(b"250-" + text for text in lines[:-1]), b"250 " + lines[-1]])


def read_mail(line: bytes, features: Features) -> Mail:
    """RFC 5321 section 4.1.1.2 with the parameters of SIZE, 8BITMIME and SMTPUTF8."""
    found = _MAIL.fullmatch(line)
    if not found:
        return Mail(error=b"501 5.1.7 MAIL FROM:<address> is needed")
    options = found[2].upper().split()
    utf8 = b"SMTPUTF8" in options
    for option in options:
        name, _, value = option.partition(b"=")
        if name == b"SIZE" and value.isdigit():
            if int(value[:20]) > features.size:
                return Mail(error=b"552 5.3.4 the message is too large")
        elif name == b"BODY" and value in (b"7BIT", b"8BITMIME"):
            if not features.eightbitmime:
                return Mail(error=NOT_OFFERED)
        elif option != b"SMTPUTF8" or not features.smtputf8:
            return Mail(error=NOT_OFFERED)
    error = _not_text(found[1], utf8)
    return Mail(error=error) if error else Mail(found[1].decode(), utf8)


def read_rcpt(line: bytes, utf8: bool) -> Rcpt:
    """RFC 5321 section 4.1.1.3; source routes are refused."""
    found = _RCPT.fullmatch(line)
    if not found:
        return Rcpt(error=b"501 5.1.3 RCPT TO:<address> is needed")
    if found[2]:
        return Rcpt(error=NOT_OFFERED)
    error = _not_text(found[1], utf8)
    return Rcpt(error=error) if error else Rcpt(found[1].decode())


def read_bdat(line: bytes) -> Chunk | None:
    """RFC 3030 section 2; None if it is no BDAT command."""
    found = _BDAT.fullmatch(line)
    return Chunk(int(found[1]), found[2] is not None) if found else None


def _not_text(address: bytes, utf8: bool) -> bytes:
    if address.isascii():
        return b""
    if not utf8:
        return b"553 5.6.7 non-ASCII address without SMTPUTF8"
    try:
        address.decode()
    except UnicodeDecodeError:
        return b"553 5.6.7 the address is not UTF-8"
    return b""
