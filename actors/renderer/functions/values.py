"""Values of a shard: `Col` (one value a row) or `Lit` (one value for all rows). Pure data, no rules of the template.

Numbers and booleans live in NumPy arrays, dates there as days since 1970, decimals of one scale as multiples of their last
place, texts in Arrow or, where they repeat, as codes of words, all else in lists of Python objects; each form is made from the
other on demand. A null is None in the
list and true in the mask. What a column holds is always what the same Python values would be.
"""

from datetime import UTC, date, datetime
from decimal import Context, Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup
from numpy.typing import NDArray

from actors.renderer.functions.coded import NOTHING, Coded, Words, coded_by

Mask = NDArray[np.bool_]
Index = NDArray[np.int64]

INT, FLOAT, BOOL, TEXT, MARKUP, DECIMAL, DATE, OBJ = "int", "float", "bool", "text", "markup", "decimal", "date", "obj"
# Columns of one of these immutable types have a kind of their own; all others, and mixtures, are OBJ.
_KINDS: Final[dict[type, str]] = {
    int: INT,
    float: FLOAT,
    bool: BOOL,
    str: TEXT,
    Markup: MARKUP,
    Decimal: DECIMAL,
    date: DATE,
}
_KINDS[datetime] = "datetime"
_DTYPES: Final[dict[str, Any]] = {INT: np.int64, FLOAT: np.float64, BOOL: np.bool_, DATE: np.int64}
_DAYS = "datetime64[D]"
_EPOCH = date(1970, 1, 1).toordinal()
_ZERO: Final[dict[str, Any]] = {INT: 0, FLOAT: 0, BOOL: False, DATE: date(1970, 1, 1)}
_WIDE = Context(prec=60)
_NONE = type(None)
_PLAIN: Final[frozenset[type]] = frozenset((*_KINDS, _NONE))


