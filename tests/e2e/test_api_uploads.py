"""Uploads that break, go on, collide, lie or do not fit: nothing half done ever counts as a file."""

import asyncio
import hashlib

import grpc
import pytest
from hongyan.v1 import jobs_pb2 as pb

from actors.model.errors import Unavailable
from gateway.rpc.limits import Limits
from tests.fakes.backend import FakeBackend
from tests.fakes.gateway import Place, Served, serving, steps

UPLOAD = "upload-0001"


async def refused(call: object) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def files(api: Served, upload: str = UPLOAD) -> list[tuple[str, int, bool]]:
    found = await api.jobs.QueryUpload(pb.QueryUploadRequest(upload_id=upload), metadata=api.key())
    return [(f.path, f.committed_size, f.complete) for f in found.files]


async def until_committed(api: Served, size: int) -> None:
    async with asyncio.timeout(60):
        while [s for _, s, _ in await files(api)] != [size]:
            await asyncio.sleep(0.01)


async def begun(api: Served, data: bytes, **header: object) -> grpc.aio.StreamUnaryCall:
    """A stream that has sent `data` and stays open."""
    call = api.jobs.Upload(metadata=api.key())
    for step in steps(pb.UploadHeader(upload_id=UPLOAD, path="list.csv", **header), data):
        await call.write(step)
    await until_committed(api, len(data))
    return call


@pytest.mark.parametrize("size", [None, 200_000])
async def test_s34_cancellation_mid_upload_leaves_a_part_and_no_file(tmp_path, size):
    async with serving(Place(tmp_path)) as api:
        call = await begun(api, b"x" * 100_000, **({} if size is None else {"size": size}))
        call.cancel()
        await asyncio.sleep(0)
        assert await files(api) == [("list.csv", 100_000, False)]
        assert not api.backend.vault.exists(f"uploads/acme/{UPLOAD}")
        error = await refused(api.jobs.Submit(pb.SubmitRequest(upload_id=UPLOAD), metadata=api.key()))
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert "100000 bytes so far" in error.details()
        assert api.backend.intake.seen == []


async def test_an_upload_goes_on_after_a_crash_of_the_gateway(tmp_path):
    data = bytes(range(256)) * 1000
    place = Place(tmp_path)
    async with serving(place) as api:
        await begun(api, data[:100_000], size=len(data))
        # The gateway goes down with the stream open: nothing is said to it.
    async with serving(place) as api:
        assert await files(api) == [("list.csv", 100_000, False)]
        digest = hashlib.sha256(data).hexdigest()
        header = pb.UploadHeader(upload_id=UPLOAD, path="list.csv", offset=100_000, size=len(data), sha256=digest)
        reply = await api.jobs.Upload(iter(steps(header, data[100_000:])), metadata=api.key())
        assert reply.file.complete
        assert api.backend.vault.read(f"uploads/acme/{UPLOAD}/list.csv") == data


async def test_a_stream_of_unknown_size_needs_its_end(tmp_path):
    async with serving(Place(tmp_path)) as api:
        header = pb.UploadHeader(upload_id=UPLOAD, path="list.csv")
        reply = await api.jobs.Upload(iter(steps(header, b"abc")), metadata=api.key())
        assert (reply.file.committed_size, reply.file.complete) == (3, False)
        header.offset = 3
        reply = await api.jobs.Upload(iter(steps(header, b"def", end=True)), metadata=api.key())
        assert (reply.file.committed_size, reply.file.complete) == (6, True)
        assert api.backend.vault.read(f"uploads/acme/{UPLOAD}/list.csv") == b"abcdef"


async def test_an_empty_file_is_a_file(tmp_path):
    async with serving(Place(tmp_path)) as api:
        assert (await api.upload("list.csv", b"", UPLOAD)).file.complete
        assert await files(api) == [("list.csv", 0, True)]


