"""Chinese numerals of whole numbers, in the ordinary and in the formal writing. No registration lives here.

Groups of four digits (萬, 億, 兆, 京). Zeros between two digits are one 零, however many they are, and none where
the later digit is the thousands of the next group (十萬五千); a group of zeros alone has no unit.
"""

from functools import lru_cache
from typing import NamedTuple

LIMIT = 10**20  # beyond 京 the units are no longer read by anybody


class Writing(NamedTuple):
    """How digits, tens to thousands, and groups are written. `bare_ten`: 十二, not 一十二, at the beginning."""

    digits: str
    units: tuple[str, ...]
    groups: tuple[str, ...]
    bare_ten: bool


LOWER = Writing("零一二三四五六七八九", ("", "十", "百", "千"), ("", "萬", "億", "兆", "京"), True)
LOWER_HANS = LOWER._replace(groups=("", "万", "亿", "兆", "京"))
UPPER = Writing("零壹貳參肆伍陸柒捌玖", ("", "拾", "佰", "仟"), LOWER.groups, False)


@lru_cache(30_000)
def _group(value: int, writing: Writing) -> str:
    """1 to 9999."""
    out, gap = "", False
    for place, power in ((3, 1000), (2, 100), (1, 10), (0, 1)):
        digit = value // power % 10
        if digit:
            out += (writing.digits[0] if gap and out else "") + writing.digits[digit] + writing.units[place]
        gap = not digit
    return out


def numeral(value: int, writing: Writing = LOWER) -> str:
    """A whole number from 0 to below LIMIT: 一百零三, 十二, 一萬零二十, 壹佰零參."""
    if value == 0:
        return writing.digits[0]
    out, at = "", 0
    skipped = False  # whether the group below, which stands to the right, begins with a gap
    while value:
        value, group = divmod(value, 10_000)
        if group:
            out = _group(group, writing) + writing.groups[at] + (writing.digits[0] if skipped and out else "") + out
        skipped = group < 1000
        at += 1
    ten = writing.digits[1] + writing.units[1]
    return out[1:] if writing.bare_ten and out.startswith(ten) else out
