"""The vault on fsspec: a local folder by default, S3 and the like for clusters.

A write is whole or not at all, and durable when it returns. On a local folder that is: temporary file, fsync, rename, fsync
of the folder. Object stores give it by themselves. The file system is opened inside the process that uses it and never pickled.
"""

import errno
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, cast

from actors.model.durable import sync
from actors.model.errors import Unavailable


class Vault:
    """Paths are relative to the root URL; `..`, absolute paths and empty parts are refused with ValueError."""

    def __init__(self, root: str, cache: str = ""):
        self.root = root.rstrip("/")
        self._cache = cache
        self._folder = Path(self.root.removeprefix("file://")) if self.root.startswith(("file://", "/")) else None
        self._fs: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {"root": self.root, "_cache": self._cache, "_folder": self._folder, "_fs": None}

    def create(self) -> None:
        """Makes the root folder. Only the start does this: a root that vanishes later must not come back empty."""
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / MARKER).touch()

    def _full(self, path: str) -> str:
        parts = path.split("/")
        if path.startswith("/") or "\\" in path or "\0" in path or any(p in ("", ".", "..") for p in parts):
            raise ValueError("a vault path is relative and has no empty part and no '..'")
        if self._folder is not None:
            return str(self._folder / path)
        return f"{self._filesystem()[1]}/{path}"

    def _filesystem(self) -> tuple[Any, str]:
        if self._fs is None:
            import fsspec

            fs, root = fsspec.core.url_to_fs(self.root)
            self._fs = (fs, root.rstrip("/"))
        return cast(tuple[Any, str], self._fs)

    # -- reading -------------------------------------------------------------------------------------------------------------

    def read(self, path: str) -> bytes:
        with self.open(path) as stream:
            return stream.read()

    def open(self, path: str) -> BinaryIO:
        full = self._full(path)
        try:
            if self._folder is not None:
                return open(full, "rb")
            return cast(BinaryIO, self._filesystem()[0].open(full, "rb"))
        except FileNotFoundError:
            self._check_root()
            return open(full, "rb")  # again: a root that was away may have come back between the two looks
        except OSError as error:
            raise _unavailable(error) from error

    def local(self, path: str) -> str:
        full = self._full(path)
        if self._folder is not None:
            if not self.exists(path):
                raise FileNotFoundError(path)
            return full
        folder = Path(self._cache or tempfile.gettempdir()) / hashlib.sha256(self.root.encode()).hexdigest()[:16]
        copy = folder / path
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=copy.parent, delete=False) as temporary, self.open(path) as stream:
                shutil.copyfileobj(stream, temporary, 1 << 20)
            os.replace(temporary.name, copy)
        return str(copy)

    def exists(self, path: str) -> bool:
        full = self._full(path)
        if self._folder is None:
            return bool(self._filesystem()[0].exists(full))
        if os.path.exists(full):
            return True
        self._check_root()
        return os.path.exists(full)

    def size(self, path: str) -> int:
        full = self._full(path)
        return os.path.getsize(full) if self._folder is not None else int(self._filesystem()[0].size(full))

    def list(self, folder: str) -> list[str]:
        full = self._full(folder)
        if self._folder is not None:
            base = self._folder
            self._check_root()
            return sorted(
                str(p.relative_to(base)) for p in Path(full).rglob("*") if p.is_file() and not p.name.startswith(TEMPORARY)
            )
        fs, root = self._filesystem()
        return sorted(p.removeprefix(root).lstrip("/") for p in fs.find(full))

    # -- writing -------------------------------------------------------------------------------------------------------------

    def write(self, path: str, data: bytes) -> None:
        full = self._full(path)
        try:
            if self._folder is None:
                self._filesystem()[0].pipe_file(full, data)
                return
            self._check_root()
            with _Durable(Path(full)) as stream:
                stream.write(data)
        except OSError as error:
            raise _unavailable(error) from error

    def put_file(self, path: str, local: str) -> None:
        full = self._full(path)
        try:
            if self._folder is None:
                self._filesystem()[0].put_file(local, full)
                return
            self._check_root()
            with _Durable(Path(full)) as stream, open(local, "rb") as source:
                shutil.copyfileobj(source, stream, 1 << 20)
        except OSError as error:
            raise _unavailable(error) from error

    def take_file(self, path: str, local: str) -> None:
        full = self._full(path)
        if self._folder is not None:
            try:
                self._check_root()
                _move(Path(local), Path(full))
                return
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise _unavailable(error) from error
        self.put_file(path, local)
        Path(local).unlink(missing_ok=True)

    def delete(self, path: str) -> None:
        full = self._full(path)
        try:
            if self._folder is None:
                if self._filesystem()[0].exists(full):
                    self._filesystem()[0].rm(full, recursive=True)
            elif os.path.isdir(full):
                shutil.rmtree(full)
            else:
                Path(full).unlink(missing_ok=True)
        except OSError as error:
            raise _unavailable(error) from error

    def _check_root(self) -> None:
        """A missing file in a missing vault is not a missing file. An empty mount point is a missing vault too."""
        if self._folder is not None and not (self._folder / MARKER).exists():
            raise Unavailable("vault", "its folder is not there, or empty: is its disk mounted?")


TEMPORARY = ".writing-"
MARKER = ".hongyan-vault"  # tells the vault's root from an empty folder in its place


class _Durable:
    """Writes beside the target, then fsync, rename, fsync of the folder; on an error nothing is left."""

    def __init__(self, target: Path):
        self._target = target

    def __enter__(self) -> BinaryIO:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        handle, self._name = tempfile.mkstemp(prefix=TEMPORARY, dir=self._target.parent)
        self._stream = os.fdopen(handle, "wb")
        return self._stream

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._stream.flush()
                os.fsync(self._stream.fileno())
            self._stream.close()
            if kind is None:
                os.replace(self._name, self._target)
                sync(self._target.parent)
        finally:
            Path(self._name).unlink(missing_ok=True)


def _move(local: Path, target: Path) -> None:
    """OSError EXDEV when they are on different disks. May be called again after an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if local.exists() or not target.exists():
        os.chmod(local, 0o600)  # as all that the vault writes itself: a list is full of people
        sync(local)
        os.replace(local, target)
    sync(target.parent)


def _unavailable(error: OSError) -> Unavailable:
    if error.errno == errno.ENOSPC:
        return Unavailable("vault", "the disk is full: make room, the work goes on by itself")
    return Unavailable("vault", f"{type(error).__name__} ({errno.errorcode.get(error.errno or 0, 'unknown')})")