async def test_a_hole_is_refused(tmp_path):
    async with serving(Place(tmp_path)) as api:
        (await begun(api, b"x" * 10, size=30)).cancel()
        error = await refused(api.upload("list.csv", b"y" * 30, UPLOAD, offset=20))
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert "only 10 bytes are stored" in error.details()


async def test_a_smaller_offset_writes_over(tmp_path):
    async with serving(Place(tmp_path)) as api:
        (await begun(api, b"x" * 10, size=12)).cancel()
        header = pb.UploadHeader(upload_id=UPLOAD, path="list.csv", offset=4, size=12)
        await api.jobs.Upload(iter(steps(header, b"y" * 8)), metadata=api.key())
        assert api.backend.vault.read(f"uploads/acme/{UPLOAD}/list.csv") == b"xxxxyyyyyyyy"


async def test_the_newest_stream_wins_over_a_ghost(tmp_path):
    async with serving(Place(tmp_path)) as api:
        ghost = await begun(api, b"x" * 1000, size=2000)
        header = pb.UploadHeader(upload_id=UPLOAD, path="list.csv", offset=1000, size=2000)
        alive = api.jobs.Upload(metadata=api.key())
        await alive.write(pb.UploadRequest(header=header))
        await alive.write(pb.UploadRequest(chunk=b"y" * 500))
        await until_committed(api, 1500)
        await ghost.write(pb.UploadRequest(chunk=b"G" * 1000))
        assert (await refused(ghost)).code() == grpc.StatusCode.ABORTED
        await alive.write(pb.UploadRequest(chunk=b"y" * 500))
        assert (await alive).file.complete
        assert api.backend.vault.read(f"uploads/acme/{UPLOAD}/list.csv") == b"x" * 1000 + b"y" * 1000


async def test_a_file_that_differs_from_its_digest_is_dropped(tmp_path):
    async with serving(Place(tmp_path)) as api:
        error = await refused(api.upload("list.csv", b"abc", UPLOAD, sha256=hashlib.sha256(b"abd").hexdigest()))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert await files(api) == []
        assert (await api.upload("list.csv", b"abc", UPLOAD, sha256=hashlib.sha256(b"abc").hexdigest().upper())).file.complete


async def test_more_than_announced_is_refused_and_dropped(tmp_path):
    async with serving(Place(tmp_path)) as api:
        error = await refused(api.upload("list.csv", b"x" * 100, UPLOAD, size=99))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert await files(api) == []
        assert list((tmp_path / "spool").rglob("*.part")) == []


@pytest.mark.parametrize("size", [None, 5000])
async def test_s34_oversize_file_is_refused_and_leaves_nothing(tmp_path, size):
    limits = Limits(file_bytes=1000, upload_bytes=10_000)
    async with serving(Place(tmp_path, limits)) as api:
        header = pb.UploadHeader(upload_id=UPLOAD, path="list.csv", **({} if size is None else {"size": size}))
        for _ in range(10):
            error = await refused(api.jobs.Upload(iter(steps(header, b"x" * 5000, 300, end=True)), metadata=api.key()))
            if "execute_batch" not in str(error.debug_error_string()):
                break  # else this client met the closed stream while it sent, before it had read the answer
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await files(api) == []
        assert list((tmp_path / "spool").rglob("*.part")) == []


async def test_s34_oversize_upload_counts_all_files(tmp_path):
    async with serving(Place(tmp_path, Limits(upload_bytes=1000, upload_files=3))) as api:
        await api.upload("a", b"x" * 600, UPLOAD)
        assert (await refused(api.upload("b", b"x" * 600, UPLOAD))).code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        await api.upload("a", b"x" * 800, UPLOAD)  # replaces, does not add
        await api.upload("b", b"x" * 100, UPLOAD)
        await api.upload("c", b"x" * 100, UPLOAD)
        assert (await refused(api.upload("d", b"", UPLOAD))).code() == grpc.StatusCode.RESOURCE_EXHAUSTED


