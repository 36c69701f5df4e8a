"""Writes what became of each row, as files that people and programs read. Holds no state; the ledger is the truth.

Files are made on local disk page by page, so that memory stays flat whatever the job's size, and put into their folder whole.
Calling again writes the same files again.
"""

import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from actors.model.errors import Unavailable
from actors.model.job import JobRecord, JobStatus
from actors.model.lanes import ClosedSpan
from actors.model.ports import Clock, Vault
from actors.model.rowlines import RowLines
from actors.model.states import RowState
from actors.results import columns
from actors.results.circuits import told
from actors.results.folder import MARKER, Folder, folder_of
from actors.results.report import report
from actors.results.summary import summary

PAGE = 10_000  # rows a call to the ledger: some 5 MB, and the ledger's senders wait no longer than for a commit
GROUP_PAGES = 10  # pages a Parquet row group: small ones make big files


class Accounts(Protocol):
    """What Results asks of the ledger."""

    async def status(self, job: str, account: str = "") -> JobStatus: ...
    async def outcomes(self, job: str, after: int = -1, limit: int = 10_000, states: Sequence[RowState] = ()) -> RowLines: ...
    async def series(self, job: str) -> dict[str, Any]:
        """Figures over all rows: bins over time, sites, replies, doubts."""
        ...


class Circuits(Protocol):
    """What Results asks of reputation."""

    async def circuits(self, since: float, until: float) -> list[ClosedSpan]: ...


class Results:
    """The port Results. A failed call may have left some of the files, never `summary.json`; make it again.

    `allowed`: URL prefixes that jobs may have their files written to (None = any; the operator's config should name them,
    since the URL comes from a client).
    """

    def __init__(
        self,
        ledger: Accounts,
        vault: Vault,
        clock: Clock = time.time,
        allowed: Sequence[str] | None = None,
        lanes: Circuits | None = None,
    ):
        self._ledger, self._vault, self._clock, self._allowed, self._lanes = ledger, vault, clock, allowed, lanes

    async def write(self, job: str) -> str:
        """Writes outcomes.parquet, outcomes.csv, report.html and summary.json, in this order; gives the folder's URL."""
        status = await self._ledger.status(job)
        folder = folder_of(status.record.results_to, self._vault, job, self._allowed)
        with tempfile.TemporaryDirectory(prefix="hongyan-results-") as temporary:
            local = Path(temporary)
            counts = await self._outcomes(job, local)
            series = await self._ledger.series(job) | await self._closed(status.record)
            if "closed" in series:
                series["closed"] = told(series["closed"], series.get("lanes", []))
            figures = summary(await self._ledger.status(job), counts, series, self._clock())
            (local / MARKER).write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            (local / "report.html").write_text(report(figures, series, status.record.timezone), encoding="utf-8")
            await asyncio.to_thread(_publish, folder, local)
        return folder.url

    async def _closed(self, record: JobRecord) -> dict[str, Any]:
        """When lanes were closed while the job ran; nothing where reputation is away: the files do not wait for it."""
        between = record.started_at or record.created_at, record.ended_at or self._clock()
        try:
            return {"closed": await self._lanes.circuits(*between), "between": between} if self._lanes else {}
        except Unavailable:
            return {}

    async def written(self, job: str) -> bool:
        """Whether all files of the job are there."""
        record = (await self._ledger.status(job)).record
        return await asyncio.to_thread(folder_of(record.results_to, self._vault, job, self._allowed).finished)

    async def _outcomes(self, job: str, local: Path) -> dict[RowState, int]:
        """The two outcome files; gives their lines by state."""
        counts: Counter[RowState] = Counter()
        after, every = -1, tuple(RowState)
        with _Files(local) as files:
            while page := await self._ledger.outcomes(job, after, PAGE, every):
                counts.update(page.column("state"))
                await asyncio.to_thread(files.add, page)
                after = page.column("row")[-1]
        return dict(counts)


class _Files:
    """outcomes.parquet and outcomes.csv, growing page by page."""

    def __init__(self, local: Path):
        self._parquet = pq.ParquetWriter(local / "outcomes.parquet", columns.SCHEMA, compression="zstd")
        empty = columns.for_csv(columns.table(RowLines()))
        self._csv = pacsv.CSVWriter(local / "outcomes.csv", empty.schema)
        self._pages: list[Any] = []

    def __enter__(self) -> "_Files":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._parquet.close()
        self._csv.close()

    def add(self, page: RowLines) -> None:
        table = columns.table(page)
        self._csv.write_table(columns.for_csv(table))
        self._pages.append(table)
        if len(self._pages) >= GROUP_PAGES:
            self._flush()

    def _flush(self) -> None:
        if self._pages:
            self._parquet.write_table(columns.joined(self._pages))
            self._pages = []


def _publish(folder: Folder, local: Path) -> None:
    folder.begin()
    for name in ("outcomes.parquet", "outcomes.csv", "report.html", MARKER):
        folder.put(name, str(local / name))
