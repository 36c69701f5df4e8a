"""What a plan gives back: the pieces of a shard's texts, as columns, and the rows that gave no text.

The text of row i is the join of its pieces in order: `plan.statics[p.static]` where the piece is static and its mask is None or
true at i, else `p.values[i]`. A failed row has no text; its entries in the pieces mean nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.model.states import RowState
from actors.renderer.functions.coded import Coded

MaskArray = NDArray[np.bool_]


class Failure(NamedTuple):
    """Why a row gave no text: SKIPPED or RENDER_ERROR; the reason holds no personal data."""

    state: RowState
    reason: str


class Piece:
    """One stretch of the text of every row: a literal (`static` is its index in `Plan.statics`) or a slot's values, held as
    Python texts, in Arrow or as codes of words. `closed`: a literal of `Plan.closing` follows in every row that has it."""

    __slots__ = ("_text", "_values", "closed", "coded", "mask", "static")

    def __init__(
        self,
        static: int = -1,
        values: list[str] | None = None,
        mask: MaskArray | None = None,
        text: pa.StringArray | None = None,
        coded: Coded | None = None,
        closed: bool = False,
    ):
        self.static, self.mask = static, mask  # the mask: which rows have this piece; None: all
        self._text, self._values, self.coded, self.closed = text, values, coded, closed

    @property
    def text(self) -> pa.StringArray | None:
        """The values in Arrow, without nulls; None where they were made of Python texts."""
        if self._text is None and self.coded is not None:
            self._text = self.coded.text()
        return self._text

    @property
    def values(self) -> list[str]:
        """One a row, "" where the row is masked out; none for a literal."""
        if self._values is None:
            self._values = [] if self.text is None else self.text.to_numpy(zero_copy_only=False).tolist()
        return self._values

    def lengths(self) -> NDArray[np.int64]:
        """The characters of each value."""
        if self.text is not None:
            return pc.utf8_length(self.text).to_numpy(zero_copy_only=False).astype(np.int64)  # type: ignore[no-any-return]
        return np.fromiter(map(len, self.values), np.int64, len(self.values))


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
    kernel: str = ""  # what works it out
