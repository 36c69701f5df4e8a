"""How the roles see each other and the outside world. Roles never import each other; they are handed these.

Every method of another role is `async`, may raise `Unavailable` (try again: all of them are idempotent) and passes only values
of `actors.model`. Adapters: `cluster/` wraps Ray handles in these, `cluster/inprocess.py` hands over the objects themselves.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from actors.model.delivery import Advanced, DueRows, Lease, Opening, Outcome, Reply, Site, Tlsa
from actors.model.forecast import Forecast, LaneSpeed
from actors.model.job import Accepted, JobRecord, JobStatus, RowArray
from actors.model.lanes import Refusals
from actors.model.rowlines import RowLine, RowLines
from actors.model.states import JobState, OnDoubt, RowState


class Clock(Protocol):
    """Seconds since the epoch; tests hand over one with `advance()`."""

    def __call__(self) -> float: ...


class Vault(Protocol):
    """The blob store. Paths are relative, with `/`; a write is atomic (whole file or none) and durable when it returns.

    Errors: FileNotFoundError; `Unavailable` when the store is away or full.
    """

    def read(self, path: str) -> bytes: ...
    def write(self, path: str, data: bytes) -> None: ...
    def open(self, path: str) -> BinaryIO: ...
    def put_file(self, path: str, local: str) -> None: ...
    def take_file(self, path: str, local: str) -> None:
        """As `put_file`; the local file is gone afterwards. On the same disk it becomes the vault's without a copy."""
        ...

    def local(self, path: str) -> str:
        """A local path that holds the same bytes (the file itself, or a cached copy), for memory mapping."""
        ...

    def exists(self, path: str) -> bool: ...
    def size(self, path: str) -> int: ...
    def list(self, folder: str) -> list[str]:
        """All file paths below the folder, sorted."""
        ...

    def delete(self, path: str) -> None:
        """Removes a file or a folder; a missing one is no error."""
        ...


@dataclass(frozen=True, slots=True)
class RowStory:
    """All that the ledger knows of one row.

    `deferrals`: its earlier attempts, oldest first, with the keys at, stage, blame, code, enhanced, reply, site, host, egress,
    reason, tls; the last attempt is the line's. `doubts`: when it may have been delivered, with egress, epoch, attempt,
    opened_at, at, stamp, cause (crash | connection) and became (a state's label). `next_at`, `avoid`: of a deferred row, when
    it goes again and by which egress not.
    """

    line: RowLine
    deferrals: list[dict[str, Any]]
    doubts: list[dict[str, Any]]
    next_at: float = 0.0
    avoid: str = ""


class JobLedger(Protocol):
    """Jobs and their rows, as intake, conductor, results and gateway see them."""

    async def create_job(self, record: JobRecord) -> JobRecord:
        """Adds a job in ACCEPTING. With the same (account, idempotency_key): same payload_hash gives the record that is there,
        another one raises Conflict. A job left in ACCEPTING by a crash is returned as it is; `settle` over it again is safe."""
        ...

    async def settle(self, job: str, rows: RowArray, states: NDArray[np.uint8], reasons: Sequence[str]) -> None:
        """Intake's final states (INVALID, DUPLICATE, SUPPRESSED) for rows of a job in ACCEPTING."""
        ...

    async def stock_codes(self, account: str, pool: str, found: Sequence[str]) -> int:
        """Adds codes to a pool of the account, in this order; those that it has stay as they are. Gives how many were new."""
        ...

    async def available_codes(self, account: str, pool: str, job: str) -> int:
        """How many codes of the pool the job can have: the free ones and those that its rows hold. First gives back the codes
        of rows that ended unsent in ended jobs; never of one that was sent, bounced or ever in doubt."""
        ...

    async def claim_codes(self, job: str, pool: str, rows: RowArray) -> list[str | None]:
        """A code for each of these rising rows of a job in ACCEPTING, the same ones on every call; None where none is left. No
        two rows of any jobs of the account have the same."""
        ...

    async def begin_job(self, record: JobRecord) -> JobRecord:
        """Fills in rows, segment_rows and schedule and moves ACCEPTING -> SCHEDULED or RUNNING. Idempotent."""
        ...

    async def move_job(self, job: str, state: JobState, reason: str = "") -> JobRecord:
        """Moves a job to another state, durable when it returns; Conflict if its state does not allow it. CANCELLED turns all
        PENDING and DEFERRED rows into CANCELLED. Moving to the state it has changes only the reason."""
        ...

    async def decide(self, job: str, decision: OnDoubt, rows: RowArray | None = None) -> int:
        """A person's word on rows that `on_doubt: hold` left IN_DOUBT: RESEND makes them DEFERRED, due now, with their stamp;
        SKIP makes them SKIPPED. `rows`: those of them that are in doubt, None all; gives how many there were. A job that was
        DONE is RUNNING again. Conflict: the job is cancelled, refused or accepting, or would send after its deadline. NotFound:
        no such job or row. Called again it finds nothing left to decide."""
        ...

    async def expire_job(self, job: str, reason: str) -> JobRecord:
        """Turns all PENDING and DEFERRED rows into EXPIRED (deadline)."""
        ...

    async def expire_rows(self, job: str, rows: RowArray) -> int:
        """Those of `rows` that are DEFERRED become EXPIRED, with the words of their last attempt; gives how many there were."""
        ...

    async def status(self, job: str, account: str = "") -> JobStatus:
        """NotFound if there is none, or it is another account's ('' = any account)."""
        ...

    async def list_jobs(self, account: str, limit: int = 100, after: str = "") -> list[JobStatus]:
        """Newest first, those before job id `after`; account '' = all."""
        ...

    async def active_jobs(self) -> list[JobRecord]:
        """All jobs in SCHEDULED, RUNNING, PAUSED or STALLED."""
        ...

    async def claim_conductor(self) -> int:
        """A new conductor epoch; leases of older ones open nothing any more."""
        ...

    async def retire_senders(self, serving: Sequence[str]) -> list[str]:
        """Rows that other egresses than these have open are named in doubt once the lease of their sender has run out; gives
        the egresses that had some."""
        ...

    async def row_states(self, job: str, lo: int, hi: int) -> NDArray[np.uint8]:
        """RowState of rows lo..hi-1."""
        ...

    async def due(self, job: str, now: float, limit: int, after: int = -1) -> DueRows:
        """DEFERRED rows with next_at <= now, by row number, those above `after`."""
        ...

    async def row_story(self, job: str, row: int) -> RowStory:
        """What happened to one row; NotFound if the job has no such row."""
        ...

    async def outcomes(self, job: str, after: int = -1, limit: int = 10_000, states: Sequence[RowState] = ()) -> RowLines:
        """Last outcome of each row that has one, by row number above `after`."""
        ...


