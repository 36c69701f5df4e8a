"""Columns of a list as they come from Arrow."""

from datetime import UTC
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.renderer.functions.values import BOOL, DATE, DTYPES, FLOAT, INT, Col, Mask, column_of, decimals, texts


def from_arrow(column: pa.Array | pa.ChunkedArray, zone: ZoneInfo) -> Col:
    """A list column: int, float, Decimal, str, bool, date or datetime. Instants are told in `zone`."""
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    n = len(column)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        ours = INT if pa.types.is_integer(kind) else FLOAT if pa.types.is_floating(kind) else BOOL
        array, null = _numbers(column)
        return Col(ours, n, None, array.astype(DTYPES[ours], copy=False), null)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return texts(column if pa.types.is_string(kind) else column.cast(pa.string()))
    if pa.types.is_date(kind):
        days, null = _numbers((column if kind == pa.date32() else column.cast(pa.date32())).view(pa.int32()))
        return Col(DATE, n, None, days.astype(np.int64), null)
    if pa.types.is_decimal128(kind) and kind.scale >= 0:
        units = _units(column)
        if units is not None:
            return decimals(units[0], kind.scale, units[1])
    return column_of(_objects(column, kind, zone))


def _numbers(column: pa.Array) -> tuple[NDArray[Any], Mask | None]:
    null = None
    if column.null_count:
        null = np.asarray(column.is_null().to_numpy(zero_copy_only=False))
        column = column.fill_null(False if pa.types.is_boolean(column.type) else 0)
    return column.to_numpy(zero_copy_only=False), null


def _units(column: pa.Decimal128Array) -> tuple[NDArray[np.int64], Mask | None] | None:
    """Decimals as multiples of their last place; None where one needs more than 64 bits."""
    n = len(column)
    null = np.asarray(column.is_null().to_numpy(zero_copy_only=False)) if column.null_count else None
    words = np.frombuffer(column.buffers()[1], np.int64)[2 * column.offset : 2 * (column.offset + n)].reshape(n, 2)
    low, high = words[:, 0], words[:, 1]
    if null is not None:
        low, high = np.where(null, 0, low), np.where(null, 0, high)
    return (np.ascontiguousarray(low), null) if np.array_equal(high, low >> 63) else None


def _objects(column: pa.Array, kind: pa.DataType, zone: ZoneInfo) -> list[Any]:
    """Instants and wide decimals as Python objects; several times as fast as to_pylist."""
    values: list[Any]
    if pa.types.is_timestamp(kind):
        values = column.cast(pa.timestamp("us"), safe=False).to_numpy(zero_copy_only=False).tolist()
        if kind.tz is not None:
            values = [v if v is None else v.replace(tzinfo=UTC).astimezone(zone) for v in values]
    elif pa.types.is_decimal(kind):
        texts = column.cast(pa.string()).to_numpy(zero_copy_only=False).tolist()
        values = [v if v is None else Decimal(v) for v in texts]
    else:
        values = column.to_pylist()
    return values
