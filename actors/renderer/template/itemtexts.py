"""The pieces of items put together to one text a row, at once or when asked for; in Arrow where all of them are held there."""

from collections.abc import Sequence
from itertools import pairwise, repeat
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.renderer.functions.coded import Coded
from actors.renderer.functions.listcols import edges
from actors.renderer.functions.strings import made, parts
from actors.renderer.template.columns import Piece

Texts: TypeAlias = list[str] | pa.StringArray | Coded  # one a row


def joined(pieces: Sequence[Piece], statics: Sequence[str], counts: NDArray[np.int64]) -> list[str] | pa.StringArray:
    """One text a row from the pieces of its items."""
    m = int(counts.sum())
    if not pieces:
        return [""] * len(counts)
    columns = [_column(piece, statics) for piece in pieces]
    if None not in columns:
        items = pc.binary_join_element_wise(*columns, "")
        if isinstance(items, pa.StringArray):
            offsets, data = parts(items)
            rows: pa.StringArray = made(offsets[edges(counts)], data)
            return rows
    streams: list[Any] = []
    for piece in pieces:
        if piece.static < 0:
            streams.append(piece.values)
        elif piece.mask is None:
            streams.append(repeat(statics[piece.static], m))
        else:
            text = statics[piece.static]
            streams.append([text if on else "" for on in piece.mask.tolist()])
    texts = list(map("".join, zip(*streams, strict=True)))
    starts = edges(counts).tolist()
    return ["".join(texts[start:end]) for start, end in pairwise(starts)]


class LoopPiece(Piece):
    """What a loop wrote: `items` are the pieces of the items of all rows end to end, row i has `counts[i]` of them. Who encodes
    text can encode those once each; they are joined when somebody asks for the rows' texts."""

    __slots__ = ("_statics", "counts", "items")

    def __init__(self, items: list[Piece], statics: Sequence[str], counts: NDArray[np.int64]):
        super().__init__()
        self.items, self.counts, self._statics = items, counts, statics

    def _join(self) -> None:
        if self._text is None and self._values is None:
            texts = joined(self.items, self._statics, self.counts)
            if isinstance(texts, list):
                self._values = texts
            else:
                self._text = texts

    @property
    def text(self) -> pa.StringArray | None:
        """The rows' texts in Arrow, where the items' are."""
        self._join()
        return self._text

    @property
    def values(self) -> list[str]:
        """The rows' texts."""
        self._join()
        return super().values


def _column(piece: Piece, statics: Sequence[str]) -> pa.StringArray | pa.StringScalar | None:
    """The piece in Arrow (a literal for all items as it is); None where its texts are held in Python."""
    if piece.static < 0:
        return piece.text
    try:
        text = pa.scalar(statics[piece.static], pa.string())
    except UnicodeEncodeError:
        return None
    return text if piece.mask is None else pc.if_else(pa.array(piece.mask), text, "")
