"""A vault in a local folder: the whole `Vault` port over plain files, for tests.

Writes are atomic by rename; a path that would leave the folder is refused with ValueError, as a real vault must.
"""

import os
import shutil
import uuid
from pathlib import Path, PurePosixPath
from typing import BinaryIO


class FolderVault:
    """`root` is any empty or existing folder."""

    def __init__(self, root: str | Path):
        self.root = Path(root).resolve()
        self.root.mkdir(parents=True, exist_ok=True)

    def _path(self, path: str) -> Path:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or "\0" in path or not pure.parts:
            raise ValueError(f"not a vault path: {path!r}")
        return self.root.joinpath(*pure.parts)

    def read(self, path: str) -> bytes:
        return self._path(path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        target, draft = self._draft(path)
        draft.write_bytes(data)
        os.replace(draft, target)

    def open(self, path: str) -> BinaryIO:
        return self._path(path).open("rb")

    def put_file(self, path: str, local: str) -> None:
        target, draft = self._draft(path)
        shutil.copyfile(local, draft)
        os.replace(draft, target)

    def take_file(self, path: str, local: str) -> None:
        self.put_file(path, local)
        Path(local).unlink()

    def _draft(self, path: str) -> tuple[Path, Path]:
        target = self._path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target, target.with_name(f".{target.name}.{uuid.uuid4().hex}.draft")

    def local(self, path: str) -> str:
        target = self._path(path)
        if not target.is_file():
            raise FileNotFoundError(path)
        return str(target)

    def exists(self, path: str) -> bool:
        return self._path(path).exists()

    def size(self, path: str) -> int:
        return self._path(path).stat().st_size

    def list(self, folder: str) -> list[str]:
        base = self._path(folder)
        found = (f for f in base.rglob("*") if (f.is_file() or f.is_symlink()) and not f.name.endswith(".draft"))
        return sorted(f.relative_to(self.root).as_posix() for f in found)

    def delete(self, path: str) -> None:
        target = self._path(path)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
