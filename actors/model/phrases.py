"""What receivers write in their replies, kept as data under `receivers/`, read once when it is first needed.

An entry tells the words, what they mean, who says them, where that was read and when. Entries of `general.toml` decide only
where the codes say nothing, in the order they stand; all others are one receiver's own words and count more than its codes.
A broken file stops the start and names itself: it is part of the program.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from actors.model.errors import InvalidInput, Problem
from actors.model.reasons import REASONS, Reason
from actors.model.states import Blame

FOLDER = "receivers"
GENERAL = "general.toml"
KEYS = frozenset({"says", "pattern", "enhanced", "class", "blame", "reason", "final", "meaning", "provider", "source", "date"})
ADDRESS = re.compile(r"<[^<>\s]{0,200}@[^<>\s]{0,200}>|[^\s<>()\[\]\"',;:]{1,64}@[^\s<>()\[\]\"',;:]{1,200}")
MOST_CHARS = 400  # the longest real ones are Gmail's, with some 350
NEEDED = ("blame", "meaning", "provider", "source", "date")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words of a reply and what they mean. `says`: any of these in the text, in lower case; `pattern`: or this expression;
    `enhanced`: or one of these codes, which the receiver has made up. `kind`: 4 or 5, only with such replies; 0: both."""

    says: tuple[str, ...]
    pattern: re.Pattern[str] | None
    enhanced: frozenset[str]
    kind: int
    blame: Blame
    reason: Reason
    final: bool
    meaning: str
    provider: str
    source: str
    date: str

    def speaks(self, code: int, enhanced: str, text: str) -> bool:
        """Whether the reply has these words. `text` in lower case, runs of blanks made one."""
        if self.kind and code // 100 != self.kind:
            return False
        if enhanced and enhanced in self.enhanced:
            return True
        if any(words in text for words in self.says):
            return True
        return self.pattern is not None and self.pattern.search(text) is not None


def _phrase(entry: Mapping[str, Any], head: Mapping[str, Any]) -> Phrase:
    known = {**head, **entry}
    unknown, missing = known.keys() - KEYS, [k for k in NEEDED if not known.get(k)]
    if unknown or missing:
        raise ValueError(f"unknown keys {sorted(unknown)}, missing keys {missing}")
    says = tuple(known.get("says", ()))
    blame, reason = Blame(known["blame"]), Reason(known.get("reason", ""))
    if reason not in REASONS[blame] - {Reason.LEARNED}:
        raise ValueError(f"{reason} is no reason of blame {blame}")
    if any(words != words.lower() or not words.strip() for words in says):
        raise ValueError(f"says must be lower case: {says}")
    if not (says or known.get("pattern") or known.get("enhanced")):
        raise ValueError("says, pattern or enhanced is needed")
    return Phrase(
        says=says,
        pattern=re.compile(known["pattern"]) if "pattern" in known else None,
        enhanced=frozenset(known.get("enhanced", ())),
        kind=int(known.get("class", 0)),
        blame=blame,
        reason=reason,
        final=bool(known.get("final", False)),
        meaning=known["meaning"],
        provider=known["provider"],
        source=known["source"],
        date=str(known["date"]),
    )


def read(name: str, text: str) -> tuple[Phrase, ...]:
    """The entries of one file. InvalidInput names the file and the entry."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput((Problem(name, f"is no valid TOML: {error}"),)) from error
    head = {k: v for k, v in content.items() if k != "phrase"}
    found, problems = [], []
    for number, entry in enumerate(content.get("phrase", ()), 1):
        try:
            found.append(_phrase(entry, head))
        except (ValueError, TypeError, re.error) as error:
            problems.append(Problem(name, f"phrase {number}: {error}"))
    if problems:
        raise InvalidInput(tuple(problems))
    return tuple(found)


def _files() -> Iterable[Traversable]:
    folder = resources.files("actors.model").joinpath(FOLDER)
    return sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)


@cache
def receivers() -> tuple[Phrase, ...]:
    """One receiver's own words, all files."""
    return tuple(p for f in _files() if f.name != GENERAL for p in read(f.name, f.read_text("utf-8")))


@cache
def general() -> tuple[Phrase, ...]:
    """Words that many use, in the order they are to be asked."""
    return tuple(p for f in _files() if f.name == GENERAL for p in read(f.name, f.read_text("utf-8")))


def find(phrases: tuple[Phrase, ...], code: int, enhanced: str, text: str) -> Phrase | None:
    """The first phrase that the reply says."""
    return next((p for p in phrases if p.speaks(code, enhanced, text)), None)


def plain(text: str) -> str:
    """A reply's text as phrases are compared with it: small letters, single blanks, and no addresses, which anybody may choose
    ("spamhaus@a.example" is no word of the receiver)."""
    return " ".join(ADDRESS.sub("<@>", text.lower()).split())[:MOST_CHARS]
