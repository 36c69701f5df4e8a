"""Verdict, blame and reason of a reply, from its codes (RFC 5321 section 4.2, RFC 3463), its words and the stage it came at.

Pure; the words of receivers are data (`phrases`), registered codes a table (`enhanced`). Rules that hold whatever those say:
- Temporary is the default, permanent must be proved. What nobody can read is temporary.
- Blame RECIPIENT needs a word about a mailbox: at RCPT, later with 5.1.x or 5.2.x, or the DNS's own.
- A reply that speaks of a block list, of our address or of a full mailbox is never a dead recipient, whatever its codes.
"""

from functools import cache, lru_cache
from typing import NamedTuple

from actors.model import phrases
from actors.model.delivery import Reply
from actors.model.enhanced import status_of
from actors.model.reasons import Reason
from actors.model.states import Blame, Stage, Verdict


class Judgement(NamedTuple):
    """What one attempt came to, whom the reply speaks about, and what it says in particular."""

    verdict: Verdict
    blame: Blame
    reason: Reason = Reason.UNSAID


REFUSED, DEFERRED = Verdict.REFUSED, Verdict.DEFERRED
BUSY = Judgement(DEFERRED, Blame.BUSY)
EGRESS = Judgement(DEFERRED, Blame.EGRESS)
US = Judgement(DEFERRED, Blame.US, Reason.PROTOCOL)
CONTENT = Judgement(REFUSED, Blame.CONTENT)
SIZE = Judgement(REFUSED, Blame.CONTENT, Reason.SIZE)
FULL = Judgement(DEFERRED, Blame.RECIPIENT, Reason.FULL)
UNKNOWN = Judgement(REFUSED, Blame.RECIPIENT, Reason.UNKNOWN)

# Nothing is proved about any mail by what is said before the first MAIL.
BEFORE_MAIL = frozenset({Stage.CONNECT, Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.AUTH})
SIZE_CODES = frozenset({"5.3.4", "5.2.3"})  # said before the message is read (RFC 1870)

# Basic codes without an enhanced one, at RCPT and after it.
BASIC_5XX: dict[int, Judgement] = {
    521: EGRESS,
    530: Judgement(DEFERRED, Blame.US, Reason.TLS),
    534: Judgement(DEFERRED, Blame.US, Reason.LOGIN),
    535: Judgement(DEFERRED, Blame.US, Reason.LOGIN),
    538: Judgement(DEFERRED, Blame.US, Reason.TLS),
    550: UNKNOWN,
    551: UNKNOWN,
    552: FULL,  # at RCPT it is the mailbox's quota
    553: UNKNOWN,
    554: EGRESS,  # "transaction failed": proves nothing about the mailbox
    555: US,
    556: Judgement(REFUSED, Blame.RECIPIENT, Reason.NO_MAIL),  # RFC 7504: the domain accepts no mail
}
NEEDS_WORDS = frozenset({550, 551, 553})  # receivers use these for everything: words that nobody knows make them temporary

# Where an attempt without any reply ended.
SILENCE: dict[Stage, Reason] = {Stage.RESOLVE: Reason.DNS, Stage.CONNECT: Reason.CONNECT, Stage.STARTTLS: Reason.TLS}

# Codes that each receiver uses for something else: the phrase is asked first, the table only when no phrase speaks.
AMBIGUOUS = frozenset(
    {"", "5.0.0", "5.1.0", "5.2.0", "5.3.0", "5.3.5", "5.4.1", "5.5.0", "5.5.1", "5.7.0", "5.7.1"}
) | frozenset({"4.0.0", "4.3.0", "4.3.2", "4.4.0", "4.5.0", "4.5.1", "4.7.0", "4.7.1"})
TELLING = frozenset(BASIC_5XX) - NEEDS_WORDS - {554} | {452}  # basic codes that say enough by themselves
REMEMBERED = 4096  # different texts; a mass mailing meets few, and reading one costs up to a millisecond
SPARED = frozenset({Reason.LISTED, Reason.REVERSE_DNS, Reason.REPUTATION, Reason.FULL})


