"""The renderer: snapshot and rows in, envelopes out.

Compiled jobs and mapped roster segments are kept for the next call; the rules are in `job`, `assemble` and `message`.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa

from actors.model.delivery import Envelopes
from actors.model.errors import BrokenPromise, InvalidInput, NotFound, Problem
from actors.model.job import REASON, RESERVED, VERDICT, RowArray, StampArray, segment_path
from actors.model.ports import Vault
from actors.model.rendersettings import NO_KEYS, Identity, TemplateKeys, TimeLimit
from actors.model.states import RowState
from actors.renderer.assemble import Shard, lay_out, render_shard
from actors.renderer.explain import explain_job
from actors.renderer.job import CompiledJob, compile_job
from actors.renderer.look.gather import Look
from actors.renderer.look.report import report, sampled
from actors.renderer.look.watching import look_at
from actors.renderer.message.dkim import signers_for
from actors.renderer.shown import RowPreview, Slot

KEPT_JOBS = 8  # compiled jobs at hand: more run at once on one renderer only in odd hours, and compiling again is cheap
HIDDEN = "\N{BLACK CIRCLE}" * 6  # a private value where values are shown; its length would say something
KEPT_WATCHED = 2  # compiled for a look
LOOK_ROWS = 512  # rendered together in a look: their mails are held in memory until they are counted
KEPT_SEGMENTS = 16  # mapped roster segments: address space, not memory

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """The last few values that were made."""

    def __init__(self, most: int, make: Callable[[K], V]):
        self._most, self._make = most, make
        self._values: OrderedDict[K, V] = OrderedDict()

    def __getitem__(self, key: K) -> V:
        if key not in self._values:
            self._values[key] = self._make(key)
            if len(self._values) > self._most:
                self._values.popitem(last=False)
        self._values.move_to_end(key)
        return self._values[key]


SAMPLE_ROWS = 2_000  # that explain measures: as many as a shard has, and done before anybody waits


class Renderer:
    """Template and roster to envelopes. `limit`: how long templates may compute; none for those that are trusted.

    Hard state: none. Kept for speed and rebuilt on demand: compiled jobs, mapped segments, loaded keys. A success promises that
    every row of the call is either an envelope or a failure. A failed call has done nothing; calling again is safe. After a
    restart the first call of a job compiles it again (some milliseconds). Errors: NotFound (no such snapshot), InvalidInput
    (the content cannot be compiled), BrokenPromise (rows that are not in the segment, stamps of 0), Unavailable
    (the vault is away).
    """

    def __init__(
        self,
        vault: Vault,
        identities: Sequence[Identity] = (),
        kept_segments: int = KEPT_SEGMENTS,
        keys: TemplateKeys = NO_KEYS,
        limit: TimeLimit | None = None,
    ):
        self._vault, self._keys, self._limit = vault, keys, limit
        self._signers = signers_for(identities)
        self._jobs: Kept[str, CompiledJob] = Kept(KEPT_JOBS, self._compile)
        self._watched: Kept[str, CompiledJob] = Kept(KEPT_WATCHED, lambda job: self._compile(job, watched=True))
        self._segments: Kept[tuple[str, int], pa.RecordBatch | pa.Table] = Kept(kept_segments, self._map)
        self._one_at_a_time = threading.RLock()  # plans run one at a time; in one process callers may come from several threads

    def check(self, job: str) -> list[Problem]:
        """All problems of the snapshot's content; none if every row could be rendered in principle."""
        with self._one_at_a_time:
            try:
                self._compile(job)  # not kept: an acceptance that is taken up again may freeze other rows as settled
            except InvalidInput as error:
                return list(error.problems)
            return []

    def render(self, job: str, segment: int, rows: RowArray, stamps: StampArray) -> Envelopes:
        """Messages for these rows (row numbers of the job, all in the segment)."""
        with self._one_at_a_time:
            shard = self._shard(job, segment, np.asarray(rows, np.int64), np.asarray(stamps, np.int64))
            return render_shard(shard, self._signers.get(shard.job.sender.domain, ()))

    def render_blocks(self, job: str, segment: int, rows: RowArray, stamps: StampArray, most: int) -> Iterator[Envelopes]:
        """The same in blocks of neighbouring rows, one at least, each written when it is asked for: a block ends with the
        message that brings it to `most` bytes."""
        with self._one_at_a_time:
            shard = self._shard(job, segment, np.asarray(rows, np.int64), np.asarray(stamps, np.int64))
            write = lay_out(shard)
        return write(self._signers.get(shard.job.sender.domain, ()), most)

    def settled(self, job: str, segment: int, first: int, stop: int) -> dict[int, tuple[RowState, str]]:
        """Of the segment's rows first..stop-1 those that intake has settled, with state and reason: they get no mail."""
        with self._one_at_a_time:
            start = first - segment * self._jobs[job].snapshot.manifest.segment_rows
            table = self._segments[job, segment].slice(start, stop - first)
            if VERDICT not in table.schema.names:
                return {}
            verdicts = np.asarray(table.column(VERDICT))
            found = np.flatnonzero(verdicts != RowState.PENDING)
            reasons = (
                table.column(REASON).take(pa.array(found)).to_pylist() if REASON in table.schema.names else [None] * len(found)
            )
            pairs = zip(found.tolist(), reasons, strict=True)
            return {first + i: (RowState(int(verdicts[i])), reason or "") for i, reason in pairs}

    def preview(self, job: str, row: int, stamp: int) -> RowPreview:
        """One row's finished message and the values that went in. A row that intake has settled keeps its state and shows what
        it would have been."""
        with self._one_at_a_time:
            compiled = self._jobs[job]
            if not 0 <= row < compiled.snapshot.manifest.rows:
                raise NotFound("row", f"{job}/{row}")
            segment = row // compiled.snapshot.manifest.segment_rows
            shard = self._shard(job, segment, np.array([row], np.int64), np.array([stamp], np.int64))
            envelopes = render_shard(shard, self._signers.get(compiled.sender.domain, ()))
            state, reason = _settled(shard.table)
            if state is RowState.PENDING and envelopes.failures:
                _, state, reason = envelopes.failures[0]
            parts = {part.subtype: shard.texts(part.plan)[0] for part in compiled.texts}
            paths = envelopes.return_paths or [envelopes.return_path]
            return RowPreview(
                row=row,
                state=state,
                reason=reason,
                message=envelopes.data.tobytes(),
                subject=shard.texts(compiled.subject)[0],
                html=parts.get("html", ""),
                text=parts.get("plain", ""),
                values=_values(shard.table, compiled.snapshot.spec.list_.private),
                return_path=paths[0],
                dsn=" ".join(envelopes.dsn or ()),
            )

    def look(self, job: str, segment: int, first: int, stop: int, stamp: int) -> Look:
        """What the segment's rows `first` to `stop` - 1 come to: those that intake has not settled, rendered at this stamp and
        thrown away. Looks of other rows can be merged into it."""
        look = Look()
        with self._one_at_a_time:
            rows = np.arange(first, stop, dtype=np.int64)
            whole = self._shard(job, segment, rows, np.full(len(rows), stamp, np.int64))
            if VERDICT in whole.table.schema.names:
                rows = rows[np.asarray(whole.table.column(VERDICT)) == RowState.PENDING]
            compiled = self._watched[job]
            signers = self._signers.get(compiled.sender.domain, ())
            for at in range(0, len(rows), LOOK_ROWS):
                shard = self._shard(job, segment, rows[at : at + LOOK_ROWS], np.full(len(rows[at : at + LOOK_ROWS]), stamp))
                look_at(replace(shard, job=compiled), signers, look)
        return look

    def report(self, job: str, look: Look | None, stamp: int) -> dict[str, Any]:
        """The report of a look at all rows (docs/checking.md tells its shape), with a mail for each way through the branches.
        None: the list has no rows."""
        look = look or Look()
        with self._one_at_a_time:
            compiled = self._jobs[job]
            samples = [(way, count, self.preview(job, row, stamp)) for way, count, row in sampled(look)]
            return report(compiled, look, samples, signed=compiled.sender.domain in self._signers)

    def explain(self, job: str, clock: Callable[[], float] | None = None) -> list[Slot]:
        """How each slot of the job's templates is worked out; with a clock, how fast for the first rows of the list."""
        with self._one_at_a_time:
            compiled = self._jobs[job]
            if clock is None or not compiled.snapshot.manifest.rows:
                return explain_job(compiled)
            table = self._segments[job, 0]
            rows = np.arange(min(SAMPLE_ROWS, table.num_rows))
            return explain_job(compiled, (_taken(table, rows), rows), clock, self._limit)

    def _shard(self, job: str, segment: int, rows: RowArray, stamps: StampArray) -> Shard:
        compiled = self._jobs[job]
        first = segment * compiled.snapshot.manifest.segment_rows
        table = self._segments[job, segment]
        local = rows - first
        if len(rows) != len(stamps) or (len(rows) and (local.min() < 0 or local.max() >= table.num_rows)):
            raise BrokenPromise("rows to render are in the segment, a stamp each")
        if not stamps.all():
            raise BrokenPromise("a row is rendered at a stamp, never at 0")
        return Shard(compiled, _taken(table, local), rows, stamps, {}, self._limit)

    def _compile(self, job: str, *, watched: bool = False) -> CompiledJob:
        try:
            return compile_job(self._vault, job, self._keys, watched=watched)
        except FileNotFoundError as error:
            raise NotFound("snapshot of job", job) from error

    def _map(self, key: tuple[str, int]) -> pa.RecordBatch | pa.Table:
        """The segment, mapped: its pages are shared with every other renderer of the machine."""
        try:
            source = pa.memory_map(self._vault.local(segment_path(*key)))
        except FileNotFoundError as error:
            raise NotFound("roster segment", f"{key[0]}/{key[1]}") from error
        reader = pa.ipc.open_file(source)
        return reader.get_batch(0) if reader.num_record_batches == 1 else reader.read_all().combine_chunks()


def _taken(table: pa.RecordBatch | pa.Table, local: RowArray) -> pa.RecordBatch | pa.Table:
    """The table's rows in this order; neighbours are a slice and copy nothing."""
    if len(local) and (np.diff(local) == 1).all():
        return table.slice(int(local[0]), len(local))
    return table.take(pa.array(local))


def _settled(table: pa.RecordBatch | pa.Table) -> tuple[RowState, str]:
    state = RowState(table.column(VERDICT)[0].as_py()) if VERDICT in table.schema.names else RowState.PENDING
    reason = table.column(REASON)[0].as_py() if REASON in table.schema.names else None
    return state, reason or ""


def _values(table: pa.RecordBatch | pa.Table, private: Sequence[str]) -> dict[str, str]:
    """The row's values as text; of a private one only whether it is there."""
    row = {name: table.column(name)[0].as_py() for name in table.schema.names if not name.startswith(RESERVED)}
    return {name: "" if v is None else HIDDEN if name in private else str(v) for name, v in row.items()}
