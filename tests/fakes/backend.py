"""The ports behind the gateway, in memory: jobs that are real records, moved by hand, and failures on demand.

Rules kept as in the real ports: an account sees its own jobs, an idempotency key names one bundle, a step that the job's state
does not allow is a Conflict. The results port is None: a gateway that calls it fails the test.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from actors.model.errors import Conflict, HongyanError, InvalidInput, NotFound, Problem
from actors.model.forecast import Forecast, LaneSpeed
from actors.model.job import Accepted, JobRecord, JobStatus, RowArray
from actors.model.ports import RowStory
from actors.model.rowlines import RowLine, RowLines
from actors.model.states import ENDED_JOB_STATES, JobState, OnDoubt, RowState
from gateway.rpc.backend import Backend
from tests.fakes.clock import FakeClock
from tests.fakes.vault import FolderVault


@dataclass
class Line(RowLine):
    """A row that was delivered, by default."""

    state: RowState = RowState.DELIVERED
    attempts: int = 1
    stage: str = "dot"
    blame: str = ""
    code: int = 250
    enhanced: str = "2.0.0"
    reply: str = "ok"
    site: str = "mx.a.test"
    host: str = "mx.a.test"
    egress: str = "127.0.0.2"
    reason: str = ""
    tls: str = ""
    first_at: float = 1_764_547_201.25
    last_at: float = 1_764_547_202.5
    in_doubt: int = 0


@dataclass
class Shown:
    """A `Preview`."""

    row: int
    state: RowState = RowState.PENDING
    reason: str = ""
    message: bytes = b""
    subject: str = ""
    html: str = ""
    text: str = ""
    values: dict[str, str] = field(default_factory=dict)
    return_path: str = "bounces@bank.test"
    dsn: str = "FAILURE HDRS"


class Failures:
    """`fail("status", error, times)`: the next calls of that method raise."""

    def __init__(self) -> None:
        self._planned: dict[str, list[HongyanError]] = {}

    def fail(self, method: str, error: HongyanError, times: int = 1) -> None:
        self._planned.setdefault(method, []).extend([error] * times)

    def meet(self, method: str) -> None:
        if self._planned.get(method):
            raise self._planned[method].pop(0)


class FakeLedger(Failures):
    """JobLedger and Suppressions, as far as the gateway uses them."""

    def __init__(self, clock: FakeClock):
        super().__init__()
        self.clock = clock
        self.jobs: dict[str, JobStatus] = {}
        self.lines: dict[str, list[Line]] = {}
        self.stories: dict[tuple[str, int], RowStory] = {}
        self.suppressions: dict[tuple[str, str, str], tuple[str, float]] = {}
        self.calls: list[str] = []

    def add_job(self, account: str, rows: int = 3, state: JobState = JobState.RUNNING, key: str = "", payload: str = "") -> str:
        job = f"01JDZ{len(self.jobs):021d}"
        now = self.clock()
        record = JobRecord(
            job, account, f"job {len(self.jobs)}", state, rows, idempotency_key=key, payload_hash=payload, created_at=now
        )
        self.jobs[job] = JobStatus(record, {RowState.PENDING: rows}, at=now)
        return job

    def change(self, job: str, counts: dict[RowState, int] | None = None, **record: object) -> None:
        """Moves a job on, as conductor and senders would."""
        status = self.jobs[job]
        self.jobs[job] = replace(
            status,
            record=replace(status.record, **record),  # type: ignore[arg-type]
            counts=status.counts if counts is None else counts,
        )

    async def status(self, job: str, account: str = "") -> JobStatus:
        self.calls.append("status")
        self.meet("status")
        status = self.jobs.get(job)
        if status is None or (account and status.record.account != account):
            raise NotFound("job", job)
        return status

    async def move_job(self, job: str, state: JobState, reason: str = "") -> JobRecord:
        self.meet("move_job")
        status = self.jobs[job]
        if status.record.state in ENDED_JOB_STATES and state != status.record.state:
            raise Conflict(f"job {job}", f"it is {status.record.state} and cannot become {state}")
        counts = dict(status.counts)
        if state == JobState.CANCELLED:
            counts[RowState.CANCELLED] = counts.pop(RowState.PENDING, 0)
        self.change(job, counts, state=state, reason=reason)
        return self.jobs[job].record

    async def decide(self, job: str, decision: OnDoubt, rows: RowArray | None = None) -> int:
        self.meet("decide")
        counts = dict(self.jobs[job].counts)
        decided = min(counts.pop(RowState.IN_DOUBT, 0), 1 << 30 if rows is None else len(rows))
        self.change(job, counts | {RowState.DEFERRED: decided}, state=JobState.RUNNING)
        self.calls.append(f"decide {decision} {None if rows is None else rows.tolist()}")
        return decided

    async def list_jobs(self, account: str, limit: int = 100, after: str = "") -> list[JobStatus]:
        self.meet("list_jobs")
        mine = sorted((s for s in self.jobs.values() if s.record.account == account), key=lambda s: s.record.job, reverse=True)
        return [s for s in mine if not after or s.record.job < after][:limit]

    async def outcomes(self, job: str, after: int = -1, limit: int = 10_000, states: Sequence[RowState] = ()) -> RowLines:
        self.meet("outcomes")
        found = [o for o in self.lines.get(job, []) if o.row > after and (not states or o.state in states)]
        return RowLines.of(found[:limit])

    async def row_story(self, job: str, row: int) -> RowStory:
        self.meet("row_story")
        return self.stories[job, row]

    async def suppress(self, account: str, scope: str, addresses: Sequence[str], reason: str) -> int:
        self.meet("suppress")
        keys = {(account, scope, a.strip().lower()) for a in addresses}
        if bad := [n for n, a in enumerate(addresses, 1) if a.endswith("@bad..test")]:
            raise InvalidInput(tuple(Problem("addresses", "is no mail address", line=n) for n in bad))
        new = keys - self.suppressions.keys()
        self.suppressions.update(dict.fromkeys(new, (reason, self.clock())))
        return len(new)

    async def unsuppress(self, account: str, scope: str, addresses: Sequence[str]) -> int:
        keys = {(account, scope, a.strip().lower()) for a in addresses}
        return sum(self.suppressions.pop(k, None) is not None for k in keys)

    async def suppressed(
        self, account: str, scopes: Sequence[str], after: str = "", limit: int = 100_000
    ) -> list[tuple[str, str, str, float]]:
        self.meet("suppressed")
        mine = sorted(
            (a, s, *v) for (owner, s, a), v in self.suppressions.items() if owner == account and s in scopes and a > after
        )
        page = mine[:limit]
        return page + [m for m in mine[limit:] if page and m[0] == page[-1][0]]


class FakeIntake(Failures):
    """Counts the lines of list.csv; a bundle without one is refused with `problems`."""

    def __init__(self, vault: FolderVault, ledger: FakeLedger):
        super().__init__()
        self.vault, self.ledger = vault, ledger
        self.problems: tuple[Problem, ...] = ()
        self.seen: list[tuple[str, str]] = []
        self.entered, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.progress: list[tuple[int, int]] = []  # of a check: each is told once somebody has asked
        self.looks: dict[tuple[str, str], tuple[int, int]] = {}
        self.looked_at = asyncio.Event()

    def _look(self, upload: str) -> tuple[int, str]:
        names = self.vault.list(upload)
        if self.problems:
            raise InvalidInput(self.problems)
        digest = hashlib.sha256(b"".join(n.encode() + self.vault.read(n) for n in names)).hexdigest()
        lists = [n for n in names if n.endswith("list.csv")]
        return (len(self.vault.read(lists[0]).splitlines()) - 1 if lists else 0), digest

    async def accept(self, account: str, upload: str, key: str) -> Accepted:
        self.seen.append((account, upload))
        self.meet("accept")
        self.entered.set()
        await self.gate.wait()
        rows, digest = self._look(upload)
        for status in self.ledger.jobs.values():
            if (status.record.account, status.record.idempotency_key) == (account, key):
                if status.record.payload_hash != digest:
                    raise Conflict(f"key {key}", "it was used with another bundle")
                return Accepted(status.record, {"pending": rows})
        job = self.ledger.add_job(account, rows, JobState.RUNNING, key, digest)
        return Accepted(self.ledger.jobs[job].record, {"pending": rows}, ("no text part: made from the HTML",))

    async def check(self, account: str, upload: str, whole: bool = True) -> Accepted:
        self.seen.append((account, upload))
        self.meet("check")
        for progress in self.progress:
            self.looks[account, upload] = progress
            self.looked_at.clear()
            await self.looked_at.wait()
        self.looks.clear()
        rows, digest = self._look(upload)
        record = JobRecord("", account, "checked", JobState.ACCEPTING, rows, payload_hash=digest)
        return Accepted(record, {"pending": rows - 1, "invalid": 1})

    async def looked(self, account: str, upload: str) -> tuple[int, int] | None:
        self.looked_at.set()
        return self.looks.get((account, upload))


class FakeConductor(Failures):
    """Remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.foreseen = Forecast(0.0, 0.0, 0.0, ())

    async def notify(self, job: str) -> None:
        self.meet("notify")
        self.told.append(job)

    async def forecast(self, record: JobRecord, domains: Mapping[str, int], speeds: Sequence[LaneSpeed]) -> Forecast:
        return self.foreseen


