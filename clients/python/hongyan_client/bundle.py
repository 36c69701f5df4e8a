"""A bundle on this machine: a folder or a zip, as the files that an upload consists of. No network.

The upload id is made from the contents: the same bundle finds its own unfinished upload again, from any process.
"""

import hashlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hongyan_client.errors import HongyanClientError, problem

SKIPPED = ("thumbs.db", "desktop.ini", "__macosx")  # what desktops leave behind; dot files are skipped too
ZIP_NAME = "bundle.zip"


@dataclass(frozen=True)
class BundleFile:
    """One file: its path in the bundle and where it lies."""

    path: str
    local: Path
    size: int
    sha256: str


@dataclass(frozen=True)
class Bundle:
    """All files of one bundle."""

    files: tuple[BundleFile, ...]

    @property
    def size(self) -> int:
        return sum(f.size for f in self.files)

    @property
    def upload_id(self) -> str:
        """The same for the same contents."""
        lines = "".join(f"{f.sha256} {f.path}\n" for f in self.files)
        return "b" + hashlib.sha256(lines.encode()).hexdigest()[:40]


def read_bundle(path: Path) -> Bundle:
    """Reads every file once for its digest. HongyanClientError when there is nothing to upload."""
    if path.is_file() and path.suffix.lower() == ".zip":
        return Bundle((_file(path, ZIP_NAME),))
    if not path.is_dir():
        why = "is neither a folder nor a .zip" if path.exists() else "does not exist"
        raise HongyanClientError("INVALID_ARGUMENT", f"{path} {why}", (problem(str(path), f"{why}: give a bundle"),))
    files = tuple(_file(local, unicodedata.normalize("NFC", local.relative_to(path).as_posix())) for local in _walk(path))
    if not files:
        raise HongyanClientError("INVALID_ARGUMENT", f"{path} is empty", (problem(str(path), "holds no files"),))
    return Bundle(files)


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.name.startswith(".") or entry.name.lower() in SKIPPED:
            continue
        if entry.is_symlink():
            text = "is a symbolic link: put the file itself into the bundle"
            raise HongyanClientError("INVALID_ARGUMENT", f"{entry} {text}", (problem(str(entry), text),))
        if entry.is_dir():
            yield from _walk(entry)
        elif entry.is_file():
            yield entry


def _file(local: Path, path: str) -> BundleFile:
    try:
        with local.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            return BundleFile(path, local, stream.tell(), digest)
    except OSError as error:
        text = f"cannot be read: {error.strerror}"
        raise HongyanClientError("INVALID_ARGUMENT", f"{local} {text}", (problem(str(local), text),)) from error
