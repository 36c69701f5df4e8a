"""What templates put beside their text: pictures and files of one message, asked for by functions, made when it is assembled.

A function stays pure: it gives a reference whose key is a hash of what is asked for, and notes the recipe under that key. A
message gets whatever its texts refer to. So a row whose branch did not reach the call has no part, however the plan worked
the text out, and the same asked for twice is one part.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

MAX_RECIPES = 200_000  # far above what a shard asks for; keeps runs that assemble no message from growing
# Attachments leave no trace in the text: their reference stands between two of the noncharacters that Unicode keeps for
# internal use, and is taken out.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_REFERENCE = re.compile(rf"cid:d\.([0-9a-f]{{20}})@|{_OPEN}([0-9a-f]{{20}}){_CLOSE}")
SIGNS = ("cid:d.", _OPEN)  # every reference has one of these


@dataclass(frozen=True, slots=True)
class Recipe:
    """One picture or file. `kind` names the maker, `values` are all that it needs."""

    kind: str
    values: tuple[Any, ...]


@dataclass(slots=True)
class Enclosures:
    """The recipes of one job by key."""

    recipes: dict[str, Recipe] = field(default_factory=dict)
    _kept: dict[str, Recipe] = field(default_factory=dict)

    def picture(self, job: str, kind: str, *values: Any) -> str:
        """The `cid:` URL of a picture."""
        return f"cid:{content_id(self._note(job, kind, values), job)}"

    def attachment(self, job: str, kind: str, *values: Any) -> str:
        """The mark of an attachment, which `taken_out` removes."""
        return f"{_OPEN}{self._note(job, kind, values)}{_CLOSE}"

    def keep(self) -> None:
        """What is known now (constants of the templates) is never forgotten."""
        self._kept = dict(self.recipes)

    def forget(self) -> None:
        """A new shard begins."""
        if len(self.recipes) > len(self._kept):
            self.recipes = dict(self._kept)

    def keys(self, text: str) -> list[str]:
        """The references in a text, in order."""
        return [key for pair in _REFERENCE.findall(text) if (key := pair[0] or pair[1]) in self.recipes]

    def taken_out(self, text: str) -> str:
        """The text without marks of attachments."""
        return _REFERENCE.sub(lambda m: "" if m[2] in self.recipes else m[0], text) if _OPEN in text else text

    def _note(self, job: str, kind: str, values: Sequence[Any]) -> str:
        key = blake2b(repr((job, kind, values)).encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
        if key not in self.recipes:
            if len(self.recipes) >= MAX_RECIPES:
                self.forget()
            self.recipes[key] = Recipe(kind, tuple(values))
        return key


def content_id(key: str, job: str) -> str:
    """The Content-ID of a part (RFC 2392)."""
    return f"d.{key}@{job or 'job'}"
