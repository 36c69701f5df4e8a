"""Jinja2's filters that have a faster form on columns; all others run value by value through the sandbox's own.

A fast form gives None where the column's kind is none of its own: then the slow form decides.
"""

from collections.abc import Callable
from typing import Any

from actors.renderer.functions.listcols import ListCol
from actors.renderer.functions.values import INT, TEXT, Col, column_of, numbers

Fast = Callable[[Col], Col | None]


def _texts(function: Callable[[str], str]) -> Fast:
    """A function of text, for text columns without nulls."""

    def fast(column: Col) -> Col | None:
        if column.kind != TEXT or column.null is not None:
            return None
        return column_of(list(map(function, column.list())))

    return fast


def _unchanged(*kinds: str) -> Fast:
    """A filter that leaves columns of these kinds as they are."""

    def fast(column: Col) -> Col | None:
        return column if column.kind in kinds and column.null is None else None

    return fast


def _length(column: Col) -> Col | None:
    if isinstance(column, ListCol) and column.null is None:
        return numbers(INT, column.counts())
    if column.kind != TEXT or column.null is not None:
        return None
    lengths: list[Any] = list(map(len, column.list()))
    return column_of(lengths)


FAST: dict[str, Fast] = {
    "upper": _texts(str.upper),
    "lower": _texts(str.lower),
    "trim": _texts(str.strip),
    "capitalize": _texts(str.capitalize),
    "string": _unchanged(TEXT),
    "int": _unchanged(INT),
    "length": _length,
    "count": _length,
    "default": _unchanged(TEXT, INT, "float", "bool"),
    "d": _unchanged(TEXT, INT, "float", "bool"),
}
