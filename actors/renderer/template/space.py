"""What pieces stand for: the rows of a shard, or the items of a loop. It ends rows that write more than a row may.

A text that is known for some places only is empty in all others. Lengths are counted piece by piece only when the sum of the
longest ones may be too much.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.renderer.functions.coded import Coded
from actors.renderer.functions.limits import MAX_OUTPUT_CHARS
from actors.renderer.functions.strings import longest_bytes
from actors.renderer.functions.values import Index
from actors.renderer.template.columns import Piece
from actors.renderer.template.itemtexts import LoopPiece, Texts
from actors.renderer.template.shard import Shard

_EMPTY = pa.array([""])


class Space:
    """`owners`: the shard's rows that the places belong to, at most `most` of them to one row (None: they are the rows)."""

    __slots__ = ("longest", "most", "n", "owners", "shard")

    def __init__(self, shard: Shard, owners: Index | None = None, most: int = 1):
        self.shard, self.owners, self.most = shard, owners, most
        self.n = shard.n if owners is None else len(owners)
        self.longest = 0  # no place of it has more characters than this so far

    def write(self, pieces: list[Piece], texts: Texts, index: Index | None, closed: bool) -> None:
        """Adds a slot's texts of these places (None: all). `closed`: a literal follows at once."""
        if isinstance(texts, Coded):
            pieces.append(Piece(coded=texts if index is None else texts.placed(index, self.n), closed=closed))
            self._wrote(pieces, texts.longest())
            return
        longest = max(map(len, texts), default=0) if isinstance(texts, list) else longest_bytes(texts)
        placed = texts if index is None else _placed(texts, index, self.n)
        pieces.append(Piece(values=placed, closed=closed) if isinstance(placed, list) else Piece(text=placed, closed=closed))
        self._wrote(pieces, longest)

    def write_items(
        self, pieces: list[Piece], items: "Space", written: list[Piece], counts: NDArray[np.int64], index: Index | None
    ) -> None:
        """Adds what was written in a loop's space; each of these places has so many of the items."""
        if index is not None:
            placed = np.zeros(self.n, np.int64)
            placed[index] = counts
            counts = placed
        pieces.append(LoopPiece(written, self.shard.statics, counts))
        literals = sum(len(self.shard.statics[piece.static]) for piece in written if piece.static >= 0)
        self._wrote(pieces, int(counts.max(initial=0)) * (items.longest + literals))

    def _wrote(self, pieces: list[Piece], chars: int) -> None:
        """Notes that the last of these pieces has at most so many characters in any place."""
        self.longest += chars
        if self.longest * self.most > MAX_OUTPUT_CHARS:
            self._measure(pieces)

    def _measure(self, pieces: list[Piece]) -> None:
        """Counts what each row has written here, and stops those that wrote too much."""
        shard = self.shard
        chars = np.zeros(self.n, np.int64)
        for piece in pieces:
            if piece.static < 0:
                chars += piece.lengths()
            elif self.owners is not None:  # a literal outside of loops costs a row nothing
                chars += len(shard.statics[piece.static]) * (1 if piece.mask is None else piece.mask)
        total = chars if self.owners is None else shard.sums(self.owners, chars)
        long = shard.limit_written(total)
        if long.any():
            last = pieces[-1]
            gone = long if self.owners is None else long[self.owners]
            if last.static < 0:
                pieces[-1] = Piece(values=["" if cut else text for text, cut in zip(last.values, gone.tolist(), strict=True)])
        self.longest = int(total[~long].max(initial=0)) // self.most


def _placed(texts: list[str] | pa.StringArray, index: Index, n: int) -> list[str] | pa.StringArray:
    """The texts at these of n places."""
    if isinstance(texts, list):
        placed = [""] * n
        for i, text in zip(index.tolist(), texts, strict=True):
            placed[i] = text
        return placed
    places = np.zeros(n, np.int64)
    places[index] = np.arange(1, len(index) + 1)
    return pa.concat_arrays([_EMPTY, texts]).take(pa.array(places))
