"""Files of a job's bundle in the vault: read safely by bundle path, encoded once, typed by their names.

A path never leaves the bundle (`html_page.bundle_path`); what is not in the snapshot's folder does not exist.
"""

import re
from collections import OrderedDict
from mimetypes import MimeTypes

from actors.model.job import snapshot_path
from actors.model.ports import Vault
from actors.renderer.message.headers import parameter, value_problem
from actors.renderer.message.html_page import bundle_path
from actors.renderer.message.mime import file_lines

MAX_FILE_BYTES = 25 << 20  # common receivers refuse a message above 25 MB
_CACHE_BYTES = 64 << 20  # encoded attachments kept for the next rows: enough for any fixed set
_TYPES = MimeTypes()  # the standard library's own table, not the machine's: the same bytes everywhere
for _type, _suffix in {
    "image/webp": ".webp",
    "image/avif": ".avif",
    "text/calendar": ".ics",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/x-7z-compressed": ".7z",
    "font/woff": ".woff",
    "font/woff2": ".woff2",
    "image/svg+xml": ".svg",
}.items():
    _TYPES.add_type(_type, _suffix)
_SAFE_TYPE = re.compile(r"(?!message/|multipart/)[a-z0-9.+-]+/[a-z0-9.+-]+")


class BundleFiles:
    """The bundle of one job. Errors: FileNotFoundError, ValueError (too large)."""

    def __init__(self, vault: Vault, job: str):
        self._vault = vault
        self._folder = f"{snapshot_path(job)}/bundle"
        self._encoded: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def names(self) -> list[str]:
        """All bundle paths, sorted."""
        start = len(self._folder) + 1
        return [path[start:] for path in self._vault.list(self._folder)]

    def read(self, path: str) -> bytes:
        plain = bundle_path(path)
        if not plain:
            raise FileNotFoundError("no path inside the bundle")
        data = self._vault.read(f"{self._folder}/{plain}")
        if len(data) > MAX_FILE_BYTES:
            raise ValueError(f"larger than {MAX_FILE_BYTES >> 20} MB")
        return data

    def encoded(self, path: str) -> bytes:
        """The file in base64 lines."""
        lines = self._encoded.get(path)
        if lines is None:
            lines = file_lines(self.read(path))
            self._encoded[path] = lines
            self._bytes += len(lines)
            while self._bytes > _CACHE_BYTES and len(self._encoded) > 1:
                self._bytes -= len(self._encoded.popitem(last=False)[1])
        else:
            self._encoded.move_to_end(path)
        return lines


def type_field(path: str) -> bytes:
    """The Content-Type field that the name says; octet-stream where it says none that a base64 part may have."""
    guess, coding = _TYPES.guess_type(path)
    if coding:
        guess = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}.get(coding)
    kind = guess if guess and _SAFE_TYPE.fullmatch(guess) else "application/octet-stream"
    return f"Content-Type: {kind}\r\n".encode("ascii")


def disposition(kind: str, name: str) -> bytes:
    """A Content-Disposition field (RFC 2183); ValueError when the name cannot be one."""
    problem = value_problem(name)
    if problem:
        raise ValueError(f"{problem} in a file name")
    if not name or len(name.encode()) > 255 or "/" in name or "\\" in name:
        raise ValueError("no valid file name")
    return f"Content-Disposition: {kind}{parameter('filename', name)}\r\n".encode("ascii")
