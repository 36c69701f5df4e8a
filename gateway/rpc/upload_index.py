"""What is known of one upload, as values and rules: its files, how far they are, who may write which. No IO.

A path is either complete (in the vault) or a part (in the spool), never both.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from actors.model.errors import Conflict, Fenced, InvalidInput, Problem
from gateway.rpc.limits import LimitReached, Limits
from gateway.rpc.paths import check_path, check_upload, folders


@dataclass(frozen=True, slots=True)
class FileWish:
    """What a stream is about. `size` None: unknown, the stream says where the file ends."""

    upload: str
    path: str
    offset: int = 0
    size: int | None = None
    sha256: str = ""

    def check(self) -> None:
        """InvalidInput unless upload id, path and numbers are in order."""
        check_upload(self.upload)
        check_path(self.path)
        if self.offset < 0 or (self.size is not None and self.size < self.offset):
            raise InvalidInput((Problem("request", "must lie between 0 and the size", column="offset"),))


@dataclass(frozen=True, slots=True)
class FileState:
    """How far one file is."""

    path: str
    committed: int
    complete: bool


class UploadIndex:
    """Lives as long as somebody writes to the upload or reads it; `lock(path)` orders the steps on one part. `readers` is how
    many calls need its files now; `finished`: a job was made of them, so they go with the last reader."""

    def __init__(self, complete: Mapping[str, int], parts: Mapping[str, int], limits: Limits):
        self._limits = limits
        self._files: dict[str, FileState] = {}
        self._folders: dict[str, int] = {}  # folder -> files below it
        self._total = 0
        self._claims: dict[str, int] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._claimed = 0
        self.readers = 0
        self.finished = False
        for path, size in complete.items():
            self.note(path, size, complete=True)
        for path, size in parts.items():
            self.note(path, size, complete=False)

    @property
    def busy(self) -> bool:
        """A stream writes to it, or a call reads it."""
        return bool(self._claims or self.readers)

    def states(self) -> list[FileState]:
        """All files by path."""
        return [self._files[p] for p in sorted(self._files)]

    def note(self, path: str, size: int, *, complete: bool) -> None:
        """The file is this far."""
        before = self._files.get(path)
        if before is None:
            for folder in folders(path):
                self._folders[folder] = self._folders.get(folder, 0) + 1
        self._total += size - (before.committed if before else 0)
        self._files[path] = FileState(path, size, complete)

    def drop(self, path: str) -> None:
        """The file is gone."""
        before = self._files.pop(path, None)
        if before is not None:
            self._total -= before.committed
            for folder in folders(path):
                self._folders[folder] -= 1
                if not self._folders[folder]:
                    del self._folders[folder]

    def is_complete(self, path: str) -> bool:
        return path in self._files and self._files[path].complete

    def admit(self, wish: FileWish) -> None:
        """InvalidInput or LimitReached unless the file may be added."""
        if wish.path in self._folders or any(f in self._files for f in folders(wish.path)):
            raise InvalidInput((Problem("request", "the upload has a file where this path needs a folder", column="path"),))
        if wish.path not in self._files and len(self._files) >= self._limits.upload_files:
            raise LimitReached("files of an upload", f"{self._limits.upload_files}; a zip takes more")
        self.check_room(wish.path, wish.size or 0)

    def check_room(self, path: str, size: int) -> None:
        """LimitReached when the file would be too large, alone or with the others."""
        if size > self._limits.file_bytes:
            raise LimitReached("size of a file", f"{self._limits.file_bytes} bytes")
        others = self._total - (self._files[path].committed if path in self._files else 0)
        if others + size > self._limits.upload_bytes:
            raise LimitReached("size of an upload", f"{self._limits.upload_bytes} bytes")

    def check_offset(self, wish: FileWish, size: int) -> None:
        """Conflict when the stream would leave a hole after the `size` bytes that are there."""
        if wish.offset > size:
            raise Conflict(f"offset {wish.offset}", f"only {size} bytes are stored; go on from there")

    def claim(self, path: str) -> int:
        """The newest stream's right to write; older ones lose it."""
        self._claimed += 1
        self.finished = False  # somebody fills it anew
        self._claims[path] = self._claimed
        return self._claimed

    def lock(self, path: str) -> asyncio.Lock:
        return self._locks.setdefault(path, asyncio.Lock())

    def check_claim(self, path: str, claim: int) -> None:
        """Fenced when a newer stream has the file."""
        current = self._claims.get(path, 0)
        if current != claim:
            raise Fenced("upload stream", claim, current)

    def release(self, path: str, claim: int) -> None:
        if self._claims.get(path) == claim:
            del self._claims[path]
            if path in self._locks and not self._locks[path].locked():
                del self._locks[path]
