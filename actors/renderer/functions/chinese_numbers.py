"""Numbers and amounts of money in Chinese numerals, for letters, cheques and contracts."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import WIDE, exact, number
from actors.renderer.functions.numerals import LIMIT, LOWER, UPPER, numeral
from actors.renderer.functions.registry import prepared, scalar

FAMILY = "Chinese"
_STYLES = {"lower": LOWER, "upper": UPPER}
_LARGEST = f"must be below {LIMIT:e}".replace("1.000000e", "10 to the power ").replace("+", "")


def _split(x: Any, function: str) -> tuple[bool, int, str]:
    """Whether the number is negative, its whole part, and its decimal places as they print (no zeros at the end)."""
    if type(x) is int and -LIMIT < x < LIMIT:  # nearly all of them
        return x < 0, abs(x), ""
    value = exact(number(x, function, "x"))
    size = WIDE.abs(value)
    if size >= LIMIT:
        raise Refused(function, "x", _LARGEST)
    whole = int(size)
    rest = f"{WIDE.subtract(size, Decimal(whole)):f}".partition(".")[2].rstrip("0")
    return value < 0, whole, rest


@prepared(FAMILY, "zh_number(12000)", "一萬二千", value="x")
def zh_number(job: Context, style: Any = "lower") -> Callable[[Any], str]:
    """The number in Chinese numerals: 一萬二千, 負三點一四; style upper: 壹萬貳仟."""
    writing = _STYLES.get(style) if isinstance(style, str) else None
    if writing is None:
        raise Refused("zh_number", "style", "must be lower or upper")

    def written(x: Any) -> str:
        negative, whole, rest = _split(x, "zh_number")
        fraction = "點" + "".join(writing.digits[int(digit)] for digit in rest) if rest else ""
        return ("負" if negative else "") + numeral(whole, writing) + fraction

    return written


@scalar(FAMILY, "zh_money_upper(1200)", "新臺幣壹仟貳佰元整")
def zh_money_upper(x: Any) -> str:
    """The amount in New Taiwan dollars as cheques and contracts write it: 新臺幣壹仟貳佰元整, 新臺幣參元零伍分. More than
    two decimal places are refused: round them first."""
    negative, whole, rest = _split(x, "zh_money_upper")
    if len(rest) > 2:
        raise Refused("zh_money_upper", "x", "has more than two decimal places: round it first")
    tens, units = (int(digit) for digit in rest.ljust(2, "0"))
    text = "新臺幣" + ("負" if negative else "")
    if whole or not rest:
        text += numeral(whole, UPPER) + "元"
    if not rest:
        return text + "整"
    if tens:
        text += UPPER.digits[tens] + "角"
    elif whole:
        text += UPPER.digits[0]
    return text + (UPPER.digits[units] + "分" if units else "")
