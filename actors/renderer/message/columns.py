"""Columns of text and bytes on their way to messages, and the rows that fall out on it.

A `Column` is one bytes object for all rows, or a list with one a row. A row that cannot be rendered keeps its place with an
empty cell and is noted in `Failed`; the assembly drops it at the end. Reasons name no value of the row.
"""

import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from actors.model.states import RowState

Column = bytes | list[bytes]
Failed = dict[int, tuple[RowState, str]]  # by index within the shard

SEPARATOR = "\0"  # between the cells of a joined column: the one character that may be in no cell
_LINE_END = re.compile(r"\r\n|\r|\n")


class Piece(Protocol):
    """A stretch of a rendered template: `static` indexes the plan's statics, or is -1 and `values` has a text a row."""

    @property
    def static(self) -> int: ...
    @property
    def values(self) -> list[str]: ...
    @property
    def mask(self) -> NDArray[np.bool_] | None: ...


def fail(failed: Failed, index: int, reason: str) -> None:
    """Notes a render_error; the first reason of a row stays."""
    failed.setdefault(index, (RowState.RENDER_ERROR, reason))


def canonical_newlines(text: str) -> str:
    """Every line end as CRLF (RFC 2045 section 6.8)."""
    return _LINE_END.sub("\r\n", text)


def join_cells(values: Sequence[str], failed: Failed) -> str:
    """The cells with `SEPARATOR` between them, line ends canonical. Cells that no mail can hold (NUL, lone surrogates) fail."""
    joined = SEPARATOR.join(values)
    if joined.count(SEPARATOR) != len(values) - 1 or not _encodes(joined):
        joined = SEPARATOR.join([_checked(value, index, failed) for index, value in enumerate(values)])
    if "\n" in joined or "\r" in joined:
        joined = canonical_newlines(joined)
    return joined


def utf8_cells(values: Sequence[str], failed: Failed) -> list[bytes]:
    """The cells as UTF-8 with canonical line ends."""
    return join_cells(values, failed).encode().split(b"\0") if values else []


def texts(pieces: Sequence[Piece], statics: Sequence[str], n: int) -> list[str]:
    """The whole text of each row."""
    columns: list[Sequence[str]] = []
    for piece in pieces:
        cells = [statics[piece.static]] * n if piece.static >= 0 else piece.values
        if piece.mask is not None:
            cells = [cell if on else "" for cell, on in zip(cells, piece.mask.tolist(), strict=True)]
        columns.append(cells)
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