BAD_PATHS = ["", "/etc/passwd", "../x", "a/../x", "a//b", "./a", ".hidden", "a\\b", "a\nb", "a\0b", "C:x", "a/", " a", "a."]
BAD_PATHS += ["e\u0301", "x" * 300, "/".join("abcdefghijklmnopq"), "a\u2028b"]
BAD_UPLOADS = ["short", "../../../etc", "a" * 65, "upload 0001", "upload/0001", "upload\x000001", "上傳上傳上傳上傳"]


@pytest.mark.parametrize("path", BAD_PATHS)
async def test_s18_a_path_stays_in_its_upload(tmp_path, path):
    async with serving(Place(tmp_path)) as api:
        error = await refused(api.upload(path, b"x", UPLOAD))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert not api.backend.vault.exists("uploads")
        assert list((tmp_path / "spool").rglob("*")) == []


@pytest.mark.parametrize("upload", BAD_UPLOADS)
async def test_s18_an_upload_id_is_no_path(tmp_path, upload):
    async with serving(Place(tmp_path)) as api:
        assert (await refused(api.upload("list.csv", b"x", upload))).code() == grpc.StatusCode.INVALID_ARGUMENT
        for call in (api.jobs.Submit(pb.SubmitRequest(upload_id=upload), metadata=api.key()), files(api, upload)):
            assert (await refused(call)).code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_file_cannot_become_a_folder(tmp_path):
    async with serving(Place(tmp_path)) as api:
        await api.upload("images/a.png", b"x", UPLOAD)
        for path in ("images", "images/a.png/b"):
            assert (await refused(api.upload(path, b"x", UPLOAD))).code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_chunk_before_the_header_is_refused(tmp_path):
    async with serving(Place(tmp_path)) as api:
        for first in ([pb.UploadRequest(chunk=b"x")], [pb.UploadRequest()], []):
            error = await refused(api.jobs.Upload(iter(first), metadata=api.key()))
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        twice = steps(pb.UploadHeader(upload_id=UPLOAD, path="a"), b"")
        assert (await refused(api.jobs.Upload(iter(twice * 2), metadata=api.key()))).code() == grpc.StatusCode.INVALID_ARGUMENT


class FullVault:
    """A vault whose disk is full until room is made."""

    def __init__(self, inner: object):
        self._inner, self.full = inner, True

    def take_file(self, path: str, local: str) -> None:
        if self.full:
            raise Unavailable("vault", "the disk is full: make room")
        self._inner.take_file(path, local)

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


async def test_a_full_vault_keeps_the_part_until_there_is_room(tmp_path):
    backend = FakeBackend(str(tmp_path / "vault"))
    backend.vault = vault = FullVault(backend.vault)  # type: ignore[assignment]
    async with serving(Place(tmp_path), backend) as api:
        error = await refused(api.upload("list.csv", b"abc", UPLOAD))
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        assert "make room" in error.details()
        assert await files(api) == [("list.csv", 3, False)]
        vault.full = False
        header = pb.UploadHeader(upload_id=UPLOAD, path="list.csv", offset=3, size=3)
        assert (await api.jobs.Upload(iter(steps(header, b"")), metadata=api.key())).file.complete


async def test_a_zip_takes_no_spec(tmp_path):
    async with serving(Place(tmp_path)) as api:
        await api.upload("bundle.zip", b"PK", UPLOAD)
        request = pb.SubmitRequest(upload_id=UPLOAD, spec={"name": "x"})
        error = await refused(api.jobs.Submit(request, metadata=api.key()))
        assert "put job.json into the zip" in error.details()


async def test_an_upload_that_nobody_began_is_not_found(tmp_path):
    async with serving(Place(tmp_path)) as api:
        assert await files(api) == []
        error = await refused(api.jobs.Submit(pb.SubmitRequest(upload_id=UPLOAD), metadata=api.key()))
        assert error.code() == grpc.StatusCode.NOT_FOUND
