"""The pieces of items put together to one text a row, in Arrow where all of them are held there."""

from collections.abc import Sequence
from itertools import pairwise, repeat
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.renderer.functions.listcols import edges
from actors.renderer.functions.strings import made, parts
from actors.renderer.template.columns import Piece

Texts = list[str] | pa.StringArray  # one a row


def joined(pieces: Sequence[Piece], statics: Sequence[str], counts: NDArray[np.int64]) -> Texts:
    """One text a row from the pieces of its items."""
    m = int(counts.sum())
    if not pieces:
        return [""] * len(counts)
    columns = [_column(piece, statics) for piece in pieces]
    if None not in columns:
        items = pc.binary_join_element_wise(*columns, "")
        if isinstance(items, pa.StringArray):
            offsets, data = parts(items)
            return made(offsets[edges(counts)], data)
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


def _column(piece: Piece, statics: Sequence[str]) -> pa.StringArray | pa.StringScalar | None:
    """The piece in Arrow (a literal for all items as it is); None where its texts are held in Python."""
    if piece.static < 0:
        return piece.text
    try:
        text = pa.scalar(statics[piece.static], pa.string())
    except UnicodeEncodeError:
        return None
    return text if piece.mask is None else pc.if_else(pa.array(piece.mask), text, "")
