"""Numbers: arithmetic over several values, null-aware sums, draws and parsing. Rounding lives in rounding.py.

Numbers are int64, float64 or decimal128. Decimals meet floats by the rule of decimals.py, and what comes of it is a decimal; an
int result outside int64 ends the row.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial, reduce
from typing import Any

import numpy as np

from actors.renderer.functions import numbercolumns
from actors.renderer.functions.context import Context
from actors.renderer.functions.decimals import alike, met
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.guards import binop, checked
from actors.renderer.functions.inputs import WIDE, Number, exact, items, like, number, text, together, whole
from actors.renderer.functions.logic import draw
from actors.renderer.functions.numbercolumns import extreme
from actors.renderer.functions.registry import prepared, scalar

FAMILY = "Numbers"
_SKIPS = "skipped; null where all are null"
_LARGEST = 2**63 - 1
_ADD = partial(binop, "+")
_WRITTEN_NUMBER = re.compile(
    r"(?P<open>\()?(?P<sign>[+-])?\s*(?:NT\$|NTD|TWD|US\$|USD|RMB|CNY|HK\$|\$|¥|€|£)?\s*(?P<late>[+-])?"
    r"(?P<number>(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,30})(?:\.[0-9]{0,30})?|\.[0-9]{1,30})"
    r"\s*(?:元整|元|圓|塊|NTD|TWD|USD)?(?P<close>\))?",
    re.IGNORECASE,
)


@scalar(FAMILY, "mod(-7, 3)", "2", kind="N", nulls="null in, null out; null where b is 0")
def mod(a: Any, b: Any) -> Any:
    """Remainder of a by b, with the sign of b."""
    left, right = met(number(a, "mod", "a"), number(b, "mod", "b"))
    if right == 0:
        return None
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        rest = WIDE.remainder(exact(left), exact(right))
        return rest + exact(right) if rest and (rest < 0) != (right < 0) else rest
    return checked(left % right)


@scalar(
    FAMILY,
    "min_of(3, none, 2)",
    "2",
    kind="N",
    nulls=_SKIPS,
    needed=(),
    column=lambda x, *others: extreme(x, np.minimum, others),
)
def min_of(*values: Any) -> Any:
    """Smallest of the values."""
    return min(_known(values, "min_of"), default=None)


@scalar(
    FAMILY,
    "max_of(3, none, 2)",
    "3",
    kind="N",
    nulls=_SKIPS,
    needed=(),
    column=lambda x, *others: extreme(x, np.maximum, others),
)
def max_of(*values: Any) -> Any:
    """Largest of the values."""
    return max(_known(values, "max_of"), default=None)


@scalar(FAMILY, "clamp(120, 0, 100)", "100", kind="N", column=numbercolumns.clamped)
def clamp(x: Any, lo: Any, hi: Any) -> Any:
    """x, but not below lo and not above hi."""
    value, low, high = alike((number(x, "clamp", "x"), number(lo, "clamp", "lo"), number(hi, "clamp", "hi")))
    return low if value < low else high if value > high else value


@scalar(FAMILY, "safe_div(1, 0, alt='-')", "-", kind="N")
def safe_div(a: Any, b: Any, alt: Any = None) -> Any:
    """a / b; alt where b is 0."""
    left, right = number(a, "safe_div", "a"), number(b, "safe_div", "b")
    return alt if right == 0 else binop("/", left, right)


def _known(values: Iterable[Any], function: str) -> Sequence[Number]:
    """Those that are not null."""
    return together([value for value in values if value is not None], function, "value")


def _total(numbers: Sequence[Number]) -> Any:
    """Their sum; null of none."""
    return reduce(_ADD, numbers) if numbers else None


@scalar(FAMILY, "sum_of(1, none, 2.5)", "3.5", kind="N", nulls=_SKIPS, needed=())
def sum_of(*values: Any) -> Any:
    """Sum of the values."""
    return _total(_known(values, "sum_of"))


@scalar(FAMILY, "avg_of(1, none, 2)", "1.5", kind="N", nulls=_SKIPS, needed=())
def avg_of(*values: Any) -> Any:
    """Mean of the values."""
    numbers = _known(values, "avg_of")
    return binop("/", _total(numbers), len(numbers)) if numbers else None


@scalar(FAMILY, "random_int('k-17', 1, 6)", "1", kind="N")
def random_int(job: Context, key: Any, lo: Any, hi: Any) -> int:
    """A whole number from lo to hi, drawn from the job's seed and the key: the same on every render."""
    low = whole(lo, "random_int", "lo", -_LARGEST, _LARGEST)
    high = whole(hi, "random_int", "hi", low, _LARGEST)
    return low + draw(job.seed, "int", text(key, "random_int", "key")) % (high - low + 1)


