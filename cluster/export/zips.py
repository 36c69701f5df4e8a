"""ZIP records as bytes, after PKWARE's APPNOTE 6.3: what `zipfile` writes, in pieces that several processes can make.

A block of entries knows nothing of its place; only the directory's records hold offsets. ZIP64 fields stand where a number
needs them and nowhere else, so that old programs read small files. Pure: bytes in, bytes out.
"""

import struct
import time
import zlib
from typing import NamedTuple

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_ZIP64_EXTRA = 1
_PLAIN_VERSION, _ZIP64_VERSION = 20, 45
_UNIX = 3 << 8
_MODE = 0o100644 << 16
_MOST_32 = 0xFFFFFFFF  # this and above: the number stands in a ZIP64 field
_MOST_16 = 0xFFFF
_YEARS = (1980, 2107)  # that a DOS date can tell
STORED, DEFLATED = 0, 8


class Entry(NamedTuple):
    """One file of the archive; `name` is ASCII, `packed` its bytes in the archive."""

    name: bytes
    method: int
    crc: int
    packed: int
    size: int


def dos_time(stamp: int) -> tuple[int, int]:
    """Time and date words of a moment, in UTC."""
    t = time.gmtime(stamp)
    if not _YEARS[0] <= t.tm_year <= _YEARS[1]:
        return 0, 1 << 5 | 1
    return t.tm_hour << 11 | t.tm_min << 5 | t.tm_sec // 2, (t.tm_year - 1980) << 9 | t.tm_mon << 5 | t.tm_mday


def deflate(data: "bytes | memoryview") -> bytes:
    """Raw deflate at zlib's own level."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def local_header(entry: Entry, when: tuple[int, int]) -> bytes:
    """What stands before the entry's bytes."""
    wide = max(entry.packed, entry.size) >= _MOST_32
    extra = struct.pack("<2H2Q", _ZIP64_EXTRA, 16, entry.size, entry.packed) if wide else b""
    sizes = (_MOST_32, _MOST_32) if wide else (entry.packed, entry.size)
    version = _ZIP64_VERSION if wide else _PLAIN_VERSION
    head = _LOCAL.pack(b"PK\3\4", version, 0, entry.method, *when, entry.crc, *sizes, len(entry.name), len(extra))
    return head + entry.name + extra


def central_record(entry: Entry, at: int, when: tuple[int, int]) -> bytes:
    """The directory's record of an entry whose local header stands at this offset."""
    wide = [number for number in (entry.size, entry.packed, at) if number >= _MOST_32]
    extra = struct.pack(f"<2H{len(wide)}Q", _ZIP64_EXTRA, 8 * len(wide), *wide) if wide else b""
    version = _ZIP64_VERSION if wide else _PLAIN_VERSION
    head = _CENTRAL.pack(
        b"PK\1\2",
        _UNIX | version,
        version,
        0,
        entry.method,
        *when,
        entry.crc,
        min(entry.packed, _MOST_32),
        min(entry.size, _MOST_32),
        len(entry.name),
        len(extra),
        0,
        0,
        0,
        _MODE,
        min(at, _MOST_32),
    )
    return head + entry.name + extra


def end_of_archive(entries: int, size: int, at: int) -> bytes:
    """The last bytes: how many entries, and the directory's size and offset."""
    wide = b""
    if entries >= _MOST_16 or size >= _MOST_32 or at >= _MOST_32:
        versions = (_UNIX | _ZIP64_VERSION, _ZIP64_VERSION)
        wide = _END64.pack(b"PK\6\6", _END64.size - 12, *versions, 0, 0, entries, entries, size, at)
        wide += _LOCATOR.pack(b"PK\6\7", 0, at + size, 1)
    count = min(entries, _MOST_16)
    return wide + _END.pack(b"PK\5\6", 0, 0, count, count, min(size, _MOST_32), min(at, _MOST_32), 0)
