"""Parts of files on the gateway's own disk while they are being uploaded: the only hard state of the gateway.

    <spool>/<account>/<upload>/<sha256 of the path>.part     the bytes so far
    <spool>/<account>/<upload>/<sha256 of the path>.path     the path, written first

Plain blocking calls, no rules: `uploads` decides, and calls from threads. A full disk is Unavailable.
"""

import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actors.model.errors import Unavailable

FSYNC_EVERY = 64 * 2**20  # bytes; what a power cut may take of a part


class Spool:
    """`root` is a folder that no other process writes to."""

    def __init__(self, root: Path):
        self.root = root

    def _file(self, account: str, upload: str, path: str) -> Path:
        return self.root / account / upload / f"{hashlib.sha256(path.encode()).hexdigest()[:40]}.part"

    def open(self, account: str, upload: str, path: str, offset: int) -> "Part":
        """The part, cut to `offset` bytes (at most its size)."""
        file = self._file(account, upload, path)
        with translated():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.with_suffix(".path").write_text(path, encoding="utf-8")
            return Part(file, offset)

    def size(self, account: str, upload: str, path: str) -> int:
        """Bytes so far; 0 when there is no part."""
        with translated():
            try:
                return self._file(account, upload, path).stat().st_size
            except FileNotFoundError:
                return 0

    def parts(self, account: str, upload: str) -> dict[str, int]:
        """Path -> bytes so far, of every part of the upload."""
        found = {}
        with translated():
            for file in (self.root / account / upload).glob("*.part"):
                try:
                    found[file.with_suffix(".path").read_text(encoding="utf-8")] = file.stat().st_size
                except FileNotFoundError:  # it was completed this moment
                    continue
        return found

    def drop(self, account: str, upload: str, path: str) -> None:
        """Removes a part; a missing one is no error."""
        file = self._file(account, upload, path)
        with translated():
            file.unlink(missing_ok=True)
            file.with_suffix(".path").unlink(missing_ok=True)
            try:
                file.parent.rmdir()
            except OSError:
                pass  # other parts are in it

    def sweep(self, before: float) -> int:
        """Removes uploads whose newest part is older than `before`; how many."""
        swept = 0
        with translated():
            for folder in self.root.glob("*/*"):
                if max((f.stat().st_mtime for f in folder.iterdir()), default=0.0) < before:
                    shutil.rmtree(folder)
                    swept += 1
        return swept


class Part:
    """One open part. `close` waits for a write that another thread is in."""

    def __init__(self, file: Path, offset: int):
        self.file = file
        self._lock = threading.Lock()
        self._stream = open(file, "ab", buffering=0)  # noqa: SIM115 -- lives as long as the part
        self._stream.truncate(offset)
        self.size = offset
        self._synced = offset

    def write(self, chunk: bytes) -> None:
        """Appends; a failed write leaves the part as it was before."""
        with self._lock, translated():
            if self._stream.closed:
                return
            try:
                view = memoryview(chunk)
                while view:
                    view = view[self._stream.write(view) :]
            except OSError:
                self._stream.truncate(self.size)
                raise
            self.size += len(chunk)
            if self.size - self._synced >= FSYNC_EVERY:
                self._sync()

    def sync(self) -> None:
        """What was written is on disk."""
        with self._lock, translated():
            if not self._stream.closed:
                self._sync()

    def _sync(self) -> None:
        os.fsync(self._stream.fileno())
        self._synced = self.size

    def sha256(self) -> str:
        """Digest of all bytes so far."""
        with translated(), open(self.file, "rb", buffering=0) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def close(self) -> None:
        with self._lock:
            self._stream.close()


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the disk become Unavailable; the paths in them stay here."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the disk is full: make room" if full else errno.errorcode.get(error.errno or 0, type(error).__name__)
        raise Unavailable("spool", why) from error
