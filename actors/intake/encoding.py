"""Bytes of a text list -> a UTF-8 file that is known to be sound: encoding found or declared, no NUL, no endless line.

`survey` reads once with flat memory and says what the bytes are; `transcode` rewrites what is not UTF-8. Every refusal
names its line. Big5 (cp950) and GB18030 cannot always be told apart; where the text does not decide, the client must.
"""

import codecs
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from actors.intake.bundle import open_plain
from actors.intake.problems import refuse

# Names that a control file may use -> Python codec.
ENCODINGS = {
    "auto": "",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-8-sig": "utf-8",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "big5": "cp950",
    "cp950": "cp950",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "ascii": "utf-8",
}
MAX_LINE_BYTES = 1 << 20  # a row of a mailing list; stops a file without line ends before it fills the memory
BLOCK_BYTES = 3 * MAX_LINE_BYTES  # a multiple of the line limit; no row may be longer, even with quoted line ends
SAMPLE_BYTES = 64 << 10

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Text:
    """A sound UTF-8 file and where its first character stands (after a byte order mark)."""

    path: str
    start: int
    encoding: str  # what it was


def sound_text(path: str, file: str, declared: str, work: Path) -> Text:
    """The list as UTF-8: the file itself, or a copy in `work`. InvalidInput names encoding faults, NULs and endless lines."""
    with open_plain(path, file) as stream:
        head = stream.read(SAMPLE_BYTES)
        mark, start = next(((name, len(bom)) for bom, name in _BOMS if head.startswith(bom)), ("", 0))
        codec = ENCODINGS[declared.lower()] or mark or _utf16_by_zeros(head)
        if codec == "utf-16":
            codec = mark or _utf16_by_zeros(head) or "utf-16-le"
        if mark != codec:
            start = 0
        if codec in ("", "utf-8"):
            stream.seek(start)
            bad = _survey(stream, start, file)
            if bad < 0:
                return Text(path, start, "utf-8")
            if codec:
                raise refuse(file, "is not UTF-8 here; declare list.encoding if it is another", _line_at(path, bad))
            codec = _tell_apart(path, bad, file)
        copy = work / "list.utf8"
        stream.seek(start)
        _transcode(stream, codec, copy, file)
    with copy.open("rb") as stream:
        _survey(stream, 0, file)
    return Text(str(copy), 0, codec)


def blocks(stream: BinaryIO, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    while block := stream.read(size):
        yield block


def _survey(stream: BinaryIO, start: int, file: str) -> int:
    """-1, or the offset of the first bytes that are not UTF-8. InvalidInput for NULs and lines without end."""
    offset, rest = start, b""
    for block in blocks(stream):
        _check_lines(block, offset + len(rest), stream, file)
        if b"\0" in block:
            at = offset + len(rest) + block.index(b"\0")
            raise refuse(file, "holds a NUL character", _line_at(stream.name, at))
        data = rest + block if rest else block
        cut = _whole_characters(data)
        if not _is_utf8(data[:cut] if cut < len(data) else data):
            return offset + _first_fault(data)
        offset, rest = offset + cut, data[cut:]
    return offset if rest else -1


def _first_fault(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _check_lines(block: bytes, offset: int, stream: BinaryIO, file: str) -> None:
    """A stretch of MAX_LINE_BYTES without any line end is a line over the limit; shorter lines always pass."""
    for at in range(0, len(block) - MAX_LINE_BYTES + 1, MAX_LINE_BYTES):
        if block.find(b"\n", at, at + MAX_LINE_BYTES) < 0 and block.find(b"\r", at, at + MAX_LINE_BYTES) < 0:
            raise refuse(file, f"a line has more than {MAX_LINE_BYTES} bytes", _line_at(stream.name, offset + at))


def _whole_characters(data: bytes) -> int:
    """Where the last whole UTF-8 character ends."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 != 0x80:
            need = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) if need <= back else len(data) - back
    return len(data)


def _is_utf8(data: bytes) -> bool:
    """Arrow's validator is several times faster than a decoded copy."""
    offsets = pa.py_buffer(len(data).to_bytes(8, "little").rjust(16, b"\0"))
    text = pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(data)])
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _line_at(path: str, offset: int) -> int:
    """The line, from 1, in which a byte stands."""
    line = 1
    with open(path, "rb") as stream:
        while offset > 0 and (block := stream.read(min(BLOCK_BYTES, offset))):
            line += block.count(b"\n")
            offset -= len(block)
    return line


