"""A bundle to finished mails in files, on all cores of this machine: accepted as by a running system, rendered by a crew.

The same bundle, stamp and `as_of` give the same bytes, whatever the number of cores: the job's id, which every Message-ID
holds, is made from them.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from actors.model.errors import InvalidInput, Problem
from actors.model.job import JobRecord, Snapshot
from actors.renderer.job import load_snapshot
from actors.renderer.message.dkim import signers_for
from actors.renderer.message.mailbox import parse_mailbox
from cluster.arithmetic import fastest_signing
from cluster.config import Config
from cluster.export.crew import Crew, cores, tasks
from cluster.export.ending import Spool, end_zip
from cluster.export.forms import FolderForm, Form, MboxForm, OneFile, ZipForm
from cluster.export.index import RENDERED, Tally, index_head
from cluster.export.target import INDEX, Staged, staged
from cluster.export.worker import MOST_ROWS, ROWS_WITH_FILES, Done, Order, disk_error
from cluster.workbench import Workbench, accepted_at

Progress = Callable[[int, int], None]  # rows done, of so many; called first when the list is read


class Kind(StrEnum):
    """The form of the output, chosen by its name."""

    FOLDER = "folder"
    ZIP = "zip"
    MBOX = "mbox"


@dataclass(frozen=True, slots=True)
class Wish:
    """What to make. `rows` empty: all; its end None: to the last row."""

    out: Path
    rows: tuple[int, int | None] = (0, None)
    as_of: datetime | None = None
    stamp: int = 0  # 0 = now
    cores: int = 0  # 0 = all
    deflated: bool = False
    force: bool = False

    @property
    def kind(self) -> Kind:
        ending = self.out.suffix.lower()
        return Kind.ZIP if ending == ".zip" else Kind.MBOX if ending == ".mbox" else Kind.FOLDER

    @property
    def index(self) -> Path | None:
        """Where the index lies beside the output; None where it is inside."""
        return self.out.with_name(f"{self.out.name}.{INDEX}") if self.kind is Kind.MBOX else None


@dataclass(frozen=True, slots=True)
class Summary:
    """What was made. `files`, `bytes`: what lies on the disk; `reading`, `seconds`: of the list, of rendering."""

    name: str
    job: str
    kind: Kind
    rows: int
    tally: Tally
    files: int
    bytes: int
    reading: float
    seconds: float
    cores: int
    stamp: int
    return_path: str
    signatures: tuple[str, ...]  # `selector._domainkey.domain` of each; none: the mails are not signed
    domain: str
    scopes: tuple[str, ...]  # suppression scopes that the bundle asks for; there is no account here whose lists could be read
    pools: tuple[str, ...]  # whose codes stand in the mails without being claimed: a running system may give them to others
    max_render_errors: float
    warnings: tuple[str, ...]

    @property
    def mails(self) -> int:
        return self.tally.states[RENDERED]

    @property
    def rate(self) -> float:
        """Rows a second while rendering."""
        return self.rows / self.seconds if self.seconds else 0.0

    @property
    def too_many_errors(self) -> bool:
        """A running system would have paused the job."""
        return self.tally.states["render_error"] > self.max_render_errors * self.rows


def export(bundle: Path, config: Config, wish: Wish, progress: Progress) -> Summary:
    """Writes all mails. InvalidInput: the bundle, the wish or an existing target; Unavailable: disk full, a worker that died.

    Whatever goes wrong, nothing is left under the target's name."""
    if wish.deflated and wish.kind is not Kind.ZIP:
        raise InvalidInput((Problem(str(wish.out), "--deflate is for an output that ends in .zip"),))
    try:
        with staged(wish.out, single=wish.kind is not Kind.FOLDER, beside=wish.index, force=wish.force) as place:
            started = time.monotonic()
            stamp = wish.stamp or int(time.time())
            bench = accepted_at(stamp, wish.as_of, bundle, config, place.folder / "accepted")
            return _Run(bench, place, wish, stamp, progress).run(time.monotonic() - started)
    except OSError as error:
        raise disk_error(error) from error


