"""Uploads without a network: however a stream is cut and resumed, the file is whole or is not there."""

import asyncio
import hashlib
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.model.errors import Conflict, NotFound, Unavailable
from gateway.rpc.limits import Limits
from gateway.rpc.spool import Spool
from gateway.rpc.upload_index import FileState, FileWish
from gateway.rpc.uploads import MAX_KNOWN_UPLOADS, End, Uploads
from tests.examples import examples
from tests.fakes.vault import FolderVault

UPLOAD = "upload-0001"


async def stream(data: bytes, chunk: int = 7, end: bool = False) -> AsyncIterator[bytes | End]:
    for start in range(0, len(data), chunk):
        yield data[start : start + chunk]
    if end:
        yield End.OF_FILE


def uploads_in(folder: Path, limits: Limits | None = None) -> Uploads:
    return Uploads(FolderVault(folder / "vault"), Spool(folder / "spool"), limits or Limits())


async def whole(uploads: Uploads, upload: str) -> str:
    async with uploads.whole("acme", upload) as folder:
        return folder


@settings(max_examples=examples(60), deadline=None)
@given(
    data=st.binary(max_size=200),
    cuts=st.lists(st.tuples(st.integers(0, 200), st.booleans(), st.integers(1, 50)), max_size=6),
    known_size=st.booleans(),
)
def test_any_cuts_and_restarts_give_the_same_file(data, cuts, known_size):
    """`cuts`: how many bytes come before the break, whether the gateway restarts then, the chunk size."""

    async def run(folder: Path) -> None:
        uploads = uploads_in(folder)
        size = len(data) if known_size else None
        for length, restarts, chunk in cuts:
            offset = next((s.committed for s in await uploads.query("acme", UPLOAD)), 0)
            wish = FileWish(UPLOAD, "list.csv", offset, size)
            state = await uploads.take("acme", wish, stream(data[offset : offset + length], chunk))
            assert state.committed == min(len(data), offset + length)
            assert state.complete == (state.committed == size)
            if restarts:
                uploads = uploads_in(folder)
            if state.complete:
                break
        else:
            offset = next((s.committed for s in await uploads.query("acme", UPLOAD)), 0)
            wish = FileWish(UPLOAD, "list.csv", offset, size, hashlib.sha256(data).hexdigest())
            assert (await uploads.take("acme", wish, stream(data[offset:], end=True))).complete
        assert FolderVault(folder / "vault").read(f"uploads/acme/{UPLOAD}/list.csv") == data
        assert await uploads_in(folder).query("acme", UPLOAD) == [FileState("list.csv", len(data), True)]
        assert list((folder / "spool").rglob("*.p*")) == []

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


async def test_a_crash_between_vault_and_spool_is_harmless(tmp_path):
    vault, spool = FolderVault(tmp_path / "vault"), Spool(tmp_path / "spool")
    part = spool.open("acme", UPLOAD, "list.csv", 0)
    part.write(b"abc")
    part.close()
    vault.write(f"uploads/acme/{UPLOAD}/list.csv", b"abc")
    uploads = Uploads(vault, spool, Limits())
    with pytest.raises(Conflict):
        await whole(uploads, UPLOAD)
    state = await uploads.take("acme", FileWish(UPLOAD, "list.csv", 3, 3), stream(b""))
    assert state.complete
    assert await whole(uploads, UPLOAD) == f"uploads/acme/{UPLOAD}"


async def test_a_cancelled_take_keeps_its_part(tmp_path):
    uploads = uploads_in(tmp_path)
    reached, never = asyncio.Event(), asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield b"abc"
        reached.set()
        await never.wait()

    task = asyncio.create_task(uploads.take("acme", FileWish(UPLOAD, "list.csv", 0, 6), stuck()))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await uploads.query("acme", UPLOAD) == [FileState("list.csv", 3, False)]
    assert (await uploads.take("acme", FileWish(UPLOAD, "list.csv", 3, 6), stream(b"def"))).complete


class SlowVault(FolderVault):
    """Stores a file only when `go` is set."""

    def __init__(self, root: Path):
        super().__init__(root)
        self.begun, self.go = threading.Event(), threading.Event()

    def take_file(self, path: str, local: str) -> None:
        self.begun.set()
        assert self.go.wait(20)
        super().take_file(path, local)


async def test_a_step_that_was_cancelled_in_a_thread_is_ended_and_known(tmp_path):
    vault = SlowVault(tmp_path / "vault")
    uploads = Uploads(vault, Spool(tmp_path / "spool"), Limits())
    task = asyncio.create_task(uploads.take("acme", FileWish(UPLOAD, "list.csv", 0, 3), stream(b"abc")))
    await asyncio.to_thread(vault.begun.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    vault.go.set()
    async with asyncio.timeout(20):
        while not (await uploads.query("acme", UPLOAD))[0].complete:
            await asyncio.sleep(0.01)
    assert await whole(uploads, UPLOAD) == f"uploads/acme/{UPLOAD}"


async def test_a_full_spool_keeps_what_was_whole(tmp_path, monkeypatch):
    """A disk that takes half a chunk: the part goes back to the last whole one."""
    spool = Spool(tmp_path)
    part = spool.open("acme", UPLOAD, "list.csv", 0)
    part.write(b"abc")

    class Full:
        def __init__(self, inner: object):
            self._inner, self.room = inner, 2

        def write(self, data: memoryview) -> int:
            if not self.room:
                raise OSError(28, "no space")
            taken, self.room = self._inner.write(data[: self.room]), 0
            return taken

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

    monkeypatch.setattr(part, "_stream", Full(part._stream))
    with pytest.raises(Unavailable, match="make room"):
        part.write(b"defg")
    part.close()
    assert spool.parts("acme", UPLOAD) == {"list.csv": 3}
    assert part.file.read_bytes() == b"abc"


async def test_old_parts_are_swept(tmp_path):
    uploads = uploads_in(tmp_path)
    await uploads.take("acme", FileWish(UPLOAD, "list.csv", 0, 6), stream(b"abc"))
    spool, now = Spool(tmp_path / "spool"), next((tmp_path / "spool").rglob("*.part")).stat().st_mtime
    assert spool.sweep(now - 1) == 0
    assert spool.sweep(now + 1) == 1
    assert await uploads_in(tmp_path).query("acme", UPLOAD) == []


async def test_indexes_are_forgotten_and_read_again(tmp_path):
    uploads = uploads_in(tmp_path)
    for number in range(MAX_KNOWN_UPLOADS + 40):
        await uploads.take("acme", FileWish(f"upload-{number:04d}", "list.csv", 0, 1), stream(b"x"))
    assert len(uploads._known) <= MAX_KNOWN_UPLOADS + 1
    assert await uploads.query("acme", "upload-0000") == [FileState("list.csv", 1, True)]
    with pytest.raises(NotFound):
        await whole(uploads, "upload-9999")
