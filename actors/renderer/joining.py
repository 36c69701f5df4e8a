"""The tables of a job: mapped from its snapshot, their indexes kept beside it and mapped too.

An index is a function of the table alone: whichever renderer writes it, the bytes are the same.

    jobs/<job>/snapshot/joins/<table>-<digest>.arrow    one row: the lists hashes, starts, order; the seed in the schema
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from actors.model.errors import InvalidInput, Problem
from actors.model.job import Snapshot, snapshot_path, table_path
from actors.model.ports import Vault
from actors.renderer.functions.arrowcolumns import from_arrow
from actors.renderer.functions.table import KeyIndex, Table, index_of, texts_of

_SEED = b"seed"
_PARTS = ("hashes", "starts", "order")
_DIGEST_CHARS = 16  # tells snapshots of one job apart


class JobTables(Mapping[str, Table]):
    """Tables by name; the first to ask for one maps it, and works out its index where no renderer has done it."""

    def __init__(self, vault: Vault, snapshot: Snapshot, zone: ZoneInfo):
        self._vault, self._snapshot, self._zone = vault, snapshot, zone
        self._known: dict[str, Table] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._snapshot.manifest.tables)

    def __len__(self) -> int:
        return len(self._snapshot.manifest.tables)

    def __getitem__(self, name: str) -> Table:
        shape = self._snapshot.manifest.tables[name]
        if name not in self._known:
            data = pa.ipc.open_file(pa.memory_map(self._vault.local(table_path(self._snapshot.job, name)))).read_all()
            self._known[name] = Table(name, shape, data, self._index(name, data.column(shape.key)), self._zone)
        return self._known[name]

    def _index(self, name: str, keys: pa.ChunkedArray) -> KeyIndex:
        manifest = self._snapshot.manifest
        path = f"{snapshot_path(self._snapshot.job)}/joins/{name}-{manifest.sha256[:_DIGEST_CHARS]}.arrow"
        if not self._vault.exists(path):
            try:
                index = index_of([texts_of(from_arrow(part, self._zone)) for part in keys.chunks])
            except ValueError as error:
                raise InvalidInput((Problem(f"tables/{name}", str(error)),)) from error
            _write(self._vault, path, index)
        return _mapped(self._vault.local(path))


def _write(vault: Vault, path: str, index: KeyIndex) -> None:
    lists = [pa.array(part) for part in (index.hashes, index.starts, index.order)]
    columns = [pa.LargeListArray.from_arrays(pa.array([0, len(part)], pa.int64()), part) for part in lists]
    schema = pa.schema([(name, c.type) for name, c in zip(_PARTS, columns, strict=True)], metadata={_SEED: str(index.seed)})
    with tempfile.TemporaryDirectory(prefix="joins-") as folder:
        file = Path(folder) / "index.arrow"
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
        vault.put_file(path, str(file))


def _mapped(local: str) -> KeyIndex:
    """The lists where they lie: pages are shared with every other renderer of the machine."""
    reader = pa.ipc.open_file(pa.memory_map(local))
    batch = reader.get_batch(0)
    hashes, starts, order = (batch.column(name).values.to_numpy() for name in _PARTS)
    return KeyIndex(int(reader.schema.metadata[_SEED]), hashes.astype(np.uint64, copy=False), starts, order)
