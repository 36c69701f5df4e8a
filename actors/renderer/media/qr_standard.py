"""What ISO/IEC 18004:2015 says of each of the 40 versions: capacity, blocks, places of modules, masks. Made once a version.

A symbol has `size` x `size` modules, 1 is dark. Rows come first in every shape.
"""

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]

LEVELS: Final = {"L": 1, "M": 0, "Q": 3, "H": 2}  # as format information writes them (table 12)
# Table 9: error correction codewords a block, and blocks, for the versions 1 to 40.
_CORRECTION: Final = {
    "L": "7 10 15 20 26 18 20 24 30 18 20 24 26 30 22 24 28 30 28 28 "
    "28 28 30 30 26 28 30 30 30 30 30 30 30 30 30 30 30 30 30 30",
    "M": "10 16 26 18 24 16 18 22 22 26 30 22 22 24 24 28 28 26 26 26 "
    "26 28 28 28 28 28 28 28 28 28 28 28 28 28 28 28 28 28 28 28",
    "Q": "13 22 18 26 18 24 18 22 20 24 28 26 24 20 30 24 28 28 26 30 "
    "28 30 30 30 30 28 30 30 30 30 30 30 30 30 30 30 30 30 30 30",
    "H": "17 28 22 16 22 28 26 26 24 28 24 28 22 24 24 30 28 28 26 28 "
    "30 24 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30",
}
_BLOCKS: Final = {
    "L": "1 1 1 1 1 2 2 2 2 4 4 4 4 4 6 6 6 6 7 8 8 9 9 10 12 12 12 13 14 15 16 17 18 19 19 20 21 22 24 25",
    "M": "1 1 1 2 2 4 4 4 5 5 5 8 9 9 10 10 11 13 14 16 17 17 18 20 21 23 25 26 28 29 31 33 35 37 38 40 43 45 47 49",
    "Q": "1 1 2 2 4 4 6 6 8 8 8 10 12 16 12 17 16 18 21 20 23 23 25 27 29 34 34 35 38 40 43 45 48 51 53 56 59 62 65 68",
    "H": "1 1 2 4 4 4 5 6 8 8 11 11 16 16 18 16 19 21 25 25 25 34 30 32 35 37 40 42 45 48 51 54 57 60 63 66 70 74 77 81",
}
VERSIONS: Final = range(1, 41)
_FORMAT, _FORMAT_MASK, _VERSION = 0b10100110111, 0b101010000010010, 0b1111100100101  # BCH generators (annexes C and D)


@dataclass(frozen=True, slots=True)
class Blocks:
    """How the codewords of a symbol are divided: data codewords of each block, and correction codewords that each has."""

    data: tuple[int, ...]
    correction: int

    @property
    def capacity(self) -> int:
        """Data codewords in all."""
        return sum(self.data)


@dataclass(frozen=True, slots=True)
class Geometry:
    """The modules of a version. `order`: the places (row * size + column) of data modules as bits come. `blank`: the function
    patterns, with 0 where data, format and version information go. `masks`: the eight, 0 outside of the data modules."""

    size: int
    order: NDArray[np.int64]
    blank: Bits  # [size, size]
    masks: Bits  # [8, size, size]


