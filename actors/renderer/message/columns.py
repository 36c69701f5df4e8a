"""Columns of text and bytes on their way to messages, and the rows that fall out on it.

A `Column` is one bytes object for all rows, a list with one a row, an Arrow array of them without nulls, or views of such.
A row that cannot be rendered keeps its place with an empty cell and is noted in `Failed`; the assembly drops it at the end.
Reasons name no value of the row.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.model.states import RowState
from actors.renderer.functions.coded import Coded
from actors.renderer.functions.strings import parts
from actors.renderer.functions.views import Beside, Views, constants, size_of, views, whole_rows
from actors.renderer.functions.views import joined as side_by_side

Column: TypeAlias = bytes | list[bytes] | pa.BinaryArray | Views
Failed = dict[int, tuple[RowState, str]]  # by index within the shard

_LARGE = pa.large_binary()  # the content of many rows at once may be over 2 GiB
_BLOCK = 1 << 20  # bytes of rows that are joined together: what a core's own cache holds
_LEAST_ROWS = 16  # fewer would cost more than the cache gains
SEPARATOR = "\0"  # between the cells of a joined column: the one character that may be in no cell


class Piece(Protocol):
    """A stretch of a rendered template: `static` indexes the plan's statics, or is -1 and `values` has a text a row. `closed`:
    one of the statics that close a slot stands behind it in every row that has it."""

    @property
    def static(self) -> int: ...
    @property
    def values(self) -> list[str]: ...
    @property
    def text(self) -> pa.StringArray | None: ...
    @property
    def coded(self) -> Coded | None: ...
    @property
    def closed(self) -> bool: ...
    @property
    def mask(self) -> NDArray[np.bool_] | None: ...


def fail(failed: Failed, index: int, reason: str) -> None:
    """Notes a render_error; the first reason of a row stays."""
    failed.setdefault(index, (RowState.RENDER_ERROR, reason))


def clean_text(piece: Piece, failed: Failed) -> pa.StringArray:
    """The piece's texts with line ends as LF. Cells that no mail can hold (NUL, lone surrogates) are emptied and fail."""
    text = piece.text
    if text is not None:
        data = parts(text)[1]
        if not len(data) or int(data.min()) >= ord(" "):
            return text
        held = data.tobytes()
        if b"\r" not in held and b"\0" not in held:
            return text
    values = piece.values
    together = SEPARATOR.join(values)
    if together.count(SEPARATOR) != max(len(values) - 1, 0) or not _encodes(together):
        together = SEPARATOR.join([_checked(value, index, failed) for index, value in enumerate(values)])
    if "\r" in together:
        together = together.replace("\r\n", "\n").replace("\r", "\n")
    return pa.array(together.split(SEPARATOR) if values else [], pa.string())


def cells(column: Column, n: int) -> list[bytes]:
    """One bytes object a row."""
    if isinstance(column, bytes):
        return [column] * n
    if isinstance(column, Views):
        column = joined([column], n)
    return column if isinstance(column, list) else column.to_numpy(zero_copy_only=False).tolist()


def masked(column: Column, mask: NDArray[np.bool_]) -> Column:
    """The column where the mask is true, nothing elsewhere."""
    if isinstance(column, list):
        return [cell if on else b"" for cell, on in zip(column, mask.tolist(), strict=True)]
    given = constants((column,)) if isinstance(column, bytes) else viewed(column)
    assert isinstance(given, Views)
    return given.where(mask)


def joined(columns: Sequence[Column], n: int) -> pa.LargeBinaryArray:
    """The content of each row, by columns."""
    return side_by_side(list(map(viewed, columns)), n, _LARGE)


def joined_blocks(columns: Sequence[Column], n: int) -> Iterator[pa.LargeBinaryArray]:
    """The same a block of rows at a time, each small enough to stay in the processor's cache for whoever reads it next."""
    together = Beside(list(map(viewed, columns)))
    width = together.width
    for texts in together.blocks(n):
        step = max(_LEAST_ROWS, _BLOCK * len(texts) // width // (size_of(texts) + 1))
        for start in range(0, len(texts) // width, step):
            yield whole_rows(texts.slice(start * width, step * width), width, _LARGE)


def viewed(column: Column) -> Views | bytes:
    """The column as views, or the bytes of all rows."""
    if isinstance(column, Views | bytes):
        return column
    return views(pa.array(column, pa.binary_view()) if isinstance(column, list) else column)


def rows(columns: Sequence[Column], n: int) -> list[bytes]:
    """The content of each row."""
    if not columns:
        return [b""] * n
    return cells(columns[0], n) if len(columns) == 1 else cells(joined(columns, n), n)


def texts(pieces: Sequence[Piece], statics: Sequence[str], n: int) -> list[str]:
    """The whole text of each row."""
    columns: list[Sequence[str]] = []
    for piece in pieces:
        values = [statics[piece.static]] * n if piece.static >= 0 else piece.values
        if piece.mask is not None:
            values = [value if on else "" for value, on in zip(values, piece.mask.tolist(), strict=True)]
        columns.append(values)
    if not columns:
        return [""] * n
    if len(columns) == 1:
        return list(columns[0])
    return list(map("".join, zip(*columns, strict=True)))


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _checked(value: str, index: int, failed: Failed) -> str:
    if SEPARATOR in value:
        fail(failed, index, "a NUL character in the body")
    elif not _encodes(value):
        fail(failed, index, "a lone surrogate in the body")
    else:
        return value
    return ""
