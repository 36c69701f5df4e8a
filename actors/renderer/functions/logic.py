"""Logic: choices between values, tests for null, and the two calls that take a row out of the job."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from decimal import Decimal
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from actors.renderer.functions import ops
from actors.renderer.functions.choosing import select
from actors.renderer.functions.context import Context
from actors.renderer.functions.decimals import contains, equal
from actors.renderer.functions.distinct import ByColumn
from actors.renderer.functions.errors import Refused, Required, Skipped
from actors.renderer.functions.inputs import exact, items, number, text, together
from actors.renderer.functions.limits import MAX_REASON_CHARS
from actors.renderer.functions.numbercolumns import bands
from actors.renderer.functions.registry import kernel, prepared, scalar, without_nulls
from actors.renderer.functions.scope import Scope, each, truth
from actors.renderer.functions.strings import firsts, parts
from actors.renderer.functions.values import TEXT, Col, Lit, Value, bools, list_of, null_of

FAMILY = "Logic"


@kernel(FAMILY, "iif(2 > 1, 'yes', 'no')", "yes", nulls="a null condition counts as false")
def iif(scope: Scope, cond: Value, a: Value, b: Value) -> Value:
    """a where cond is true, else b."""
    return select(truth(scope, cond), a, b)


@kernel(
    FAMILY,
    "ifs(1 > 2, 'A', 2 > 1, 'B', 'C')",
    "B",
    nulls="a null condition counts as false; null where none is true and no default is given",
)
def ifs(scope: Scope, *choices: Value) -> Value:
    """The value after the first true condition; a last value without a condition is the default."""
    result: Value = choices[-1] if len(choices) % 2 else Lit(None)
    conditions = [truth(scope, cond) for cond in choices[0 : len(choices) - 1 : 2]]
    for mask, value in reversed(list(zip(conditions, choices[1::2], strict=False))):
        result = select(mask, value, result)
    return result


@scalar(FAMILY, "switch('TW', 'TW', '台灣', 'JP', '日本', '其他')", "台灣", needed=("x",))
def switch(x: Any, *pairs: Any) -> Any:
    """The value after the key that x equals; a last value without a key is the default."""
    keys = pairs[0 : len(pairs) - 1 : 2]
    # All of them are compared: no order hides one that cannot be.
    found = [equal(x, key) for key in keys] if type(x) in (Decimal, float) else [x == key for key in keys]
    if True in found:
        return pairs[2 * found.index(True) + 1]
    return pairs[-1] if len(pairs) % 2 else None


@prepared(FAMILY, "band(250, [100, 200], ['low', 'mid', 'high'])", "high", value="x", kind="N")
def band(job: Context, thresholds: Any, labels: Any) -> Callable[[Any], Any]:
    """The label of the half-open interval that x falls in: one label more than thresholds, the first for x below them all."""
    edges = together(items(thresholds, "band", "thresholds"), "band", "thresholds")
    names = items(labels, "band", "labels")
    if len(names) != len(edges) + 1 or any(a >= b for a, b in pairwise(edges)):
        raise Refused("band", "labels", "must be one more than thresholds, and those must rise")
    exact_edges = list(map(exact, edges))
    decimal = any(type(edge) is Decimal for edge in edges)

    def label(x: Any) -> Any:
        value = number(x, "band", "x")
        if type(value) is Decimal or (decimal and type(value) is float):
            return names[bisect_right(exact_edges, exact(value))]
        return names[bisect_right(edges, value)]

    return ByColumn(label, lambda column: bands(column, edges, names))


@kernel(FAMILY, "coalesce(none, 'b', 'c')", "b", nulls="skipped; null where all are null")
def coalesce(scope: Scope, *values: Value) -> Value:
    """The first value that is not null."""
    result: Value = Lit(None)
    for value in reversed(values):
        null = null_of(value, scope.n)
        result = value if null is None else select(~null, value, result)
    return result


@kernel(FAMILY, "if_blank('  ', 'friend')", "friend", nulls="gives d")
def if_blank(scope: Scope, x: Value, d: Value) -> Value:
    """d where x is null or blank text."""
    text = x.text() if isinstance(x, Col) and x.kind == TEXT else None
    if text is None:
        return each(
            scope, lambda one, other: other if one is None or (isinstance(one, str) and not one.strip()) else one, (x, d)
        )
    offsets, data = parts(text)
    first = firsts(offsets, data)
    # No blank of Unicode starts with one of the bytes that ASCII letters, digits and ideographs start with.
    doubtful = np.flatnonzero(~((first > 0x20) & (first < 0x7F) | (first >= 0xE4)))
    blank = np.zeros(scope.n, np.bool_) if isinstance(x, Col) and x.null is None else np.array(x.null)  # type: ignore[union-attr]
    if len(doubtful):
        few = text.take(pa.array(doubtful)).to_pylist()
        blank[doubtful] |= np.fromiter((one is None or not one.strip() for one in few), np.bool_, len(few))
    return select(blank, d, x) if blank.any() else x


@kernel(FAMILY, "is_null(none)", "True", nulls="true")
def is_null(scope: Scope, x: Value) -> Value:
    """True where x is null."""
    if isinstance(x, Lit):
        return Lit(x.value is None)
    return bools(np.zeros(x.n, np.bool_) if x.null is None else x.null)


@scalar(FAMILY, "is_empty(' ')", "True", kind="N", nulls="true", needed=())
def is_empty(x: Any) -> bool:
    """True for null, blank text and an empty list."""
    if isinstance(x, str):
        return not x.strip()
    return x is None or (isinstance(x, list | tuple | dict) and not x)


@kernel(FAMILY, "between(5, 1, 10)", "True")
def between(scope: Scope, x: Value, lo: Value, hi: Value) -> Value:
    """True where lo <= x <= hi."""
    return without_nulls(scope, (x, lo, hi), (0, 1, 2), _between)


def _between(scope: Scope, args: Sequence[Value]) -> Value:
    x, lo, hi = args
    # Both, whatever the first says: values that cannot be compared end the row in any order.
    low, high = ops.compare(scope, "lteq", lo, x), ops.compare(scope, "lteq", x, hi)
    return bools(truth(scope, low) & truth(scope, high))


@scalar(FAMILY, "in_list('b', 'a', 'b')", "True", needed=("x",))
def in_list(x: Any, *choices: Any) -> bool:
    """True where x equals one of the choices (a list counts as its items)."""
    return True in [contains(x, choice) if isinstance(choice, list | tuple) else equal(x, choice) for choice in choices]


@kernel(FAMILY, "skip_recipient(false, 'closed account')", "", nulls="a null condition keeps the row")
def skip_recipient(scope: Scope, cond: Value, reason: Value) -> Value:
    """Takes the row out of the job as skipped where cond is true; prints nothing."""
    mask = truth(scope, cond)
    if mask.any():
        reasons = list_of(reason, scope.n)
        for i in np.flatnonzero(mask).tolist():
            scope.fail(i, Skipped(_reason(reasons[i], "skipped")))
    return Lit(None)


@kernel(FAMILY, "require(true, 'no policy number')", "", nulls="a null condition counts as false")
def require(scope: Scope, cond: Value, message: Value) -> Value:
    """Makes the row a render_error where cond is false; prints nothing."""
    mask = ~truth(scope, cond)
    if mask.any():
        messages = list_of(message, scope.n)
        for i in np.flatnonzero(mask).tolist():
            scope.fail(i, Required(_reason(messages[i], "a required condition does not hold")))
    return Lit(None)


def _reason(value: Any, default: str) -> str:
    if not isinstance(value, str) or not value.strip():
        return default
    return " ".join(value.split())[:MAX_REASON_CHARS]


@prepared(FAMILY, "ab_split('k-17', [50, 50], ['A', 'B'])", "B", value="key")
def ab_split(job: Context, weights: Any, labels: Any) -> Callable[[Any], Any]:
    """One of the labels by weight, drawn from the job's seed and the key: the same on every render."""
    sizes = [number(weight, "ab_split", "weights") for weight in items(weights, "ab_split", "weights")]
    names = items(labels, "ab_split", "labels")
    if len(sizes) != len(names) or not sizes or any(size < 0 for size in sizes) or not any(sizes):
        raise Refused("ab_split", "weights", "must be one a label, none below 0, and not all 0")
    total = float(sum(map(float, sizes)))
    edges = [float(sum(map(float, sizes[: i + 1]))) / total for i in range(len(sizes) - 1)]
    return lambda key: names[bisect_right(edges, draw(job.seed, "ab", text(key, "ab_split", "key")) / 2**64)]


def draw(seed: int, purpose: str, key: str) -> int:
    """64 bits that depend on nothing but the seed, the purpose and the key."""
    return int.from_bytes(blake2b(f"{seed}\0{purpose}\0{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


@scalar(FAMILY, "coalesce(null_if('n/a', 'n/a'), '-')", "-", kind="N", needed=("x",))
def null_if(x: Any, v: Any) -> Any:
    """Null where x equals v, else x."""
    return None if equal(x, v) else x
