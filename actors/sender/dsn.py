"""Parameters of MAIL and RCPT that ask the receiver for delivery status notifications (RFC 3461 section 4). Pure.

They go out only where the bundle asks and the receiver offers DSN. Everything that comes from an address or an id is encoded
here, so nothing in it can end the command.
"""

import re

from actors.model.delivery import Dsn

MAX_ORCPT = 500  # RFC 3461 section 4.2
_XTEXT = re.compile(r"[^!-*,-<>-~]")  # RFC 3461 section 4: all but printable ASCII without + and =
_QCHAR = re.compile(r"[^!-*,-<>-\[\]-~]")  # RFC 6533 section 3: the same without the backslash


def mail_parameters(dsn: Dsn, envid: str) -> str:
    """` RET=HDRS ENVID=...`; what says nothing is left out."""
    return f" RET={dsn.ret}" + (f" ENVID={xtext(envid)}" if envid else "")


def rcpt_parameters(dsn: Dsn, recipient: str) -> str:
    """` NOTIFY=FAILURE,DELAY ORCPT=rfc822;...`; an address too long for ORCPT goes without."""
    typed = f"rfc822;{xtext(recipient)}" if recipient.isascii() else f"utf-8;{utf8_xtext(recipient)}"
    return f" NOTIFY={dsn.notify}" + (f" ORCPT={typed}" if len(typed) <= MAX_ORCPT else "")


def xtext(text: str) -> str:
    """ASCII text as RFC 3461 section 4 has it: `+2B` in place of a plus."""
    return _XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", text)


def utf8_xtext(text: str) -> str:
    """An internationalised address in ASCII (RFC 6533 section 3): `\\x{9D3B}`."""
    return _QCHAR.sub(lambda found: f"\\x{{{ord(found[0]):02X}}}", text)