@lru_cache(maxsize=160)
def blocks(version: int, level: str) -> Blocks:
    """Table 9."""
    correction = int(_CORRECTION[level].split()[version - 1])
    count = int(_BLOCKS[level].split()[version - 1])
    short, longer = divmod(len(geometry(version).order) // 8 - correction * count, count)
    return Blocks((short,) * (count - longer) + (short + 1,) * longer, correction)


@lru_cache(maxsize=40)
def geometry(version: int) -> Geometry:
    """Section 6.3 and 7.7.3."""
    size = 17 + 4 * version
    blank = np.full((size, size), 2, np.uint8)  # 2: nobody's yet
    for row, column in ((0, 0), (0, size - 7), (size - 7, 0)):
        _finder(blank, row, column)
    centres = alignment(version)
    for row in centres:
        for column in centres:
            if blank[row, column] == 2:
                _rings(blank[row - 2 : row + 3, column - 2 : column + 3])
    for line in (blank[6], blank[:, 6]):
        timing = np.arange(size) % 2 == 0
        line[line == 2] = timing[line == 2]
    for row, column, _ in information(version, "M", 0):
        blank[row, column] = 0
    order = _order(blank)
    masks = np.zeros((8, size * size), np.uint8)
    masks[:, order] = _masks(order // size, order % size)
    blank[blank == 2] = 0
    return Geometry(size, order, blank, masks.reshape(8, size, size))


def alignment(version: int) -> list[int]:
    """Rows and columns of the centres of alignment patterns (annex E): evenly spaced from the far end, the rest before 6."""
    if version == 1:
        return []
    count = version // 7 + 2
    step = (version * 8 + count * 3 + 5) // (count * 4 - 4) * 2
    return [6, *reversed([10 + 4 * version - i * step for i in range(count - 1)])]


@lru_cache(maxsize=1280)
def information(version: int, level: str, mask: int) -> list[tuple[int, int, int]]:
    """Row, column and value of each module of format and version information and of the dark module (7.9, 7.10)."""
    size = 17 + 4 * version
    data = LEVELS[level] << 3 | mask
    bits = (data << 10 | _remainder(data, 10, _FORMAT)) ^ _FORMAT_MASK
    found = [(size - 8, 8, 1)]
    for i in range(15):
        value = bits >> i & 1
        found.append((i if i < 6 else i + 1 if i < 8 else size - 15 + i, 8, value))
        found.append((8, size - 1 - i if i < 8 else 7 if i == 8 else 14 - i, value))
    if version >= 7:
        bits = version << 12 | _remainder(version, 12, _VERSION)
        for i in range(18):
            near, far, value = i // 3, size - 11 + i % 3, bits >> i & 1
            found += [(near, far, value), (far, near, value)]
    return found


@lru_cache(maxsize=160)
def finals(version: int, level: str) -> Bits:
    """For each mask what data modules are to be XORed with to be the finished symbol: [8, size, size]."""
    place = geometry(version)
    out = place.masks ^ place.blank
    for mask in range(8):
        for row, column, value in information(version, level, mask):
            out[mask, row, column] = value
    return out


@lru_cache(maxsize=4)
def limits(level: str) -> list[int]:
    """Data bits that each version holds; entry 0 is version 0, which holds none."""
    return [0, *(8 * blocks(version, level).capacity for version in VERSIONS)]


def fitting(level: str, bits: tuple[int, int, int], least: int = 1) -> int:
    """The smallest version from `least` that holds the data; 41 where none does. Lengths are written with other sizes from
    version 10 and 27 on, so `bits` are those of the three ranges."""
    version, table = least, limits(level)
    while True:
        at = size_class(version)
        version = bisect_left(table, bits[at], version)
        if version > 40 or size_class(version) == at:
            return version


def size_class(version: int) -> int:
    """Which of the three columns of table 3 tells the sizes of lengths."""
    return (version > 9) + (version > 26)


def _finder(blank: Bits, row: int, column: int) -> None:
    """A finder pattern with its separator, as far as it lies in the symbol."""
    framed = np.zeros((9, 9), np.uint8)
    framed[1:8, 1:8] = 1
    framed[2:7, 2:7] = 0
    framed[3:6, 3:6] = 1
    top, left = max(row - 1, 0), max(column - 1, 0)
    target = blank[top : row + 8, left : column + 8]
    target[:] = framed[top - row + 1 :, left - column + 1 :][: target.shape[0], : target.shape[1]]


def _rings(target: Bits) -> None:
    target[:] = 1
    target[1:4, 1:4] = 0
    target[2, 2] = 1


def _order(blank: Bits) -> NDArray[np.int64]:
    """Data modules in columns of two from the right, up and down in turn, around the timing column."""
    size = len(blank)
    places: list[int] = []
    upwards = True
    for right in [*range(size - 1, 7, -2), 5, 3, 1]:
        for row in range(size - 1, -1, -1) if upwards else range(size):
            places += [row * size + column for column in (right, right - 1) if blank[row, column] == 2]
        upwards = not upwards
    return np.array(places)


def _masks(i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Table 10 for these rows and columns: true inverts."""
    both = i * j
    return np.array(
        [
            (i + j) % 2 == 0,
            i % 2 == 0,
            j % 3 == 0,
            (i + j) % 3 == 0,
            (i // 2 + j // 3) % 2 == 0,
            both % 2 + both % 3 == 0,
            (both % 2 + both % 3) % 2 == 0,
            (both % 3 + (i + j) % 2) % 2 == 0,
        ]
    )


def _remainder(value: int, degree: int, generator: int) -> int:
    value <<= degree
    while value.bit_length() > degree:
        value ^= generator << (value.bit_length() - generator.bit_length())
    return value
