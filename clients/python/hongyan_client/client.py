"""A small synchronous client: upload a bundle, submit it, follow the job, read its outcomes.

Answers are the API's own proto messages (`hongyan.v1`). Failures are `HongyanClientError` with the server's words and, for bad
input, every problem with its place.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from hongyan.v1 import jobs_pb2, jobs_pb2_grpc, spec_pb2, suppressions_pb2_grpc

from hongyan_client.errors import translated

CHUNK_BYTES = 1 << 20  # well under the server's message limit, large enough that calls do not count
MAX_MESSAGE_BYTES = 64 << 20  # a preview with attachments

Progress = Callable[[str, int, int], None]  # path, bytes done, bytes in all


class Client:
    """A connection to one gateway. `ca`, `cert`, `key` (PEM bytes) switch TLS and mTLS on; without `ca` the line is plain."""

    def __init__(
        self,
        target: str,
        api_key: str,
        *,
        tls: bool = False,
        ca: bytes | None = None,
        cert: bytes | None = None,
        key: bytes | None = None,
        timeout: float = 60.0,
    ):
        options = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]
        if tls or ca:
            credentials = grpc.ssl_channel_credentials(root_certificates=ca, private_key=key, certificate_chain=cert)
            self._channel = grpc.secure_channel(target, credentials, options)
        else:
            self._channel = grpc.insecure_channel(target, options)
        self._jobs = jobs_pb2_grpc.JobServiceStub(self._channel)
        self.suppressions = suppressions_pb2_grpc.SuppressionServiceStub(self._channel)
        self.metadata = (("authorization", f"Bearer {api_key}"),)
        self._timeout = timeout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._channel.close()

    def _call(self, method: Any, request: Any, timeout: float | None = None) -> Any:
        with translated():
            return method(request, timeout=timeout or self._timeout, metadata=self.metadata)

    def _stream(self, method: Any, request: Any) -> Iterator[Any]:
        with translated():
            yield from method(request, metadata=self.metadata)

    # -- bundles -------------------------------------------------------------------------------------------------------------

    def upload_bundle(self, bundle: Path | str, upload_id: str = "", progress: Progress | None = None) -> str:
        """Uploads a folder or a zip and gives the upload id. With the id of an upload that broke off it goes on where that ended."""
        files = list(_files(Path(bundle)))
        known = {}
        if upload_id:
            answer = self._call(self._jobs.QueryUpload, jobs_pb2.QueryUploadRequest(upload_id=upload_id))
            known = {f.path: f for f in answer.files}
        for path, file in files:
            state = known.get(path)
            if state is None or not state.complete:
                upload_id = self._upload(upload_id, path, file, state.committed_size if state else 0, progress)
        return upload_id

    def _upload(self, upload_id: str, path: str, file: Path, offset: int, progress: Progress | None) -> str:
        def requests() -> Iterator[jobs_pb2.UploadRequest]:
            size, done = file.stat().st_size, offset
            header = jobs_pb2.UploadHeader(upload_id=upload_id, path=path, offset=offset, size=size, sha256=_sha256(file))
            yield jobs_pb2.UploadRequest(header=header)
            with file.open("rb") as stream:
                stream.seek(offset)
                while chunk := stream.read(CHUNK_BYTES):
                    yield jobs_pb2.UploadRequest(chunk=chunk)
                    done += len(chunk)
                    if progress:
                        progress(path, done, size)
            yield jobs_pb2.UploadRequest(end=True)

        with translated():
            answer = self._jobs.Upload(requests(), metadata=self.metadata)
        return str(answer.upload_id)

    def check(self, upload_id: str, spec: spec_pb2.JobSpec | None = None) -> jobs_pb2.CheckResponse:
        """Reads the whole list and compiles the templates; sends nothing."""
        return self._call(self._jobs.Check, jobs_pb2.CheckRequest(upload_id=upload_id, spec=spec), 3600.0)

    def submit(
        self, upload_id: str, idempotency_key: str = "", spec: spec_pb2.JobSpec | None = None
    ) -> jobs_pb2.SubmitResponse:
        """Accepts the bundle as a job. The same key again gives the same job."""
        request = jobs_pb2.SubmitRequest(upload_id=upload_id, idempotency_key=idempotency_key or upload_id, spec=spec)
        return self._call(self._jobs.Submit, request, 3600.0)

    # -- jobs ----------------------------------------------------------------------------------------------------------------

    def get(self, job: str) -> jobs_pb2.Job:
        return self._call(self._jobs.Get, jobs_pb2.GetRequest(job=job)).job

    def list(self, limit: int = 100, cursor: str = "") -> jobs_pb2.ListResponse:
        """Newest first; `cursor` of the answer gives the next page."""
        return self._call(self._jobs.List, jobs_pb2.ListRequest(limit=limit, cursor=cursor))

    def watch(self, job: str) -> Iterator[jobs_pb2.Job]:
        """The job at every change, at most twice a second, until it has ended."""
        for answer in self._stream(self._jobs.Watch, jobs_pb2.WatchRequest(job=job)):
            yield answer.job

    def pause(self, job: str, reason: str = "") -> jobs_pb2.Job:
        return self._call(self._jobs.Pause, jobs_pb2.PauseRequest(job=job, reason=reason)).job

    def resume(self, job: str) -> jobs_pb2.Job:
        return self._call(self._jobs.Resume, jobs_pb2.ResumeRequest(job=job)).job

    def cancel(self, job: str, reason: str = "") -> jobs_pb2.Job:
        return self._call(self._jobs.Cancel, jobs_pb2.CancelRequest(job=job, reason=reason)).job

    def outcomes(self, job: str, states: Sequence[int] = (), cursor: str = "") -> Iterator[jobs_pb2.OutcomesResponse]:
        """Pages of outcomes by row; each page's cursor resumes after it."""
        request = jobs_pb2.OutcomesRequest(job=job, states=states, cursor=cursor)
        return self._stream(self._jobs.Outcomes, request)

    def preview(self, job: str, row: int) -> jobs_pb2.PreviewResponse:
        """One row's finished message and the values that went in."""
        return self._call(self._jobs.Preview, jobs_pb2.PreviewRequest(job=job, row=row))


def _files(bundle: Path) -> Iterable[tuple[str, Path]]:
    if bundle.is_file():
        return [(bundle.name, bundle)]
    found = [f for f in sorted(bundle.rglob("*")) if f.is_file() and not f.is_symlink()]
    return [(f.relative_to(bundle).as_posix(), f) for f in found]


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
