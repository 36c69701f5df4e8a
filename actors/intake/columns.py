"""The types of a list's or a table's columns over its first reading, and each column as its type in the second.

Declared types are checked, the others found so that nothing is lost. Wrong values are told by line and column, all at once.
"""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from actors.intake.casting import FORMS, cast_text
from actors.intake.lists import Source
from actors.intake.problems import Problems
from actors.intake.types import Guess, arrow_type, scale_of

MAX_SCALE = 16  # digits after the point that a declared decimal may have
MAX_WRONG = 1000  # wrong values after which the reading may stop: no one mends more in one go


class ColumnTypes:
    """Types of all columns over the first reading, and the values that do not fit a declared one."""

    def __init__(self, source: Source, declared: Mapping[str, str], zone: str):
        self._source, self._zone = source, zone
        self._type = [declared.get(n) or source.fixed.get(n, "") for n in source.names]
        self._guess = [Guess() for _ in source.names]
        self._scale = [0] * len(source.names)
        self._native: list[pa.DataType | None] = [None] * len(source.names)
        self._bad: list[list[int]] = [[] for _ in source.names]

        self._overflow: set[str] = set()

    @property
    def too_many(self) -> bool:
        return sum(len(b) for b in self._bad) > MAX_WRONG

    def observe(self, batch: pa.RecordBatch, first_row: int) -> None:
        for i, column in enumerate(batch.columns):
            name, kind = self._source.names[i], self._type[i]
            if not pa.types.is_string(column.type) and kind == self._source.fixed.get(name):
                self._observe_native(i, name, column)
            elif kind == "":
                self._guess[i].observe(column)
            elif kind != "text":
                text = as_text(column)
                if kind == "decimal":
                    self._scale[i] = max(self._scale[i], min(scale_of(text), MAX_SCALE))
                self._bad[i] += (cast_text(text, kind, arrow_type(kind, MAX_SCALE, self._zone))[1] + first_row).tolist()

    def _observe_native(self, i: int, name: str, column: pa.Array) -> None:
        self._native[i] = column.type
        try:
            typed(column, self._type[i], self._kind(i), direct=True)
        except pa.ArrowInvalid:
            self._overflow.add(name)

    def _kind(self, i: int) -> pa.DataType:
        native = self._native[i]
        if native is not None and pa.types.is_decimal(native):
            return arrow_type("decimal", native.scale, self._zone)
        scale = self._scale[i] if self._type[i] else self._guess[i].scale
        return arrow_type(self._type[i] or self._guess[i].type_name, scale, self._zone)

    def tell(self, file: str, problems: Problems) -> None:
        for name in sorted(self._overflow):
            problems.add(file, "a value does not fit the column's type here (int64, decimal of 38 digits)", 0, name)
        rows = sorted({r for bad in self._bad for r in bad})
        if not rows:
            return
        lines = dict(zip(rows, self._source.lines(rows), strict=True))
        for row in rows:
            for i, bad in enumerate(self._bad):
                if row in bad:
                    problems.add(file, f"must be {FORMS[self._type[i]][1]}", lines[row], self._source.names[i])

    def result(self) -> tuple[dict[str, str], list[pa.DataType], list[bool]]:
        types = {n: t or g.type_name for n, t, g in zip(self._source.names, self._type, self._guess, strict=True)}
        return (
            types,
            [self._kind(i) for i in range(len(types))],
            [n is not None or not t for n, t in zip(self._native, self._type, strict=True)],
        )


def as_text(column: pa.Array) -> pa.StringArray:
    return column if pa.types.is_string(column.type) else pc.cast(column, pa.string())


def typed(column: pa.Array, name: str, kind: pa.DataType, direct: bool) -> pa.Array:
    if column.type == kind:
        return column
    if not direct:
        return cast_text(as_text(column), name, kind)[0]
    if name == "timestamp" and column.type.tz is None:
        return pc.assume_timezone(
            pc.cast(column, pa.timestamp("us"), safe=False), kind.tz, ambiguous="earliest", nonexistent="earliest"
        )
    return pc.cast(column, kind, safe=name != "timestamp")
