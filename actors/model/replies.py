"""Verdict and blame of a reply, from its code, its enhanced code and the stage it came at (RFC 5321 section 4.2, RFC 3463).

Pure tables. Temporary is the default, permanent must be proved: a refusal that speaks about our address, our name or their load
is deferred. Blame RECIPIENT needs a word about a mailbox: at RCPT, later with 5.1.x or 5.2.x, or the DNS's own.
Phrases decide only where the codes say nothing (5.7.1, bare 550, 4.7.x); the tables are searched in the order they stand.
"""

import re
from typing import NamedTuple

from actors.model.delivery import Reply
from actors.model.states import Blame, Stage, Verdict


class Judgement(NamedTuple):
    """What one attempt came to, and whom the reply speaks about."""

    verdict: Verdict
    blame: Blame


REFUSED, DEFERRED = Verdict.REFUSED, Verdict.DEFERRED
BUSY = Judgement(DEFERRED, Blame.BUSY)
EGRESS = Judgement(DEFERRED, Blame.EGRESS)
NETWORK = Judgement(DEFERRED, Blame.NETWORK)
US = Judgement(DEFERRED, Blame.US)
CONTENT = Judgement(REFUSED, Blame.CONTENT)
SENDER = Judgement(REFUSED, Blame.SENDER_DOMAIN)
SENDER_LATER = Judgement(DEFERRED, Blame.SENDER_DOMAIN)
DEAD = Judgement(REFUSED, Blame.RECIPIENT)
RECIPIENT_LATER = Judgement(DEFERRED, Blame.RECIPIENT)  # mailbox full: the person's, but it passes

# Nothing is proved about any mail by what is said before the first MAIL.
BEFORE_MAIL = frozenset({Stage.CONNECT, Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.AUTH})
SIZE_CODES = frozenset({"5.3.4", "5.2.3"})  # said before the message is read (RFC 1870)

# Permanent enhanced codes, most exact first; a key of two numbers covers its whole subject.
ENHANCED_5XX: dict[str, Judgement] = {
    "5.1.7": SENDER,  # bad sender's mailbox address syntax
    "5.1.8": SENDER,  # bad sender's system address
    "5.1": DEAD,
    "5.2.2": RECIPIENT_LATER,  # mailbox full
    "5.2.3": CONTENT,  # too long for this mailbox
    "5.2.4": RECIPIENT_LATER,  # mailing list expansion
    "5.2": DEAD,
    "5.3.3": US,  # system not capable of selected features
    "5.3.4": CONTENT,  # message too big for system
    "5.3": BUSY,
    "5.4.5": BUSY,  # congestion
    "5.4": NETWORK,
    "5.5.3": BUSY,  # too many recipients
    "5.5": US,
    "5.6.7": Judgement(REFUSED, Blame.US),  # the address needs SMTPUTF8 (RFC 6531)
    "5.6": CONTENT,
    "5.7.2": RECIPIENT_LATER,  # mailing list expansion prohibited
    "5.7.8": US,  # authentication credentials invalid
    "5.7.9": US,
    "5.7.10": US,  # encryption needed
    "5.7.11": US,
    "5.7.12": US,
    "5.7.13": DEAD,  # user account disabled (RFC 5248)
    "5.7.17": DEAD,  # mailbox owner has changed (RFC 7293)
    "5.7.18": DEAD,  # domain owner has changed (RFC 7293)
    "5.7.20": SENDER,  # no passing DKIM signature (RFC 7372)
    "5.7.21": SENDER,
    "5.7.22": SENDER,
    "5.7.23": SENDER,  # SPF validation failed
    "5.7.24": SENDER_LATER,  # SPF validation error
    "5.7.25": EGRESS,  # reverse DNS validation failed
    "5.7.26": SENDER,  # several authentication checks failed (DMARC)
    "5.7.27": SENDER,  # the sender's domain has a null MX (RFC 7505)
    "5.7.28": EGRESS,  # mail flood detected
    "5.7.509": SENDER,  # Exchange Online: DMARC
    "5.7.511": EGRESS,  # Exchange Online: banned sender address
    "5.7.515": SENDER,  # Exchange Online: authentication level of the domain
    "5.7.606": EGRESS,  # Exchange Online: banned sending IP
    "5.7.708": EGRESS,  # Exchange Online: low reputation IP
    "5.7": EGRESS,
}

# Temporary enhanced codes; the verdict is always deferred.
ENHANCED_4XX: dict[str, Judgement] = {
    "4.1.7": SENDER_LATER,
    "4.1.8": SENDER_LATER,  # the sender's domain does not resolve
    "4.1": RECIPIENT_LATER,
    "4.2": RECIPIENT_LATER,
    "4.3": BUSY,
    "4.4.5": BUSY,
    "4.4": NETWORK,
    "4.5.3": BUSY,
    "4.5": US,
    "4.6": Judgement(DEFERRED, Blame.CONTENT),
    "4.7.5": US,
    "4.7.23": SENDER_LATER,
    "4.7.24": SENDER_LATER,
    "4.7.25": EGRESS,
    "4.7.26": SENDER_LATER,
    "4.7.28": EGRESS,
    "4.7": BUSY,
}

