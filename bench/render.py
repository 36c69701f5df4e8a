"""`hongyan bench render`: generation on one core beside Jinja2, a signature and the `qrcode` package, in one run; and what a
large template takes to compile.

Both sides take the same frozen list and give the finished, transfer-encoded part of every row. Jinja2 runs its own compiled
code, unsandboxed, with the functions of scalars.py; its texts are encoded by Python's own library, and must say the same.
"""

import asyncio
import quopri
import random
import tempfile
import time
from base64 import b64decode, encodebytes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.header import Header
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from jinja2 import Environment

from actors.model.job import segment_path
from actors.model.rendersettings import Identity
from actors.renderer.assemble import Shard, render_shard
from actors.renderer.job import CompiledJob, compile_job
from actors.renderer.message import headers
from actors.renderer.message.dkim import Signer
from actors.renderer.message.mime import rows_of
from actors.renderer.template import Context, compile_template
from bench import people, qr, scalars, statement
from bench.machine import machine
from bench.people import ROWS
from cluster.config import Config
from cluster.export.worker import MOST_ROWS
from cluster.workbench import opened

CASES = ("heavy", "newsletter", "subject", "mime", "qr", "compile")
SHARD = MOST_ROWS  # as where mails are rendered without being sent
QUICK_ROWS = 2 * SHARD  # the whole bench within 50 s
PEER_ROWS = SHARD  # what a row costs the peer does not depend on how many there are
SIGNATURES = 1000
REPEATS = 3
STAMP = 1_764_000_000
COMPILED_BYTES = 100_000
COMPILE_MS = 200
Say = Callable[[str], None]
Run = Callable[[], Any]


def run(cases: list[str], quick: bool, say: Say) -> dict[str, Any]:
    """All cases. `ratio`: how many times the peer's rate, or, of a `limit`, the share of it."""
    rows = QUICK_ROWS if quick else ROWS
    measured = {
        "heavy": lambda: _part("heavy", statement.HEAVY, rows, say),
        "newsletter": lambda: _part("newsletter", statement.NEWSLETTER, rows, say),
        "subject": lambda: _subject(rows, say),
        "mime": lambda: _mime(rows, say),
        "qr": lambda: qr.run(quick),
        "compile": _compile,
    }
    results = []
    for case in cases:
        say(f"{case} ...")
        results.append(measured[case]())
    return {"bench": "render", "machine": machine(), "results": results}


class Frozen:
    """An accepted bundle: its compiled job and its roster, shard by shard."""

    def __init__(self, job: CompiledJob, roster: pa.Table):
        self.job, self._roster = job, roster

    def shards(self) -> Iterator[Shard]:
        """All rows in order."""
        for first in range(0, len(self._roster), SHARD):
            table = self._roster.slice(first, SHARD)
            numbers = np.arange(first, first + len(table))
            yield Shard(self.job, table, numbers, np.full(len(table), STAMP), {})


@contextmanager
def frozen(body: str, rows: int) -> Iterator[tuple[Frozen, list[dict[str, Any]]]]:
    """The bundle as intake freezes it, and the first rows for a peer."""
    with tempfile.TemporaryDirectory(prefix="hongyan-bench-") as folder:
        listed = statement.write_bundle(Path(folder) / "bundle", body, rows)

        async def accept() -> Frozen:
            async with opened(Path(folder) / "bundle", Config()) as bench:
                job = compile_job(bench.vault, bench.job)
                count = job.snapshot.manifest.segments
                parts = [pa.ipc.open_file(bench.vault.local(segment_path(bench.job, k))).read_all() for k in range(count)]
                return Frozen(job, pa.concat_tables(parts).combine_chunks())

        yield asyncio.run(accept()), listed.slice(0, PEER_ROWS).to_pylist()


def environment(rows: list[dict[str, Any]]) -> Environment:
    """Jinja2 with the bare functions; null prints as nothing."""
    found = Environment(autoescape=True, finalize=lambda value: "" if value is None else value)
    found.filters.update(scalars.ALL)
    by_id: dict[str, list[dict[str, Any]]] = {}
    for line in statement.lines([row["id"] for row in rows]).to_pylist():
        by_id.setdefault(line["id"], []).append(line)
    found.globals.update(scalars.ALL, lookup_rows=lambda name, key: by_id.get(key, []))
    return found


