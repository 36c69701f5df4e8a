"""Streams (RFC 1950, RFC 1951) of many pictures that differ only in modules: laid out once, filled in as arrays.

A drawing is a list of tokens: bytes, copies of what came before, and modules (one byte, 0 where light and `dark` where dark).
Both values of a module get codes of two bits that differ in the last one only, so each stream has the same length, its bits are
a fixed template with the modules in fixed places, and its checksum is a sum over modules. No compressor runs for a picture,
and none of a library's versions shows in its bytes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_COPY: Final = 258
MAX_DISTANCE: Final = 32_768

_ADLER: Final = 65_521
_END: Final = 256
_LENGTHS: Final = [*range(3, 11), *(base for e in range(1, 6) for base in range(3 + (4 << e), 3 + (8 << e), 1 << e))]
_DISTANCES: Final = [1, 2, 3, 4, *(base for e in range(1, 14) for base in (1 + (2 << e), 1 + (3 << e)))]
_LENGTH_ORDER: Final = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
_Symbol = tuple[int, int, int]  # symbol, value and number of extra bits


@dataclass(frozen=True, slots=True)
class Byte:
    """The same byte in every picture."""

    value: int


@dataclass(frozen=True, slots=True)
class Module:
    """The byte of a module."""

    number: int


@dataclass(frozen=True, slots=True)
class Copy:
    """`length` bytes again from `distance` bytes before."""

    length: int
    distance: int


Token = Byte | Module | Copy


@dataclass(frozen=True, slots=True)
class Stream:
    """A laid out stream. `places[i]` is the bit of the occurrence i of a module, `numbers[i]` which one."""

    template: NDArray[np.uint8]  # bits
    places: NDArray[np.int64]
    numbers: NDArray[np.int64]
    weights: NDArray[np.float64]  # [modules, 2]: what a dark module adds to the two sums of Adler-32
    plain: tuple[int, int]  # the sums without dark modules

    @property
    def size(self) -> int:
        """Bytes of each stream."""
        return -(-len(self.template) // 8) + 4

    def fill(self, modules: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The streams of the rows' modules (0 or 1): [rows, modules] gives [rows, size]."""
        bits = np.empty((len(modules), len(self.template)), np.uint8)
        bits[:] = self.template
        bits[:, self.places] = modules.take(self.numbers, axis=1)
        out = np.empty((len(modules), self.size), np.uint8)
        out[:, :-4] = np.packbits(bits, axis=1, bitorder="little")
        sums = ((modules.astype(np.float64) @ self.weights).astype(np.int64) + self.plain) % _ADLER
        out[:, -4:] = sums[:, ::-1].astype(">u2").view(np.uint8)
        return out


def run(value: int, count: int) -> Iterator[Token]:
    """A byte `count` times."""
    if count:
        yield Byte(value)
        yield from copies(1, count - 1, Byte(value))


