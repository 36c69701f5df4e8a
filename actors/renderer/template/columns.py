"""What a plan gives back: the pieces of a shard's texts, as columns, and the rows that gave no text.

The text of row i is the join of its pieces in order: `plan.statics[p.static]` where the piece is static and its mask is None or
true at i, else `p.values[i]`. A failed row has no text; its entries in the pieces mean nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.model.states import RowState

MaskArray = NDArray[np.bool_]


class Failure(NamedTuple):
    """Why a row gave no text: SKIPPED or RENDER_ERROR; the reason holds no personal data."""

    state: RowState
    reason: str


@dataclass(slots=True)
class Piece:
    """One stretch of the text of every row: a literal (`static` is its index in `Plan.statics`) or a slot's values."""

    static: int = -1
    values: list[str] = field(default_factory=list)  # one a row, "" where the row is masked out
    mask: MaskArray | None = None  # which rows have this piece; None: all


@dataclass(slots=True)
class Columns:
    """A plan's texts for one shard of `n` rows; `failed` is keyed by the row's index in the shard."""

    n: int
    pieces: list[Piece]
    failed: dict[int, Failure]

    def text(self, statics: Sequence[str], i: int) -> str:
        """The whole text of row i of the shard: for previews and tests, not for the hot path."""
        parts: list[str] = []
        for piece in self.pieces:
            if piece.static < 0:
                parts.append(piece.values[i])
            elif piece.mask is None or piece.mask[i]:
                parts.append(statics[piece.static])
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class SlotReport:
    """How one slot or statement of a template is worked out, for `hongyan explain`."""

    file: str
    line: int
    source: str
    mode: str  # "column" | "row by row"
    reason: str = ""  # why row by row
