"""From texts to codewords: modes, versions, bits, Reed-Solomon (ISO/IEC 18004:2015 sections 7.4 to 7.6).

The choice of modes is that of the `qrcode` package's `add_data(text)`: runs of 20 or more digits, else of 20 or more of the 45
alphanumeric characters, have a segment of their own (a text of up to 20 bytes: if it is all such), the rest is bytes in UTF-8.
The bits of a row are one Python integer, which is a twentieth of a code's whole cost; from codewords on all is arrays.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.renderer.media.qr_standard import Bits, blocks, fitting, size_class

MAX_BYTES = 7_089  # no symbol holds more, even of digits

_RUN = 20
_NUMERIC, _ALPHANUMERIC, _BYTES = 1, 2, 4  # table 2
_LENGTH_BITS: Final = {_NUMERIC: (10, 12, 14), _ALPHANUMERIC: (9, 11, 13), _BYTES: (8, 16, 16)}  # table 3
_CHARACTERS: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"  # table 5
_DIGITS: Final = _CHARACTERS[:10]
_PAIRS: Final = {
    bytes((a, b)): format(i * 45 + j, "011b") for i, a in enumerate(_CHARACTERS) for j, b in enumerate(_CHARACTERS)
}
_CLASS = rb"[0-9A-Z $%*+\-./:]"
_SHORT: Final = ((_NUMERIC, re.compile(rb"^[0-9]+$")), (_ALPHANUMERIC, re.compile(rb"^" + _CLASS + rb"+$")))
_LONG: Final = ((_NUMERIC, re.compile(rb"[0-9]{20,}")), (_ALPHANUMERIC, re.compile(_CLASS + rb"{20,}")))
_MAX_DATA: Final = 123  # data codewords of the longest block (table 9)
_PAD: Final = b"\xec\x11" * 1500
Segment = tuple[int, bytes]


class Row:
    """One text's bits: `value` is written in `lengths[size class]` bits."""

    __slots__ = ("_segments", "lengths")

    def __init__(self, text: str):
        data = text.encode()
        self._segments: list[tuple[int, int, int, int]] = []  # mode, characters, bits as a number, how many
        if len(data) > MAX_BYTES:  # to pack a million digits takes half a minute
            self.lengths = (8 * len(data),) * 3
            return
        self._segments = [(mode, len(piece), *_packed(mode, piece)) for mode, piece in segments(data)]
        payload = sum(4 + bits for _, _, _, bits in self._segments)
        first, second, third = (payload + sum(_LENGTH_BITS[mode][at] for mode, *_ in self._segments) for at in range(3))
        self.lengths = (first, second, third)

    def codewords(self, version: int, capacity: int) -> bytes:
        """The data codewords: bits, terminator, padding (7.4.9, 7.4.10)."""
        at = size_class(version)
        value = 0
        for mode, count, payload, bits in self._segments:
            value = ((value << 4 | mode) << _LENGTH_BITS[mode][at] | count) << bits | payload
        bits = self.lengths[at]
        used = min(bits + 4 + 7, capacity * 8) // 8
        return (value << used * 8 - bits).to_bytes(used) + _PAD[: capacity - used]


def segments(data: bytes) -> list[Segment]:
    """Mode and bytes of each segment."""
    others = data.translate(None, _CHARACTERS)
    if len(data) > _RUN:
        if len(data) - len(others) < _RUN:
            return [(_BYTES, data)]
        if not others and len(data) - len(data.translate(None, _DIGITS)) < _RUN:
            return [(_ALPHANUMERIC, data)]
    return list(_segments(data))


def _segments(data: bytes) -> Iterator[Segment]:
    (numeric, digits), (alphanumeric, characters) = _SHORT if len(data) <= _RUN else _LONG
    for is_run, piece in _cut(data, digits):
        if is_run:
            yield numeric, piece
            continue
        for is_text, part in _cut(piece, characters):
            yield alphanumeric if is_text else _BYTES, part


def _cut(data: bytes, pattern: re.Pattern[bytes]) -> Iterator[tuple[bool, bytes]]:
    """Runs of the pattern and what is between them."""
    at = 0
    for match in pattern.finditer(data):
        if match.start() > at:
            yield False, data[at : match.start()]
        yield True, match[0]
        at = match.end()
    if at < len(data):
        yield False, data[at:]


