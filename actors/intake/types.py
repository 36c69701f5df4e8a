"""Column types: found so that nothing is lost, or declared and then checked.

Found: a column is a number or a date only if every value that is not empty would print back the same, so `0912345678`,
`00123`, `+886`, `1e5` and `10.50` beside `10.5` stay text. Truth values and times never print back the same, so they come
from declarations or from file formats that have types. Pure over columns; the caller knows files and lines.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

TYPES = ("int", "float", "decimal", "text", "bool", "date", "timestamp")

# 16 characters hold at most 15 digits: every such decimal fraction survives float64 and Python's repr unchanged.
_FLOAT_CHARS = 16
_FLOAT = r"^-?(?:0|[1-9][0-9]*)\.(?:[0-9]*[1-9]|0)$"
_TINY = r"^-?0\.0000[0-9]"  # repr would turn to an exponent
_DECIMAL_CHARS = 36  # 34 digits at most; decimal128 holds 38
_PROBE = 16


@dataclass(slots=True)
class Guess:
    """What a column may still be after all that was seen. `observe` every batch, then ask for `type_name`."""

    candidates: list[str] = field(default_factory=lambda: ["int", "float", "decimal", "date"])
    scale: int = -1
    seen: bool = False

    def observe(self, column: pa.StringArray) -> None:
        if not self.candidates or column.null_count == len(column):
            return
        values = column.drop_null() if column.null_count else column
        if not self.seen:
            self.seen = True
            first = values[0].as_py()
            self.scale = len(first.rpartition(".")[2]) if "." in first else -1
        probe = values.slice(0, _PROBE)
        self.candidates = [c for c in self.candidates if self._fits(c, probe) and self._fits(c, values)]

    def _fits(self, kind: str, values: pa.StringArray) -> bool:
        if kind == "int":
            return _prints_back(values, pa.int64())
        if kind == "date":
            return _prints_back(values, pa.date32())
        if kind == "float":
            return (
                _all(pc.less_equal(pc.binary_length(values), _FLOAT_CHARS))
                and _all(pc.match_substring_regex(values, _FLOAT))
                and not _any(pc.match_substring_regex(values, _TINY))
            )
        return self.scale > 0 and (
            _all(pc.less_equal(pc.binary_length(values), _DECIMAL_CHARS))
            and _all(pc.match_substring_regex(values, rf"^-?(?:0|[1-9][0-9]*)\.[0-9]{{{self.scale}}}$"))
            and not _any(pc.match_substring_regex(values, r"^-0\.0*$"))
        )

    @property
    def type_name(self) -> str:
        return self.candidates[0] if self.seen and self.candidates else "text"


def _prints_back(values: pa.StringArray, kind: pa.DataType) -> bool:
    try:
        return bool(pc.cast(pc.cast(values, kind), pa.string()).equals(values))
    except pa.ArrowInvalid:
        return False


def _all(mask: pa.BooleanArray) -> bool:
    return bool(pc.all(mask, min_count=0).as_py())


def _any(mask: pa.BooleanArray) -> bool:
    return bool(pc.any(mask, min_count=0).as_py())


def arrow_type(name: str, scale: int, zone: str) -> pa.DataType:
    """The type on disk of a type name; `scale` is used by decimal, `zone` by timestamp."""
    if name == "decimal":
        return pa.decimal128(38, max(scale, 0))
    table = {
        "int": pa.int64(),
        "float": pa.float64(),
        "text": pa.string(),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", zone),
    }
    return table[name]


def type_name_of(kind: pa.DataType) -> str:
    """The type name of an Arrow type that a file brings along; empty if a list cannot have it."""
    if pa.types.is_integer(kind):
        return "int"
    if pa.types.is_floating(kind):
        return "float"
    if pa.types.is_decimal(kind):
        return "decimal" if kind.precision <= 38 and kind.scale >= 0 else ""
    if pa.types.is_dictionary(kind):
        return "text" if type_name_of(kind.value_type) == "text" else ""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_null(kind):
        return "text"
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_date(kind):
        return "date"
    return "timestamp" if pa.types.is_timestamp(kind) else ""


def scale_of(column: pa.StringArray) -> int:
    """The most digits after the point of a text column."""
    fractions = pc.replace_substring_regex(pc.utf8_trim_whitespace(column), r"^[^.]*\.?", "")
    return int(pc.max(pc.binary_length(fractions)).as_py() or 0)


def to_text(value: object) -> str:
    """A typed value as the text that a list of text columns would hold."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def plain_name(name: str) -> str:
    """A header as a column name: no surrounding blanks, no byte order mark."""
    return re.sub(r"^[\s\ufeff]+|\s+$", "", name)
