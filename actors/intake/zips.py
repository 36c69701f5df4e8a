"""ZIP archives from strangers: everything is decided on the central directory before a byte is expanded (S15).

What lives here: the check of an archive's entries and bounded copying out of it. Paths are never used to write: callers
choose the local name. What is declared is bounded first, what really comes out is bounded again.
"""

import errno
import os
import stat
import struct
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

from actors.intake.problems import Problems, refuse

MAX_ENTRIES = 100_000  # a bundle with a statement a row; Python needs about 1 KB of memory an entry
MAX_DIRECTORY_BYTES = 64 << 20  # the central directory is read whole: 100,000 entries with long names
MAX_NAME_CHARS = 240  # fits every file system after a prefix
RATIO_FLOOR = 64 << 20  # below this size a high ratio does no harm
MAX_RATIO = 200  # text lists reach 30; bombs start at 1,000
COPY_BYTES = 1 << 20

# What zipfile raises over broken archives.
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, struct.error)

_EOCD = struct.Struct("<4s4H2LH")
_EOCD64_LOCATOR = struct.Struct("<4sLQL")
_EOCD64 = struct.Struct("<4sQ2H2L4Q")
_LOCAL_HEADER_BYTES = 30


class Sink(Protocol):
    def write(self, data: bytes, /) -> int: ...


@dataclass(frozen=True, slots=True)
class ZipLimits:
    entries: int = MAX_ENTRIES
    expanded: int = 32 << 30
    ratio: int = MAX_RATIO
    ratio_floor: int = RATIO_FLOOR


def check_name(name: str) -> str:
    """Why a bundle path is refused; empty if it is safe."""
    if not name or name.startswith(("/", "\\")) or (len(name) > 1 and name[1] == ":"):
        return "the path is absolute or empty"
    if "\\" in name or any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs") for c in name):
        return "the name holds a backslash or a control character"
    if any(part in ("", ".", "..") for part in name.split("/")):
        return "the path leaves the bundle or has an empty part"
    if len(name) > MAX_NAME_CHARS or any(part != part.strip(" ") or part.endswith(".") for part in name.split("/")):
        return "the name is too long, or a part begins with a blank or ends with a blank or a dot"
    return ""


def fold_name(name: str) -> str:
    """Two names with the same fold are one file on some system."""
    return unicodedata.normalize("NFKC", name).casefold()


def check_names(names: list[str], problems: Problems, label: str) -> None:
    """Safe, and different on every file system."""
    seen: dict[str, str] = {}
    for name in names:
        shown = printable(name)
        if why := check_name(name):
            problems.add(label, f"{shown}: {why}")
        fold = fold_name(name)
        if fold in seen:
            problems.add(label, f"{shown}: the name is there twice (upper and lower case count as the same)")
        seen[fold] = name
    for fold in seen:
        parents = PurePosixPath(fold).parents
        if any(str(p) in seen for p in parents):
            problems.add(label, f"{printable(seen[fold])}: a file and a folder share a name")


def printable(name: str) -> str:
    """A name as it may stand in an error text."""
    return ascii(name[:100]) if any(not c.isprintable() for c in name) else repr(name[:100])


def read_directory(stream: BinaryIO, label: str, limits: ZipLimits) -> list[zipfile.ZipInfo]:
    """The files of a checked archive. InvalidInput names every entry that is refused; nothing has been expanded."""
    _bound_directory(stream, label, limits)
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            start = archive.start_dir
    except (*BROKEN, OSError) as error:
        raise refuse(label, f"the zip archive is broken ({type(error).__name__})") from error
    problems = Problems()
    files = [e for e in entries if not e.is_dir()]
    for entry in files:
        if why := _entry_fault(entry):
            problems.add(label, f"{printable(entry.filename)}: {why}")
    check_names([e.filename for e in files], problems, label)
    _check_overlap(entries, start, problems, label)
    total = sum(e.file_size for e in files)
    packed = sum(e.compress_size for e in files)
    if total > limits.expanded:
        problems.add(label, f"expands to {total} bytes; the limit is {limits.expanded}")
    elif total > limits.ratio_floor and total > limits.ratio * max(packed, 1):
        problems.add(label, f"expands {total // max(packed, 1)} times; the limit is {limits.ratio} times")
    problems.stop()
    return files


def copy_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Sink, label: str) -> int:
    """Copies one entry; its real size may not pass the declared one, and its checksum must hold."""
    done = 0
    try:
        with archive.open(entry) as source:
            while block := source.read(COPY_BYTES):
                done += len(block)
                if done > entry.file_size:
                    raise refuse(label, f"{printable(entry.filename)}: holds more than the archive says")
                target.write(block)
    except (*BROKEN, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # EINVAL: a seek to a place that cannot be
            raise
        raise refuse(label, f"{printable(entry.filename)}: the zip entry is broken ({type(error).__name__})") from error
    if done != entry.file_size:
        raise refuse(label, f"{printable(entry.filename)}: holds less than the archive says")
    return done


def _entry_fault(entry: zipfile.ZipInfo) -> str:
    mode = entry.external_attr >> 16
    if entry.flag_bits & 0x41:  # bit 0: encrypted; bit 6: strong encryption
        return "encrypted entries are not supported"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "only stored and deflated entries are supported"
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "links, devices and other special files are refused"
    if entry.orig_filename != entry.filename and "\0" in entry.orig_filename:
        return "the name holds a NUL character"
    return ""


def _check_overlap(entries: list[zipfile.ZipInfo], start: int, problems: Problems, label: str) -> None:
    """An overlap bomb uses the same compressed bytes for many entries."""
    ordered = sorted(entries, key=lambda e: e.header_offset)
    ends = [e.header_offset for e in ordered[1:]] + [start]
    for entry, following in zip(ordered, ends, strict=False):  # an empty archive has a start and no entry
        if entry.header_offset + _LOCAL_HEADER_BYTES + entry.compress_size > following:
            problems.add(label, f"{printable(entry.filename)}: overlaps another entry")


def _bound_directory(stream: BinaryIO, label: str, limits: ZipLimits) -> None:
    """Reads the end record by hand: zipfile would load a directory of any size."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - (1 << 16) - _EOCD.size))
    tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _EOCD.size:
        raise refuse(label, "this is no zip archive, or its end is missing")
    record = _EOCD.unpack_from(tail, at)
    entries, directory = record[4], record[5]
    locator = at - _EOCD64_LOCATOR.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        # zipfile reads the 64-bit record right before the locator, so that is the one to bound.
        stream.seek(size - len(tail) + locator - _EOCD64.size)
        data = stream.read(_EOCD64.size)
        if len(data) < _EOCD64.size or data[:4] != b"PK\x06\x06":
            raise refuse(label, "the zip archive's 64-bit end record is broken")
        record64 = _EOCD64.unpack(data)
        entries, directory = record64[7], record64[8]
    if entries > limits.entries:
        raise refuse(label, f"holds {entries} entries; the limit is {limits.entries}")
    if directory > min(MAX_DIRECTORY_BYTES, size):
        raise refuse(label, "the zip archive's directory is larger than it can be")
    stream.seek(0)
