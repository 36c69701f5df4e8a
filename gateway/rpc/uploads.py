"""Uploads: from streams of chunks to whole files in the vault.

Hard state: the parts in the spool. A `take` that answers `complete` has the file in the vault; one that broke off leaves a part
that a later one goes on with, also after a restart of the gateway. For one file the newest stream wins: an older one, which may
be the ghost of a lost connection, is fenced off at its next chunk. Once a job was made of an upload its files are removed,
whole or not at all as far as anybody can see; a receipt stays.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import Enum
from typing import TypeVar
from weakref import WeakValueDictionary

from actors.model.errors import Conflict, InvalidInput, NotFound, Problem, Unavailable
from actors.model.ports import Vault
from gateway.rpc.backend import patiently
from gateway.rpc.limits import LimitReached, Limits
from gateway.rpc.paths import check_upload, upload_folder
from gateway.rpc.receipts import Receipt, from_json, leaving_path, receipt_path
from gateway.rpc.spool import Part, Spool
from gateway.rpc.upload_index import FileState, FileWish, UploadIndex

T = TypeVar("T")
MAX_KNOWN_UPLOADS = 256  # indexes kept in memory; any other is read from vault and spool again
log = logging.getLogger("hongyan.gateway")


class End(Enum):
    """What a stream may bring instead of a chunk."""

    OF_FILE = 1


class Uploads:
    """All uploads of all accounts at this gateway."""

    def __init__(self, vault: Vault, spool: Spool, limits: Limits):
        self._vault, self._spool, self._limits = vault, spool, limits
        self._known: OrderedDict[tuple[str, str], UploadIndex] = OrderedDict()
        self._reading: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def query(self, account: str, upload: str) -> list[FileState]:
        """All files of an upload by path, the unfinished ones too."""
        check_upload(upload)
        return (await self._index(account, upload)).states()

    @asynccontextmanager
    async def whole(self, account: str, upload: str) -> AsyncIterator[str]:
        """The vault folder of an upload that has files, all of them complete, else NotFound or Conflict. They stay while the
        block runs."""
        check_upload(upload)
        index = await self._index(account, upload)
        states = index.states()
        if not states:
            raise NotFound("upload", upload)
        for state in states:
            if not state.complete:
                raise Conflict(
                    f"upload {upload}", f"{state.path} has only {state.committed} bytes so far: upload the rest first"
                )
        index.readers += 1
        try:
            yield upload_folder(account, upload)
        finally:
            index.readers -= 1
            if index.finished and not index.busy:
                await self._remove(account, upload)

    async def finish(self, account: str, upload: str, key: str, receipt: Receipt) -> None:
        """A job was made of the upload: its files go when nobody reads them. A vault that is away only puts this off."""
        path = receipt_path(account, upload, key)
        try:
            await patiently(lambda: asyncio.to_thread(self._vault.write, path, receipt.to_json()))
        except Unavailable as error:
            log.warning("the files of job %s's upload stay for now: %s", receipt.job, error)
        else:
            (await self._index(account, upload)).finished = True

    async def receipt(self, account: str, upload: str, key: str) -> Receipt:
        """The receipt of an earlier `finish`; NotFound if there is none."""
        path = receipt_path(account, upload, key)
        try:
            return from_json(await patiently(lambda: asyncio.to_thread(self._vault.read, path)))
        except FileNotFoundError:
            raise NotFound("upload", upload) from None

    async def is_zip(self, account: str, upload: str) -> bool:
        """The upload is one zip: nothing can be added to the bundle."""
        paths = [s.path for s in await self.query(account, upload)]
        return len(paths) == 1 and paths[0].lower().endswith(".zip")

    async def put(self, account: str, upload: str, path: str, data: bytes, instead_of: tuple[str, ...]) -> None:
        """Writes a small file of the gateway's own into an upload, in place of others."""
        index, folder = await self._index(account, upload), upload_folder(account, upload)
        index.admit(FileWish(upload, path))

        def write() -> None:
            self._vault.write(f"{folder}/{path}", data)
            for other in instead_of:
                self._vault.delete(f"{folder}/{other}")

        await patiently(lambda: asyncio.to_thread(write))
        index.note(path, len(data), complete=True)
        for other in instead_of:
            index.drop(other)

    async def take(self, account: str, wish: FileWish, chunks: AsyncIterator[bytes | End]) -> FileState:
        """Stores one stream, as far as it goes."""
        wish.check()
        index = await self._index(account, wish.upload)
        index.admit(wish)
        stream = _Stream(self._vault, self._spool, index, account, wish)
        try:
            await stream.begin()
            while not stream.reached:
                chunk = await anext(chunks, None)
                if chunk is None:
                    return await stream.leave()
                if isinstance(chunk, End):
                    break
                await stream.add(chunk)
            return await stream.finish()
        finally:
            stream.close()

    async def _index(self, account: str, upload: str) -> UploadIndex:
        key = (account, upload)
        if key not in self._known:
            async with self._reading.setdefault(key, asyncio.Lock()):
                if key not in self._known:  # another call may have been faster
                    self._known[key] = await patiently(lambda: asyncio.to_thread(self._read, account, upload))
        self._known.move_to_end(key)
        if len(self._known) > MAX_KNOWN_UPLOADS:
            for old in [k for k, index in self._known.items() if not index.busy and k != key][:16]:
                del self._known[old]
        return self._known[key]

    async def _remove(self, account: str, upload: str) -> None:
        """Nobody else sees the upload between its first file's end and its last one's."""
        key = (account, upload)
        async with self._reading.setdefault(key, asyncio.Lock()):
            index = self._known.get(key)
            if index is None or index.busy or not index.finished:
                return
            del self._known[key]

            def remove() -> None:
                self._vault.write(leaving_path(account, upload), b"")
                self._end_leaving(account, upload)

            try:
                await patiently(lambda: asyncio.to_thread(remove))
            except Unavailable as error:
                log.warning("an upload's files stay for now: %s", error)

    def _end_leaving(self, account: str, upload: str) -> None:
        self._vault.delete(upload_folder(account, upload))
        self._vault.delete(leaving_path(account, upload))

    def _read(self, account: str, upload: str) -> UploadIndex:
        folder = upload_folder(account, upload)
        if self._vault.exists(leaving_path(account, upload)):
            self._end_leaving(account, upload)
        paths = self._vault.list(folder) if self._vault.exists(folder) else []
        sizes = {p.removeprefix(folder + "/"): self._vault.size(p) for p in paths}
        return UploadIndex(sizes, self._spool.parts(account, upload), self._limits)