class _Run:
    """One export, when the bundle is accepted."""

    def __init__(self, bench: Workbench, place: Staged, wish: Wish, stamp: int, progress: Progress):
        self._bench, self._place, self._wish, self._stamp, self._progress = bench, place, wish, stamp, progress
        self._record: JobRecord = bench.accepted.record
        self._snapshot: Snapshot = load_snapshot(bench.vault, bench.job)
        self._tally, self._bytes = Tally(), 0

    def run(self, reading: float) -> Summary:
        started = time.monotonic()
        rows = _chosen(self._wish.rows, self._record.rows)
        todo = list(tasks(rows, self._record.segment_rows))
        workers = max(1, min(self._wish.cores or cores(), len(todo)))
        bench = self._bench
        by_row = any("{{" in a.file or "{%" in a.file for a in self._snapshot.spec.content.attachments)
        most = ROWS_WITH_FILES if by_row else MOST_ROWS
        order = Order(bench.vault, bench.identities, bench.keys, bench.limit, bench.job, self._form(), self._stamp, most)
        self._progress(0, len(rows))
        with ExitStack() as stack:
            index = stack.enter_context(Spool(self._place.index, self._wish.deflated))
            directory = stack.enter_context(Spool(self._place.folder / "directory"))
            index.add(index_head())
            signing = fastest_signing() if bench.identities and len(todo) > 1 else {}  # found out in less than a task's time
            crew = stack.enter_context(Crew(order, workers, signing))
            for done in crew.run(iter(todo), rows.start):
                index.add(done.index)
                directory.add(done.directory)
                self._take(done)
                self._progress(done.stop - rows.start, len(rows))
            entry = index.end()
            directory.end()
        mails = self._tally.states[RENDERED]
        if self._wish.kind is Kind.ZIP:
            spool = self._place.folder / "directory"
            end_zip(self._place.main, self._place.index, entry, spool, self._bytes, mails, self._stamp)
            size = self._place.main.stat().st_size
        else:
            size = self._bytes + entry.packed
        files = {Kind.ZIP: 1, Kind.MBOX: 2, Kind.FOLDER: mails + 1}[self._wish.kind]
        return self._summary(len(rows), files, size, reading, time.monotonic() - started, workers)

    def _form(self) -> Form:
        out = OneFile(self._place.main)
        if self._wish.kind is Kind.ZIP:
            return ZipForm(out, self._stamp, self._wish.deflated)
        if self._wish.kind is Kind.MBOX:
            return MboxForm(out, self._stamp, self._wish.out.name)
        return FolderForm(self._place.main)

    def _take(self, done: Done) -> None:
        self._tally.merge(done.tally)
        self._bytes += done.bytes

    def _summary(self, rows: int, files: int, size: int, reading: float, seconds: float, workers: int) -> Summary:
        spec = self._snapshot.spec
        sender = parse_mailbox(spec.sender.from_)
        signers = signers_for(self._bench.identities).get(sender.domain, ())
        return Summary(
            name=self._record.name,
            job=self._record.job,
            kind=self._wish.kind,
            rows=rows,
            tally=self._tally,
            files=files,
            bytes=size,
            reading=reading,
            seconds=seconds,
            cores=workers,
            stamp=self._stamp,
            return_path=parse_mailbox(spec.sender.return_path or spec.sender.from_).address,
            signatures=tuple(s.record_name for s in signers),
            domain=sender.domain,
            scopes=spec.list_.rules.suppress,
            pools=tuple(sorted(self._snapshot.manifest.pools)),
            max_render_errors=spec.content.max_render_errors,
            warnings=self._bench.accepted.warnings,
        )


def _chosen(wish: tuple[int, int | None], rows: int) -> range:
    first, stop = wish
    if first >= rows or (stop is not None and stop > rows):
        raise InvalidInput((Problem("--rows", f"the list has {rows:,} rows, numbered from 0: the last is {rows - 1}"),))
    return range(first, rows if stop is None else stop)