# Basic codes without an enhanced one, at RCPT and after it.
BASIC_5XX: dict[int, Judgement] = {
    521: EGRESS,
    530: US,
    534: US,
    535: US,
    538: US,
    550: DEAD,
    551: DEAD,
    552: RECIPIENT_LATER,  # at RCPT it is the mailbox's quota
    553: DEAD,
    554: EGRESS,  # "transaction failed": proves nothing about the mailbox
    555: US,
    556: DEAD,  # RFC 7504: the domain accepts no mail
}

LISTED = (
    r"spamhaus|barracuda|spamcop|proofpoint|\brbl\b|dnsbl|\blisted\b|banned"
    r"|black ?list|block ?list|deny ?list|blocked"
    r"|reputation|reverse dns|\brdns\b|\bptr\b|(client|sending|your) (host|ip|server)|\bip address\b"
)
GREYLIST = re.compile(r"gr[ea]y ?list", re.IGNORECASE)
FULL = r"mailbox (is )?full|over ?quota|quota exceeded|exceed\w* (the |its )?(storage|quota)|insufficient (mailbox )?storage"
LOAD = r"too many|rate limit|throttl|try again|temporar|too busy|too fast|overload|slow down"
SENDER_AUTH = r"\bspf\b|\bdkim\b|\bdmarc\b|sender (address |domain )?(rejected|not found|denied|verify)"
NOT_THEIRS = r"relaying|relay (access )?(denied|not permitted|prohibited)|(not permitted|unable) to relay"
NOBODY = (
    r"(user|recipient|mailbox|address|account|addressee).{0,40}"
    r"(unknown|not found|does ?n.t exist|does not exist|invalid|disabled|inactive|unavailable|no longer|rejected)"
    r"|(no such|unknown|invalid|unrouteable|inactive) (user|recipient|mailbox|address|account|person|local)|\bno mailbox\b"
)
JUNK = r"\bspam|junk|virus|malware|phish|content|message (was )?rejected|suspicious|attachment"
PHRASES: tuple[tuple[re.Pattern[str], Judgement], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), judgement)
    for pattern, judgement in (
        (GREYLIST.pattern, BUSY),
        (LISTED, EGRESS),
        (FULL, RECIPIENT_LATER),
        (LOAD, BUSY),
        (SENDER_AUTH, SENDER),
        (NOT_THEIRS, NETWORK),
        (NOBODY, DEAD),
        (JUNK, CONTENT),
    )
)

# Codes that each receiver uses for something else: the phrase is asked first, the table only when no phrase speaks.
AMBIGUOUS = frozenset({"", "5.0.0", "5.1.0", "5.2.0", "5.3.0", "5.4.1", "5.5.0", "5.5.1", "5.7.0", "5.7.1"}) | frozenset(
    {"4.0.0", "4.7.0", "4.7.1"}
)


def judge(stage: Stage, reply: Reply) -> Judgement:
    """What `reply` at `stage` means. `code` 0 is a failure without a reply: the network's."""
    if reply.code == 0:
        return NETWORK
    if 200 <= reply.code < 300:
        return Judgement(Verdict.DELIVERED, Blame.NONE) if stage == Stage.DOT else US
    found = _phrase(reply) or _enhanced(stage, reply) or _basic(stage, reply)
    return _bounded(stage, reply, found)


def _phrase(reply: Reply) -> Judgement | None:
    if reply.code < 500 and GREYLIST.search(reply.text):  # said with any code: 4.2.0, 4.7.1, 4.5.1, none
        return BUSY
    if reply.enhanced not in AMBIGUOUS:
        return None
    return next((judgement for pattern, judgement in PHRASES if pattern.search(reply.text)), None)


def _enhanced(stage: Stage, reply: Reply) -> Judgement | None:
    if not reply.enhanced:
        return None
    if reply.enhanced in ("5.7.0", "5.7.1"):  # policy, no word of whose: the message's once it was read, else ours
        return CONTENT if stage == Stage.DOT else EGRESS
    table = ENHANCED_4XX if reply.code < 500 else ENHANCED_5XX
    return table.get(reply.enhanced) or table.get(reply.enhanced.rpartition(".")[0])


def _basic(stage: Stage, reply: Reply) -> Judgement:
    if reply.code < 500:
        return RECIPIENT_LATER if reply.code == 452 and stage == Stage.RCPT and not reply.enhanced else BUSY
    if reply.code <= 504:
        return US  # they do not understand what we say
    if stage == Stage.DOT and reply.code in (550, 552, 554):
        return CONTENT  # the message was read before it was refused
    if stage == Stage.MAIL and reply.code == 552:
        return CONTENT  # SIZE= is over their limit (RFC 1870)
    return BASIC_5XX.get(reply.code, BUSY)


def _bounded(stage: Stage, reply: Reply, found: Judgement) -> Judgement:
    """The rules that hold whatever the tables say."""
    verdict, blame = found
    read = stage in (Stage.DATA, Stage.DOT)
    about_mailbox = stage in (Stage.RCPT, Stage.RESOLVE) or (read and reply.enhanced[1:3] in (".1", ".2"))
    if blame is Blame.RECIPIENT and not about_mailbox:
        verdict, blame = CONTENT if stage == Stage.DOT else EGRESS
    if blame is Blame.CONTENT and not (read or reply.code == 552 or reply.enhanced in SIZE_CODES):
        verdict, blame = EGRESS  # nobody has seen the message yet
    if reply.code < 500 or stage in BEFORE_MAIL:
        verdict = DEFERRED
    return Judgement(verdict, blame)
