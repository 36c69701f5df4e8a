"""A list file -> a `Source` of columns: the format by its name, the packing and encoding undone.

Every format ends as one shape: named columns, batches that can be read again from the start, the types that the format
itself fixes, and the line of any row. Readers yield text columns (empty text is null); Parquet yields its own types.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from actors.intake import delimited, jsonlines, parquet, sheets
from actors.intake.bundle import Bundle
from actors.intake.controlrules import delimiter_of
from actors.intake.encoding import sound_text
from actors.intake.problems import nearest, refuse
from actors.intake.unpack import PACKED, unpack_list
from actors.model.spec import ListSpec

TEXT_LISTS = (".csv", ".tsv", ".txt")
FORMATS = (*TEXT_LISTS, ".xlsx", ".parquet", ".jsonl", ".ndjson")


class Source(Protocol):
    """One readable list."""

    names: list[str]  # column names, in order, without surrounding blanks
    fixed: dict[str, str]  # types that the format brings along, by column
    warnings: list[str]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows from the first; columns by position as in `names`."""
        ...

    def lines(self, rows: Sequence[int]) -> list[int]:
        """The line (of a sheet: the row) where each data row stands; `rows` ascend."""
        ...


def open_list(bundle: Bundle, spec: ListSpec, work: Path) -> Source:
    """Reads what has to be read to know the columns. InvalidInput if the list cannot be used."""
    file = spec.file
    if file not in bundle:
        raise refuse(file, f"the list is not in the bundle{nearest(file, bundle.names)}")
    if bundle.sizes[file] == 0:
        raise refuse(file, "is empty")
    path, inner = unpack_list(bundle.local(file), file, work)
    kind = next((f for f in FORMATS if inner.lower().endswith(f)), "")
    if kind in TEXT_LISTS:
        text = sound_text(path, file, spec.encoding, work)
        default = {".tsv": "\t"}.get(kind, "")
        source: Source = delimited.open_text(text, file, delimiter_of(spec.delimiter) or default, spec.email)
        if text.encoding != "utf-8":
            source.warnings.append(f"{file}: read as {text.encoding}")
        return source
    if kind in (".jsonl", ".ndjson"):
        return jsonlines.open_jsonlines(sound_text(path, file, spec.encoding, work), file, work)
    if kind == ".xlsx":
        return sheets.open_sheet(path, file, spec.sheet, work)
    if kind == ".parquet":
        return parquet.open_parquet(path, file)
    raise refuse(file, f"unknown kind of list; known are {', '.join(FORMATS)}, each also as {' and '.join(PACKED)}")
