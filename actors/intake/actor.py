"""The Ray face of intake: the order of an acceptance, and nothing of how it is done.

Talks to vault, ledger, suppressions and renderer by their ports; the heavy steps run in threads, so the event loop stays
free.
"""

import asyncio
import contextlib
import errno
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from actors.intake.ids import new_job_id
from actors.intake.looking import look_over, shut_gates
from actors.intake.memory import give_back, return_freed_memory
from actors.intake.pools import hold, short, takers
from actors.intake.prepare import Prepared, prepare, settle_suppressed
from actors.intake.roster import segment_reasons
from actors.intake.sending import PRIORITIES, rate_of, weekdays
from actors.intake.snapshot import write_snapshot
from actors.intake.suppress import load_table
from actors.model.errors import InvalidInput, Problem, Unavailable
from actors.model.job import DEFAULT_SEGMENT_ROWS, Accepted, JobRecord, Manifest, snapshot_path
from actors.model.ports import Clock, JobLedger, Suppressions, Vault
from actors.model.renderports import Renderer
from actors.model.spec import GatesSpec, JobSpec
from actors.model.spec_json import manifest_from_json
from actors.model.states import JobState, RowState

T = TypeVar("T")

SETTLE_ROWS = 50_000  # one call to the ledger: a few MB
REASON_CHARS = 2000  # what a refused job keeps of its problems


class Intake:
    """Turns an upload into a job.

    State: none beyond `workdir`, which holds temporary files of the calls that run; a restart loses nothing. A success
    reply promises that the snapshot is durable, every row that will not be sent is settled in the ledger and the job may
    run. A failed call may have left a job in ACCEPTING; the same call with the same key takes it up again and ends in the
    same snapshot.
    """

    def __init__(
        self,
        vault: Vault,
        ledger: JobLedger,
        suppressions: Suppressions,
        renderer: Renderer,
        clock: Clock,
        workdir: str,
        segment_rows: int = DEFAULT_SEGMENT_ROWS,
        new_id: Callable[[float, str], str] = new_job_id,
        lookers: Sequence[Renderer] = (),
    ):
        self._vault, self._ledger, self._suppressions, self._renderer = vault, ledger, suppressions, renderer
        self._lookers = lookers or [renderer]
        self._clock, self._workdir, self._segment_rows, self._new_id = clock, workdir, segment_rows, new_id
        self._looked: dict[tuple[str, str], tuple[int, int]] = {}  # of checks that run: rows looked at, rows
        return_freed_memory()

    async def accept(self, account: str, upload: str, key: str, gates: bool = True) -> Accepted:
        """A job from an upload. InvalidInput names all problems; Conflict: the key was used with another bundle. `gates` False:
        the caller looks at the whole list himself."""
        async with self._prepared(upload) as found:
            now = self._clock()
            record = await self._ledger.create_job(_record(self._new_id(now, found.payload_hash), account, key, now, found))
            if record.state is not JobState.ACCEPTING:
                return await self._replay(record, found)
            await self._freeze_or_refuse(record, account, found, gates)
            for rows, states, reasons in _settled(found):
                await self._ledger.settle(record.job, rows, states, reasons)
            begun = await self._ledger.begin_job(_begin(record, found))
            return Accepted(begun, found.roster.counts, tuple(found.warnings))

    async def check(self, account: str, upload: str, whole: bool = True) -> Accepted:
        """The same without a job: its id names nothing, its record is never stored. `whole`: with the report of a look at all
        rows, in which gates that fail are no error."""
        self._looked[account, upload] = 0, 0
        try:
            return await self._check(account, upload, whole)
        finally:
            self._looked.pop((account, upload), None)

    async def looked(self, account: str, upload: str) -> tuple[int, int] | None:
        """Of a check of this upload that runs now: rows looked at, rows of the list (0 while it is read). None: none runs."""
        return self._looked.get((account, upload))

    async def _check(self, account: str, upload: str, whole: bool) -> Accepted:
        async with self._prepared(upload) as found:
            now = self._clock()
            record = _record(self._new_id(now, found.payload_hash), account, "", now, found)
            try:
                await self._freeze(record.job, account, found, int(now), claim=False)
                if problems := await self._renderer.check(record.job):
                    raise InvalidInput(tuple(problems))
                report = await self._look(record.job, found, int(now), (account, upload)) if whole else None
            finally:
                await asyncio.to_thread(self._vault.delete, f"jobs/{record.job}")
            domains = await asyncio.to_thread(found.roster.domains)
            return Accepted(record, found.roster.counts, tuple(found.warnings), report, domains)

    @contextlib.asynccontextmanager
    async def _prepared(self, upload: str) -> AsyncIterator[Prepared]:
        folder = await _in_thread(_work_folder, self._workdir)
        try:
            with folder as work:
                found = await _in_thread(prepare, self._vault, upload, Path(work), self._segment_rows)
                try:
                    yield found
                finally:
                    found.bundle.close()
        finally:
            await asyncio.to_thread(give_back)

    async def _freeze(self, job: str, account: str, found: Prepared, at: int, claim: bool) -> Manifest:
        """`claim`: the rows take their codes; else they are shown those of the file, and none is taken."""
        table = await load_table(self._suppressions, account, found.spec.list_.rules.suppress)
        await _in_thread(settle_suppressed, found.roster, table)
        await self._hand_out(job, account, found, claim)
        return await _in_thread(write_snapshot, self._vault, job, account, found, at)

    async def _hand_out(self, job: str, account: str, found: Prepared, claim: bool) -> None:
        """A code of each pool for every row that may be sent. A pool that has too few refuses the job, with the numbers."""
        rows = takers(found.roster)
        for pool in sorted(found.pools):
            codes, file = found.pools[pool], found.pool_files[pool]
            if claim:
                await self._ledger.stock_codes(account, pool, codes.to_pylist())
                if (there := await self._ledger.available_codes(account, pool, job)) < len(rows):
                    raise short(file, len(rows), there)
                given = await self._ledger.claim_codes(job, pool, rows)
                if None in given:  # another job was faster
                    raise short(file, len(rows), len(rows) - given.count(None))
                codes = pa.array(given, pa.string())
            elif len(codes) < len(rows):
                raise short(file, len(rows), len(codes))
            await _in_thread(hold, found.roster, pool, codes)

    async def _look(self, job: str, found: Prepared, stamp: int, check: tuple[str, str] | None = None) -> dict[str, Any]:
        """The report of all rows, worked out by all renderers. `check`: whose progress this is."""
        rows = found.roster.rows

        def progress(done: int) -> None:
            if check is not None:
                self._looked[check] = done, rows

        progress(0)
        look = await look_over(self._lookers, job, rows, found.roster.segment_rows, stamp, progress=progress)
        return await self._renderer.report(job, look, stamp)

    async def _freeze_or_refuse(self, record: JobRecord, account: str, found: Prepared, gates: bool) -> None:
        """Writes the snapshot. Templates that cannot work, and gates that fail, refuse the job before anything is sent."""
        try:
            await self._freeze(record.job, account, found, int(record.created_at), claim=True)
            if problems := await self._renderer.check(record.job):
                raise InvalidInput(tuple(problems))
            asked = gates and found.spec.content.gates != GatesSpec()
            if asked and (shut := shut_gates(await self._look(record.job, found, int(record.created_at)))):
                raise InvalidInput(tuple(shut))
        except InvalidInput as refusal:
            await self._ledger.move_job(record.job, JobState.REFUSED, str(refusal)[:REASON_CHARS])
            raise

    async def _replay(self, record: JobRecord, found: Prepared) -> Accepted:
        """The answer that the same key got before."""
        path = f"{snapshot_path(record.job)}/manifest.json"
        if record.state is JobState.REFUSED:
            whole = await asyncio.to_thread(self._vault.exists, path)
            problems = await self._renderer.check(record.job) if whole else []
            raise InvalidInput(tuple(problems) or (Problem("bundle", record.reason),))
        manifest = manifest_from_json(await asyncio.to_thread(self._vault.read, path))
        return Accepted(record, manifest.counts, tuple(found.warnings))