class _Stream:
    """One stream's way into its part, and from there into the vault."""

    def __init__(self, vault: Vault, spool: Spool, index: UploadIndex, account: str, wish: FileWish):
        self._vault, self._spool, self._index, self._account, self._wish = vault, spool, index, account, wish
        self._claim = index.claim(wish.path)
        self._lock = index.lock(wish.path)
        self._part: Part | None = None
        self._closed = False

    @property
    def _open_part(self) -> Part:
        assert self._part is not None
        return self._part

    @property
    def reached(self) -> bool:
        """All bytes that the header announced are there."""
        return self._open_part.size == self._wish.size

    async def begin(self) -> None:
        path, key = self._wish.path, (self._account, self._wish.upload, self._wish.path)

        def open_part() -> Part:
            self._index.check_offset(self._wish, self._spool.size(*key))
            if self._index.is_complete(path):
                self._vault.delete(self._target())
            return self._spool.open(*key, self._wish.offset)

        def note(part: Part) -> None:
            self._part = part
            self._index.note(path, part.size, complete=False)
            if self._closed:
                part.close()

        await patiently(lambda: self._step(open_part, note))

    async def add(self, chunk: bytes) -> None:
        part, wish = self._open_part, self._wish
        size = part.size + len(chunk)
        try:
            if wish.size is not None and size > wish.size:
                raise InvalidInput((Problem("request", f"more than the announced {wish.size} bytes came", column="size"),))
            self._index.check_room(wish.path, size)
        except (InvalidInput, LimitReached):
            await self._drop()
            raise
        await self._step(lambda: part.write(chunk), lambda _: self._index.note(wish.path, part.size, complete=False))

    async def leave(self) -> FileState:
        """The stream has ended before the file."""
        part = self._open_part
        await self._step(part.sync, lambda _: None)
        return FileState(self._wish.path, part.size, False)

    async def finish(self) -> FileState:
        """The part becomes a file of the vault."""
        part, wish = self._open_part, self._wish
        if wish.size is not None and part.size != wish.size:
            raise Conflict("end", f"{part.size} of {wish.size} bytes are stored; go on from there")

        def store() -> bool:
            if wish.sha256 and part.sha256() != wish.sha256.lower():
                return False
            self._vault.take_file(self._target(), str(part.file))
            self._spool.drop(self._account, wish.upload, wish.path)
            return True

        def note(stored: bool) -> None:
            if stored:
                self._index.note(wish.path, part.size, complete=True)

        if not await patiently(lambda: self._step(store, note)):
            await self._drop()
            raise InvalidInput((Problem("request", "the stored bytes differ: upload the file again", column="sha256"),))
        return FileState(wish.path, part.size, True)

    def close(self) -> None:
        self._closed = True
        if self._part is not None:
            self._part.close()
        self._index.release(self._wish.path, self._claim)

    def _target(self) -> str:
        return f"{upload_folder(self._account, self._wish.upload)}/{self._wish.path}"

    async def _drop(self) -> None:
        wish = self._wish
        drop = lambda: self._spool.drop(self._account, wish.upload, wish.path)  # noqa: E731
        await self._step(drop, lambda _: self._index.drop(wish.path))

    async def _step(self, step: Callable[[], T], note: Callable[[T], None]) -> T:
        """One step in a thread, unless a newer stream has the file. A cancelled call still ends its step and notes it: half a
        step would leave an index that fits no disk."""

        async def locked() -> T:
            async with self._lock:
                self._index.check_claim(self._wish.path, self._claim)
                result = await asyncio.to_thread(step)
                note(result)
                return result

        return await asyncio.shield(locked())
