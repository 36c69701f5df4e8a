"""The three forms of finished mails: a folder of .eml files, one zip, one mbox.

A worker packs the mails of a block while nobody knows yet where they will stand, is told the offset, and writes. A block's
bytes depend on its mails alone, so the file is the same whatever the number of workers. A folder has no one file: its blocks
have no length, and every mail is a file of its own.
"""

import os
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from actors.model.delivery import Envelopes
from cluster.export.mbox import from_line, quoted
from cluster.export.zips import DEFLATED, STORED, Entry, central_record, deflate, dos_time, local_header

FOLDER_ROWS = 1_000  # files a folder: more make every tool slow; and the row's number begins with its folder's


@dataclass(frozen=True, slots=True)
class Block:
    """Packed mails. `data`: their bytes end to end; `starts`: where each begins there, and the end."""

    data: bytes
    starts: list[int]
    rows: list[int]
    entries: list[Entry] = field(default_factory=list)
    length: int = 0  # of the one file; 0 in a folder


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a block: where each mail is, for the index, and its records of the zip's directory."""

    places: list[str]
    directory: bytes = b""


class Form(Protocol):
    """How mails lie on the disk."""

    def pack(self, mails: Envelopes) -> Block:
        """The mails as they will be written."""
        ...

    def write(self, block: Block, at: int) -> Written:
        """Writes the block, at this offset of the one file. OSError when the disk will not have it."""
        ...


def mail_path(row: int) -> str:
    """`00012/00012345.eml`."""
    return f"{row // FOLDER_ROWS:05d}/{row:08d}.eml"


@dataclass(slots=True)
class FolderForm:
    """One .eml file a mail, in folders of `FOLDER_ROWS` rows."""

    root: Path
    _made: str = ""

    def pack(self, mails: Envelopes) -> Block:
        return Block(mails.data.tobytes(), mails.offsets.tolist(), mails.rows.tolist())

    def write(self, block: Block, at: int) -> Written:
        places = [mail_path(row) for row in block.rows]
        view = memoryview(block.data)
        for place, start, end in zip(places, block.starts, block.starts[1:], strict=False):
            folder = place.partition("/")[0]
            if folder != self._made:
                (self.root / folder).mkdir(exist_ok=True)
                self._made = folder
            handle = os.open(f"{self.root}/{place}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                write_at(handle, view[start:end], 0)
            finally:
                os.close(handle)
        return Written(places)


@dataclass(slots=True)
class OneFile:
    """Keeps the file open that all workers write to, each at its own places."""

    file: Path
    _handle: int = -1

    def write_at(self, data: bytes, at: int) -> None:
        if self._handle < 0:
            self._handle = os.open(self.file, os.O_WRONLY)
        write_at(self._handle, memoryview(data), at)


@dataclass(slots=True)
class ZipForm:
    """One zip with the same names as the folder has."""

    out: OneFile
    stamp: int
    deflated: bool = False

    def pack(self, mails: Envelopes) -> Block:
        when, view = dos_time(self.stamp), mails.data.data
        pieces: list[bytes | memoryview] = []
        entries, starts, at = [], [], 0
        offsets, rows = mails.offsets.tolist(), mails.rows.tolist()
        for row, start, end in zip(rows, offsets, offsets[1:], strict=False):
            mail = view[start:end]
            content = deflate(mail) if self.deflated else mail
            method = DEFLATED if self.deflated else STORED
            entry = Entry(mail_path(row).encode(), method, zlib.crc32(mail), len(content), end - start)
            head = local_header(entry, when)
            pieces += (head, content)
            entries.append(entry)
            starts.append(at)
            at += len(head) + len(content)
        return Block(b"".join(pieces), [*starts, at], rows, entries, at)

    def write(self, block: Block, at: int) -> Written:
        self.out.write_at(block.data, at)
        when = dos_time(self.stamp)
        pairs = zip(block.entries, block.starts, strict=False)
        records = b"".join(central_record(entry, at + start, when) for entry, start in pairs)
        return Written([entry.name.decode() for entry in block.entries], records)


@dataclass(slots=True)
class MboxForm:
    """One mbox. A mail's place is the byte where its From line begins."""

    out: OneFile
    stamp: int
    name: str

    def pack(self, mails: Envelopes) -> Block:
        paths, view = mails.return_paths or [mails.return_path] * len(mails), mails.data.data
        pieces: list[bytes] = []
        starts, at = [0], 0
        offsets = mails.offsets.tolist()
        for path, (start, end) in zip(paths, pairwise(offsets), strict=True):
            head, body = from_line(path, self.stamp), quoted(bytes(view[start:end]))
            pieces += (head, body, b"\n")
            at += len(head) + len(body) + 1
            starts.append(at)
        return Block(b"".join(pieces), starts, mails.rows.tolist(), length=at)

    def write(self, block: Block, at: int) -> Written:
        self.out.write_at(block.data, at)
        return Written([f"{self.name}:{at + start}" for start in block.starts[:-1]])


def write_at(handle: int, data: memoryview, at: int) -> None:
    """All of the bytes: one call may write a part of them."""
    while data:
        done = os.pwrite(handle, data, at)
        data, at = data[done:], at + done
