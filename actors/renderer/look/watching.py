"""Renders rows of a watched job and tells a `Look`: the way from the renderer's shards to the sums.

Mails are made as they would be sent, but without their signatures, whose size is the same for all of them.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.renderer.assemble import Shard, render_shard
from actors.renderer.job import TextPart
from actors.renderer.look.gather import Look, Rendered
from actors.renderer.message.dkim import Signer
from actors.renderer.message.mime import Entity, text_entity
from actors.renderer.template import Piece, Plan


class WatchedShard(Shard):
    """A shard that keeps what it has written on the way to the envelopes."""

    kept: dict[int, list[str]]
    parts: dict[int, Entity]
    html_bytes: NDArray[np.int64]

    def texts(self, plan: Plan) -> list[str]:
        """The plan's whole text for each row, worked out once."""
        if id(plan) not in self.kept:
            self.kept[id(plan)] = super().texts(plan)
        return self.kept[id(plan)]

    def line(self, plan: Plan) -> list[str]:
        """The same: a plan that runs twice would be counted twice."""
        return self.texts(plan)

    def part(self, part: TextPart) -> Entity:
        """The part's encoded body, worked out once."""
        if id(part) not in self.parts:
            self.parts[id(part)] = self._part(part)
        return self.parts[id(part)]

    def _part(self, part: TextPart) -> Entity:
        columns = part.plan.run(self.table, self.rows, spent=self.spent)
        self.take_failures(columns.failed)
        pieces = self.enclosed.take(columns, part.plan.statics)
        if part.subtype == "html":
            self.html_bytes = text_bytes(pieces, columns.n, part.plan.statics)
        return text_entity(part.subtype, part.encoder.name, part.encoder.encode(pieces, columns.n, self.failed))


def text_bytes(pieces: Sequence[Piece], n: int, statics: Sequence[str]) -> NDArray[np.int64]:
    """UTF-8 bytes of each row's text."""
    total = np.zeros(n, np.int64)
    for piece in pieces:
        if piece.static < 0:
            total += _utf8_bytes(piece.values)
        else:
            size = len(statics[piece.static].encode("utf-8", "replace"))
            total += size if piece.mask is None else size * piece.mask
    return total


def _utf8_bytes(texts: list[str]) -> NDArray[np.int64]:
    try:
        sizes: NDArray[np.int64] = pc.binary_length(pa.array(texts, pa.large_string())).to_numpy(zero_copy_only=False)
    except UnicodeEncodeError:  # half a surrogate pair: such a row fails
        sizes = np.fromiter((len(t.encode("utf-8", "replace")) for t in texts), np.int64, len(texts))
    return sizes


def look_at(shard: Shard, signers: Sequence[Signer], look: Look) -> None:
    """Renders the shard's rows and adds them to the look."""
    job = shard.job
    added = _signature_bytes(shard, signers)
    watched = WatchedShard(job, shard.table, shard.rows, shard.stamps, {}, shard.limit)
    watched.kept, watched.parts, watched.html_bytes = {}, {}, np.zeros(len(shard), np.int64)
    for part in reversed(
        job.texts
    ):  # the page first: a failure is told with its line there, not with that of the text made of it
        watched.part(part)
    envelopes = render_shard(watched, ())
    urls = [url.strip(" ") for url in watched.texts(job.unsubscribe)] if job.unsubscribe else [""] * len(shard)
    linked = np.fromiter(map(bool, urls), np.bool_, len(urls))
    secure = np.fromiter((url.lower().startswith("https:") for url in urls), np.bool_, len(urls))
    look.observe(
        Rendered(
            rows=shard.rows,
            envelopes=envelopes,
            subjects=watched.texts(job.subject),
            html_bytes=watched.html_bytes,
            signature_bytes=added,
            unsubscribe=linked,
            one_click=secure if job.snapshot.spec.content.one_click else np.zeros(len(urls), np.bool_),
        ),
        job.watches,
    )


def _signature_bytes(shard: Shard, signers: Sequence[Signer]) -> int:
    """What the signatures add to a mail: the same for every row, so the first one that can be rendered tells."""
    sizes: list[int] = []
    if signers and len(shard):
        first = shard.table.slice(0, 1)
        for chosen in ((), signers):
            one = Shard(shard.job, first, shard.rows[:1], shard.stamps[:1], {}, shard.limit)
            sizes.append(len(render_shard(one, chosen).data))
        for _, watch in shard.job.watches:
            watch.take()
    return sizes[1] - sizes[0] if sizes else 0
