"""Texts that repeat: `Words` are some texts, `Coded` names one of them a row, or one after another where a text has parts.

What is made of the words on the way to a mail (escaped, encoded) is made once for all rows, and shards, that name them.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.renderer.functions.strings import longest_bytes
from actors.renderer.functions.views import Views, joined, views

Codes = NDArray[np.integer[Any]]
T = TypeVar("T")
NOTHING: Final = -1  # the code of the empty text
_END = pa.array([""])


class Words:
    """Texts without nulls, by their place; the last one is always the empty text."""

    __slots__ = ("_kept", "longest", "texts")

    def __init__(self, texts: pa.StringArray, ended: bool = False):
        self.texts = texts if ended else pa.concat_arrays([texts, _END])
        self.longest = longest_bytes(self.texts)  # bytes
        self._kept: dict[Any, Any] = {}

    def once(self, make: "Callable[[Words], T]") -> T:
        """What `make` gives for these words; it is asked once."""
        if make not in self._kept:
            self._kept[make] = make(self)
        made: T = self._kept[make]
        return made


def _views(words: Words) -> Views:
    return views(words.texts)


class Coded:
    """A text a row: the words that its parts name, end to end."""

    __slots__ = ("n", "parts")

    def __init__(self, *parts: tuple[Words, Codes]):
        self.parts, self.n = parts, len(parts[0][1])

    def text(self) -> pa.StringArray:
        """The texts themselves."""
        return joined([words.once(_views).take(codes) for words, codes in self.parts], self.n, pa.string())

    def longest(self) -> int:
        """At least the bytes of the longest text."""
        return sum(words.longest for words, _ in self.parts)

    def take(self, index: NDArray[np.int64]) -> "Coded":
        """The texts of these rows."""
        return Coded(*((words, codes[index]) for words, codes in self.parts))

    def placed(self, places: NDArray[np.int64], n: int) -> "Coded":
        """A text for each of n rows: these at their places, the empty one elsewhere."""
        return Coded(*((words, _placed(codes, places, n)) for words, codes in self.parts))

    def where(self, mask: NDArray[np.bool_]) -> "Coded":
        """The texts where the mask is true, the empty one elsewhere."""
        return Coded(*((words, np.where(mask, codes, NOTHING)) for words, codes in self.parts))

    def of(self, change: Callable[[Words], Words]) -> "Coded":
        """The same with other words."""
        return Coded(*((words.once(change), codes) for words, codes in self.parts))


def _placed(codes: Codes, places: NDArray[np.int64], n: int) -> Codes:
    placed = np.full(n, NOTHING, codes.dtype)
    placed[places] = codes
    return placed


@lru_cache(1024)
def words_of(*texts: str) -> Words:
    """Few words that come again shard after shard. Raises UnicodeEncodeError."""
    return Words(pa.array(texts, pa.string()))


def coded_by(labels: Sequence[Any], codes: Codes) -> Coded | None:
    """The labels that the codes name, where all labels are plain texts and Unicode."""
    if not all(type(label) is str for label in labels):
        return None
    try:
        return Coded((words_of(*labels), codes))
    except UnicodeEncodeError:
        return None