@prepared(FAMILY, "tier_sum(150, [100], [0.1, 0.2])", "20.0", value="x", kind="N")
def tier_sum(job: Context, thresholds: Any, rates: Any) -> Callable[[Any], Any]:
    """Progressive total (tax, points, bonus): each part of x between two thresholds times that tier's rate; 0 where x is
    below 0. One rate more than thresholds, the first for the part below them all."""
    edges = together(items(thresholds, "tier_sum", "thresholds"), "tier_sum", "thresholds")
    steps = [number(rate, "tier_sum", "rates") for rate in items(rates, "tier_sum", "rates")]
    if len(steps) != len(edges) + 1 or any(a >= b for a, b in zip([0, *edges], edges, strict=False)):
        raise Refused("tier_sum", "rates", "must be one more than thresholds, and those must rise from above 0")
    lows = [Decimal(0), *map(exact, edges)]
    highs = [*map(exact, edges), None]
    shares = list(map(exact, steps))

    def total(x: Any) -> Number:
        value = exact(number(x, "tier_sum", "x"))
        due = Decimal(0)
        for low, high, share in zip(lows, highs, shares, strict=True):
            if value > low:
                part = value - low if high is None or value < high else high - low
                due = WIDE.add(due, WIDE.multiply(part, share))
        return like(due, x, *steps)

    return total


@scalar(FAMILY, "to_number('１,２３４.５元')", "1234.5", nulls="null in, null out; alt (null) where the text is no number")
def to_number(t: Any, alt: Any = None) -> Any:
    """The number in a text: thousands marks, full-width digits, currency signs and 元 are understood."""
    if isinstance(t, int | float | Decimal) and not isinstance(t, bool):
        return t
    if not isinstance(t, str):
        return alt
    found = _WRITTEN_NUMBER.fullmatch(unicodedata.normalize("NFKC", t).strip())
    if found is None or (found["sign"] and found["late"]) or bool(found["open"]) != bool(found["close"]):
        return alt
    sign = "-" if found["open"] else found["sign"] or found["late"] or ""
    plain = sign + found["number"].replace(",", "")
    return float(plain) if "." in plain else checked(int(plain))


@scalar(FAMILY, "sign(-3.5)", "-1", kind="N")
def sign(x: Any) -> int:
    """-1, 0 or 1."""
    value = number(x, "sign", "x")
    return (value > 0) - (value < 0)


@scalar(FAMILY, "sqrt(9)", "3.0", kind="N", nulls="null in, null out; null where x is below 0")
def sqrt(x: Any) -> Any:
    """Square root."""
    value = number(x, "sqrt", "x")
    if value < 0:
        return None
    return value.sqrt() if isinstance(value, Decimal) else math.sqrt(value)


@scalar(FAMILY, "power(2, 10)", "1024", kind="N")
def power(x: Any, y: Any) -> Any:
    """x to the y."""
    return binop("**", number(x, "power", "x"), number(y, "power", "y"))


@scalar(FAMILY, "log10(1000)", "3.0", kind="N", nulls="null in, null out; null unless x is above 0")
def log10(x: Any) -> Any:
    """Logarithm to the base 10."""
    value = number(x, "log10", "x")
    if value <= 0:
        return None
    return value.log10() if isinstance(value, Decimal) else math.log10(value)