def _utf16_by_zeros(head: bytes) -> str:
    """UTF-16 without a mark: a list has ASCII delimiters, so one half of the byte pairs is full of zeros."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) < max(2, len(head) // 8) or min(even, odd) * 4 > max(even, odd):
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _tell_apart(path: str, offset: int, file: str) -> str:
    """cp950 or gb18030, from the text around the first bytes that are not ASCII."""
    sample = _foreign_lines(path, offset)
    held = [c for c in ("cp950", "gb18030") if _decodes(sample, c)]
    pairs = re.findall(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]", sample)
    if not held or not pairs:
        raise refuse(file, "the encoding is neither UTF-8 nor Big5 nor GB18030; declare list.encoding", _line_at(path, offset))
    if len(held) == 1:
        return held[0]
    low = sum(p[1] < 0x80 for p in pairs) / len(pairs)
    big5 = sum(0xA4 <= p[0] <= 0xC6 for p in pairs) / len(pairs)  # Big5's frequent characters
    gb = sum(0xB0 <= p[0] <= 0xD7 and p[1] >= 0xA1 for p in pairs) / len(pairs)  # GB 2312's frequent characters
    # Four Big5 characters in ten have a low second byte; a frequent GB character never has one.
    if len(pairs) >= 4 and low >= 0.1 and big5 > gb:
        return "cp950"
    if len(pairs) >= 12 and low < 0.02 and gb >= 0.8:
        return "gb18030"
    raise refuse(file, "the text could be Big5 or GB18030; declare list.encoding", _line_at(path, offset))


def _foreign_lines(path: str, offset: int) -> bytes:
    """Lines with bytes beyond ASCII, up to SAMPLE_BYTES, from `offset` on; whole lines, so that no character is cut."""
    found = bytearray()
    with open(path, "rb") as stream:
        back = min(offset, MAX_LINE_BYTES)
        stream.seek(offset - back)
        stream.seek(offset - back + stream.read(back).rfind(b"\n") + 1)
        for _ in range(SAMPLE_BYTES):
            line = stream.readline(MAX_LINE_BYTES)
            if not line or len(found) > SAMPLE_BYTES:
                break
            if not line.isascii():
                found += line
    return bytes(found)


def _decodes(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _transcode(stream: BinaryIO, codec: str, target: Path, file: str) -> None:
    """Rewrites as UTF-8; stops at the first byte that the codec does not know."""
    decoder = codecs.getincrementaldecoder(codec)()
    line, run = 1, 0
    with target.open("xb") as out:
        for block in _with_end(stream):
            try:
                text = decoder.decode(block or b"", final=block is None)
            except UnicodeDecodeError as error:
                line += error.object[: error.start].decode(codec, "replace").count("\n")
                raise refuse(file, f"is not {codec} here; declare list.encoding if it is another", line) from error
            line += text.count("\n")
            run = 0 if "\n" in text or "\r" in text else run + len(text)
            if run > 4 * BLOCK_BYTES:
                raise refuse(file, f"a line has more than {MAX_LINE_BYTES} bytes", line)
            out.write(text.encode())
    # A lone surrogate of UTF-16 fails in decode, so encode cannot fail.
    if os.path.getsize(target) == 0:
        raise refuse(file, "is empty")


def _with_end(stream: BinaryIO) -> Iterator[bytes | None]:
    yield from blocks(stream)
    yield None
