"""Values of a shard as columns: one typed array or list with a null mask, or one literal for all rows.

Pure data. Numbers and booleans are NumPy arrays, all else lists of Python objects; each form is made from the other on demand.
What a column prints, compares and adds up to is what the same Python values would.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa


def python_values(column: pa.Array | pa.ChunkedArray, zone: ZoneInfo) -> list[Any]:
    """A list column as Python values: int, float, Decimal, str, bool, date, datetime, None. Instants are told in `zone`."""
    values: list[Any] = column.to_pylist()
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        return [v if v is None else v.astimezone(zone) for v in values]
    return values


def take(values: Sequence[Any], index: Sequence[int]) -> list[Any]:
    """The values at these places."""
    return [values[i] for i in index]


__all__ = ["datetime", "python_values", "take"]
