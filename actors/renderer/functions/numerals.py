"""Chinese numerals of whole numbers, in the ordinary and in the formal writing. No registration lives here.

Groups of four digits (萬, 億, 兆, 京). Zeros between two digits are one 零, however many they are, and none where
the later digit is the thousands of the next group (十萬五千); a group of zeros alone has no unit.
"""

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


def numeral(value: int, writing: Writing = LOWER) -> str:
    """A whole number from 0 to below LIMIT: 一百零三, 十二, 一萬零二十, 壹佰零參."""
    if value == 0:
        return writing.digits[0]
    digits = str(value)
    out, last = "", len(digits)
    for at, character in enumerate(digits):
        place = len(digits) - 1 - at
        digit = int(character)
        if digit:
            between = last - place > 1 and not (place % 4 == 3 and last // 4 == place // 4 + 1)
            out += (writing.digits[0] if between and out else "") + writing.digits[digit] + writing.units[place % 4]
            last = place
        if place % 4 == 0 and place and int(digits[max(0, at - 3) : at + 1]):
            out += writing.groups[place // 4]
    ten = writing.digits[1] + writing.units[1]
    return out[1:] if writing.bare_ten and out.startswith(ten) else out