class SendLedger(Protocol):
    """The ledger as a sender sees it."""

    async def claim_sender(self, egress: str) -> int:
        """A new epoch for this egress. Rows that an older epoch had open are named in doubt and handled as their job says."""
        ...

    async def advance(self, egress: str, epoch: int, results: Sequence[Outcome], openings: Sequence[Opening] = ()) -> Advanced:
        """One durable step: records results, then opens groups. Renews the sender's lease.

        Results are for rows this epoch has open, or for rows that never were opened (render failures, dead sites). Rows of an
        opening that may not go (job paused or cancelled, old conductor epoch, already done) come back masked False.
        Fenced: the epoch is old, nothing was written. BrokenPromise: more than MAX_OPEN_ROWS would be open. Idempotent: the
        same results again are ignored.
        """
        ...

    async def release_sender(self, egress: str, epoch: int) -> None:
        """The sender ends with no row open; gives the lease back."""
        ...


class Suppressions(Protocol):
    """Addresses that an account must not write to, by scope. Stored normalised (lower case, domain in ASCII)."""

    async def suppress(self, account: str, scope: str, addresses: Sequence[str], reason: str) -> int:
        """How many were new."""
        ...

    async def unsuppress(self, account: str, scope: str, addresses: Sequence[str]) -> int: ...
    async def suppressed(
        self, account: str, scopes: Sequence[str], after: str = "", limit: int = 100_000
    ) -> list[tuple[str, str, str, float]]:
        """(address, scope, reason, since) by address, those above `after`."""
        ...


class Conductor(Protocol):
    """Cuts jobs into shards and leases them."""

    async def notify(self, job: str) -> None:
        """The job is new or its state has changed: look now."""
        ...

    async def lease(
        self, egress: str, epoch: int, held: Collection[int], busy_sites: Sequence[str], max_rows: int, wait: float
    ) -> Lease | None:
        """Work for this sender on none of `busy_sites`; None after `wait` seconds without any, or once the sender calls without
        a wait. `held`: the ids of all leases that it has not finished; one that is not among them never arrived and is void. A
        higher epoch than before voids all."""
        ...

    async def finish(self, egress: str, lease: int, unsent: RowArray, closed_sites: dict[str, float]) -> None:
        """The lease ended; `unsent` rows were never opened and go back. `closed_sites`: nothing there before a time."""
        ...

    async def forecast(self, record: JobRecord, domains: Mapping[str, int], speeds: Sequence[LaneSpeed]) -> Forecast:
        """When a job that does not exist yet would be through: `domains`: rows to send by domain ("": small ones together);
        `speeds`: what lanes have learned."""
        ...

    async def refusals(self, egress: str, told: Sequence[Refusals]) -> None:
        """What sites have refused for the sender's domain or the content: the conductor may send no more of it there."""
        ...


class Intake(Protocol):
    """Bundle to frozen snapshot."""

    async def accept(self, account: str, upload: str, key: str, gates: bool = True) -> Accepted:
        """`upload`: vault folder (`uploads/<account>/<id>`) with the bundle's files or one zip. InvalidInput: all problems."""
        ...

    async def check(self, account: str, upload: str, whole: bool = True) -> Accepted:
        """The same without a job; `whole` adds the report of a look at all rows."""
        ...

    async def looked(self, account: str, upload: str) -> tuple[int, int] | None:
        """Of a check of this upload that runs now: rows looked at, rows of the list (0 while it is read). None: none runs."""
        ...


class Results(Protocol):
    """Writes a finished job's files."""

    async def write(self, job: str) -> str:
        """Writes outcomes.parquet, outcomes.csv, summary.json, report.html; gives the folder's URL. Idempotent."""
        ...

    async def written(self, job: str) -> bool:
        """Whether `write` has succeeded for this job."""
        ...


class Resolver(Protocol):
    """DNS. Raises nothing: a failure is a Site with `refusal`."""

    async def sites(self, domains: Sequence[str]) -> dict[str, Site]:
        """The site of each domain (RFC 5321 section 5.1: MX, else A/AAAA; RFC 7505 null MX)."""
        ...

    async def addresses(self, host: str) -> list[str]:
        """IPv4 and IPv6 addresses of a host, in the order to try; empty if none."""
        ...

    async def tlsa(self, host: str, port: int) -> tuple[Tlsa, ...] | Reply:
        """Validated TLSA records of a host's port, asked for sites with `dane`; empty if it has none. A Reply where it cannot
        be known whether it has: the host may not be spoken to then (RFC 7672 section 2.1.2)."""
        ...