def _work_folder(parent: str) -> "tempfile.TemporaryDirectory[str]":
    Path(parent).mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=parent, prefix="intake-", ignore_cleanup_errors=True)


async def _in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Runs a heavy step beside the event loop. A disk that fails or is full is Unavailable: the call may be made again."""
    try:
        return await asyncio.to_thread(work, *arguments)
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, type(error).__name__)
        raise Unavailable("intake", f"a file of the upload or of the work folder cannot be used ({name})") from error


def _record(job: str, account: str, key: str, now: float, found: Prepared) -> JobRecord:
    spec: JobSpec = found.spec
    return JobRecord(
        job=job,
        account=account,
        name=spec.name,
        state=JobState.ACCEPTING,
        rows=found.roster.rows,
        segment_rows=found.roster.segment_rows,
        idempotency_key=key,
        payload_hash=found.payload_hash,
        pool=spec.delivery.pool,
        on_doubt=spec.delivery.on_doubt,
        retry_for=spec.delivery.retry_for,
        max_render_errors=spec.content.max_render_errors,
        created_at=now,
        start_at=spec.schedule.start.timestamp() if spec.schedule.start else 0.0,
        deadline_at=spec.schedule.deadline.timestamp() if spec.schedule.deadline else 0.0,
        pause=spec.schedule.pause,
        days=weekdays(spec.schedule.days),
        rate=rate_of(spec.delivery.rate),
        best=int(bool(spec.list_.best)),
        priority=PRIORITIES[spec.delivery.priority],
        timezone=spec.schedule.timezone,
        results_to=spec.results.to,
    )


def _begin(record: JobRecord, found: Prepared) -> JobRecord:
    """The stored job with everything that this reading of the bundle says."""
    return _record(record.job, record.account, record.idempotency_key, record.created_at, found)


def _settled(found: Prepared) -> Iterator[tuple[np.ndarray, np.ndarray, list[str]]]:
    """All rows that will not be sent, in batches for the ledger."""
    roster = found.roster
    for first in range(0, roster.segments, max(1, SETTLE_ROWS // roster.segment_rows)):
        rows, states, reasons = [], [], []
        for segment in range(first, min(first + max(1, SETTLE_ROWS // roster.segment_rows), roster.segments)):
            start = segment * roster.segment_rows
            of_segment = roster.states[start : start + roster.segment_rows]
            settled = np.flatnonzero(of_segment != RowState.PENDING)
            why = segment_reasons(roster, segment, roster.checked(segment).column("reason"))
            rows.append(settled + start)
            states.append(of_segment[settled])
            reasons += why.take(settled).to_pylist()
        if reasons:
            yield np.concatenate(rows), np.concatenate(states), reasons
