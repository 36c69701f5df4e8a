"""One column made of two by a mask: row by row one or the other. Arrays, texts and codes of words are chosen as they are;
only mixtures become Python values.
"""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actors.renderer.functions.coded import NOTHING, Coded, Words, coded_by
from actors.renderer.functions.values import (
    DTYPES,
    TEXT,
    Col,
    Lit,
    Mask,
    Value,
    coded_texts,
    column_of,
    kind_of,
    list_of,
    texts,
)

_EPOCH = date(1970, 1, 1).toordinal()


def _stored(value: Any) -> Any:
    """A literal as arrays of its kind hold it: a date as days since 1970."""
    return value.toordinal() - _EPOCH if type(value) is date else value


def select(mask: Mask, yes: Value, no: Value) -> Value:
    """Row by row `yes` where the mask is true, else `no`. All three have the same rows."""
    if isinstance(yes, Lit) and isinstance(no, Lit) and yes.value is no.value:
        return yes
    kind = kind_of(yes)
    n = len(mask)
    if kind == kind_of(no) and kind in DTYPES and not (isinstance(yes, Lit) and isinstance(no, Lit)):
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
    if isinstance(rest, Lit) and rest.value is None and some.kind in DTYPES:
        null = ~mask
        if some.null is not None:
            null[mask] = some.null
        array = np.zeros(n, DTYPES[some.kind])
        array[mask] = some.array()
        return Col(some.kind, n, None, array, null)
    if kind_of(rest) == some.kind and some.kind in DTYPES:
        array = np.array(rest.array()) if isinstance(rest, Col) else np.full(n, _stored(rest.value), DTYPES[some.kind])
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
    if some.kind == rest.kind and some.kind in DTYPES and some.null is None and rest.null is None:
        array = np.empty(len(mask), DTYPES[some.kind])
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
