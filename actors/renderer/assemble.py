"""Rows of a compiled job to signed messages, a shard at a time and by columns: no IO but the files that rows attach.

The same job, row and stamp give the same bytes on every machine. Field order is fixed: signatures, Message-ID, Date, From, To,
Reply-To, Subject, List-Unsubscribe(-Post), the bundle's own fields, MIME-Version, Content fields.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.model.delivery import Envelopes, RowFailure
from actors.model.job import ADDRESS, RowArray, StampArray
from actors.model.states import RowState
from actors.renderer.attached import called_parts, row_entity
from actors.renderer.enclosed import Enclosed
from actors.renderer.envelope import return_paths
from actors.renderer.job import CompiledJob, TextPart
from actors.renderer.message import headers
from actors.renderer.message.columns import Column, Failed, fail, texts
from actors.renderer.message.dkim import Signer, body_hash, relaxed
from actors.renderer.message.mime import Entity, RowParts, join_rows, message_entity, rows_of, text_entity
from actors.renderer.template import Plan
from actors.renderer.template.itemtexts import joined
from actors.renderer.template.timelimit import Spent, TimeLimit

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
    job = shard.job
    recipients = addresses(shard)
    content = content_entity(shard)
    fields = [*own_fields(shard, recipients), ("MIME-Version", _MIME_VERSION), *content.fields]
    data, offsets = write_messages(shard, fields, content.body, signers)
    kept = [i for i in range(len(shard)) if i not in shard.failed]
    return Envelopes(
        job=job.snapshot.job,
        return_path=job.return_path,
        rows=shard.rows[kept],
        data=data,
        offsets=offsets,
        recipients=[recipients[i] for i in kept],
        utf8=np.array([job.utf8 or not recipients[i].isascii() for i in kept], np.bool_),
        failures=[RowFailure(int(shard.rows[i]), *shard.failed[i]) for i in sorted(shard.failed)],
        return_paths=return_paths(job.return_path, job.snapshot.job, shard.rows[kept].tolist(), job.bounce_key),
        dsn=job.dsn,
    )


def write_messages(
    shard: Shard, fields: Sequence[tuple[str, Column]], body: Sequence[Column], signers: Sequence[Signer]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The kept rows' messages end to end, and their offsets. This is the loop over rows that signatures ask for; each body is
    joined, hashed and copied while the processor's cache still holds it."""
    n, failed = len(shard), shard.failed
    heads = join_rows([lines for _, lines in fields] + [b"\r\n"], n)
    canonical = join_rows([relaxed(name, lines) for name, lines in fields], n) if signers else [b""] * n
    stamps = shard.stamps.tolist()
    names = [name for name, _ in fields]
    headings = {t: [(signer, signer.heading(names, t)) for signer in signers] for t in set(stamps)}
    stream = Stream(n - len(failed))
    for i, content in enumerate(rows_of(body, n)):
        if i in failed:
            continue
        if signers:
            digest = body_hash(content)
            for signer, heading in headings[stamps[i]]:
                stream.add(signer.sign(heading, canonical[i], digest))
        stream.add(heads[i])
        stream.add(content)
        stream.end()
    return stream.data(), np.array(stream.ends, np.int64)


class Stream:
    """Messages end to end in one NumPy array: NumPy asks for huge pages, which makes large shards 3 times as fast to write as
    the same bytes in a `bytes` object. The first message tells how much room `messages` of them need."""

    def __init__(self, messages: int) -> None:
        self._array: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._view = self._array.data
        self._messages = messages
        self._at = 0
        self.ends = [0]

    def add(self, data: bytes | memoryview) -> None:
        end = self._at + len(data)
        if end > len(self._array):
            self._grow(end + len(data))
        self._view[self._at : end] = data
        self._at = end

    def end(self) -> None:
        """A message is whole."""
        if len(self.ends) == 1:
            self._grow(self._at * self._messages * 9 // 8)
        self.ends.append(self._at)

    def data(self) -> NDArray[np.uint8]:
        return self._array[: self._at]

    def _grow(self, least: int) -> None:
        larger: NDArray[np.uint8] = np.empty(max(least, len(self._array) * 3 // 2), np.uint8)
        larger[: self._at] = self._array[: self._at]
        self._array, self._view = larger, larger.data


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
