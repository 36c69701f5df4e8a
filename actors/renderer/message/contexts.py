"""Where the slots of a page stand in its HTML. Escaping makes a value safe in text and in quoted attributes; elsewhere it does
not, and `risks` tells those places. Statement tags count for nothing, so both ways of a branch are read one after the other.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

import jinja2

from actors.renderer.message.tags import split_tags

_SLOT_CHARS = 80  # of a slot in a report
_RAW = {"script": "a script", "style": "a style sheet"}  # elements whose text is no HTML
_TOKEN = re.compile(r"<!--|</?[a-zA-Z]|[^<]+|<", re.DOTALL)


class _In(Enum):
    TEXT = auto()
    COMMENT = auto()
    NAME = auto()  # of an element
    TAG = auto()  # between attributes
    ATTRIBUTE = auto()  # its name
    BEFORE = auto()  # its value
    QUOTED = auto()
    BARE = auto()


@dataclass(frozen=True, slots=True)
class Risk:
    """A slot that escaping does not keep in its place: line from 1, its text, and where it stands."""

    file: str
    line: int
    slot: str
    where: str


def risks(source: str, file: str) -> list[Risk]:
    """In the order of the page; none where the syntax is broken, which the compiler reports."""
    reader = _Reader()
    found: list[Risk] = []
    line = 1
    try:
        for text, is_tag in split_tags(source):
            if not is_tag:
                reader.feed(text)
            elif text.startswith("{{") and (where := reader.slot()):
                slot = " ".join(text.strip("{}-+").split())[:_SLOT_CHARS]
                found.append(Risk(file, line, slot, where))
            line += text.count("\n")
    except jinja2.TemplateSyntaxError:
        return []
    return found


class _Reader:
    """HTML's tokens as far as places need them (HTML standard, section 13.2.5)."""

    def __init__(self) -> None:
        self._in = _In.TEXT
        self._element = self._attribute = self._quote = ""
        self._raw = ""  # the element whose text is no HTML
        self._closing = False

    def slot(self) -> str:
        """Where the slot that comes now stands; nothing where it is safe."""
        where = self._where()
        if self._in is _In.BEFORE:
            self._in = _In.BARE
        return where

    def _where(self) -> str:
        if self._in is _In.TEXT:
            return _RAW.get(self._raw, "")
        if self._in is _In.COMMENT:
            return "a comment"
        if self._in in (_In.NAME, _In.TAG, _In.ATTRIBUTE):
            return f"the tag <{self._element}>"
        if self._attribute.startswith("on"):
            return f"the script of {self._attribute}"
        if self._attribute == "style":
            return "the attribute style"
        return f"the attribute {self._attribute} without quotes" if self._in in (_In.BEFORE, _In.BARE) else ""

    def feed(self, text: str) -> None:
        """Literal text of the page."""
        at = 0
        while at < len(text):
            at = self._text(text, at) if self._in in (_In.TEXT, _In.COMMENT) else self._tag(text, at)

    def _text(self, text: str, at: int) -> int:
        if self._in is _In.COMMENT:
            end = text.find("-->", at)
            if end < 0:
                return len(text)
            self._in = _In.TEXT
            return end + 3
        if self._raw:
            end = text.lower().find(f"</{self._raw}", at)
            if end < 0:
                return len(text)
            self._raw, at = "", end
        token = _TOKEN.match(text, at)
        assert token is not None
        if token[0] == "<!--":
            self._in = _In.COMMENT
        elif token[0][0] == "<" and len(token[0]) > 1:
            self._in, self._closing = _In.NAME, token[0][1] == "/"
            self._element, self._attribute = token[0][-1].lower(), ""
        return token.end()

    def _tag(self, text: str, at: int) -> int:
        character = text[at]
        if self._in is _In.QUOTED:
            end = text.find(self._quote, at)
            if end < 0:
                return len(text)
            self._in = _In.TAG
            return end + 1
        if character == ">":
            self._in = _In.TEXT
            self._raw = self._element if self._element in _RAW and not self._closing else ""
        elif self._in is _In.BEFORE and character in "\"'":
            self._in, self._quote = _In.QUOTED, character
        elif character.isspace() or (character == "/" and self._in is not _In.BARE):
            if self._in is not _In.BEFORE:
                self._in = _In.TAG
        elif self._in is _In.NAME:
            self._element += character.lower()
        elif self._in is _In.BEFORE:
            self._in = _In.BARE
        elif self._in in (_In.TAG, _In.ATTRIBUTE):
            self._named(character)
        return at + 1

    def _named(self, character: str) -> None:
        if character == "=":
            self._in = _In.BEFORE
            return
        self._attribute = character.lower() if self._in is _In.TAG else self._attribute + character.lower()
        self._in = _In.ATTRIBUTE