def judge(stage: Stage, reply: Reply) -> Judgement:
    """What `reply` at `stage` means. `code` 0 is a failure without a reply: the network's."""
    if reply.code == 0:
        return Judgement(DEFERRED, Blame.NETWORK, SILENCE.get(stage, Reason.LOST))
    if 200 <= reply.code < 300:
        return Judgement(Verdict.DELIVERED, Blame.NONE) if stage == Stage.DOT else US
    return _judged(stage, reply.code, reply.enhanced, phrases.plain(reply.text))


def unread(reply: Reply) -> bool:
    """Whether neither words nor codes of a refusal say whom it speaks about: its judgement is a guess from its class."""
    if not 400 <= reply.code < 600 or 500 <= reply.code <= 504 or not reply.text.strip():
        return False
    return _unread(reply.code, reply.enhanced, phrases.plain(reply.text))


@lru_cache(REMEMBERED)
def _unread(code: int, enhanced: str, text: str) -> bool:
    if phrases.find(phrases.receivers(), code, enhanced, text) is not None:
        return False
    if enhanced in AMBIGUOUS:
        return (enhanced != "" or code not in TELLING) and phrases.find(phrases.general(), code, enhanced, text) is None
    return status_of(enhanced) is None and code not in TELLING


@lru_cache(REMEMBERED)
def _judged(stage: Stage, code: int, enhanced: str, text: str) -> Judgement:
    reply = Reply(code, text, enhanced)
    found = _of(phrases.find(phrases.receivers(), code, enhanced, text))
    if found is None and enhanced in AMBIGUOUS:
        found = _of(phrases.find(phrases.general(), code, enhanced, text))
    return _bounded(stage, reply, found or _enhanced(stage, reply) or _basic(stage, reply))


def _of(phrase: phrases.Phrase | None) -> Judgement | None:
    return None if phrase is None else Judgement(REFUSED if phrase.final else DEFERRED, phrase.blame, phrase.reason)


def _enhanced(stage: Stage, reply: Reply) -> Judgement | None:
    if reply.enhanced in ("5.7.0", "5.7.1"):  # policy, no word of whose: the message's once it was read, else ours
        return CONTENT if stage == Stage.DOT else EGRESS
    status = status_of(reply.enhanced)
    if status is None:
        return None
    if reply.code < 500:
        return Judgement(DEFERRED, *(status.late or (status.blame, status.reason)))
    return Judgement(REFUSED if status.final else DEFERRED, status.blame, status.reason)


def _basic(stage: Stage, reply: Reply) -> Judgement:
    if reply.code < 500:
        return FULL if reply.code == 452 and stage == Stage.RCPT and not reply.enhanced else BUSY
    if reply.code <= 504:
        return US  # they do not understand what we say
    if stage == Stage.DOT and reply.code in (550, 552, 554):
        return SIZE if reply.code == 552 else CONTENT  # the message was read before it was refused
    if stage == Stage.MAIL and reply.code == 552:
        return SIZE  # SIZE= is over their limit (RFC 1870)
    if reply.code in NEEDS_WORDS and reply.text:
        return BUSY
    return BASIC_5XX.get(reply.code, BUSY)


def _bounded(stage: Stage, reply: Reply, found: Judgement) -> Judgement:
    """The rules that hold whatever the tables say."""
    verdict, blame, reason = found
    read = stage in (Stage.DATA, Stage.DOT)
    about_mailbox = stage in (Stage.RCPT, Stage.RESOLVE) or (read and reply.enhanced[1:3] in (".1", ".2"))
    if blame is Blame.RECIPIENT and verdict is REFUSED:
        verdict, blame, reason = _spared(reply.text) or found
    if blame is Blame.RECIPIENT and not about_mailbox:
        verdict, blame, reason = CONTENT if stage == Stage.DOT else EGRESS
    if blame is Blame.CONTENT and not (read or reply.code == 552 or reply.enhanced in SIZE_CODES):
        verdict, blame, reason = EGRESS  # nobody has seen the message yet
    if reply.code < 500 or stage in BEFORE_MAIL:
        verdict = DEFERRED
    return Judgement(verdict, blame, reason)


def _spared(text: str) -> Judgement | None:
    """What a refusal of a recipient means whose words speak of a block of our address, or of a mailbox that is only full."""
    return _of(phrases.find(_no_death(), 550, "", text))


@cache
def _no_death() -> tuple[phrases.Phrase, ...]:
    return tuple(p for p in phrases.general() if p.reason in SPARED)
