"""The layout of a message (RFC 2045, 2046, 2387): multipart/mixed > related > alternative, each only where it is needed.

An `Entity` is a part as columns: its header fields and its body. Every body ends with a line end, so a delimiter line may
follow at once. Boundaries start with `=_`, which neither quoted-printable nor base64 can produce, so no content holds one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np
import pyarrow as pa

from actors.renderer.functions.views import Views
from actors.renderer.message.base64parts import base64_lines
from actors.renderer.message.columns import Column, joined_blocks

_MERGE = 65_536  # constants up to this size are joined; copying larger ones a shard costs more than it saves


@dataclass(frozen=True, slots=True)
class Entity:
    """A MIME part: `fields` are whole header fields by name."""

    fields: tuple[tuple[str, Column], ...]
    body: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class OptionalPart:
    """A part that only some rows have: its header fields, empty line and body in one, nothing where a row has none."""

    lines: list[bytes]


def whole_part(content_type: bytes, disposition: bytes, body: bytes, content_id: str = "") -> bytes:
    """A file of one row, its body in base64 lines, as an `OptionalPart` holds it."""
    entity = file_entity(content_type, disposition, body, content_id)
    return b"".join(join_rows([*(lines for _, lines in entity.fields), b"\r\n", *entity.body], 1))


def text_entity(subtype: str, encoding: str, body: Sequence[Column]) -> Entity:
    """A text part in UTF-8."""
    content_type = f"Content-Type: text/{subtype}; charset=utf-8\r\n".encode("ascii")
    return Entity((("Content-Type", content_type), _transfer_field(encoding)), tuple(body))


def file_entity(content_type: Column, disposition: Column, body: Column, content_id: str = "") -> Entity:
    """A file whose body is already in base64 lines; `content_type` and `disposition` are whole fields."""
    fields: list[tuple[str, Column]] = [
        ("Content-Type", content_type),
        _transfer_field("base64"),
        ("Content-Disposition", disposition),
    ]
    if content_id:
        fields.append(("Content-ID", f"Content-ID: <{content_id}>\r\n".encode("ascii")))
    return Entity(tuple(fields), (body,))


def file_lines(data: bytes) -> bytes:
    """A file's base64 body; an empty file is an empty line."""
    return base64_lines(data) or b"\r\n"


def multipart(
    subtype: str, boundary: str, first: Sequence[Entity], more: Sequence[OptionalPart] = (), *, always: bool = False
) -> Entity:
    """The parts under one roof, those that all rows have first; a single part stays alone, if not `always`."""
    parts = first
    if len(parts) == 1 and not always:
        return parts[0]
    parameter = '; type="multipart/alternative"' if subtype == "related" and _is_alternative(parts[0]) else ""
    if subtype == "related" and not parameter:
        parameter = '; type="text/html"'
    content_type = f'Content-Type: multipart/{subtype}{parameter};\r\n boundary="{boundary}"\r\n'.encode("ascii")
    delimiter = f"--{boundary}\r\n".encode("ascii")
    body: list[Column] = []
    for part in parts:
        body += [delimiter, *(lines for _, lines in part.fields), b"\r\n", *part.body]
    body += [[delimiter + lines if lines else b"" for lines in part.lines] for part in more]
    body.append(f"--{boundary}--\r\n".encode("ascii"))
    return Entity((("Content-Type", content_type),), tuple(merged(body)))


@dataclass(frozen=True, slots=True)
class RowParts:
    """Parts that rows have of their own. None: the job has no template that asks for such, so there needs be no place."""

    pictures: Sequence[OptionalPart] | None = None
    attachments: Sequence[OptionalPart] | None = None


def message_entity(
    texts: Sequence[Entity], inline: Sequence[Entity], attachments: Sequence[Entity], job: str, own: RowParts = RowParts()
) -> Entity:
    """The whole content: `texts` from plain to rich (RFC 2046 section 5.1.4), the last one refers to `inline`. All rows of a
    job have the same layout."""
    alternative = multipart("alternative", f"=_a_{job}", texts)
    pictured, attached = own.pictures is not None, own.attachments is not None
    related = multipart("related", f"=_r_{job}", [alternative, *inline], own.pictures or (), always=pictured)
    return multipart("mixed", f"=_m_{job}", [related, *attachments], own.attachments or (), always=attached)


def merged(columns: Sequence[Column]) -> list[Column]:
    """The same content with neighbouring constants joined."""
    out: list[Column] = []
    for column in columns:
        last = out[-1] if out else None
        if isinstance(column, bytes) and isinstance(last, bytes) and len(last) + len(column) <= _MERGE:
            out[-1] = last + column
        elif not (isinstance(column, bytes) and not column):
            out.append(column)
    return out


def rows_of(columns: Sequence[Column], n: int) -> Iterator[bytes | memoryview]:
    """The content of each row, one after the other."""
    columns = merged(columns)
    if not columns:
        return repeat(b"", n)
    if any(isinstance(c, pa.Array | Views) for c in columns):
        return chain.from_iterable(map(_views, joined_blocks(columns, n)))
    return map(b"".join, zip(*(repeat(c, n) if isinstance(c, bytes) else c for c in columns), strict=True))


def _views(rows: pa.LargeBinaryArray) -> Iterator[memoryview]:
    _, offsets, data = rows.buffers()
    held = memoryview(data or b"").cast("B")
    ends = np.frombuffer(offsets, np.int64)[rows.offset : rows.offset + len(rows) + 1].tolist()
    return map(held.__getitem__, map(slice, ends, ends[1:]))


def join_rows(columns: Sequence[Column], n: int) -> list[bytes]:
    """The content of all rows."""
    return list(map(bytes, rows_of(columns, n)))


def _transfer_field(encoding: str) -> tuple[str, bytes]:
    return "Content-Transfer-Encoding", f"Content-Transfer-Encoding: {encoding}\r\n".encode("ascii")


def _is_alternative(part: Entity) -> bool:
    lines = part.fields[0][1]
    return isinstance(lines, bytes) and b"multipart/alternative" in lines
