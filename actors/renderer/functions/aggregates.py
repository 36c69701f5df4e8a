"""Sums, counts, means and extremes of each key of a table: worked out once, gathered for the rows of a shard.

Sums are exact whatever the order: integers, decimals and floats (as the decimals that they print) are added as whole numbers in
limbs of 32 bits. Extremes are kept as the row that holds them, so every type with an order has them.
"""

from collections.abc import Callable
from decimal import Context, Decimal
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.renderer.functions.decimals import printed
from actors.renderer.functions.inputs import WIDE, Number
from actors.renderer.functions.table import Table
from actors.renderer.functions.values import Col, Index, column_of, numbers

AGGREGATES = ("sum", "count", "max", "min", "avg")
NUMERIC = frozenset(("int", "float", "decimal"))
_LIMB_BITS = 32
_EXACT = 2.0**53  # whole floats below it are exact
_MAX_SCALE = 15
_WIDER = Context(prec=700)  # the digits from the largest float to the smallest

Gather = Callable[[Index], Col]  # the values of the keys with these numbers


def aggregate(table: Table, fn: str, column: str | None) -> Gather:
    """`count`, `min`, `max` or `sum` of each key; null where no row of the key has a value (a count is 0). A sum of whole
    numbers may need more than 64 bits."""
    made: Gather | None = table.worked_out.get((fn, column))
    if made is None:
        made = table.worked_out[fn, column] = _worked_out(table, fn, column)
    return made


def _worked_out(table: Table, fn: str, column: str | None) -> Gather:
    if fn == "count" or column is None:
        counts = _counts(table, column)
        return lambda group: numbers("int", counts[group])
    return _sums(table, column) if fn == "sum" else _extremes(table, fn, column)


def _in_order(table: Table, column: str) -> pa.Array:
    """The column's values, key by key. No number of a float counts as null."""
    values = table.arrow(column, table.index.order)
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))
    return values


def _reduced(table: Table, ufunc: np.ufunc, values: NDArray[Any]) -> NDArray[Any]:
    """One result a key. Every key has a row."""
    starts = table.index.starts[:-1]
    return ufunc.reduceat(values, starts) if len(starts) else values[:0]


def _counts(table: Table, column: str | None) -> Index:
    if column is None:
        return np.diff(table.index.starts)
    valid = _in_order(table, column).is_valid().to_numpy(zero_copy_only=False)
    return _reduced(table, np.add, valid.astype(np.int64))


def _extremes(table: Table, fn: str, column: str) -> Gather:
    values = _in_order(table, column)
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    falling = fn == "max"
    order = pc.array_sort_indices(values, order="descending" if falling else "ascending").to_numpy()
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    best = _reduced(table, np.minimum, ranks)
    rows = table.index.order[order[best]] if len(order) else best
    return lambda group: table.column(column, rows[group])


def _sums(table: Table, column: str) -> Gather:
    values, kind = _in_order(table, column), table.shape.types[column]
    counts = _reduced(table, np.add, values.is_valid().to_numpy(zero_copy_only=False).astype(np.int64))
    if kind == "decimal":
        words, scale = _decimal_words(values), values.type.scale
    else:
        array = values.fill_null(0).to_numpy(zero_copy_only=False)
        whole, scale = (array.astype(np.int64), 0) if kind == "int" else _scaled(array)
        if whole is None:
            totals = _one_by_one(table, array)
            return lambda group: column_of([totals[g] if counts[g] else None for g in group.tolist()])
        words = np.stack([whole & 0xFFFFFFFF, whole >> _LIMB_BITS])
    limbs = np.stack([_reduced(table, np.add, word) for word in words])

    def gather(group: Index) -> Col:
        joined = zip(_joined(limbs[:, group]), counts[group].tolist(), strict=True)
        return column_of([_as_kind(total, scale, kind) if count else None for total, count in joined])

    return gather


def _joined(limbs: NDArray[np.int64]) -> list[int]:
    """The whole numbers that the limbs of each key add up to."""
    found: list[int] = limbs[-1].tolist()
    for words in reversed(limbs[:-1]):
        found = [(high << _LIMB_BITS) + low for high, low in zip(found, words.tolist(), strict=True)]
    return found


def _as_kind(whole: int, scale: int, kind: str) -> Number:
    if kind == "int":
        return whole
    value = Decimal(whole).scaleb(-scale, WIDE)
    return float(value) if kind == "float" else value


def _one_by_one(table: Table, array: NDArray[np.float64]) -> list[float]:
    """Sums of floats of very different sizes."""
    exact, starts = list(map(printed, array.tolist())), table.index.starts.tolist()
    return [float(reduce(_WIDER.add, exact[a:b])) for a, b in pairwise(starts)]


def _decimal_words(values: pa.Array) -> NDArray[np.int64]:
    """decimal128 is a 16-byte two's complement, low byte first: four limbs, the highest with the sign."""
    values = values.cast(pa.decimal128(38, values.type.scale)).fill_null(Decimal(0))
    raw = np.frombuffer(values.buffers()[1], "<u4")[values.offset * 4 :][: len(values) * 4].reshape(-1, 4)
    words = raw.T.astype(np.int64)
    words[3] -= (words[3] >> (_LIMB_BITS - 1)) << _LIMB_BITS
    return words


def _scaled(array: NDArray[np.float64]) -> tuple[NDArray[np.int64] | None, int]:
    """The floats as whole numbers of 10**-scale; None where no scale makes them exact."""
    for scale in range(_MAX_SCALE + 1):
        scaled = np.rint(array * 10.0**scale)
        if not np.all(np.abs(scaled) < _EXACT):
            break
        if np.array_equal(scaled / 10.0**scale, array):
            return scaled.astype(np.int64), scale
    return None, 0
