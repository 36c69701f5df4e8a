"""Lines of outcomes as Arrow columns, for the Parquet and the CSV file.

The Parquet file has the plain values. In the CSV file times are ISO 8601 in UTC, and no cell begins as a formula does: a
receiver chooses the words of its reply, and a spreadsheet would evaluate them.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from actors.model.rowlines import RowLines
from actors.model.states import RowState

TIME = pa.timestamp("ms", tz="UTC")
WORD = pa.dictionary(pa.int32(), pa.string())  # few different values a file

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("state", WORD),
        ("stage", WORD),
        ("blame", WORD),
        ("code", pa.int16()),
        ("reason", WORD),
        ("enhanced", WORD),
        ("reply", pa.string()),
        ("egress", WORD),
        ("site", WORD),
        ("host", WORD),
        ("tls", WORD),
        ("first_at", TIME),
        ("last_at", TIME),
        ("attempts", pa.int32()),
        ("in_doubt", pa.int32()),
    ]
)
_LABEL = {state: state.label for state in RowState}
# What Excel, LibreOffice and WPS take for the start of a formula, also behind blanks and unseen characters, and in full width.
_FORMULA = r"^([\s\pZ\pC]*[=+\-@＝＋－＠]|[\t\r\n])"


def table(lines: RowLines) -> Any:
    """A table in SCHEMA; times that never were are null."""
    return pa.table([_array(_values(lines, field.name), field.type) for field in SCHEMA], schema=SCHEMA)


def _values(lines: RowLines, name: str) -> Sequence[Any]:
    found = lines.column(name)
    if name == "state":
        return [_LABEL[state] for state in found]
    if name in ("first_at", "last_at"):
        return [int(at * 1000) if at else None for at in found]
    return found


def _array(values: Sequence[Any], kind: Any) -> Any:
    if kind == WORD:
        return pc.dictionary_encode(pa.array(values, pa.string())).cast(WORD)
    if kind == TIME:
        return pa.array(values, pa.int64()).cast(TIME)
    return pa.array(values, kind)


def for_csv(plain: Any) -> Any:
    """The table as texts that no spreadsheet evaluates."""
    columns = {}
    for field in SCHEMA:
        column = plain.column(field.name)
        if field.type == TIME:
            column = pc.binary_replace_slice(column.cast(pa.string()), 10, 11, "T")  # strftime takes twice as long
        elif field.type == WORD:
            column = pa.chunked_array([_neutral_words(chunk) for chunk in column.chunks], pa.string())
        elif field.type == pa.string():
            column = neutral(column)
        columns[field.name] = column
    return pa.table(columns)


def neutral(column: Any) -> Any:
    """Puts an apostrophe before every text that begins like a formula."""
    return pc.replace_substring_regex(column, pattern=_FORMULA, replacement=r"'\1")


def _neutral_words(column: Any) -> Any:
    """The same over a dictionary column: each different text is looked at once."""
    return pa.DictionaryArray.from_arrays(column.indices, neutral(column.dictionary)).cast(pa.string())


def joined(tables: Sequence[Any]) -> Any:
    """One table with one dictionary a column."""
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()