class FakeRenderer(Failures):
    """Previews tell row and stamp."""

    async def preview(self, job: str, row: int, stamp: int) -> Shown:
        self.meet("preview")
        return Shown(
            row, message=b"Subject: x\r\n\r\nhello\r\n", subject=f"您的帳單 {row}", text=str(stamp), values={"name": "王小明"}
        )


class FakeReputation:
    """Lanes that have learned `known`."""

    def __init__(self) -> None:
        self.known: list[LaneSpeed] = []

        self.state: list[dict[str, Any]] = []
        self.decided: list[Any] = []
        self.unread: list[dict[str, Any]] = []

    async def speeds(self) -> list[LaneSpeed]:
        return self.known

    async def lanes(self, site: str = "", egress: str = "") -> list[dict[str, Any]]:
        return [lane for lane in self.state if site in ("", lane["site"]) and egress in ("", lane["egress"])]

    async def decisions(self, site: str = "", egress: str = "", limit: int = 100) -> list[Any]:
        return [d for d in self.decided if site in ("", d.site) and egress in ("", d.egress)][-limit:]

    async def replies(self, site: str = "") -> list[dict[str, Any]]:
        return [one for one in self.unread if site in ("", one["site"])]


class FakeBackend:
    """All ports, and the `Backend` that the gateway gets."""

    def __init__(self, folder: str):
        self.clock = FakeClock()
        self.vault = FolderVault(folder)
        self.ledger = FakeLedger(self.clock)
        self.intake = FakeIntake(self.vault, self.ledger)
        self.conductor, self.renderer, self.reputation = FakeConductor(), FakeRenderer(), FakeReputation()

    def ports(self) -> Backend:
        unused: object = None
        return Backend(
            ledger=self.ledger,  # type: ignore[arg-type]
            intake=self.intake,
            conductor=self.conductor,  # type: ignore[arg-type]
            reputation=self.reputation,  # type: ignore[arg-type]
            renderers=[self.renderer],  # type: ignore[list-item]
            results=unused,  # type: ignore[arg-type]
            vault=self.vault,
            clock=self.clock,
        )
