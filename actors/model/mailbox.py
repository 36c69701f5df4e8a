"""One mail address, decided: what goes on the wire, its domain, or why it is refused. Pure, a row at a time.

The domain is what follows the last `@` that is not quoted (RFC 5321 section 4.1.2). Whatever two readers could understand
differently is refused: comments, groups, source routes, address literals, blanks, control characters, a trailing dot.
Domains go through IDNA 2008 with UTS 46 mapping and end as lower-case ASCII; local parts may be UTF-8 (RFC 6531). The
vectorised check of `addresses` accepts a subset of this one and sends the rest here.
"""

import re
import unicodedata
from typing import NamedTuple

import idna

MAX_ADDRESS_OCTETS = 254  # RFC 5321 section 4.5.3.1.3: a path of 256 with its two brackets
MAX_LOCAL_OCTETS = 64  # section 4.5.3.1.1
MAX_DOMAIN_OCTETS = 253  # RFC 1035: 255 with length octets

ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
_DOT_ATOM = re.compile(rf"[{ATEXT}\u0080-\U0010ffff]+(?:\.[{ATEXT}\u0080-\U0010ffff]+)*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_LDH = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})

BLANK = "a blank inside"
CONTROL = "a control or invisible character"
EMPTY = "no address"
NO_AT = "no @"
MANY_AT = "more than one @"
NO_LOCAL = "nothing before the @"
BAD_LOCAL = "a character or dot that the part before the @ cannot have"
BAD_QUOTE = "a quoted part that is not closed or holds what it cannot"
NO_DOMAIN = "nothing after the @"
NO_DOT = "the domain has no dot"
BAD_DOMAIN = "this is no domain name"
NUMERIC = "the domain ends in a number"
LITERAL = "an address in brackets instead of a domain"
TRAILING_DOT = "the domain ends with a dot"
SYNTAX = "comments, groups, routes and display names are not addresses"
LONG = "too long"


class Mailbox(NamedTuple):
    """`address` and `domain` are empty when `reason` says why."""

    address: str
    domain: str
    reason: str


def check_mailbox(text: str) -> Mailbox:
    """Decides one address; surrounding blanks do not count."""
    text = unicodedata.normalize("NFC", text.strip(" "))
    local, domain, reason = _split(text)
    if reason:
        return Mailbox("", "", reason)
    local, reason = _check_local(local)
    if not reason:
        domain, reason = check_domain(domain)
    if reason:
        return Mailbox("", "", reason)
    address = f"{local}@{domain}"
    if len(local.encode()) > MAX_LOCAL_OCTETS or len(address.encode()) > MAX_ADDRESS_OCTETS:
        return Mailbox("", "", LONG)
    return Mailbox(address, domain, "")


def _split(text: str) -> tuple[str, str, str]:
    """(local part, domain, reason); the local part keeps its quotes."""
    if not text:
        return "", "", EMPTY
    for c in text:
        kind = unicodedata.category(c)
        if kind in _UNSAFE:
            return "", "", BLANK if kind == "Zs" else CONTROL
    if text[0] == '"':
        quoted = _QUOTED.match(text)
        if not quoted or text[quoted.end() : quoted.end() + 1] != "@":
            return "", "", BAD_QUOTE
        local, domain = quoted[0], text[quoted.end() + 1 :]
    elif "@" not in text:
        return "", "", NO_AT
    else:
        local, _, domain = text.partition("@")
    if any(c in "()<>,;:" for c in (domain if local.startswith('"') else text)) and not domain.startswith("["):
        return "", "", SYNTAX
    if "@" in domain or "\uff20" in domain or "\ufe6b" in domain:
        return "", "", MANY_AT
    return local, domain, ""


def _check_local(local: str) -> tuple[str, str]:
    if not local:
        return "", NO_LOCAL
    if not local.startswith('"'):
        return (local, "") if _DOT_ATOM.fullmatch(local) else ("", BAD_LOCAL)
    content = re.sub(r"\\(.)", r"\1", local[1:-1])
    if not content or any(c in "<>" for c in content):
        return "", BAD_QUOTE
    if _DOT_ATOM.fullmatch(content):
        return content, ""  # RFC 5321 section 4.1.2: quotes that are not needed do not name another mailbox
    return '"' + re.sub(r'(["\\])', r"\\\1", content) + '"', ""


def check_domain(domain: str) -> tuple[str, str]:
    """(ASCII lower-case domain, reason)."""
    if not domain:
        return "", NO_DOMAIN
    if domain.startswith("["):
        return "", LITERAL
    if domain.isascii():
        ascii_domain = domain.lower()
    else:
        try:
            ascii_domain = idna.encode(domain, uts46=True, std3_rules=True, transitional=False).decode().lower()
        except (idna.IDNAError, UnicodeError):
            return "", BAD_DOMAIN
    if ascii_domain.endswith("."):
        return "", TRAILING_DOT
    labels = ascii_domain.split(".")
    if len(ascii_domain) > MAX_DOMAIN_OCTETS or not all(_label_holds(label) for label in labels):
        return "", BAD_DOMAIN
    if len(labels) < 2:
        return "", NO_DOT
    if labels[-1].isdigit():
        return "", NUMERIC
    return ascii_domain, ""


def _label_holds(label: str) -> bool:
    """Letters, digits and hyphens; `xn--` must be a real IDNA 2008 label, other `??--` labels are reserved (RFC 5891)."""
    if not _LDH.fullmatch(label):
        return False
    if label[2:4] != "--":
        return True
    try:
        return label.startswith("xn--") and idna.alabel(idna.ulabel(label)).decode() == label
    except (idna.IDNAError, UnicodeError):
        return False