class Lit:
    """The same value in every row."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value

    def take(self, index: Index) -> "Lit":
        """A literal is the same in any choice of rows."""
        return self


class Col:
    """One value a row. Never changed after it is made: columns are shared. `scale`: decimal places of a DECIMAL column that has
    an array (-1: it has none)."""

    __slots__ = ("_array", "_list", "_null", "_null_known", "_text", "coded", "kind", "n", "scale")

    def __init__(
        self,
        kind: str,
        n: int,
        values: list[Any] | None,
        array: NDArray[Any] | None,
        null: Mask | None,
        known: bool = True,
        *,
        scale: int = -1,
        text: pa.StringArray | None = None,
        coded: Coded | None = None,
    ):
        self.kind, self.n, self.scale = kind, n, scale
        self.coded = coded  # of a TEXT column: the texts, empty where null
        self._list, self._array, self._null, self._null_known, self._text = values, array, null, known, text

    @property
    def null(self) -> Mask | None:
        """Which rows are null; None: no row is."""
        if not self._null_known:
            mask = np.fromiter((v is None for v in self.list()), np.bool_, self.n)
            self._null = mask if mask.any() else None
            self._null_known = True
        return self._null

    def _objects(self) -> list[Any]:
        text = self.text() if self.coded is not None else self._text
        if text is not None:
            texts: list[Any] = text.to_numpy(zero_copy_only=False).tolist()
            return list(map(Markup, texts)) if self.kind == MARKUP else texts
        assert self._array is not None
        values: list[Any]
        if self.kind == DATE:
            values = self._array.astype(_DAYS).tolist()
        elif self.kind == DECIMAL:
            place = Decimal(1).scaleb(-self.scale)
            values = [_WIDE.multiply(v, place) for v in map(Decimal, self._array.tolist())]
        else:
            values = self._array.tolist()
        if self._null is not None:
            for i in np.flatnonzero(self._null).tolist():
                values[i] = None
        return values

    def list(self) -> list[Any]:
        """Python values, None where null."""
        if self._list is None:
            self._list = self._objects()
        return self._list

    def array(self) -> NDArray[Any]:
        """The numbers or booleans, days since 1970 of dates; 0 where null. Only for int, float, bool, date, and for decimals
        with a scale."""
        if self._array is None:
            values = self.list()
            if self.null is not None:
                values = [_ZERO[self.kind] if v is None else v for v in values]
            if self.kind == DATE:
                self._array = np.array(values, dtype=_DAYS).astype(np.int64)
            else:
                self._array = np.array(values, dtype=_DTYPES[self.kind])
        return self._array

    def text(self) -> pa.StringArray | None:
        """The texts in Arrow, null where null; None where one of them is no Unicode text (a lone surrogate). Only for TEXT and
        MARKUP."""
        if self._text is None and self.coded is not None:
            text = self.coded.text()
            self._text = text if self._null is None else pc.if_else(pa.array(self._null), None, text)
        if self._text is None:
            try:
                self._text = pa.array(self.list(), pa.string())
            except (UnicodeEncodeError, pa.ArrowException):
                return None
        return self._text

    def take(self, index: Index) -> "Col":
        """The column of these rows."""
        n = len(index)
        null = self._null
        if null is not None:
            null = null[index]
            if not null.any():
                null = None
        if self._array is not None:
            return Col(self.kind, n, None, self._array[index], null, scale=self.scale)
        if self.coded is not None:
            return coded_texts(self.coded.take(index), null)
        if self._text is not None:
            return Col(self.kind, n, None, None, null, self._null_known, text=self._text.take(pa.array(index)))
        values = self.list()
        return Col(self.kind, n, [values[i] for i in index.tolist()], None, None, self._null_known and self._null is None)


Value = Col | Lit


def numbers(kind: str, array: NDArray[Any], null: Mask | None = None) -> Col:
    """A column of int, float or bool from its array."""
    return Col(kind, len(array), None, array, null)


def texts(array: pa.StringArray, kind: str = TEXT) -> Col:
    """A column of texts (or of markup) from Arrow."""
    null = np.asarray(array.is_null().to_numpy(zero_copy_only=False)) if array.null_count else None
    return Col(kind, len(array), None, None, null, text=array)


def coded_texts(coded: Coded, null: Mask | None = None) -> Col:
    """A column of texts that repeat; those of nulls are empty."""
    return Col(TEXT, coded.n, None, None, null, coded=coded)


def decimals(array: NDArray[np.int64], scale: int, null: Mask | None = None) -> Col:
    """A column of decimals: each is `array` times ten to the -scale."""
    return Col(DECIMAL, len(array), None, array, null, scale=scale)


def bools(array: Mask) -> Col:
    """A column of booleans without nulls."""
    return Col(BOOL, len(array), None, array, None)


def column_of(values: list[Any]) -> Col:
    """The column of any Python values, of the narrowest kind that holds them."""
    kinds = set(map(type, values))
    nulls = _NONE in kinds
    if nulls:
        kinds.discard(_NONE)
    kind = _KINDS.get(kinds.pop(), OBJ) if len(kinds) == 1 else OBJ
    return Col(kind, len(values), values, None, None, not nulls)


def all_plain(column: Col) -> bool:
    """Whether a mixture holds nothing but nulls, numbers, texts, dates and the like."""
    return _PLAIN.issuperset(map(type, column.list()))


def list_of(value: Value, n: int) -> list[Any]:
    """One Python value a row."""
    return value.list() if isinstance(value, Col) else [value.value] * n


def kind_of(value: Value) -> str:
    """The kind of a column, or of a literal; null is OBJ."""
    return value.kind if isinstance(value, Col) else _KINDS.get(type(value.value), OBJ)


def null_of(value: Value, n: int) -> Mask | None:
    """Which rows are null; None: no row is."""
    if isinstance(value, Col):
        return value.null
    return np.ones(n, np.bool_) if value.value is None else None


def _stored(value: Any) -> Any:
    """A literal as arrays of its kind hold it: a date as days since 1970."""
    return value.toordinal() - _EPOCH if type(value) is date else value


def select(mask: Mask, yes: Value, no: Value) -> Value:
    """Row by row `yes` where the mask is true, else `no`. All three have the same rows."""
    if isinstance(yes, Lit) and isinstance(no, Lit) and yes.value is no.value:
        return yes
    kind = kind_of(yes)
    n = len(mask)
    if kind == kind_of(no) and kind in _DTYPES and not (isinstance(yes, Lit) and isinstance(no, Lit)):
        a, b = (v.array() if isinstance(v, Col) else _stored(v.value) for v in (yes, no))
        null = _select_null(mask, yes, no)
        return Col(kind, n, None, np.where(mask, a, b), null)
    if kind == kind_of(no) == TEXT and (isinstance(yes, Col) or isinstance(no, Col)):
        a, b = (v.text() if isinstance(v, Col) else v.value for v in (yes, no))
        if a is not None and b is not None:
            try:
                return texts(pc.if_else(pa.array(mask), a, b))
            except UnicodeEncodeError:
                pass
    chosen = mask.tolist()
    if isinstance(yes, Lit) and isinstance(no, Lit):
        y, o = yes.value, no.value
        if type(y) is str and type(o) is str:
            return _one_of(mask, y, o)
        return column_of([y if m else o for m in chosen])
    return column_of([y if m else o for m, y, o in zip(chosen, list_of(yes, n), list_of(no, n), strict=True)])


def _select_null(mask: Mask, yes: Value, no: Value) -> Mask | None:
    a = yes.null if isinstance(yes, Col) else None
    b = no.null if isinstance(no, Col) else None
    if a is None and b is None:
        return None
    null: Mask = np.where(mask, False if a is None else a, False if b is None else b)
    return null if null.any() else None


def _one_of(mask: Mask, yes: str, no: str) -> Col:
    coded = coded_by((no, yes), mask.astype(np.int8))
    return column_of([yes if m else no for m in mask.tolist()]) if coded is None else coded_texts(coded)


def _places(mask: Mask, first: pa.StringArray, second: pa.StringArray) -> Col:
    """The rows of `first` where the mask is true, those of `second` elsewhere, in their order."""
    index = np.empty(len(mask), np.int64)
    index[mask] = np.arange(len(first))
    index[~mask] = np.arange(len(first), len(first) + len(second))
    return texts(pa.concat_arrays([first, second]).take(pa.array(index)))


def spread(mask: Mask, some: Value, rest: Value) -> Value:
    """`some` holds only the rows where the mask is true, `rest` all rows: puts `some` into its places."""
    if isinstance(some, Lit):
        return select(mask, some, rest)
    n = len(mask)
    null: Mask | None
    if isinstance(rest, Lit) and rest.value is None and some.kind in _DTYPES:
        null = ~mask
        if some.null is not None:
            null[mask] = some.null
        array = np.zeros(n, _DTYPES[some.kind])
        array[mask] = some.array()
        return Col(some.kind, n, None, array, null)
    if kind_of(rest) == some.kind and some.kind in _DTYPES:
        array = np.array(rest.array()) if isinstance(rest, Col) else np.full(n, _stored(rest.value), _DTYPES[some.kind])
        array[mask] = some.array()
        null = None
        rest_null = rest.null if isinstance(rest, Col) else None
        if rest_null is not None or some.null is not None:
            null = np.zeros(n, np.bool_) if rest_null is None else rest_null.copy()
            null[mask] = False if some.null is None else some.null
        return Col(some.kind, n, None, array, null)
    if some.coded is not None and isinstance(rest, Lit) and rest.value is None:
        null = ~mask
        if some.null is not None:
            null[mask] = some.null
        return coded_texts(some.coded.placed(np.flatnonzero(mask), n), null)
    if some.kind == TEXT and isinstance(rest, Lit) and rest.value is None and (text := some.text()) is not None:
        index = np.cumsum(mask) - 1
        return texts(text.take(pa.array(index, mask=~mask)))
    values = list(list_of(rest, n))
    for i, value in zip(np.flatnonzero(mask).tolist(), some.list(), strict=True):
        values[i] = value
    return column_of(values)


def weave(mask: Mask, some: Value, rest: Value) -> Value:
    """`some` holds the rows where the mask is true, `rest` the others: puts both into their places."""
    if isinstance(some, Lit):
        return select(mask, some, rest) if isinstance(rest, Lit) else spread(~mask, rest, some)
    if isinstance(rest, Lit):
        return spread(mask, some, rest)
    if some.kind == rest.kind and some.kind in _DTYPES and some.null is None and rest.null is None:
        array = np.empty(len(mask), _DTYPES[some.kind])
        array[mask] = some.array()
        array[~mask] = rest.array()
        return Col(some.kind, len(mask), None, array, None)
    if some.kind == rest.kind == TEXT:
        second = rest.text()
        if some.coded is not None and some.null is None and rest.null is None and second is not None:
            left = np.full(len(mask), NOTHING)
            left[~mask] = np.arange(len(second))
            return coded_texts(Coded(*some.coded.placed(np.flatnonzero(mask), len(mask)).parts, (Words(second), left)))
        first = some.text()
        if first is not None and second is not None:
            return _places(mask, first, second)
    yes, no = iter(some.list()), iter(rest.list())
    return column_of([next(yes) if m else next(no) for m in mask.tolist()])


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
        return Col(ours, n, None, array.astype(_DTYPES[ours], copy=False), null)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return texts(column if pa.types.is_string(kind) else column.cast(pa.string()))
    if pa.types.is_date(kind):
        days, null = _numbers(column.cast(pa.date32()).cast(pa.int32()))
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
