"""Rows of a compiled job to signed messages, a shard at a time and by columns: no IO but the files that rows attach.

The same job, row and stamp give the same bytes on every machine. Field order is fixed: signatures, Message-ID, Date, From, To,
Reply-To, Subject, List-Unsubscribe(-Post), the bundle's own fields, MIME-Version, Content fields.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.model.delivery import Envelopes, RowFailure
from actors.model.job import ADDRESS, RowArray, StampArray
from actors.model.rendersettings import TimeLimit
from actors.model.states import RowState
from actors.renderer.attached import called_parts, row_entity
from actors.renderer.enclosed import Enclosed
from actors.renderer.envelope import return_paths
from actors.renderer.job import CompiledJob, TextPart
from actors.renderer.message import headers
from actors.renderer.message.columns import Column, Failed, fail, texts
from actors.renderer.message.dkim import Signer
from actors.renderer.message.mime import Entity, RowParts, message_entity, text_entity
from actors.renderer.template import Plan
from actors.renderer.template.itemtexts import joined
from actors.renderer.template.timelimit import Spent
from actors.renderer.writing import Messages

_ONE_CLICK = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
_MIME_VERSION = b"MIME-Version: 1.0\r\n"


@dataclass(slots=True)
class Shard:
    """The rows that are being rendered: `table` has exactly these rows, in this order."""

    job: CompiledJob
    table: pa.Table | pa.RecordBatch
    rows: RowArray
    stamps: StampArray
    failed: Failed
    limit: TimeLimit | None = None
    enclosed: Enclosed = field(init=False)
    spent: Spent | None = field(init=False)  # the time that the rows have taken in all templates

    def __post_init__(self) -> None:
        self.spent = Spent.of(self.limit, len(self.rows)) if self.limit else None
        self.enclosed = Enclosed(self.job.enclosures, self.failed, self.job.snapshot.job)

    def __len__(self) -> int:
        return len(self.rows)

    def texts(self, plan: Plan) -> list[str]:
        """The plan's whole text for each row."""
        columns = plan.run(self.table, self.rows, spent=self.spent)
        self.take_failures(columns.failed)
        return texts(columns.pieces, plan.statics, columns.n)

    def line(self, plan: Plan) -> list[str] | pa.StringArray:
        """The same, in Arrow where all of the plan's pieces are."""
        columns = plan.run(self.table, self.rows, spent=self.spent)
        self.take_failures(columns.failed)
        return joined(columns.pieces, plan.statics, np.ones(columns.n, np.int64))

    def part(self, part: TextPart) -> Entity:
        """The part's encoded body."""
        columns = part.plan.run(self.table, self.rows, spent=self.spent)
        self.take_failures(columns.failed)
        pieces = self.enclosed.take(columns, part.plan.statics)
        body = part.encoder.encode(pieces, columns.n, self.failed)
        return text_entity(part.subtype, part.encoder.name, body)

    def part_of(self, rows: Sequence[int]) -> "Shard":
        """Some rows as a shard of their own."""
        table = self.table.take(pa.array(rows, pa.int64()))
        part = Shard(self.job, table, self.rows[list(rows)], self.stamps[list(rows)], {}, self.limit)
        part.spent = self.spent.part(list(rows)) if self.spent else None
        return part

    def take_failures(self, failed: Mapping[int, tuple[RowState, str]]) -> None:
        for index, failure in failed.items():
            self.failed.setdefault(index, failure)


def render_shard(shard: Shard, signers: Sequence[Signer]) -> Envelopes:
    """The envelopes of the rows that gave a message; the others are in `failures`."""
    (envelopes,) = lay_out(shard)(signers, sys.maxsize)
    return envelopes


Writer = Callable[[Sequence[Signer], int], Iterator[Envelopes]]


def lay_out(shard: Shard) -> Writer:
    """All columns of the rows' messages. What comes back writes them, `most` bytes at a time: envelopes of neighbouring rows,
    one block after the other, at least one; each ends with the message that brings it to so many bytes."""
    recipients = addresses(shard)
    content = content_entity(shard)
    fields = [*own_fields(shard, recipients), ("MIME-Version", _MIME_VERSION), *content.fields]

    def write(signers: Sequence[Signer], most: int) -> Iterator[Envelopes]:
        messages = Messages(fields, content.body, shard.stamps.tolist(), shard.failed)
        return (_envelopes(shard, recipients, *block) for block in messages.blocks(signers, most))

    return write