def _part(case: str, body: str, rows: int, say: Say) -> dict[str, Any]:
    with frozen(body, rows) as (given, listed):
        part = given.job.texts[-1]
        template = environment(listed).from_string(statement.page(body))
        encode = _quoted if part.encoder.name == "quoted-printable" else encodebytes

        def ours() -> None:
            for shard in given.shards():
                for _ in rows_of(shard.part(part).body, len(shard)):
                    pass

        shard = next(given.shards())
        made = [bytes(row) for row in rows_of(shard.part(part).body, len(shard))]
        decode = quopri.decodestring if encode is _quoted else _unbased
        texts = [template.render(row) for row in listed]
        for data, text in zip(made, texts, strict=False):
            if decode(data).decode().replace("\r\n", "\n").rstrip() != text.rstrip():
                raise RuntimeError(f"{case}: the two sides give different texts")
        if shard.failed:
            raise RuntimeError(f"{case}: {len(shard.failed)} rows fail")
        alone = peer = rate = 0.0
        for _ in range(REPEATS):  # in turn: the clock of a shared processor wanders
            alone = max(alone, _rate(lambda: [template.render(row) for row in listed], len(listed), 1))
            peer = max(peer, _rate(lambda: [encode(template.render(row).encode()) for row in listed], len(listed), 1))
            rate = max(rate, _rate(ours, rows, 1))
        found = _versus(case, rate, "jinja2", peer, "parts/s")
        return found | {
            "peer_text_only": round(alone),
            "ratio_text_only": round(found["rate"] / alone, 1),
            "bytes": len(made[0]),
        }


def _subject(rows: int, say: Say) -> dict[str, Any]:
    with frozen(statement.NEWSLETTER, rows) as (given, listed):
        template = environment(listed).from_string(statement.SUBJECT)
        plan = given.job.subject

        def ours() -> None:
            for shard in given.shards():
                headers.unstructured("Subject", shard.line(plan), shard.failed)

        def theirs() -> list[str]:
            return [f"Subject: {Header(template.render(row), 'utf-8', header_name='Subject').encode()}\r\n" for row in listed]

        alone = _rate(lambda: [template.render(row) for row in listed], len(listed))
        found = _versus("subject", _rate(ours, rows), "jinja2", _rate(theirs, len(listed)), "headers/s")
        return found | {"peer_text_only": round(alone), "ratio_text_only": round(found["rate"] / alone, 1)}


def _mime(rows: int, say: Say) -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    signers = [Signer(Identity("bank.test", "bench", pem))]
    scheme, digest, data = padding.PKCS1v15(), hashes.SHA256(), random.Random(3).randbytes(1000)
    some = rows // 5  # a signature takes as long as some hundred parts
    with frozen(statement.NEWSLETTER, some) as (given, _):

        def ours() -> None:
            for shard in given.shards():
                render_shard(shard, signers)

        best_limit = best = 0.0
        for _ in range(REPEATS):  # in turn: the clock of a shared processor wanders
            best_limit = max(
                best_limit, _rate(lambda: [key.sign(data, scheme, digest) for _ in range(SIGNATURES)], SIGNATURES, 1)
            )
            best = max(best, _rate(ours, some, 1))
    return {
        "case": "mime",
        "rate": round(best),
        "unit": "mails/s",
        "limit": round(best_limit),
        "limit_is": "RSA-2048 signatures/s",
        "ratio": round(best / best_limit, 2),
    }


def _compile() -> dict[str, Any]:
    """A page of 100 KB with 108 slots, until the first row could be rendered. `ratio`: the share of what is allowed."""
    source = statement.ours(statement.page(statement.NEWSLETTER * 12, COMPILED_BYTES))
    context = Context(types=people.TYPES, as_of=datetime.fromtimestamp(STAMP, UTC))
    rate = _rate(lambda: compile_template(source, name="page.html", context=context, escape=True, typed=True), 1)
    return {
        "case": "compile",
        "rate": round(1000 / rate),
        "unit": "ms",
        "limit": COMPILE_MS,
        "limit_is": "ms that it may take",
        "ratio": round(1000 / rate / COMPILE_MS, 2),
        "bytes": len(source.encode()),
    }


def _versus(case: str, rate: float, peer: str, peer_rate: float, unit: str) -> dict[str, Any]:
    return {
        "case": case,
        "rate": round(rate),
        "unit": unit,
        "peer": peer,
        "peer_rate": round(peer_rate),
        "ratio": round(rate / peer_rate, 1),
    }


def _rate(work: Run, rows: int, repeats: int = REPEATS) -> float:
    """Rows a second of this process's own time, in the best run."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return rows / best


def _quoted(data: bytes) -> bytes:
    return quopri.encodestring(data)


def _unbased(data: bytes) -> bytes:
    return b64decode(data)