def copies(distance: int, count: int, single: Token) -> Iterator[Token]:
    """`count` bytes from `distance` before, in parts of about equal size; where fewer than three, `single` that often."""
    if count < 3:
        yield from [single] * count
        return
    parts = -(-count // MAX_COPY)
    for i in range(parts):
        yield Copy(count // parts + (i < count % parts), distance)


def layout(tokens: Sequence[Token], dark: int, modules: int) -> Stream:
    """ValueError where a copy is none of the format's, or a byte lies between 0 and `dark`, where its code could lie too."""
    if any(isinstance(token, Byte) and 0 < token.value < dark for token in tokens):
        raise ValueError("a byte between light and dark modules")
    symbols = [_symbols(token) for token in tokens]
    tail = Counter(s[0] for pair in symbols for s in pair[:1] if s[0] not in (-1, 0, dark))
    tail[_END] += 1
    lengths = {symbol: bits + 1 for symbol, bits in code_lengths(tail, 14).items()} | {0: 2, dark: 2}
    distances = code_lengths(Counter(pair[1][0] for pair in symbols if len(pair) > 1), 15) or {0: 1}
    codes, away = canonical(lengths), canonical({s: max(bits, 1) for s, bits in distances.items()})
    bits = [*_number(0x0178, 16), 1, *_number(2, 2), *_header(lengths, {s: len(code) for s, code in away.items()})]
    places, numbers = [], []
    for token, pair in zip(tokens, symbols, strict=True):
        if isinstance(token, Module):
            bits += codes[0]
            places.append(len(bits) - 1)
            numbers.append(token.number)
            continue
        for (symbol, extra, count), table in zip(pair, (codes, away), strict=False):
            bits += table[symbol]
            bits += _number(extra, count)
    bits += codes[_END]
    weights, plain = _checksum(tokens, dark, modules)
    return Stream(np.array(bits, np.uint8), np.array(places, np.int64), np.array(numbers, np.int64), weights, plain)


def _symbols(token: Token) -> tuple[_Symbol, ...]:
    if isinstance(token, Module):
        return ((-1, 0, 0),)
    if isinstance(token, Byte):
        return ((token.value, 0, 0),)
    if not (3 <= token.length <= MAX_COPY and token.distance <= MAX_DISTANCE):
        raise ValueError("a copy that the format does not have")
    length: _Symbol = (285, 0, 0) if token.length == MAX_COPY else _banded(token.length, _LENGTHS, 257, 2)
    return length, _banded(token.distance, _DISTANCES, 0, 1)


def _banded(value: int, bases: Sequence[int], first: int, shift: int) -> _Symbol:
    """The code whose band holds the value (RFC 1951 section 3.2.5)."""
    at = max(i for i, base in enumerate(bases) if base <= value)
    return first + at, value - bases[at], max(0, (at >> shift) - 1)


def code_lengths(weights: Mapping[int, int], limit: int) -> dict[int, int]:
    """Huffman's lengths, the weights evened out until none is above the limit; one symbol alone has length 0."""
    while True:
        heap = [(weight, symbol, [symbol]) for symbol, weight in sorted(weights.items())]
        lengths = dict.fromkeys(weights, 0)
        heapify(heap)
        while len(heap) > 1:
            a, b = heappop(heap), heappop(heap)
            for symbol in (*a[2], *b[2]):
                lengths[symbol] += 1
            heappush(heap, (a[0] + b[0], min(a[1], b[1]), [*a[2], *b[2]]))
        if max(lengths.values(), default=0) <= limit:
            return lengths
        weights = {symbol: (weight + 1) // 2 for symbol, weight in weights.items()}


def canonical(lengths: Mapping[int, int]) -> dict[int, list[int]]:
    """The bits of each symbol's code (RFC 1951 section 3.2.2)."""
    codes: dict[int, list[int]] = {}
    code = last = 0
    for bits, symbol in sorted((bits, symbol) for symbol, bits in lengths.items()):
        code <<= bits - last
        codes[symbol] = _number(code, bits)[::-1]
        code, last = code + 1, bits
    return codes


def _header(lengths: Mapping[int, int], distances: Mapping[int, int]) -> list[int]:
    """The codes as the block tells them (RFC 1951 section 3.2.7)."""
    literals, away = max(lengths) + 1, max(distances) + 1
    told = [*(lengths.get(s, 0) for s in range(literals)), *(distances.get(s, 0) for s in range(away))]
    symbols = list(_run_lengths(told))
    sizes = code_lengths(Counter(s for s, _, _ in symbols), 7)
    sizes = {s: max(bits, 1) for s, bits in sizes.items()}
    codes = canonical(sizes)
    count = max(i for i, s in enumerate(_LENGTH_ORDER) if s in sizes) + 1
    bits = [*_number(literals - 257, 5), *_number(away - 1, 5), *_number(count - 4, 4)]
    for symbol in _LENGTH_ORDER[:count]:
        bits += _number(sizes.get(symbol, 0), 3)
    for symbol, extra, size in symbols:
        bits += codes[symbol]
        bits += _number(extra, size)
    return bits


def _run_lengths(told: Sequence[int]) -> Iterator[_Symbol]:
    """Runs of zeros shortened."""
    at = 0
    while at < len(told):
        end = at
        while end < len(told) and told[end] == 0 and end - at < 138:
            end += 1
        zeros = end - at
        if zeros >= 3:
            yield (18, zeros - 11, 7) if zeros > 10 else (17, zeros - 3, 3)
            at = end
        else:
            yield told[at], 0, 0
            at += 1


def _number(value: int, bits: int) -> list[int]:
    """The lowest bit first."""
    return [value >> i & 1 for i in range(bits)]


def _checksum(tokens: Sequence[Token], dark: int, modules: int) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Adler-32 (RFC 1950 section 9) of the decoded bytes as sums over modules and a constant."""
    values, numbers = _decoded(tokens)
    backwards = np.arange(len(values), 0, -1)
    weights = np.zeros((modules, 2))
    varying = numbers >= 0
    weights[:, 0] = dark * np.bincount(numbers[varying], minlength=modules) % _ADLER
    weights[:, 1] = np.bincount(numbers[varying], weights=backwards[varying] * dark, minlength=modules) % _ADLER
    plain = (1 + int(values.sum())) % _ADLER, (len(values) + int((values * backwards).sum())) % _ADLER
    return weights, plain


def _decoded(tokens: Sequence[Token]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each byte with light modules, and which module it is (-1: none)."""
    size = sum(token.length if isinstance(token, Copy) else 1 for token in tokens)
    values, numbers, at = np.zeros(size, np.int64), np.full(size, -1, np.int64), 0
    for token in tokens:
        if isinstance(token, Copy):
            for target in (values, numbers):
                target[at : at + token.length] = np.resize(target[at - token.distance : at], token.length)
            at += token.length
            continue
        if isinstance(token, Byte):
            values[at] = token.value
        else:
            numbers[at] = token.number
        at += 1
    return values, numbers