def _packed(mode: int, data: bytes) -> tuple[int, int]:
    """The bits of a segment's characters as a number, and how many they are."""
    size = len(data)
    if mode == _BYTES:
        return int.from_bytes(data), size * 8
    value = 0
    if mode == _NUMERIC:
        whole = size - size % 3
        for i in range(0, whole, 3):
            value = value << 10 | int(data[i : i + 3])
        rest = (0, 4, 7)[size % 3]
        return (value << rest | int(data[whole:]) if rest else value), whole // 3 * 10 + rest
    bits = "".join([_PAIRS[data[i : i + 2]] for i in range(0, size - 1, 2)])
    if size % 2:
        bits += format(_CHARACTERS.index(data[-1]), "06b")
    return int(bits, 2), len(bits)


def versions(rows: Sequence[Row], level: str, least: int = 1) -> list[int]:
    """The smallest version that holds each row; 41 where none does."""
    return [fitting(level, row.lengths, least) for row in rows]


def bits_of(rows: Sequence[Row], version: int, level: str) -> Bits:
    """All codewords' bits in the order in which modules take them: [rows, bits]."""
    layout = blocks(version, level)
    capacity = layout.capacity
    data = np.frombuffer(b"".join([row.codewords(version, capacity) for row in rows]), np.uint8).reshape(len(rows), capacity)
    words = np.empty((len(rows), capacity + layout.correction * len(layout.data)), np.uint8)
    order = _interleaved(version, level)
    words[:, order[:capacity]] = data
    start, at = 0, capacity
    for size in layout.data:
        words[:, order[at : at + layout.correction]] = correction(data[:, start : start + size], layout.correction)
        start, at = start + size, at + layout.correction
    return np.unpackbits(words, axis=1)


def correction(data: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """The correction codewords of each row's block: [rows, count]. What a codeword adds to them depends on its value and on
    how many follow it, so they are sums of rows of a table."""
    table, last = _products(count), data.shape[1] - 1
    found = table[last].take(data[:, 0], axis=0)
    for i in range(1, last + 1):
        found ^= table[last - i].take(data[:, i], axis=0)
    words: NDArray[np.uint8] = found.view(np.uint8)[:, :count]
    return words


@lru_cache(maxsize=16)
def _products(count: int) -> NDArray[np.uint64]:
    """value * x^(following + count) modulo the generator polynomial (annex A): [following, value, 8 coefficients a word]."""
    log, power = _field()
    generator = [1]
    for i in range(count):
        shifted = [_times(log, power, c, power[i]) for c in generator]
        generator = [a ^ b for a, b in zip([*generator, 0], [0, *shifted], strict=True)]
    rest, rests = generator[1:], []
    for _ in range(_MAX_DATA):
        rests.append(rest)
        rest = [a ^ _times(log, power, rest[0], g) for a, g in zip([*rest[1:], 0], generator[1:], strict=True)]
    coefficients, values = np.array(rests), np.arange(256)
    logs, exps = np.array(log), np.array(power)
    product = exps[(logs[values][None, :, None] + logs[coefficients][:, None, :]) % 255]
    product[:, 0] = 0
    product[(coefficients == 0)[:, None, :].repeat(256, axis=1)] = 0
    out = np.zeros((_MAX_DATA, 256, 32), np.uint8)
    out[:, :, :count] = product
    return out.view(np.uint64)


def _field() -> tuple[list[int], list[int]]:
    """Logarithms and powers of 2 in GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1."""
    power, log, value = [], [0] * 256, 1
    for i in range(255):
        power.append(value)
        log[value] = i
        value = value << 1 ^ (0x11D if value > 127 else 0)
    return log, power


def _times(log: list[int], power: list[int], a: int, b: int) -> int:
    return power[(log[a] + log[b]) % 255] if a and b else 0


@lru_cache(maxsize=160)
def _interleaved(version: int, level: str) -> NDArray[np.int64]:
    """Where each codeword goes, those of the data first, then those of the correction, block after block (7.6)."""
    layout = blocks(version, level)
    column = [i for size in layout.data for i in range(size)]
    block = [b for b, size in enumerate(layout.data) for _ in range(size)]
    ranks = np.lexsort((block, column))
    order = np.empty(len(column) + layout.correction * len(layout.data), np.int64)
    order[ranks] = np.arange(len(column))
    for b in range(len(layout.data)):
        start = len(column) + b * layout.correction
        order[start : start + layout.correction] = len(column) + b + np.arange(layout.correction) * len(layout.data)
    return order
