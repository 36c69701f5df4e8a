"""`.gz` and `.zip` around a list -> the plain file in the work folder, bounded while it expands (S15). One layer, never
two.
"""

import os
import zipfile
import zlib
from pathlib import Path

from actors.intake.bundle import open_plain
from actors.intake.problems import refuse
from actors.intake.zips import COPY_BYTES, MAX_RATIO, RATIO_FLOOR, ZipLimits, copy_entry, read_directory

MAX_LIST_BYTES = 64 << 30  # half a billion plain rows; more is no mailing
PACKED = (".gz", ".zip")


def unpack_list(path: str, file: str, work: Path) -> tuple[str, str]:
    """(local path, file name without the packing): the same path when nothing is packed."""
    lower = file.lower()
    if not lower.endswith(PACKED):
        return path, file
    target = work / "list.plain"
    inner = _from_gzip(path, file, target) if lower.endswith(".gz") else _from_zip(path, file, target)
    if inner.lower().endswith(PACKED):
        raise refuse(file, "holds another archive; pack a list once")
    return str(target), inner


def _from_zip(path: str, file: str, target: Path) -> str:
    limits = ZipLimits(entries=100, expanded=MAX_LIST_BYTES)
    with open_plain(path, file) as stream:
        entries = [e for e in read_directory(stream, file, limits) if not e.filename.startswith("__MACOSX/")]
        if len(entries) != 1:
            raise refuse(file, f"must hold exactly one list, not {len(entries)} files")
        if entries[0].filename.lower().endswith(PACKED):
            raise refuse(file, "holds another archive; pack a list once")
        with zipfile.ZipFile(stream) as archive, target.open("xb") as out:
            copy_entry(archive, entries[0], out, file)
    return entries[0].filename


def _from_gzip(path: str, file: str, target: Path) -> str:
    """Members one after the other, as gzip allows; the ratio is held while it expands."""
    packed, done = os.path.getsize(path), 0
    with open_plain(path, file) as stream, target.open("xb") as out:
        inflate = zlib.decompressobj(31)
        data = stream.read(COPY_BYTES)
        fed = bool(data)
        try:
            while data or fed:
                block = inflate.decompress(data, COPY_BYTES)
                done += len(block)
                if done > MAX_LIST_BYTES or (done > RATIO_FLOOR and done > MAX_RATIO * packed):
                    raise refuse(file, f"expands more than {MAX_RATIO} times, or to more than {MAX_LIST_BYTES} bytes")
                out.write(block)
                data = inflate.unconsumed_tail
                if inflate.eof:
                    data = inflate.unused_data.lstrip(b"\0") or stream.read(COPY_BYTES).lstrip(b"\0")
                    fed = bool(data)
                    inflate = zlib.decompressobj(31) if fed else inflate
                elif not data:
                    data = stream.read(COPY_BYTES)
                    fed = bool(data)
        except zlib.error as error:
            raise refuse(file, "the gzip data is broken") from error
        if not inflate.eof:
            raise refuse(file, "the gzip data ends too early")
    return file[:-3]
