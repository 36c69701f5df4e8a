"""A job as the roles pass it around: its record, its counts and the layout of its snapshot in the vault.

The snapshot is written once by intake and never changed:

    jobs/<job>/snapshot/spec.json        the JobSpec with every default filled in
    jobs/<job>/snapshot/bundle/...       templates, images, attachments, at their bundle paths
    jobs/<job>/snapshot/roster/00000.arrow ...   Arrow IPC files; all but the last hold `segment_rows` rows
    jobs/<job>/snapshot/tables/NAME.arrow   each table of the bundle: its rows in file order, in batches
    jobs/<job>/snapshot/manifest.json    written last: without it there is no snapshot
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.model.spec import JobSpec
from actors.model.states import JobState, OnDoubt, RowState

# Reserved columns that intake adds to every roster segment; a list column may not start with this prefix.
RESERVED = "__"
ADDRESS = "__address"  # text: the forward path as it goes on the wire (domain in ASCII)
DOMAIN = "__domain"  # dictionary<text>: the address's domain, ASCII, lower case; null where the row is invalid
BEST = "__best"  # bool, only where the control file names a column for it: rows that are sent before the others
VERDICT = "__verdict"  # uint8: RowState.PENDING, or INVALID, DUPLICATE, SUPPRESSED
REASON = "__reason"  # dictionary<text>: why, null for PENDING


def code_column(pool: str) -> str:
    """text: the code that the row has of a pool; null where it gets no mail. An identifier whatever the pool's name."""
    return f"{RESERVED}code_{pool.encode().hex()}"


DEFAULT_SEGMENT_ROWS = 32_768  # about 10 to 30 MB of columns: small enough to hold a few, large enough for long shards


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table of the bundle: its columns with their type names, in file order; `key` is one of them."""

    rows: int
    key: str
    types: dict[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the snapshot holds: `types` maps each list column to its type name, in list order."""

    rows: int
    segment_rows: int
    types: dict[str, str]
    counts: dict[str, int]  # rows by intake state label
    accepted_at: int  # seconds since the epoch; the default `as_of`
    sha256: str  # over the names and digests of all other snapshot files
    tables: dict[str, TableShape] = field(default_factory=dict)
    account: str = ""  # whose job it is: its templates may use this account's keys
    pools: tuple[str, ...] = ()  # the codes of the n-th are in a column of the roster, `code_column`

    @property
    def segments(self) -> int:
        return -(-self.rows // self.segment_rows)


def snapshot_path(job: str) -> str:
    """Vault path of a job's snapshot folder."""
    return f"jobs/{job}/snapshot"


def segment_path(job: str, segment: int) -> str:
    """Vault path of one roster segment."""
    return f"{snapshot_path(job)}/roster/{segment:05d}.arrow"


def table_path(job: str, table: str) -> str:
    """Vault path of one table."""
    return f"{snapshot_path(job)}/tables/{table}.arrow"


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What the ledger keeps of a job besides its rows. Times are seconds since the epoch, 0 = not set."""

    job: str  # 26 characters, sortable by creation time
    account: str
    name: str
    state: JobState
    rows: int = 0
    segment_rows: int = DEFAULT_SEGMENT_ROWS
    idempotency_key: str = ""
    payload_hash: str = ""
    reason: str = ""  # why it is stalled, paused or refused
    pool: str = "default"
    on_doubt: OnDoubt = OnDoubt.RESEND
    retry_for: float = 48 * 3600.0
    max_render_errors: float = 0.001
    created_at: float = 0.0
    start_at: float = 0.0
    deadline_at: float = 0.0
    pause: tuple[str, ...] = ()
    days: tuple[int, ...] = ()  # days of the week it may send on, Monday = 0; empty: all
    rate: float = 0.0  # attempts a second at most, 0 = no limit
    best: int = 0  # 1: the roster has BEST, and its rows go first
    priority: int = 0  # of jobs in one pool: each step above 0 quadruples a job's share
    timezone: str = "Asia/Taipei"
    results_to: str = ""
    started_at: float = 0.0  # first transmission
    ended_at: float = 0.0


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job and its balanced counts: `record.rows == sum(counts.values())` at every moment after acceptance."""

    record: JobRecord
    counts: dict[RowState, int] = field(default_factory=dict)
    attempts: int = 0
    doubts: int = 0  # how many rows were ever in doubt
    at: float = 0.0

    @property
    def open(self) -> int:
        return sum(self.counts.get(s, 0) for s in (RowState.PENDING, RowState.DEFERRED, RowState.TRANSMITTING))

    @property
    def balanced(self) -> bool:
        return self.record.rows == sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Accepted:
    """Intake's answer: the job's record and its rows by state label."""

    record: JobRecord
    counts: dict[str, int]
    warnings: tuple[str, ...] = ()
    report: dict[str, Any] | None = None  # what a look at the whole list found, where one was asked for
    domains: dict[str, int] = field(default_factory=dict)  # of a check: rows to send by domain; "": all small ones together


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The frozen inputs that a renderer needs."""

    job: str
    spec: JobSpec
    manifest: Manifest


RowArray = NDArray[np.int64]  # row numbers, from 0
StampArray = NDArray[np.int64]  # seconds since the epoch a row is rendered at; 0 = choose now
