"""RFC 5322 mailboxes of the control file: `service@bank.example`, `鴻雁銀行 <service@bank.example>`. One each, no groups.

Domains become ASCII (IDNA 2008, UTS 46) here; a local part outside ASCII stays and needs SMTPUTF8.
"""

import re
from typing import NamedTuple

import idna

from actors.renderer.message.headers import LINE, encoded_words, value_problem

_MAILBOX = re.compile(r'\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^<>"]*?))\s*<(?P<address>[^<>]+)>\s*', re.DOTALL)
_LOCAL = re.compile(r"""[^\s()<>\[\]:;@\\,."]+(?:\.[^\s()<>\[\]:;@\\,."]+)*|"(?:[^"\\]|\\[ -~])*\"""")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+")
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


class Mailbox(NamedTuple):
    """A display name (may be empty) and an address as it goes on the wire."""

    display: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    @property
    def utf8(self) -> bool:
        """Whether the address needs SMTPUTF8 (RFC 6531)."""
        return not self.address.isascii()


def parse_mailbox(text: str) -> Mailbox:
    """ValueError says what is wrong, without the text."""
    problem = value_problem(text)
    if problem:
        raise ValueError(f"has {problem}")
    match = _MAILBOX.fullmatch(text)
    display, address = "", text.strip()
    if match:
        quoted = match["quoted"]
        display = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match["plain"].strip()
        address = match["address"].strip()
    local, _, domain = address.rpartition("@")
    if not _LOCAL.fullmatch(local) or len(local.encode()) > 64:
        raise ValueError("has no valid local part before the @")
    try:
        plain = idna.encode(domain, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError("has no valid domain after the @") from error
    if not _DOMAIN.fullmatch(plain):
        raise ValueError("has no valid domain after the @")
    return Mailbox(display, f"{local}@{plain}")


def mailbox_value(mailbox: Mailbox, used: int) -> str:
    """`Name <address>`, the name quoted or encoded as needed, the address on a line of its own where it does not fit."""
    name = mailbox.display
    if not name:
        return mailbox.address
    if not name.isascii() or "=?" in name or len(name) > LINE - used - 4:
        shown = encoded_words(name, used)
    elif _PHRASE.fullmatch(name):
        shown = name
    else:
        shown = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    _, fold, last = shown.rpartition("\r\n")
    column = len(last) + (0 if fold else used)
    blank = " " if column + 3 + len(mailbox.address) <= LINE else "\r\n "
    return f"{shown}{blank}<{mailbox.address}>"
