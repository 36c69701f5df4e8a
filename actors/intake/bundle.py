"""A bundle as a safe view: bundle path -> local file. The only place that knows whether it came as a folder or as one
zip.

Names are checked before anything is opened; a zip's entries are copied one by one into the work folder under names that
we choose, so no path of a client ever meets the file system. Nothing here understands what the files mean.
"""

import errno
import hashlib
import os
import stat
import zipfile
from io import BufferedReader
from pathlib import Path

from actors.intake.problems import Problems, refuse
from actors.intake.zips import ZipLimits, check_names, copy_entry, read_directory
from actors.model.ports import Vault

MAX_FILES = 100_000  # as for a zip
MAX_ASSET_BYTES = 64 << 20  # far above what any receiver takes as one mail; the list is not bounded by it


class Bundle:
    """The files of one upload. `local` gives a readable path for a bundle path; the sizes are known before anything is read."""

    def __init__(self, label: str, sizes: dict[str, int]):
        self.label = label
        self.sizes = sizes
        self._digests: dict[str, str] = {}

    @property
    def names(self) -> list[str]:
        return sorted(self.sizes)

    def __contains__(self, name: str) -> bool:
        return name in self.sizes

    def local(self, name: str) -> str:
        raise NotImplementedError

    def read(self, name: str, limit: int = MAX_ASSET_BYTES) -> bytes:
        """A small file whole."""
        if self.sizes[name] > limit:
            raise refuse(name, f"has {self.sizes[name]} bytes; the limit is {limit}")
        with open_plain(self.local(name), name) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise refuse(name, f"has more than {limit} bytes")
        return data

    def digest(self, name: str) -> str:
        """SHA-256 of a file's bytes, in hex."""
        if name not in self._digests:
            with open_plain(self.local(name), name) as stream:
                self._digests[name] = hashlib.file_digest(stream, "sha256").hexdigest()
        return self._digests[name]

    def payload_hash(self) -> str:
        """One hash over all names and contents: the same bundle gives the same, as a folder or as a zip."""
        total = hashlib.sha256()
        for name in self.names:
            total.update(f"{self.digest(name)} {name}\n".encode())
        return total.hexdigest()

    def close(self) -> None:
        """Gives open files back."""


class FolderBundle(Bundle):
    """The upload folder holds the bundle's files themselves."""

    def __init__(self, vault: Vault, upload: str, names: list[str]):
        self._paths = {name: f"{upload}/{name}" for name in names}
        super().__init__("bundle", {name: vault.size(path) for name, path in self._paths.items()})
        self._vault = vault

    def local(self, name: str) -> str:
        return self._vault.local(self._paths[name])


class ZipBundle(Bundle):
    """The upload folder holds one zip."""

    def __init__(self, path: str, label: str, work: Path):
        self._stream = open_plain(path, label)
        try:
            self._entries = {e.filename: e for e in read_directory(self._stream, label, ZipLimits())}
            self._archive = zipfile.ZipFile(self._stream)
        except BaseException:
            self._stream.close()
            raise
        super().__init__(label, {name: e.file_size for name, e in self._entries.items()})
        self._work = work
        self._copied: dict[str, str] = {}

    def local(self, name: str) -> str:
        if name not in self._copied:
            target = self._work / f"entry-{len(self._copied)}"
            with target.open("xb") as out:
                copy_entry(self._archive, self._entries[name], out, self.label)
            self._copied[name] = str(target)
        return self._copied[name]

    def close(self) -> None:
        self._archive.close()
        self._stream.close()


def open_bundle(vault: Vault, upload: str, work: Path) -> Bundle:
    """The bundle of an upload folder; InvalidInput if it is empty or any name or entry is unsafe."""
    names = [path.removeprefix(f"{upload}/") for path in vault.list(upload)]
    if not names:
        raise refuse("bundle", "the upload is empty")
    if len(names) == 1 and names[0].lower().endswith(".zip"):
        return ZipBundle(vault.local(f"{upload}/{names[0]}"), names[0], work)
    problems = Problems()
    if len(names) > MAX_FILES:
        raise refuse("bundle", f"holds {len(names)} files; the limit is {MAX_FILES}")
    check_names(names, problems, "bundle")
    problems.stop()
    for name in names:
        open_plain(vault.local(f"{upload}/{name}"), name).close()
    return FolderBundle(vault, upload, names)


def open_plain(path: str, label: str) -> BufferedReader:
    """Opens a regular file; a link, device, socket or pipe is refused, never followed and never waited for (S18)."""
    try:
        stream = open(path, "rb", opener=_open_unfollowed)  # noqa: SIM115 - the caller closes it
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise refuse(label, "links and special files are refused") from error
        raise
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise refuse(label, "links and special files are refused")
    return stream


def _open_unfollowed(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
