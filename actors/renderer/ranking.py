"""The ranks of a job's list columns, kept beside its snapshot: worked out once over all segments, then mapped.

The file is a function of the roster alone, so whichever renderer writes it, the bytes are the same. It is named for the
snapshot's digest too: an acceptance that was taken up again may have settled other rows.

    jobs/<job>/snapshot/ranks/<column's place>-<digest>.arrow    key, smaller; count and the column's type in the schema
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actors.model.job import VERDICT, Snapshot, segment_path, snapshot_path
from actors.model.ports import Vault
from actors.model.states import RowState
from actors.renderer.functions.ranks import RANKED_TYPES, Keys, Ranks, key_type, keys_of, ranks_of

_COUNT, _KIND = b"count", b"kind"  # of the file's schema
_DIGEST_CHARS = 16  # tells snapshots of one job apart


class ListRanks(Mapping[str, Ranks]):
    """Ranks by column; asking for a column's the first time works them out where no renderer has done it."""

    def __init__(self, vault: Vault, snapshot: Snapshot):
        self._vault, self._snapshot = vault, snapshot
        self._names = [name for name, kind in snapshot.manifest.types.items() if kind in RANKED_TYPES]
        self._known: dict[str, Ranks] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, column: str) -> Ranks:
        if column not in self._names:
            raise KeyError(column)
        if column not in self._known:
            path = ranks_path(self._snapshot, column)
            if not self._vault.exists(path):
                _write(self._vault, path, _worked_out(self._vault, self._snapshot, column))
            self._known[column] = _mapped(self._vault.local(path))
        return self._known[column]


def ranks_path(snapshot: Snapshot, column: str) -> str:
    """Vault path of one column's ranks."""
    place = list(snapshot.manifest.types).index(column)
    return f"{snapshot_path(snapshot.job)}/ranks/{place}-{snapshot.manifest.sha256[:_DIGEST_CHARS]}.arrow"


def _worked_out(vault: Vault, snapshot: Snapshot, column: str) -> Ranks:
    """From the roster, one mapped segment after the other; only the column's keys are held."""
    keys: Keys | None = None
    kind, filled = pa.int64(), 0
    for segment in range(snapshot.manifest.segments):
        with pa.memory_map(vault.local(segment_path(snapshot.job, segment))) as source:
            reader = pa.ipc.open_file(source)
            kind = reader.schema.field(column).type
            for batch in map(reader.get_batch, range(reader.num_record_batches)):
                if keys is None:
                    keys = np.empty(snapshot.manifest.rows, key_type(kind))
                some = keys_of(_counted(batch, column))
                keys[filled : filled + len(some)] = some
                filled += len(some)
    return ranks_of(np.empty(0, key_type(kind)) if keys is None else keys[:filled], kind)


def _counted(batch: pa.RecordBatch, column: str) -> pa.Array:
    """The values of the rows that will be sent, without nulls and NaN."""
    values = batch.column(column).filter(pc.equal(batch.column(VERDICT), int(RowState.PENDING))).drop_null()
    return values.filter(pc.invert(pc.is_nan(values))) if pa.types.is_floating(values.type) else values


def _write(vault: Vault, path: str, ranks: Ranks) -> None:
    wide = ranks.keys.dtype.itemsize == 16
    keys = (
        pa.Array.from_buffers(pa.binary(16), len(ranks.keys), [None, pa.py_buffer(ranks.keys)])
        if wide
        else pa.array(ranks.keys)
    )
    kind = pa.schema([pa.field("value", ranks.kind)]).serialize().to_pybytes()
    schema = pa.schema({"key": keys.type, "smaller": pa.int64()}, metadata={_COUNT: str(ranks.count), _KIND: kind})
    with tempfile.TemporaryDirectory(prefix="ranks-") as folder:
        file = Path(folder) / "ranks.arrow"
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(pa.RecordBatch.from_arrays([keys, pa.array(ranks.smaller)], schema=schema))
        vault.put_file(path, str(file))


def _mapped(local: str) -> Ranks:
    """The file's columns where they lie: pages are shared with every other renderer of the machine."""
    reader = pa.ipc.open_file(pa.memory_map(local))
    batch, noted = reader.get_batch(0), reader.schema.metadata
    kind = pa.ipc.read_schema(pa.py_buffer(noted[_KIND])).field(0).type
    keys, dtype = batch.column(0), key_type(kind)
    mapped: Keys
    if dtype.itemsize == 16:
        mapped = np.frombuffer(keys.buffers()[1], dtype, len(keys)) if len(keys) else np.empty(0, dtype)
    else:
        mapped = keys.to_numpy()
    return Ranks(kind, mapped, batch.column(1).to_numpy(), int(noted[_COUNT]))
