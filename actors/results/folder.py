"""Where result files go: an fsspec URL, or the job's own folder in the vault.

A file appears under its name only when it is whole: the vault promises that, object stores do it by nature, and where a name
can be changed the file is written under another one first. `summary.json` is written last and removed first: it is the finish
marker.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import fsspec

from actors.model.durable import sync
from actors.model.errors import Unavailable
from actors.model.ports import Vault

PART = "results"
MARKER = "summary.json"
# These keep half a file when a write breaks off, and can rename.
_RENAMES = frozenset({"file", "local", "sftp", "ssh", "ftp", "smb", "hdfs"})


class Folder(Protocol):
    """Takes finished local files."""

    url: str

    def begin(self) -> None:
        """Makes the folder and takes the old finish marker away."""
        ...

    def put(self, name: str, local: str) -> None: ...
    def finished(self) -> bool:
        """Whether the finish marker is there."""
        ...


class VaultFolder:
    """`jobs/<job>/results/` in the vault."""

    def __init__(self, vault: Vault, job: str):
        self._vault, self._path = vault, f"jobs/{job}/results"
        self.url = f"vault:{self._path}/"

    def begin(self) -> None:
        self._vault.delete(f"{self._path}/{MARKER}")

    def put(self, name: str, local: str) -> None:
        self._vault.put_file(f"{self._path}/{name}", local)

    def finished(self) -> bool:
        return self._vault.exists(f"{self._path}/{MARKER}")


class UrlFolder:
    """`<url>/<job>/` on any file system that fsspec knows; Unavailable tells what the storage says."""

    def __init__(self, url: str, job: str):
        self.url = f"{url.rstrip('/')}/{job}/"
        self._fs: Any = None
        self._path = ""

    def _open(self) -> None:
        self._fs, path = fsspec.core.url_to_fs(self.url)
        self._path = path.rstrip("/")

    def begin(self) -> None:
        with _translated():
            self._open()
            self._fs.makedirs(self._path, exist_ok=True)
            if self._fs.exists(f"{self._path}/{MARKER}"):
                self._fs.rm_file(f"{self._path}/{MARKER}")

    def finished(self) -> bool:
        with _translated():
            self._open()
            return bool(self._fs.exists(f"{self._path}/{MARKER}"))

    def put(self, name: str, local: str) -> None:
        target = f"{self._path}/{name}"
        protocol = self._fs.protocol if isinstance(self._fs.protocol, str) else self._fs.protocol[0]
        with _translated():
            if protocol not in _RENAMES:
                self._fs.put_file(local, target)
                return
            part = f"{self._path}/.{name}.part"
            self._fs.put_file(local, part)
            if protocol in ("file", "local"):
                sync(part)
                os.replace(part, target)
                sync(self._path)
            else:
                if self._fs.exists(target):
                    self._fs.rm_file(target)
                self._fs.mv(part, target)


@contextmanager
def _translated() -> Iterator[None]:
    """Turns what storages raise into Unavailable; the text names no credentials."""
    try:
        yield
    except OSError as error:
        raise Unavailable(PART, f"the folder cannot be written: {error.strerror or type(error).__name__}") from error
    except (ValueError, ImportError) as error:
        raise Unavailable(PART, "the URL has a scheme that this installation cannot write to") from error


def folder_of(results_to: str, vault: Vault, job: str, allowed: Sequence[str] | None) -> Folder:
    """The folder that a job asked for. `allowed`: URL prefixes that jobs may write to, None = all; a job that asks for
    another one gets the vault's folder, for its rows are sent by then and must be accounted for."""
    if results_to and (allowed is None or any(_below(results_to, prefix) for prefix in allowed)):
        return UrlFolder(results_to, job)
    return VaultFolder(vault, job)


def _below(url: str, prefix: str) -> bool:
    plain = url.rstrip("/") + "/"
    return plain.startswith(prefix.rstrip("/") + "/") and "/../" not in plain and "::" not in plain
