"""The client. Every method may be called again after an error: the gateway's calls are idempotent.

Temporary errors (a restart, a part that is away) are waited out for `patience` seconds without progress, then raised.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from hongyan.v1 import jobs_pb2, jobs_pb2_grpc, lanes_pb2, lanes_pb2_grpc, spec_pb2, suppressions_pb2, suppressions_pb2_grpc

from hongyan_client.bundle import Bundle, BundleFile, read_bundle
from hongyan_client.channel import Patience, Tls, open_channel, replies
from hongyan_client.errors import HongyanClientError, from_rpc
from hongyan_client.messages import ENDED, row_state

CHUNK = 2**20  # bytes; a quarter of the largest message that the gateway takes
BATCH = 5000  # addresses a message of an import: 1.6 MB at most
QUICK = 60.0  # seconds for a call that only looks or moves
SLOW = 3600.0  # seconds for a call that reads a whole list

Progress = Callable[[int, int, str], None]  # bytes stored, bytes in all, path


class Client:
    """Speaks to one gateway as the account of `key`. Close it, or use it in a `with`."""

    def __init__(
        self,
        target: str = "127.0.0.1:7800",
        key: str = "",
        *,
        tls: Tls | None = None,
        plaintext: bool = False,
        patience: float = 30.0,
    ):
        self._channel = open_channel(target, tls, plaintext)
        self._jobs = jobs_pb2_grpc.JobServiceStub(self._channel)
        self._lanes = lanes_pb2_grpc.LaneServiceStub(self._channel)
        self._lists = suppressions_pb2_grpc.SuppressionServiceStub(self._channel)
        self._metadata = (("authorization", f"Bearer {key}"),)
        self._patience = patience

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # Bundles

    def upload_bundle(self, path: str | Path, progress: Progress | None = None) -> str:
        """Uploads a folder or zip and gives the upload's id. An upload that broke off goes on where it was."""
        bundle = read_bundle(Path(path))
        upload, done = bundle.upload_id, 0
        stored = self._stored(upload)
        for file in bundle.files:
            before = stored.get(file.path)
            if before is None or not before.complete:
                offset = before.committed_size if before else 0
                self._upload_file(upload, file, offset, _Report(progress, bundle, done))
            done += file.size
            if progress:
                progress(done, bundle.size, file.path)
        return upload

    def submit_bundle(self, path: str | Path, key: str = "", progress: Progress | None = None) -> jobs_pb2.SubmitResponse:
        """Uploads a folder or zip and makes a job; a bundle that is a job already is not uploaded once more."""
        upload = read_bundle(Path(path)).upload_id
        if not self._stored(upload):
            try:
                return self.submit(upload, key)
            except HongyanClientError as error:
                if error.code != "NOT_FOUND":
                    raise
        return self.submit(self.upload_bundle(path, progress), key)

    def check(
        self,
        upload: str,
        spec: spec_pb2.JobSpec | None = None,
        *,
        quick: bool = False,
        page: bool = False,
        forecast: bool = False,
    ) -> jobs_pb2.CheckResponse:
        """What submit would say: problems, or the rows by state and the report of a look at all of them (`quick`: without it;
        `page`: also as HTML). `forecast`: also when each site would be through."""
        request = jobs_pb2.CheckRequest(upload_id=upload, spec=spec, quick=quick, page=page, forecast=forecast)
        return self._call(self._jobs.Check, request, SLOW)

    def watch_check(self, upload: str) -> Iterator[tuple[int, int]]:
        """Of a check that runs in another thread: rows looked at, and rows of the list (0 while it is read). Ends with it."""
        request = jobs_pb2.WatchCheckRequest(upload_id=upload)
        try:
            for reply in replies(self._jobs.WatchCheck(request, metadata=self._metadata)):
                yield reply.looked_at, reply.rows
        except grpc.RpcError as error:
            raise from_rpc(error) from error

    def submit(self, upload: str, key: str = "", spec: spec_pb2.JobSpec | None = None) -> jobs_pb2.SubmitResponse:
        """Makes a job, which takes the upload's files over. Without `key` the upload's id serves: the same bundle again gives
        the same job."""
        request = jobs_pb2.SubmitRequest(upload_id=upload, idempotency_key=key, spec=spec)
        try:
            return self._call(self._jobs.Submit, request, SLOW)
        except HongyanClientError as error:
            if error.total <= len(error.problems):
                raise
            problems = tuple(self.check(upload, spec, quick=True).problems)  # an error has room for a few of them only
            raise HongyanClientError(error.code, error.text, problems or error.problems, error.total) from error

    # Jobs

    def get(self, job: str) -> jobs_pb2.Job:
        """A job now."""
        return self._call(self._jobs.Get, jobs_pb2.GetRequest(job=job)).job

    def list(self, limit: int = 100) -> "list[jobs_pb2.Job]":
        """The newest jobs first, `limit` at most; 0 = all."""
        found: list[jobs_pb2.Job] = []
        cursor = ""
        while True:
            size = min(limit - len(found), 1000) if limit else 1000
            page = self._call(self._jobs.List, jobs_pb2.ListRequest(limit=size, cursor=cursor))
            found += page.jobs
            cursor = page.cursor
            if not cursor or 0 < limit <= len(found):
                return found

    def watch(self, job: str) -> Iterator[jobs_pb2.Job]:
        """The job at every change, to its end; a lost connection is taken up again."""
        patience = Patience(self._patience)
        while True:
            try:
                call = self._jobs.Watch(jobs_pb2.WatchRequest(job=job), metadata=self._metadata)
                for reply in replies(call):
                    patience.progress()
                    yield reply.job
                    if reply.job.state in ENDED:
                        return
                patience.wait(HongyanClientError("UNAVAILABLE", "the gateway ended the stream before the job"))
            except grpc.RpcError as error:
                patience.wait(from_rpc(error))

    def pause(self, job: str, reason: str = "") -> jobs_pb2.Job:
        """No further row is opened."""
        return self._call(self._jobs.Pause, jobs_pb2.PauseRequest(job=job, reason=reason)).job

    def resume(self, job: str) -> jobs_pb2.Job:
        """A paused job goes on."""
        return self._call(self._jobs.Resume, jobs_pb2.ResumeRequest(job=job)).job

    def cancel(self, job: str, reason: str = "") -> jobs_pb2.Job:
        """Rows that have not left become `cancelled`."""
        return self._call(self._jobs.Cancel, jobs_pb2.CancelRequest(job=job, reason=reason)).job

    def decide(self, job: str, decision: str, rows: Sequence[int] = ()) -> jobs_pb2.DecideResponse:
        """Rows in doubt (none given: all) are sent again ("resend") or given up ("skip")."""
        word = spec_pb2.OnDoubt.Value(f"ON_DOUBT_{decision.upper()}")
        return self._call(self._jobs.Decide, jobs_pb2.DecideRequest(job=job, decision=word, rows=rows))

    def outcomes(self, job: str, states: Sequence[str] = ()) -> Iterator[jobs_pb2.Outcome]:
        """The last outcome of each row that has one, by row; `states` are words such as `bounced`."""
        wanted, cursor, patience = [row_state(s) for s in states], "", Patience(self._patience)
        while True:
            try:
                request = jobs_pb2.OutcomesRequest(job=job, cursor=cursor, states=wanted)
                for reply in replies(self._jobs.Outcomes(request, metadata=self._metadata)):
                    patience.progress()
                    cursor = reply.cursor
                    yield from reply.outcomes
            except grpc.RpcError as error:
                patience.wait(from_rpc(error))
            else:
                return

    def preview(self, job: str, row: int) -> jobs_pb2.PreviewResponse:
        """One row as it would be sent now."""
        return self._call(self._jobs.Preview, jobs_pb2.PreviewRequest(job=job, row=row))

    def why(self, job: str, row: int) -> jobs_pb2.WhyResponse:
        """All that is known of one row."""
        return self._call(self._jobs.Why, jobs_pb2.WhyRequest(job=job, row=row))

    # Lanes

    def lanes(self, site: str = "", egress: str = "") -> Sequence[lanes_pb2.Lane]:
        """What the lanes that match may do now, by site and egress."""
        reply = self._call(self._lanes.List, lanes_pb2.LaneServiceListRequest(site=site, egress=egress))
        return tuple(reply.lanes)

    def decisions(
        self, site: str = "", egress: str = "", limit: int = 100, whole: bool = False
    ) -> Sequence[lanes_pb2.Decision]:
        """The newest decisions about the lanes that match, oldest first; `whole`: with all that they were made from."""
        request = lanes_pb2.DecisionsRequest(site=site, egress=egress, limit=limit, whole=whole)
        return tuple(self._call(self._lanes.Decisions, request).decisions)

    def unknown_replies(self, site: str = "") -> Sequence[lanes_pb2.UnknownReply]:
        """Replies of the site, or of all, whose words nobody knows, and what was learned of them; the commonest first."""
        return tuple(self._call(self._lanes.Replies, lanes_pb2.RepliesRequest(site=site)).replies)

    # Suppressions

    def suppress(
        self, addresses: Iterable[str], scope: str = "", reason: str = ""
    ) -> suppressions_pb2.SuppressionServiceImportResponse:
        """Adds any number of addresses; all are looked at before the first is added."""
        held = list(addresses)

        def steps() -> Iterator[suppressions_pb2.SuppressionServiceImportRequest]:
            make = suppressions_pb2.SuppressionServiceImportRequest
            yield make(header=suppressions_pb2.ImportHeader(scope=scope, reason=reason))
            for start in range(0, len(held), BATCH):
                yield make(batch=suppressions_pb2.AddressBatch(addresses=held[start : start + BATCH]))
            yield make(end=True)

        return Patience(self._patience).call(lambda: self._lists.Import(steps(), metadata=self._metadata, timeout=SLOW))

    def unsuppress(self, addresses: Iterable[str], scope: str = "") -> int:
        """Takes addresses out; how many there were."""
        held, removed = list(addresses), 0
        for start in range(0, len(held), BATCH):
            part = held[start : start + BATCH]
            request = suppressions_pb2.SuppressionServiceRemoveRequest(scope=scope, addresses=part)
            removed += self._call(self._lists.Remove, request).removed
        return removed

    def suppressions(self, scopes: Sequence[str] = ()) -> Iterator[suppressions_pb2.Suppression]:
        """All addresses of the scopes (default: `global`), by address."""
        cursor = ""
        while True:
            request = suppressions_pb2.SuppressionServiceListRequest(scopes=scopes, cursor=cursor, limit=5000)
            page = self._call(self._lists.List, request)
            yield from page.suppressions
            cursor = page.cursor
            if not cursor:
                return

    # How

    def _call(self, method: Any, request: Any, seconds: float = QUICK) -> Any:
        return Patience(self._patience).call(lambda: method(request, metadata=self._metadata, timeout=seconds))

    def _stored(self, upload: str) -> dict[str, jobs_pb2.UploadedFile]:
        found = self._call(self._jobs.QueryUpload, jobs_pb2.QueryUploadRequest(upload_id=upload))
        return {f.path: f for f in found.files}

    def _upload_file(self, upload: str, file: BundleFile, offset: int, report: "_Report") -> None:
        patience = Patience(self._patience)
        while True:
            try:
                steps = _steps(upload, file, offset, report)
                reply = self._jobs.Upload(steps, metadata=self._metadata)
                if reply.file.complete:
                    return
                raise HongyanClientError("DATA_LOSS", f"{file.path} changed while it was uploaded")
            except grpc.RpcError as error:
                patience.wait(from_rpc(error))
            before, part = offset, self._stored(upload).get(file.path)
            if part is not None and part.complete:
                return
            offset = part.committed_size if part else 0
            if offset > before:
                patience.progress()


class _Report:
    """Progress of one file within its bundle."""

    def __init__(self, progress: Progress | None, bundle: Bundle, done: int):
        self._progress, self._total, self._done = progress, bundle.size, done

    def __call__(self, sent: int, path: str) -> None:
        if self._progress:
            self._progress(self._done + sent, self._total, path)


def _steps(upload: str, file: BundleFile, offset: int, report: _Report) -> Iterator[jobs_pb2.UploadRequest]:
    header = jobs_pb2.UploadHeader(upload_id=upload, path=file.path, offset=offset, size=file.size, sha256=file.sha256)
    yield jobs_pb2.UploadRequest(header=header)
    with file.local.open("rb") as stream:
        stream.seek(offset)
        sent = offset
        while sent < file.size and (chunk := stream.read(min(CHUNK, file.size - sent))):
            yield jobs_pb2.UploadRequest(chunk=chunk)
            sent += len(chunk)
            report(sent, file.path)
