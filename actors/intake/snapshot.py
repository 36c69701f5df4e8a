"""Writes the frozen snapshot of a job into the vault: deterministic, manifest last. The layout is `actors.model.job`'s.

Knows no ledger and no rule about rows. Segments are made and written by a few threads, so that casting, hashing and the
disk overlap.
"""

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain

import pyarrow as pa

from actors.intake.prepare import Prepared
from actors.intake.problems import refuse
from actors.intake.roster import Roster, segments_of, typed_segment
from actors.model.job import Manifest, segment_path, snapshot_path, table_path
from actors.model.ports import Vault
from actors.model.spec_json import manifest_to_json, spec_to_json

WRITERS = 2
AHEAD = 4  # segments in hand: bounds the memory

Digest = tuple[str, str]  # path below the snapshot folder, SHA-256


def write_snapshot(vault: Vault, job: str, account: str, found: Prepared, accepted_at: int) -> Manifest:
    """Writes all files of the snapshot; what an interrupted attempt left is written over. Same inputs, same bytes."""
    folder, bundle, roster = snapshot_path(job), found.bundle, found.roster
    text = spec_to_json(found.spec)
    vault.write(f"{folder}/spec.json", text)
    digests: list[Digest] = [("spec.json", hashlib.sha256(text).hexdigest())]
    for name in found.assets:
        vault.put_file(f"{folder}/bundle/{name}", bundle.local(name))
        digests.append((f"bundle/{name}", bundle.digest(name)))
    for table in found.tables:
        vault.put_file(table_path(job, table.name), str(table.path))
        digests.append((f"tables/{table.name}.arrow", table.digest()))
    digests += _write_roster(vault, job, roster)
    total = hashlib.sha256("".join(f"{digest} {path}\n" for path, digest in sorted(digests)).encode()).hexdigest()
    manifest = Manifest(
        roster.rows,
        roster.segment_rows,
        roster.types,
        roster.counts,
        accepted_at,
        total,
        {t.name: t.shape for t in found.tables},
        account,
        tuple(sorted(found.pools)),
    )
    vault.write(f"{folder}/manifest.json", manifest_to_json(manifest))
    return manifest


def _write_roster(vault: Vault, job: str, roster: Roster) -> list[Digest]:
    digests: list[Digest] = []
    waiting: deque[Future[Digest]] = deque()
    rows = 0
    with ThreadPoolExecutor(WRITERS, "snapshot") as pool:
        for segment, batch in enumerate(segments_of(roster.source, roster.segment_rows)):
            rows += batch.num_rows
            if rows > roster.rows:
                break
            waiting.append(pool.submit(_write_segment, vault, job, roster, segment, batch))
            if len(waiting) >= AHEAD:
                digests.append(waiting.popleft().result())
        digests += [w.result() for w in chain(waiting)]
    if rows != roster.rows:
        raise refuse("bundle", "the list changed while it was read; hand it over again")
    return digests


def _write_segment(vault: Vault, job: str, roster: Roster, segment: int, batch: pa.RecordBatch) -> Digest:
    typed = typed_segment(roster, segment, batch)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, typed.schema) as writer:
        writer.write_batch(typed)
    data = sink.getvalue()
    path = segment_path(job, segment)
    vault.write(path, data.to_pybytes())
    return path.removeprefix(f"{snapshot_path(job)}/"), hashlib.sha256(data).hexdigest()
