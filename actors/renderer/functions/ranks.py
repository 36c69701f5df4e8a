"""How many rows of the whole list have a smaller value: one column's sorted distinct values, and the look-up in them.

Pure; where the values come from and where they are kept is `actors.renderer.ranking`'s. A value is compared as its key, a
fixed-width number or byte string that sorts as the values do; decimals stay exact.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.renderer.functions.values import Col

RANKED_TYPES = frozenset(("int", "float", "decimal", "date", "timestamp"))  # list columns whose values have an order to tell

Keys = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Ranks:
    """One column of the list. `keys`: the distinct values' keys, rising; `smaller`: for each how many rows are below it;
    `count`: rows that have a value; `kind`: the column's Arrow type."""

    kind: pa.DataType
    keys: Keys
    smaller: NDArray[np.int64]
    count: int

    def percent(self, keys: Keys) -> NDArray[np.float64]:
        """Percent rank, 0 to 100, of values that need not be in the list (a row that intake has settled is shown with one)."""
        if self.count < 2:
            return np.zeros(len(keys))
        at = np.searchsorted(self.keys, keys, "left")
        last = len(self.keys) - 1
        below = np.where(at > last, self.count, self.smaller[np.minimum(at, last)])
        return np.minimum(below * 100.0 / (self.count - 1), 100.0)


def ranks_of(values: Keys, kind: pa.DataType) -> Ranks:
    """The ranks of a column from the keys of its rows, which are sorted in place."""
    values.sort()
    starts = np.flatnonzero(values[1:] != values[:-1]) + 1
    smaller = np.concatenate([np.zeros(min(len(values), 1), np.int64), starts])
    return Ranks(kind, values[smaller], smaller, len(values))


def key_type(kind: pa.DataType) -> np.dtype[Any]:
    """The type of a column's keys."""
    if pa.types.is_decimal(kind):
        return np.dtype("S16")
    return np.dtype(np.float64 if pa.types.is_floating(kind) else np.int64)


def keys_of(values: pa.Array) -> Keys:
    """The keys of Arrow values without nulls."""
    kind = values.type
    if pa.types.is_decimal(kind):
        return _decimal_keys(values)
    if pa.types.is_timestamp(kind):
        values = values.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
    elif pa.types.is_date(kind):
        values = values.cast(pa.date32()).cast(pa.int32())
    keys: Keys = values.to_numpy(zero_copy_only=False).astype(key_type(kind), copy=False)
    return keys


def _decimal_keys(values: pa.Array) -> Keys:
    """decimal128 is a 16-byte two's complement, low byte first: turned round, with the sign bit flipped, its bytes sort."""
    if not len(values):
        return np.empty(0, "S16")
    raw = np.frombuffer(values.buffers()[1], np.uint8)[values.offset * 16 :][: len(values) * 16].reshape(-1, 16)
    turned = np.ascontiguousarray(raw[:, ::-1])
    turned[:, 0] ^= 0x80
    return turned.view("S16").reshape(-1)


def column_keys(column: Col, null: NDArray[np.bool_] | None, kind: pa.DataType) -> Keys:
    """The keys of a shard's column; any key where null. ValueError or TypeError: values of another type."""
    if column.kind in ("int", "float"):
        return column.array().astype(key_type(kind), copy=False)
    values = column.list()
    if null is not None:
        filling = next((v for v in values if v is not None), None)
        values = [filling if v is None else v for v in values]
    return keys_of(pa.array(values, kind))