def _envelopes(
    shard: Shard, recipients: Sequence[str], block: range, data: NDArray[np.uint8], offsets: NDArray[np.int64]
) -> Envelopes:
    job = shard.job
    kept = [i for i in block if i not in shard.failed]
    return Envelopes(
        job=job.snapshot.job,
        return_path=job.return_path,
        rows=shard.rows[kept],
        data=data,
        offsets=offsets,
        recipients=[recipients[i] for i in kept],
        utf8=np.array([job.utf8 or not recipients[i].isascii() for i in kept], np.bool_),
        failures=[RowFailure(int(shard.rows[i]), *shard.failed[i]) for i in block if i in shard.failed],
        return_paths=return_paths(job.return_path, job.snapshot.job, shard.rows[kept].tolist(), job.bounce_key),
        dsn=job.dsn,
    )


def addresses(shard: Shard) -> list[str]:
    """The forward path of each row; a row without one fails."""
    found: list[str | None] = shard.table.column(ADDRESS).to_pylist()
    for index, address in enumerate(found):
        if not address:
            fail(shard.failed, index, "the row has no valid address")
    return [address or "" for address in found]


def own_fields(shard: Shard, recipients: list[str]) -> list[tuple[str, Column]]:
    """All fields above MIME-Version, in order."""
    job, failed = shard.job, shard.failed
    tail = f"@{job.sender.domain}>\r\n"
    head = f"Message-ID: <{job.snapshot.job}."
    fields: list[tuple[str, Column]] = [
        ("Message-ID", [f"{head}{row}{tail}".encode("ascii") for row in shard.rows.tolist()]),
        ("Date", dates(shard)),
        ("From", job.from_line),
        ("To", list(headers.structured("To", recipients, failed, utf8=True))),
        ("Reply-To", job.reply_line),
        ("Subject", headers.unstructured("Subject", shard.line(job.subject), failed)),
        *unsubscribe_fields(shard),
    ]
    for name, plan in job.headers:
        fields.append((name, headers.unstructured(name, shard.line(plan), failed)))
    return fields


def dates(shard: Shard) -> Column:
    """The Date fields, from the stamps, in the job's time zone."""
    stamps = shard.stamps.tolist()
    known = {
        stamp: f"Date: {format_datetime(datetime.fromtimestamp(stamp, shard.job.zone))}\r\n".encode("ascii")
        for stamp in set(stamps)
    }
    return known[stamps[0]] if len(known) == 1 else [known[stamp] for stamp in stamps]


def unsubscribe_fields(shard: Shard) -> list[tuple[str, Column]]:
    """RFC 2369, and RFC 8058 for rows whose URL is https."""
    plan = shard.job.unsubscribe
    if plan is None:
        return []
    urls = [url.strip(" ") for url in shard.texts(plan)]
    for index, url in enumerate(urls):
        if url and not headers.UNSUBSCRIBE_URL.fullmatch(url):
            fail(shard.failed, index, "the unsubscribe text is no https or mailto URL")
            urls[index] = ""
    name = "List-Unsubscribe"
    fields: list[tuple[str, Column]] = [
        (name, list(headers.structured(name, [f"<{url}>" if url else "" for url in urls], shard.failed)))
    ]
    if shard.job.snapshot.spec.content.one_click:
        secure = [url.lower().startswith("https:") for url in urls]
        lines: Column = _ONE_CLICK if all(secure) else [_ONE_CLICK if on else b"" for on in secure]
        fields.append(("List-Unsubscribe-Post", lines))
    return fields


def content_entity(shard: Shard) -> Entity:
    """The message's content below its own fields."""
    job = shard.job
    job.enclosures.forget()
    parts = [shard.part(part) for part in job.texts]
    attachments = [a if isinstance(a, Entity) else row_entity(shard, a, job.files) for a in job.attachments]
    own = RowParts(
        shard.enclosed.pictures(len(shard), job.files) if job.pictured else None,
        called_parts(shard, job.made, job.files) if job.attached else None,
    )
    return message_entity(parts, job.inline, attachments, job.snapshot.job, own)
