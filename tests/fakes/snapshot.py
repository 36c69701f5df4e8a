"""Writes a job's snapshot into a vault as intake lays it out, for tests of the roles that read one."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from actors.model.job import ADDRESS, DOMAIN, REASON, VERDICT, Manifest, segment_path, snapshot_path
from actors.model.ports import Vault
from actors.model.spec import JobSpec
from actors.model.spec_json import manifest_to_json, spec_to_json

JOB = "01J0000000000000000000TEST"
ACCEPTED_AT = 1_764_547_200  # 2025-12-01T00:00:00Z

ARROW = {
    "int": pa.int64(),
    "float": pa.float64(),
    "text": pa.string(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "decimal": pa.decimal128(38, 2),
}


def write_snapshot(
    vault: Vault,
    spec: JobSpec,
    files: Mapping[str, str | bytes],
    addresses: Sequence[str | None],
    columns: Mapping[str, Sequence[Any]] = {},
    types: Mapping[str, str] = {},
    segment_rows: int = 1000,
    job: str = JOB,
    account: str = "",
) -> None:
    """`columns` are list columns; `types` names those that are not text. Rows without an address are invalid."""
    folder = snapshot_path(job)
    kinds = {name: types.get(name, "text") for name in columns}
    table = pa.table(
        {name: pa.array(list(values), ARROW[kinds[name]]) for name, values in columns.items()}
        | {
            ADDRESS: pa.array(addresses, pa.string()),
            DOMAIN: pa.array([a and a.rpartition("@")[2].lower() for a in addresses], pa.string()).dictionary_encode(),
            VERDICT: pa.array([0 if a else 7 for a in addresses], pa.uint8()),
            REASON: pa.array([None if a else "no @" for a in addresses], pa.string()).dictionary_encode(),
        }
    )
    for number, start in enumerate(range(0, max(len(addresses), 1), segment_rows)):
        sink = io.BytesIO()
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table.slice(start, segment_rows))
        vault.write(segment_path(job, number), sink.getvalue())
    for path, data in files.items():
        vault.write(f"{folder}/bundle/{path}", data.encode() if isinstance(data, str) else data)
    vault.write(f"{folder}/spec.json", spec_to_json(spec))
    manifest = Manifest(len(addresses), segment_rows, kinds, {"pending": len(addresses)}, ACCEPTED_AT, "", account=account)
    vault.write(f"{folder}/manifest.json", manifest_to_json(manifest))
