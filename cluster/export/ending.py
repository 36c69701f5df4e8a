"""The parts that come last: the index that grows beside the mails, and the end of a zip.

Both are kept on the disk while they grow: ten million rows make an index of half a gigabyte.
"""

import os
import shutil
import zlib
from pathlib import Path
from types import TracebackType

from cluster.export.target import INDEX
from cluster.export.zips import DEFLATED, STORED, Entry, central_record, dos_time, end_of_archive, local_header

COPY_BYTES = 1 << 20


class Spool:
    """A file that grows; `entry` tells what a zip must know of it. Packed at once where the zip will hold it deflated."""

    def __init__(self, file: Path, deflated: bool = False):
        self._file = file
        self._stream = file.open("xb")
        self._packer = zlib.compressobj(wbits=-zlib.MAX_WBITS) if deflated else None
        self._crc = self._size = self._packed = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stream.close()

    def add(self, data: bytes) -> None:
        self._crc, self._size = zlib.crc32(data, self._crc), self._size + len(data)
        self._put(self._packer.compress(data) if self._packer else data)

    def end(self) -> Entry:
        """Nothing follows; the entry has the index's name."""
        if self._packer:
            self._put(self._packer.flush())
        self._stream.flush()
        os.fsync(self._stream.fileno())
        method = DEFLATED if self._packer else STORED
        return Entry(INDEX.encode(), method, self._crc, self._packed, self._size)

    def _put(self, data: bytes) -> None:
        self._stream.write(data)
        self._packed += len(data)


def end_zip(file: Path, index: Path, entry: Entry, directory: Path, at: int, entries: int, stamp: int) -> None:
    """Behind `at` bytes of mails: the index as the last entry, the directory, the end. The spools are used up."""
    when = dos_time(stamp)
    with file.open("r+b") as out:
        out.seek(at)
        out.write(local_header(entry, when))
        _take(index, out)
        start = out.tell()
        _take(directory, out)
        out.write(central_record(entry, at, when))
        size = out.tell() - start
        out.write(end_of_archive(entries + 1, size, start))


def _take(part: Path, out: object) -> None:
    with part.open("rb") as source:
        shutil.copyfileobj(source, out, COPY_BYTES)  # type: ignore[arg-type]
    part.unlink()
