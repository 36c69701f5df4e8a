"""Messages from their columns: signed, and written end to end, some megabytes at a time. No template, no list.

Columns are made for many rows at once, because a step costs the same whatever its rows; of the messages themselves, which are
far larger, no more are held than the caller asks for.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from actors.renderer.message.columns import Column, Failed
from actors.renderer.message.dkim import Signer, body_hash, relaxed
from actors.renderer.message.mime import join_rows, rows_of

Written = tuple[range, NDArray[np.uint8], NDArray[np.int64]]  # of these rows the messages of those kept, and their offsets


class Messages:
    """Messages of n rows: their fields in order, their body, a stamp each. Rows in `failed` are not written."""

    def __init__(
        self, fields: Sequence[tuple[str, Column]], body: Sequence[Column], stamps: Sequence[int], failed: Failed
    ) -> None:
        self._fields, self._body, self._stamps, self._failed = fields, body, stamps, failed

    def blocks(self, signers: Sequence[Signer], most: int) -> Iterator[Written]:
        """All rows in blocks, one at least; a block ends with the message that brings it to `most` bytes. This is the loop over
        rows that signatures ask for; each body is joined, hashed and copied while the processor's cache still holds it."""
        n, failed, stamps = len(self._stamps), self._failed, self._stamps
        heads = join_rows([lines for _, lines in self._fields] + [b"\r\n"], n)
        canonical = join_rows([relaxed(name, lines) for name, lines in self._fields], n) if signers else [b""] * n
        names = [name for name, _ in self._fields]
        headings = {t: [(signer, signer.heading(names, t)) for signer in signers] for t in set(stamps)}
        first, stream = 0, Stream(n - len(failed), most)
        for i, content in enumerate(rows_of(self._body, n)):
            if i in failed:
                continue
            if len(stream) >= most:
                yield range(first, i), stream.data(), np.array(stream.ends, np.int64)
                first, stream = i, Stream(n - i, most)
            if signers:
                digest = body_hash(content)
                for signer, heading in headings[stamps[i]]:
                    stream.add(signer.sign(heading, canonical[i], digest))
            stream.add(heads[i])
            stream.add(content)
            stream.end()
        yield range(first, n), stream.data(), np.array(stream.ends, np.int64)


class Stream:
    """Messages end to end in one NumPy array: NumPy asks for huge pages, which makes large shards 3 times as fast to write as
    the same bytes in a `bytes` object. The first message tells how much room `messages` of them need, or `most` bytes."""

    def __init__(self, messages: int, most: int) -> None:
        self._array: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._view = self._array.data
        self._messages, self._most = messages, most
        self._at = 0
        self.ends = [0]

    def add(self, data: bytes | memoryview) -> None:
        end = self._at + len(data)
        if end > len(self._array):
            self._grow(end + len(data))
        self._view[self._at : end] = data
        self._at = end

    def end(self) -> None:
        """A message is whole."""
        if len(self.ends) == 1:
            self._grow(min(self._at * self._messages * 9 // 8, self._most + 2 * self._at))
        self.ends.append(self._at)

    def __len__(self) -> int:
        return self._at

    def data(self) -> NDArray[np.uint8]:
        return self._array[: self._at]

    def _grow(self, least: int) -> None:
        larger: NDArray[np.uint8] = np.empty(max(least, len(self._array) * 3 // 2), np.uint8)
        larger[: self._at] = self._array[: self._at]
        self._array, self._view = larger, larger.data
