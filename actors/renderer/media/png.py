"""PNG pictures (ISO/IEC 15948) of square modules in two colours, a shard of equally large ones at a time.

The palette has the background first. The depth is the one at which a module is a whole number of equal bytes, so a row of
pixels is a row of modules with each repeated, and the rows below it are copies.
"""

import zlib
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from math import gcd
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.renderer.media.deflate import Byte, Module, Stream, Token, copies, layout, run
from actors.renderer.media.logo import Colour, Logo

MAX_SIDE: Final = 2_000  # pixels: more than any screen shows of a mail; keeps layouts small

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_END: Final = b"\0\0\0\0IEND\xaeB`\x82"


def pictures(
    modules: NDArray[np.uint8], box: int, quiet: int, dark: Colour, light: Colour, logo: Logo | None = None
) -> list[bytes]:
    """The pictures of symbols [codes, rows, columns]; a module takes `box` pixels, `quiet` modules of background lie around, a
    logo in the middle. Raises ValueError where a side is longer than MAX_SIDE."""
    n, rows, columns = modules.shape
    stream, depth = _stream(rows, columns, box, quiet, logo)
    width, height = (columns + 2 * quiet) * box, (rows + 2 * quiet) * box
    head = _SIGNATURE + chunk(b"IHDR", width.to_bytes(4) + height.to_bytes(4) + bytes((depth, 3, 0, 0, 0)))
    head += chunk(b"PLTE", bytes((*light, *dark)) + (logo.palette if logo else b"")) + stream.size.to_bytes(4)
    start, end = len(head), len(head) + 4 + stream.size
    out = np.empty((n, end + 4 + len(_END)), np.uint8)
    out[:, : start + 4] = np.frombuffer(head + b"IDAT", np.uint8)
    out[:, start + 4 : end] = stream.fill(modules.reshape(n, rows * columns))
    checked = [zlib.crc32(row) for row in np.ascontiguousarray(out[:, start:end])]
    out[:, end : end + 4] = np.array(checked, ">u4").view(np.uint8).reshape(n, 4)
    out[:, end + 4 :] = np.frombuffer(_END, np.uint8)
    data, size = out.tobytes(), out.shape[1]
    return [data[at : at + size] for at in range(0, n * size, size)]


def chunk(kind: bytes, data: bytes) -> bytes:
    """Length, type, data, checksum."""
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


@lru_cache(maxsize=64)
def _stream(rows: int, columns: int, box: int, quiet: int, logo: Logo | None) -> tuple[Stream, int]:
    """The layout of the pixels, and the depth in bits."""
    width, height = (columns + 2 * quiet) * box, (rows + 2 * quiet) * box
    if max(width, height) > MAX_SIDE:
        raise ValueError(f"the picture would have more than {MAX_SIDE} pixels a side")
    depth = 8 if logo else 8 // gcd(box, 8)
    dark = 255 // (2**depth - 1)  # the index 1 in every pixel of a byte
    return layout(list(_tokens(rows, columns, box, quiet, box * depth // 8, logo)), dark, rows * columns), depth


def _tokens(rows: int, columns: int, box: int, quiet: int, width: int, logo: Logo | None) -> Iterator[Token]:
    """Filter type 0 before each row of pixels; a module is `width` bytes wide."""
    line = 1 + (columns + 2 * quiet) * width
    top = (rows - logo.side) // 2 if logo else rows
    yield from run(0, quiet * box * line)
    for row in range(rows):
        if logo and top <= row < top + logo.side:
            yield from _covered(logo, row - top, row * columns, columns, box, quiet)
            continue
        yield from run(0, 1 + quiet * width)
        yield from _modules(row * columns, columns, width)
        yield from run(0, quiet * width)
        yield from copies(line, (box - 1) * line, Byte(0))
    yield from run(0, quiet * box * line)


def _modules(first: int, count: int, width: int) -> Iterator[Token]:
    for number in range(first, first + count):
        yield Module(number)
        yield from copies(1, width - 1, Module(number))


def _covered(logo: Logo, row: int, first: int, columns: int, box: int, quiet: int) -> Iterator[Token]:
    """The rows of pixels of a row of modules that the logo lies over; a byte is a pixel."""
    left = (columns - logo.side) // 2
    right = columns - logo.side - left
    line, edge = 1 + (columns + 2 * quiet) * box, logo.side * box
    for y in range(box):
        if y == 0:
            yield from run(0, 1 + quiet * box)
            yield from _modules(first, left, box)
        else:
            yield from copies(line, 1 + (quiet + left) * box, Byte(0))
        start = (row * box + y) * edge
        for value, same in groupby(logo.pixels[start : start + edge]):
            yield from run(value, len(list(same)))
        if y == 0:
            yield from _modules(first + columns - right, right, box)
            yield from run(0, quiet * box)
        else:
            yield from copies(line, (right + quiet) * box, Byte(0))
