"""QR codes of a whole shard: the modules that the `qrcode` package draws for the same text, level and version, as arrays.

Texts are grouped by version; a group is worked on in pieces that stay in the processor's cache.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.renderer.media.qr_data import Row, bits_of, versions
from actors.renderer.media.qr_masks import best, pack, segments
from actors.renderer.media.qr_standard import Bits, finals, geometry

_PIECE: Final = 1 << 20  # modules of the eight masks that are worked on at once


def symbols(texts: Sequence[str], level: str, least: int = 1) -> Iterator[tuple[int, list[int], Bits]]:
    """Groups of texts: the version (41: too long for any), the places in `texts`, and the modules [codes, size, size]."""
    rows = [Row(text) for text in texts]
    groups: dict[int, list[int]] = {}
    for place, version in enumerate(versions(rows, level, least)):
        groups.setdefault(version, []).append(place)
    for version, places in groups.items():
        if version > 40:
            yield version, places, np.zeros((0, 0, 0), np.uint8)
            continue
        step = max(1, _PIECE // (8 * geometry(version).size ** 2))
        for start in range(0, len(places), step):
            some = places[start : start + step]
            yield version, some, modules([rows[i] for i in some], version, level)


def modules(rows: Sequence[Row], version: int, level: str) -> Bits:
    """The finished symbols: [codes, size, size]."""
    size = geometry(version).size
    bits = bits_of(rows, version, level)
    cut = segments(size)
    windows, plain = _places(version)
    padded = np.concatenate([bits, np.zeros((len(rows), 1), np.uint8)], axis=1)
    words = pack(padded.take(windows, axis=1), cut.word)
    masks = best(version, np.ascontiguousarray(words.transpose(1, 2, 0)))
    return padded.take(plain, axis=1) ^ finals(version, level)[masks]


@lru_cache(maxsize=40)
def _places(version: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each module the place of its bit, -1 where it has none: [rows, segments, bits] and plain [rows, columns]."""
    place = geometry(version)
    size = place.size
    cut = segments(size)
    plain = np.full(size * size, -1, np.int64)
    used = len(place.order) // 8 * 8
    plain[place.order[:used]] = np.arange(used)
    wide = np.full((size, len(cut.starts) * cut.stride + cut.bits), -1, np.int64)
    wide[:, :size] = plain.reshape(size, size)
    windows = np.stack([wide[:, s * cut.stride :][:, : cut.bits] for s in range(len(cut.starts))], axis=1)
    return windows, plain.reshape(size, size)
