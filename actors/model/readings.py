"""Replies whose words nobody knows: folded to what tells them apart, and read as reputation has learned to. Pure.

Folding leaves no address: words that carry one, or a part of the recipient's, a number or an id become `<*>`. What is learned
is never proof: it moves a row to another egress, holds a job at a site or lets the row wait, and bounces nobody.
"""

import re
from collections.abc import Iterable

from actors.model.delivery import Reply
from actors.model.lanes import Reading
from actors.model.reasons import Reason
from actors.model.replies import Judgement
from actors.model.states import Blame, Verdict

MOST_WORDS = 40  # what tells replies apart stands at their beginning
MOST_CHARS = 500
SHORT = 3  # a local part of so many letters may be part of any word
WILD = "<*>"

# An address, a host or URL, something with a digit in it, or a long word that is none of a language (hex, base64, queue ids).
_FOLDED = re.compile(r".*(@|://|\d).*|[0-9a-f]{8,}|[a-z0-9_-]+(\.[a-z0-9_-]+){2,}|\S{30,}", re.DOTALL)
_EDGES = "[](){}<>\"'`,;:.!?-=*"


def fold(text: str, recipient: str = "") -> tuple[str, ...]:
    """The words of a reply, in small letters; `<*>` for those that name one mail, address or moment; runs of those are one.
    `recipient`: whose local part and domain are folded wherever they stand."""
    parts = [part for part in recipient.lower().rpartition("@")[::2] if part]
    words: list[str] = []
    for raw in text[:MOST_CHARS].lower().split():
        word = raw.strip(_EDGES)
        if not word:
            continue
        folded = WILD if _FOLDED.fullmatch(word) or any(_names(part, word, raw) for part in parts) else word
        if folded == WILD and words and words[-1] == WILD:
            continue
        words.append(folded)
        if len(words) == MOST_WORDS:
            break
    return tuple(words)


def _names(part: str, word: str, raw: str) -> bool:
    return word == part.strip(_EDGES) or part in re.split(r"[^\w.+-]+", word) or (len(part) > SHORT and part in raw)


def fits(template: tuple[str, ...], words: tuple[str, ...]) -> bool:
    """Whether the words are the template's; its `<*>` stands for any word."""
    return len(template) == len(words) and all(a in (WILD, b) for a, b in zip(template, words, strict=True))


def read(readings: Iterable[Reading], reply: Reply, words: tuple[str, ...]) -> Blame:
    """Whom a reply speaks about as was learned; NONE where nothing was."""
    code, enhanced = reply.code, reply.enhanced
    return next(
        (r.blame for r in readings if (r.code, r.enhanced) == (code, enhanced) and fits(r.words, words)),
        Blame.NONE,
    )


def learned(judgement: Judgement, blame: Blame) -> Judgement:
    """The judgement of a reply that nobody can read, by what was learned of it. Temporary, but where its code alone has said
    that the message is refused and the message it is."""
    if blame is Blame.NONE or (blame is Blame.CONTENT and judgement.blame is Blame.CONTENT):
        return judgement
    return Judgement(Verdict.DEFERRED, blame, Reason.LEARNED)
