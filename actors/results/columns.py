"""Lines of outcomes as Arrow columns, for the Parquet and the CSV file.

The Parquet file has the plain values. In the CSV file times are ISO 8601 in UTC, and no cell begins as a formula does: a
receiver chooses the words of its reply, and a spreadsheet would evaluate them.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from actors.model.ports import RowOutcome

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
_WORDS = ("stage", "blame", "reason", "enhanced", "reply", "egress", "site", "host", "tls")
# What Excel, LibreOffice and WPS take for the start of a formula, also behind blanks and unseen characters, and in full width.
_FORMULA = r"^([\s\pZ\pC]*[=+\-@＝＋－＠]|[\t\r\n])"


def table(lines: Sequence[RowOutcome]) -> Any:
    """A table in SCHEMA; times that never were are null."""
    plain = ("row", "code", "attempts", "in_doubt", *_WORDS)
    columns: dict[str, list[Any]] = {name: [getattr(line, name) for line in lines] for name in plain}
    columns["state"] = [line.state.label for line in lines]
    for name in ("first_at", "last_at"):
        columns[name] = [int(at * 1000) if at else None for at in (getattr(line, name) for line in lines)]
    return pa.table([_array(columns[f.name], f.type) for f in SCHEMA], schema=SCHEMA)


def _array(values: list[Any], kind: Any) -> Any:
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
            column = pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ")
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
