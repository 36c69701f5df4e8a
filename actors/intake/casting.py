"""Text columns -> typed columns, with the rows that do not fit. The forms that each declared type takes stand in `FORMS`.

Pure over one column. A value that fits no form is null in the result and named by its position; the caller refuses the list.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Positions = NDArray[np.int64]

TRUE_WORDS = ("true", "t", "yes", "y", "1", "on", "是")
FALSE_WORDS = ("false", "f", "no", "n", "0", "off", "否")

# type name -> (regular expression of its text, how the refusal names it)
FORMS = {
    "int": (r"^[+-]?[0-9]{1,18}$", "a whole number of at most 18 digits"),
    "float": (r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$", "a number"),
    "decimal": (r"^[+-]?[0-9]{1,20}(?:\.[0-9]{1,16})?$", "a decimal number (20 digits before, 16 after the point)"),
    "bool": ("", "true or false (or yes, no, 1, 0, 是, 否)"),
    "date": (r"^[0-9]{4}(?:-[0-9]{2}-[0-9]{2}|/[0-9]{1,2}/[0-9]{1,2}|[0-9]{4})$", "a date such as 2026-12-01 or 2026/12/1"),
    "timestamp": (
        r"^[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?"
        r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?$",
        "a time such as 2026-12-01T09:00 or 2026-12-01 09:00:00+08:00",
    ),
}
_ZONED = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$"


def cast_text(column: pa.StringArray, name: str, kind: pa.DataType) -> tuple[pa.Array, Positions]:
    """(the column as `kind`, positions that do not fit). `name` is the type name, `kind` its Arrow type."""
    if name == "text":
        return column, np.empty(0, np.int64)
    text = pc.utf8_trim_whitespace(column)
    text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    if name == "bool":
        return _cast_bool(text)
    form, _ = FORMS[name]
    fits = pc.fill_null(pc.match_substring_regex(text, form), True)
    clean = text if pc.all(fits, min_count=0).as_py() else pc.if_else(fits, text, pa.scalar(None, pa.string()))
    try:
        made = _cast_clean(clean, name, kind)
    except pa.ArrowInvalid:
        clean = _drop_impossible(clean, name, kind)
        made = _cast_clean(clean, name, kind)
    if name == "float":
        made = pc.if_else(pc.is_finite(made), made, pa.scalar(None, pa.float64()))
    if made.null_count == text.null_count:
        return made, np.empty(0, np.int64)
    bad = pc.and_(pc.is_null(made), pc.is_valid(text)).to_numpy(zero_copy_only=False)
    return made, np.flatnonzero(bad)


def _cast_clean(text: pa.StringArray, name: str, kind: pa.DataType) -> pa.Array:
    if name in ("int", "float", "decimal"):
        return pc.cast(pc.replace_substring_regex(text, r"^\+", ""), kind)
    if name == "date":
        return pc.cast(_iso_date(text), kind)
    return _cast_time(text, kind)


def _iso_date(text: pa.StringArray) -> pa.StringArray:
    """All accepted forms as YYYY-MM-DD."""
    if pc.all(pc.match_substring_regex(text, r"^[0-9]{4}-"), min_count=0).as_py():
        return text
    text = pc.replace_substring_regex(text, r"^([0-9]{4})([0-9]{2})([0-9]{2})$", r"\1-\2-\3")
    text = pc.replace_substring(text, "/", "-")
    text = pc.replace_substring_regex(text, r"-([0-9])-", r"-0\1-")
    return pc.replace_substring_regex(text, r"-([0-9])$", r"-0\1")


def _cast_time(text: pa.StringArray, kind: pa.DataType) -> pa.Array:
    text = pc.replace_substring(text, "/", "-")
    zoned = pc.match_substring_regex(text, _ZONED)
    nothing = pa.scalar(None, pa.string())
    fixed = pc.replace_substring_regex(pc.if_else(zoned, text, nothing), r"([+-][0-9]{2})([0-9]{2})$", r"\1:\2")
    naive = pc.cast(pc.if_else(zoned, nothing, text), pa.timestamp("us"))
    local = pc.assume_timezone(naive, kind.tz, ambiguous="earliest", nonexistent="earliest")
    return pc.coalesce(pc.cast(pc.cast(fixed, pa.timestamp("us", "UTC")), kind), local)


def _cast_bool(text: pa.StringArray) -> tuple[pa.Array, Positions]:
    word = pc.utf8_lower(text)
    yes = pc.is_in(word, pa.array(TRUE_WORDS))
    no = pc.is_in(word, pa.array(FALSE_WORDS))
    made = pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_()))
    bad = pc.and_(pc.is_null(made), pc.is_valid(text)).to_numpy(zero_copy_only=False)
    return made, np.flatnonzero(bad)


def _drop_impossible(text: pa.StringArray, name: str, kind: pa.DataType) -> pa.StringArray:
    """The form fits and the value does not exist (30 February): found one by one, on distinct values."""
    encoded = text.dictionary_encode()
    held = [v if _exists(v, name, kind) else None for v in encoded.dictionary.to_pylist()]
    return pa.array(held, pa.string()).take(encoded.indices)


def _exists(value: str, name: str, kind: pa.DataType) -> bool:
    try:
        _cast_clean(pa.array([value]), name, kind)
    except pa.ArrowInvalid:
        return False
    return True
