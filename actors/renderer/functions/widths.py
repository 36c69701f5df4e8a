"""How many columns text takes on a screen that gives an ideograph two. No registration lives here.

East Asian Width (Unicode Annex 11): wide and full-width are two, all else one, marks and control characters nothing. What the
eye sees as one character is two where a part of it is wide, where it is a flag or its picture is asked for, else as wide as its
parts together. Ambiguous ones (… α ①) are one.
"""

import unicodedata
from functools import lru_cache

from actors.renderer.functions.inputs import clusters

_PICTURE = "\ufe0f"  # asks for the emoji's picture, which is wide
_FLAG_LETTERS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
_NO_COLUMN = ("Mn", "Me", "Cc", "Cf", "Cs")


@lru_cache(8192)
def _of_character(character: str) -> int:
    if unicodedata.category(character) in _NO_COLUMN:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def width(cluster: str) -> int:
    """Columns of one cluster (inputs.clusters)."""
    if len(cluster) == 1:
        return _of_character(cluster)
    if _PICTURE in cluster or cluster[0] in _FLAG_LETTERS:
        return 2
    widths = list(map(_of_character, cluster))
    return 2 if 2 in widths else sum(widths)


def cut(text: str, columns: int, suffix: str) -> str:
    """The text, or as many whole clusters of it as fit with the suffix into the columns."""
    if len(text) * 2 <= columns or (len(text) <= columns and text.isascii()):  # it fits, whatever it holds
        return text
    parts = clusters(text)
    widths = list(map(width, parts))
    if sum(widths) <= columns:
        return text
    room = columns - sum(map(width, clusters(suffix)))
    if room < 0:
        return cut(suffix, columns, "")
    taken = 0
    for at, size in enumerate(widths):
        taken += size
        if taken > room:
            return "".join(parts[:at]) + suffix
    return text  # never reached: all of it would have fitted
