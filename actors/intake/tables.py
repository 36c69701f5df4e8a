"""Tables of a bundle, `tables/NAME.csv` and the other formats of lists: read like a list, frozen as typed Arrow files.

Two readings as for a list, so memory stays flat. Which column is the key is the control file's word, else the first. Knows
nothing of what templates do with a table.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from actors.intake.bundle import Bundle
from actors.intake.columns import ColumnTypes, typed
from actors.intake.lists import FORMATS, Source, open_list
from actors.intake.problems import Problems, nearest
from actors.intake.repeats import repeated_keys
from actors.intake.unpack import PACKED
from actors.model.errors import InvalidInput
from actors.model.job import TableShape
from actors.model.spec import JobSpec, ListSpec, TableSpec

FOLDER = "tables/"
TABLE_FORMATS = tuple(f for f in FORMATS if f != ".txt")  # a text file of that name may be anything
MAX_TABLES = 100  # each is a file that every renderer keeps mapped
MAX_TABLE_ROWS = 50_000_000  # ten statement lines for each of five million recipients


@dataclass(frozen=True, slots=True)
class FrozenTable:
    """One table as it goes into the snapshot: `path` is its Arrow file in the work folder."""

    name: str
    shape: TableShape
    path: Path
    warnings: tuple[str, ...]

    def digest(self) -> str:
        """SHA-256 of the file, in hex."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


def table_name(file: str, folder: str = FOLDER) -> str:
    """The name by which templates know the table in this bundle file; empty if it is none."""
    if not file.startswith(folder) or file.count("/") != 1:
        return ""
    lower = file.lower()
    plain = file[: -len(packed)] if (packed := next((p for p in PACKED if lower.endswith(p)), "")) else file
    kind = next((f for f in TABLE_FORMATS if plain.lower().endswith(f)), "")
    return plain[len(folder) : -len(kind)] if kind else ""


def table_files(bundle: Bundle, spec: JobSpec, control: str, problems: Problems) -> dict[str, str]:
    """Bundle file by table name. Adds a problem for every name that is there twice and every key of the control file without
    a table."""
    found: dict[str, str] = {}
    folded: dict[str, str] = {}
    for file in bundle.names:
        if name := table_name(file):
            other = folded.setdefault(name.casefold(), file)
            if other != file:
                problems.add(file, f"the table {name!r} is there twice, also as {other}")
            found[name] = file
    if len(found) > MAX_TABLES:
        problems.add(FOLDER, f"holds {len(found)} tables; the limit is {MAX_TABLES}")
        return {}
    for name in spec.tables:
        if name not in found:
            problems.add(control, f"tables.{name}: there is no file tables/{name}.csv{nearest(name, found)}")
    return found


def read_tables(
    bundle: Bundle, spec: JobSpec, files: Mapping[str, str], work: Path, control: str, problems: Problems
) -> list[FrozenTable]:
    """The tables that can be read; the problems of all others are added."""
    made: list[FrozenTable] = []
    for number, (name, file) in enumerate(files.items()):
        folder = work / f"table-{number}"
        folder.mkdir()
        try:
            how = spec.tables.get(name, TableSpec())
            made.append(_read(bundle, how, name, file, spec.schedule.timezone, folder, control))
        except InvalidInput as refusal:
            problems.extend(refusal.problems)
    return made


def _read(bundle: Bundle, how: TableSpec, name: str, file: str, zone: str, work: Path, control: str) -> FrozenTable:
    reading = ListSpec(file, how.key or "key", how.columns, how.encoding, how.delimiter, how.sheet)
    source = open_list(bundle, reading, work)
    problems = Problems()
    for place, column in (("key", how.key), *((f"columns.{c}", c) for c in how.columns)):
        if column and column not in source.names:
            problems.add(control, f"tables.{name}.{place}: {file} has no column {column!r}{nearest(column, source.names)}")
    problems.stop()
    learn = ColumnTypes(source, how.columns, zone)
    rows = 0
    for batch in source.batches():
        learn.observe(batch, rows)
        rows += batch.num_rows
        if rows > MAX_TABLE_ROWS:
            problems.add(file, f"has more than {MAX_TABLE_ROWS} rows")
            break
        if learn.too_many:
            break
    learn.tell(file, problems)
    problems.stop()
    types, kinds, direct = learn.result()
    path = work / "table.arrow"
    _write(path, source, types, kinds, direct)
    key = how.key or source.names[0]
    warnings = [*source.warnings, *repeated_keys(path, key, file, source)]
    return FrozenTable(name, TableShape(rows, key, types), path, tuple(warnings))


def _write(path: Path, source: Source, types: dict[str, str], kinds: list[pa.DataType], direct: list[bool]) -> None:
    """The second reading."""
    plan = list(zip(types.values(), kinds, direct, strict=True))
    schema = pa.schema(list(zip(types, kinds, strict=True)))
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, schema) as writer:
        for batch in source.batches():
            columns = [typed(c, *how) for c, how in zip(batch.columns, plan, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
