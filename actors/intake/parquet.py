"""Parquet lists: types come with the file. Bounded on the file's own metadata before a page is read; read batch by batch."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from actors.intake.delimited import check_header
from actors.intake.problems import Problems, refuse
from actors.intake.types import plain_name, type_name_of

MAX_GROUP_BYTES = 1 << 30  # a row group is what a reader may have to hold; writers default to 128 MB
MAX_PARQUET_ROWS = 1 << 30  # run-length encoding can claim any number of rows in a few bytes
BATCH_ROWS = 32_768


class Parquet:
    """A Parquet list; see `lists.Source`. A row's line is its number from 1."""

    def __init__(self, path: str, file: str, schema: pa.Schema):
        self.names = [plain_name(n) for n in schema.names]
        self.fixed = {n: type_name_of(f.type) for n, f in zip(self.names, schema, strict=True)}
        self.warnings: list[str] = []
        self._path, self._file = path, file

    def batches(self) -> Iterator[pa.RecordBatch]:
        try:
            with pq.ParquetFile(self._path, memory_map=True) as source:
                for batch in source.iter_batches(BATCH_ROWS):
                    yield pa.RecordBatch.from_arrays(
                        [self._column(c, n) for c, n in zip(batch.columns, self.names, strict=True)], self.names
                    )
        except (pa.ArrowException, OSError) as error:
            raise refuse(self._file, "the Parquet data is broken") from error

    def _column(self, column: pa.Array, name: str) -> pa.Array:
        """Text in one form, with empty as null; other types as they are."""
        if self.fixed[name] != "text":
            return column
        text = column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
        text = text.cast(pa.string())
        if pc.any(pc.match_substring(text, "\0"), min_count=0).as_py():
            raise refuse(self._file, "holds a NUL character", 0, name)
        return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)

    def lines(self, rows: Sequence[int]) -> list[int]:
        return [r + 1 for r in rows]


def open_parquet(path: str, file: str) -> Parquet:
    """Checks schema and sizes; InvalidInput names every column whose type a list cannot have."""
    try:
        with pq.ParquetFile(path) as source:
            schema, metadata = source.schema_arrow, source.metadata
            groups = [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]
    except (pa.ArrowException, OSError) as error:
        raise refuse(file, "is no Parquet file, or its end is missing") from error
    if metadata.num_rows > MAX_PARQUET_ROWS or max(groups, default=0) > MAX_GROUP_BYTES:
        raise refuse(file, f"has more than {MAX_PARQUET_ROWS} rows, or a row group of more than {MAX_GROUP_BYTES} bytes")
    problems = Problems()
    for field in schema:
        if not type_name_of(field.type):
            problems.add(file, f"a column of type {field.type} is not supported", 0, field.name)
    problems.stop()
    check_header([plain_name(n) for n in schema.names], file, 0)
    return Parquet(path, file, schema)
