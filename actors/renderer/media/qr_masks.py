"""Which of the eight masks a symbol gets: the penalties of all at once, on packed rows (ISO/IEC 18004:2015 section 7.8.3).

A row of modules is one or more machine words, a module a bit; shifting a word looks along the row, the next word down the
column. The last axis is codes, so each step is one pass over contiguous memory. The penalty is that of the `qrcode` package:
format and version information count as light, runs before or after the 1:1:3:1:1 pattern stay within the symbol.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.renderer.media.qr_standard import Bits, geometry

Words = NDArray[Any]  # unsigned words
Scores = NDArray[np.int64]

_WINDOW: Final = 11  # columns that the longest pattern takes


@dataclass(frozen=True, slots=True)
class Segments:
    """How a row is cut into words. Word s, bit j is column s * stride + j. A word answers for the patterns that start in its
    `stride` columns and sees ten columns more. `starts`: the former; `inside`: columns of the symbol."""

    word: type[Any]
    bits: int
    stride: int
    starts: Words  # [segments]
    inside: Words
    pairs: Words  # columns whose right neighbour is seen too


@lru_cache(maxsize=40)
def segments(size: int) -> Segments:
    """The narrowest words that hold a row, or several of 64 bits."""
    bits = 32 if size < 32 else 64
    stride = size if size <= bits else bits - _WINDOW + 1
    count = -(-size // stride)
    column = np.arange(count)[:, None] * stride + np.arange(bits)
    inside = column < size
    seen = inside & (column + 1 < size) & (np.arange(bits) < bits - 1)
    starts = inside & (np.arange(bits) < stride)
    word: Any = np.uint32 if bits == 32 else np.uint64
    return Segments(word, bits, stride, *(pack(flags.astype(np.uint8), word) for flags in (starts, inside, seen)))


def pack(flags: Bits, word: Any) -> Words:
    """Bits of the last axis as words, the first bit lowest."""
    packed = np.packbits(flags, axis=-1, bitorder="little").view(np.dtype(word).newbyteorder("<"))
    words: Words = packed.astype(word)[..., 0]
    return words


@lru_cache(maxsize=40)
def _patterns(version: int) -> tuple[Segments, Words]:
    """The eight masks with the function patterns, as words: [rows, segments, 8, 1]."""
    place = geometry(version)
    cut = segments(place.size)
    wide = np.zeros((8, place.size, len(cut.starts) * cut.stride + cut.bits), np.uint8)
    wide[:, :, : place.size] = place.masks ^ place.blank
    windows = [pack(wide[:, :, s * cut.stride :][..., : cut.bits].copy(), cut.word) for s in range(len(cut.starts))]
    return cut, np.stack(windows, axis=2).transpose(1, 2, 0)[..., None]


def best(version: int, rows: Words) -> NDArray[np.intp]:
    """The mask of each code: the first with the least penalty. `rows`: data modules alone, [rows, segments, codes]."""
    cut, patterns = _patterns(version)
    masks: NDArray[np.intp] = penalties(cut, geometry(version).size, rows[:, :, None, :] ^ patterns).argmin(axis=0)
    return masks


def penalties(cut: Segments, size: int, dark: Words) -> Scores:
    """The penalty of each symbol: [rows, segments, ...] gives [...]."""
    wide = (slice(None), *[None] * (dark.ndim - 2))
    starts, inside, pairs = cut.starts[wide], cut.inside[wide], cut.pairs[wide]
    light = ~dark & inside
    across = ~(dark ^ (dark >> dark.dtype.type(1))) & pairs
    down = ~(dark[:-1] ^ dark[1:]) & starts
    squares = _count(across[:-1] & across[1:] & down)
    runs = _runs(across, _right, starts) + _runs(down, _below, starts)
    finders = _count(_finders(dark, light, _right) & starts) + _count(_finders(dark, light, _below) & starts)
    total: Scores = 3 * squares + runs + 40 * finders + _balance(size).take(_count(dark & starts))
    return total


Join = Callable[[Words, Words, int], Words]


def _right(a: Words, b: Words, k: int) -> Words:
    """a here and b k columns further."""
    both: Words = a & (b >> b.dtype.type(k))
    return both


def _below(a: Words, b: Words, k: int) -> Words:
    """a here and b k rows further down."""
    n = min(len(a), len(b) - k)
    return a[:n] & b[k : k + n]


def _four(a: Words, join: Join) -> Words:
    pair = join(a, a, 1)
    return join(pair, pair, 2)


def _runs(equal: Words, join: Join, starts: Words) -> Scores:
    """A run of n >= 5 costs n - 2: it has n - 4 places where five equal ones start, and one pair of such places fewer."""
    five = _four(equal, join)
    return 3 * _count(five & starts) - 2 * _count(join(five, five, 1) & starts)


def _finders(dark: Words, light: Words, join: Join) -> Words:
    """Where 1011101 with 0000 before or after it starts."""
    three = join(join(dark, dark, 1), dark, 2)
    core = join(join(join(dark, light, 1), three, 2), join(light, dark, 1), 5)
    quiet = _four(light, join)
    return join(core, quiet, 7) | join(quiet, core, 4)


def _count(flags: Words) -> Scores:
    counts: Scores = np.bitwise_count(flags).sum(axis=(0, 1), dtype=np.int64)
    return counts


@lru_cache(maxsize=40)
def _balance(size: int) -> Scores:
    """Ten for every 5 % that the dark modules are away from one half, by their number."""
    area = size * size
    return np.array([int(abs(dark / area * 100 - 50) / 5) * 10 for dark in range(area + 1)])
