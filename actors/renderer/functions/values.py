"""Values of a shard: `Col` (one value a row) or `Lit` (one value for all rows). Pure data, no rules of the template.

Numbers and booleans live in NumPy arrays, dates there as days since 1970, decimals of one scale as multiples of their last
place, texts in Arrow or, where they repeat, as codes of words, all else in lists of Python objects; each form is made from the
other on demand. A null is None in the list and true in the mask. What a column holds is always what the same Python values
would be. `choosing` makes one column of two, `arrowcolumns` makes them of a list's.
"""

from datetime import date, datetime
from decimal import Context, Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup
from numpy.typing import NDArray

from actors.renderer.functions.coded import Coded

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
DTYPES: Final[dict[str, Any]] = {INT: np.int64, FLOAT: np.float64, BOOL: np.bool_, DATE: np.int64}
_DAYS = "datetime64[D]"
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

    @property
    def in_python(self) -> bool:
        """Whether there are Python values of it."""
        return self._list is not None

    def chars(self) -> Index:
        """The characters of each value, 0 where it is no text."""
        return np.fromiter((len(v) if isinstance(v, str) else 0 for v in self.list()), np.int64, self.n)

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
                self._array = np.array(values, dtype=DTYPES[self.kind])
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
