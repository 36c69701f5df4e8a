"""JobService: thin calls of the ports. Rules live elsewhere; errors are raised and leave by the guard.

Soft state only. Every call names the caller's account to the ledger before it touches a job, so another account's job is
"not found". After a step the conductor is told, at once but without a promise: it also looks by itself.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import numpy as np
from hongyan.v1 import jobs_pb2, jobs_pb2_grpc

from actors.model.errors import InvalidInput, Problem, Unavailable
from actors.model.forecast import Forecast
from actors.model.job import Accepted, JobStatus
from actors.model.states import ENDED_JOB_STATES, JobState
from actors.model.waiting import set_within
from gateway.rpc import translate
from gateway.rpc.backend import Backend, patiently
from gateway.rpc.guard import Context, account
from gateway.rpc.receipts import Receipt, spec_digest
from gateway.rpc.uploads import End, Uploads

WATCH_SECONDS = 0.5  # a person sees no faster; a ledger call costs about 2 ms
CHECK_BEGINS_SECONDS = 5.0  # who watches a check may be there before it
OUTCOMES_PAGE = 1000  # about 200 KB a message
MAX_JOBS_PAGE = 1000
MAX_DECIDED_ROWS = 100_000  # under a megabyte a message
MAX_KEY_CHARS = 200
MAX_REASON_CHARS = 500
CLOCK_SKEW_SECONDS = 1.0  # between this machine and the one that intake runs on
JOB_CHARS = 64  # a job id has 26; what is longer needs no look
log = logging.getLogger("hongyan.gateway")


class JobService(jobs_pb2_grpc.JobServiceServicer):  # type: ignore[misc]
    """The RPC handlers; jobs.proto says what each does."""

    def __init__(self, backend: Backend, uploads: Uploads, new_upload: Callable[[], str], stopping: asyncio.Event):
        self._backend, self._ledger, self._uploads = backend, backend.ledger, uploads
        self._new_upload, self._stopping = new_upload, stopping
        self._turn = count()
        self._checks: dict[tuple[str, str], str] = {}  # the vault folders of checks that run, by account and upload

    async def Upload(self, stream: AsyncIterator[Any], context: Context) -> jobs_pb2.UploadResponse:
        """Durable as far as the reply's committed_size says; a broken stream leaves a part to go on with."""
        first = await anext(stream, None)
        if first is None or first.WhichOneof("part") != "header":
            raise _bad("header", "must be the first message")
        upload = first.header.upload_id or self._new_upload()
        state = await self._uploads.take(account(), translate.file_wish(first.header, upload), _chunks(stream))
        return jobs_pb2.UploadResponse(upload_id=upload, file=translate.uploaded_file(state))

    async def QueryUpload(self, request: Any, context: Context) -> jobs_pb2.QueryUploadResponse:
        """Changes nothing."""
        states = await self._uploads.query(account(), request.upload_id)
        return jobs_pb2.QueryUploadResponse(files=[translate.uploaded_file(s) for s in states])

    async def Check(self, request: Any, context: Context) -> jobs_pb2.CheckResponse:
        """Problems of the bundle are the answer here, not an error."""
        async with self._bundle(request) as folder:
            running = account(), request.upload_id
            self._checks[running] = folder
            try:
                found = await patiently(lambda: self._backend.intake.check(account(), folder, not request.quick))
            except InvalidInput as error:
                return jobs_pb2.CheckResponse(problems=[translate.problem(p) for p in error.problems])
            finally:
                self._checks.pop(running, None)
        forecast = await self._forecast(found) if request.forecast else None
        return translate.checked(found, page=request.page, forecast=forecast)

    async def WatchCheck(self, request: Any, context: Context) -> AsyncIterator[jobs_pb2.WatchCheckResponse]:
        """Knows of checks that this gateway runs. Ends with the check, or with Unavailable when the gateway stops."""
        running, sent = (account(), request.upload_id), None
        began = False
        for waited in count():
            if self._stopping.is_set():
                raise Unavailable("gateway", "it is stopping")
            folder = self._checks.get(running)
            if folder is None and (began or waited * WATCH_SECONDS >= CHECK_BEGINS_SECONDS):
                return
            if folder is not None:
                began = True
                seen = await patiently(lambda folder=folder: self._backend.intake.looked(account(), folder))  # type: ignore[misc]
                if seen is not None and seen != sent:
                    yield jobs_pb2.WatchCheckResponse(looked_at=seen[0], rows=seen[1])
                    sent = seen
            await set_within(self._stopping, WATCH_SECONDS)

    async def Submit(self, request: Any, context: Context) -> jobs_pb2.SubmitResponse:
        """The job is in the ledger when this answers. A failed call may have made it: the same key finds it again, with the
        upload's files or, once they are gone, by its receipt."""
        key = request.idempotency_key or f"upload:{request.upload_id}"
        if len(key) > MAX_KEY_CHARS or not key.isprintable():
            raise _bad("idempotency_key", f"may have {MAX_KEY_CHARS} printable characters")
        upload, spec = request.upload_id, _spec_digest(request)
        if not await self._uploads.query(account(), upload):
            receipt = await self._uploads.receipt(account(), upload, key)
            receipt.check(key, spec)
            job = translate.job(await self._status(receipt.job))
            return jobs_pb2.SubmitResponse(job=job, warnings=receipt.warnings, existing=True)
        async with self._bundle(request) as folder:
            began = self._backend.clock()
            found = await patiently(lambda: self._backend.intake.accept(account(), folder, key))
            await self._uploads.finish(account(), upload, key, Receipt(found.record.job, spec, found.warnings))
        await self._tell_conductor(found.record.job)
        existing = found.record.created_at < began - CLOCK_SKEW_SECONDS
        return jobs_pb2.SubmitResponse(job=translate.accepted_job(found), warnings=found.warnings, existing=existing)

    async def Get(self, request: Any, context: Context) -> jobs_pb2.GetResponse:
        """One look at the ledger."""
        return jobs_pb2.GetResponse(job=translate.job(await self._status(request.job)))

    async def List(self, request: Any, context: Context) -> jobs_pb2.ListResponse:
        """The cursor is the last job's id."""
        limit = _limit(request.limit, 100, MAX_JOBS_PAGE)
        after = _id(request.cursor, "cursor") if request.cursor else ""
        page = await patiently(lambda: self._ledger.list_jobs(account(), limit, after))
        cursor = page[-1].record.job if len(page) == limit else ""
        return jobs_pb2.ListResponse(jobs=[translate.job(s) for s in page], cursor=cursor)

    async def Watch(self, request: Any, context: Context) -> AsyncIterator[jobs_pb2.WatchResponse]:
        """Ends with the job, or with Unavailable when the gateway stops: call again."""
        sent = None
        while not self._stopping.is_set():
            status = await self._status(request.job)
            seen = (status.record, status.counts, status.attempts, status.doubts)
            if seen != sent:
                yield jobs_pb2.WatchResponse(job=translate.job(status))
                sent = seen
            if status.record.state in ENDED_JOB_STATES:
                return
            await set_within(self._stopping, WATCH_SECONDS)
        raise Unavailable("gateway", "it is stopping")

    async def Pause(self, request: Any, context: Context) -> jobs_pb2.PauseResponse:
        """No row is opened once this has answered."""
        return jobs_pb2.PauseResponse(job=await self._move(request.job, JobState.PAUSED, request.reason))

    async def Resume(self, request: Any, context: Context) -> jobs_pb2.ResumeResponse:
        """From paused to running; the conductor waits again where the start lies ahead."""
        return jobs_pb2.ResumeResponse(job=await self._move(request.job, JobState.RUNNING, ""))

    async def Cancel(self, request: Any, context: Context) -> jobs_pb2.CancelResponse:
        """Rows that have not left are `cancelled` once this has answered."""
        return jobs_pb2.CancelResponse(job=await self._move(request.job, JobState.CANCELLED, request.reason))

    async def Decide(self, request: Any, context: Context) -> jobs_pb2.DecideResponse:
        """On disk when this answers; the conductor takes up what is to be sent."""
        decision = translate.decision(request.decision)
        if len(request.rows) > MAX_DECIDED_ROWS:
            raise _bad("rows", f"may name {MAX_DECIDED_ROWS} rows; none means all")
        await self._status(request.job)
        rows = np.array(request.rows, dtype=np.int64) if request.rows else None
        decided = await patiently(lambda: self._ledger.decide(request.job, decision, rows))
        await self._tell_conductor(request.job)
        return jobs_pb2.DecideResponse(job=translate.job(await self._status(request.job)), decided=decided)

    async def Outcomes(self, request: Any, context: Context) -> AsyncIterator[jobs_pb2.OutcomesResponse]:
        """The cursor is the last row's number."""
        states, after = translate.row_states(request.states), _row_cursor(request.cursor)
        await self._status(request.job)
        while True:
            page = await patiently(lambda after=after: self._ledger.outcomes(request.job, after, OUTCOMES_PAGE, states))  # type: ignore[misc]
            if page:
                after = page[-1].row
                yield jobs_pb2.OutcomesResponse(outcomes=[translate.outcome(o) for o in page], cursor=str(after))
            if len(page) < OUTCOMES_PAGE:
                return

    async def Preview(self, request: Any, context: Context) -> jobs_pb2.PreviewResponse:
        """Renders anew; nothing is stored."""
        status = await self._status(request.job)
        if not 0 <= request.row < status.record.rows:
            raise _bad("row", f"the job has rows 0 to {status.record.rows - 1}")
        stamp = request.stamp.seconds if request.HasField("stamp") else int(self._backend.clock())
        if not 0 < stamp < 2**36:  # beyond the year 4000 no date function helps anyone
            raise _bad("stamp", "must be a time after 1970")
        renderers = self._backend.renderers
        renderer = renderers[next(self._turn) % len(renderers)]
        shown = await patiently(lambda: renderer.preview(request.job, request.row, stamp))
        return translate.preview(shown, page=request.page)

    async def Why(self, request: Any, context: Context) -> jobs_pb2.WhyResponse:
        """One look at the ledger."""
        status = await self._status(request.job)
        if not 0 <= request.row < status.record.rows:
            raise _bad("row", f"the job has rows 0 to {status.record.rows - 1}")
        return translate.story(await patiently(lambda: self._ledger.row_story(request.job, request.row)))

    async def _forecast(self, found: Accepted) -> Forecast:
        backend = self._backend
        speeds = await patiently(lambda: backend.reputation.speeds())
        return await patiently(lambda: backend.conductor.forecast(found.record, found.domains, speeds))

    @asynccontextmanager
    async def _bundle(self, request: Any) -> AsyncIterator[str]:
        """The vault folder of a whole upload, with the request's spec as its control file."""
        async with self._uploads.whole(account(), request.upload_id) as folder:
            if request.HasField("spec"):
                if await self._uploads.is_zip(account(), request.upload_id):
                    raise _bad("spec", "goes with an upload of files; in a zip, put job.json into the zip")
                data = translate.control_file(request.spec)
                others = translate.OTHER_CONTROL_FILES
                await self._uploads.put(account(), request.upload_id, translate.CONTROL_FILE, data, others)
            yield folder

    async def _status(self, job: str) -> JobStatus:
        """Of a job of the caller; NotFound otherwise."""
        name, caller = _id(job, "job"), account()
        return await patiently(lambda: self._ledger.status(name, caller))

    async def _move(self, job: str, state: JobState, reason: str) -> jobs_pb2.Job:
        await self._status(job)
        text = "".join(c if c.isprintable() else " " for c in reason)[:MAX_REASON_CHARS]
        await patiently(lambda: self._ledger.move_job(job, state, text))
        await self._tell_conductor(job)
        return translate.job(await self._status(job))

    async def _tell_conductor(self, job: str) -> None:
        try:
            await patiently(lambda: self._backend.conductor.notify(job), (0.1, 0.2))
        except Unavailable:
            log.warning("conductor not told of job %s; it will find out by itself", job)


async def _chunks(stream: AsyncIterator[Any]) -> AsyncIterator[bytes | End]:
    async for message in stream:
        kind = message.WhichOneof("part")
        if kind == "chunk":
            yield message.chunk
        elif kind == "end" and message.end:
            yield End.OF_FILE
        else:
            raise _bad("part", "only chunks and the end may follow the header")


def _spec_digest(request: Any) -> str:
    return spec_digest(translate.control_file(request.spec) if request.HasField("spec") else None)


def _bad(field: str, why: str) -> InvalidInput:
    return InvalidInput((Problem("request", why, column=field),))


def _id(value: str, field: str) -> str:
    if not value or len(value) > JOB_CHARS or not (value.isascii() and value.isalnum()):
        raise _bad(field, "is no job id")
    return value


def _limit(value: int, default: int, most: int) -> int:
    if not 0 <= value <= most:
        raise _bad("limit", f"must lie between 1 and {most}")
    return value or default


def _row_cursor(cursor: str) -> int:
    if not cursor:
        return -1
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 16):
        raise _bad("cursor", "is none that Outcomes has given")
    return int(cursor)
