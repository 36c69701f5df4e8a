"""Chinese text: full and half width, display width, traditional and simplified characters.

Conversion is OpenCC's, by its tables of phrases: no table of ours.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import text, whole
from actors.renderer.functions.limits import MAX_SIZE_ARGUMENT
from actors.renderer.functions.registry import prepared, scalar
from actors.renderer.functions.widths import cut

FAMILY = "Chinese"
_TO_FULL = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}
_TO_HALF = {full: half for half, full in _TO_FULL.items() if chr(half).isalnum()}
# OpenCC's configurations: s simplified, t traditional, tw Taiwan, hk Hong Kong; p also the other side's words (软件 to 軟體).
DIRECTIONS = ("s2t", "t2s", "s2tw", "tw2s", "s2twp", "tw2sp", "s2hk", "hk2s", "t2tw", "tw2t", "t2hk", "hk2t")


@scalar(FAMILY, "to_fullwidth('AB-12 3')", "ＡＢ－１２　３")
def to_fullwidth(t: Any) -> str:
    """ASCII letters, digits, marks and blanks in full width."""
    return text(t, "to_fullwidth", "t").translate(_TO_FULL)


@scalar(FAMILY, "to_halfwidth('ＡＢ１２，王')", "AB12，王")
def to_halfwidth(t: Any) -> str:
    """Full-width letters and digits as ASCII; marks stay."""
    return text(t, "to_halfwidth", "t").translate(_TO_HALF)


@scalar(FAMILY, "truncate_width('親愛的王小明', 9)", "親愛的王…")
def truncate_width(t: Any, cols: Any, suffix: Any = "…") -> str:
    """The text, cut where it is wider than that many columns of a screen (an ideograph takes two), the suffix counted; never
    within what a reader sees as one character."""
    columns = whole(cols, "truncate_width", "cols", 0, MAX_SIZE_ARGUMENT)
    return cut(text(t, "truncate_width", "t"), columns, "" if suffix is None else text(suffix, "truncate_width", "suffix"))


@lru_cache(len(DIRECTIONS))
def converter(direction: str) -> Callable[[str], str]:
    """OpenCC's conversion in one direction."""
    from opencc import OpenCC  # its tables take 0.2 s, for those templates only that ask for it

    convert: Callable[[str], str] = OpenCC(direction).convert
    # OpenCC reads up to the first NUL and drops the rest.
    return lambda t: "\0".join(map(convert, t.split("\0"))) if "\0" in t else convert(t)


@prepared(FAMILY, "simp_trad('软件里的鼠标', 's2twp')", "軟體裡的滑鼠", value="t")
def simp_trad(job: Context, dir: Any) -> Callable[[Any], str]:
    """Simplified and traditional characters by OpenCC's tables of phrases. dir: s2t, t2s, s2tw, tw2s (characters of Taiwan),
    s2twp, tw2sp (also the words), s2hk, hk2s, t2tw, tw2t, t2hk, hk2t."""
    if dir not in DIRECTIONS:
        raise Refused("simp_trad", "dir", "must be one of " + ", ".join(DIRECTIONS))
    convert = converter(dir)
    return lambda t: convert(text(t, "simp_trad", "t"))
