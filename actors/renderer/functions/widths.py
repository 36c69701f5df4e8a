"""How many columns text takes on a screen that gives an ideograph two. No registration lives here.

East Asian Width (Unicode Annex 11): wide and full-width are two, all else one, marks and control characters nothing. What the
eye sees as one character counts by its widest part, and is two where the emoji's picture is asked for. Ambiguous ones (… α ①)
are one.
"""

import unicodedata
from functools import lru_cache

from actors.renderer.functions.inputs import clusters

_EMOJI = "\ufe0f"  # asks for the picture, which is wide
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
    return 2 if _EMOJI in cluster else max(map(_of_character, cluster))


def cut(text: str, columns: int, suffix: str) -> str:
    """The text, or as many whole clusters of it as fit with the suffix into the columns."""
    if text.isascii() and text.isprintable() and len(text) <= columns:
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
