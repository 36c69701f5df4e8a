"""Jobs as they are looked at: their counts, and the row states of those that have ended.

An active job's figures are in memory. An ended job's were written with its last row; its states are unpacked when somebody
asks, and the last few kept.
"""

import json
import zlib
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import sqlalchemy as sa

from actors.ledger import schema
from actors.ledger.jobs import from_columns
from actors.ledger.memory import Memory, States
from actors.ledger.upkeep import find_record
from actors.model.errors import NotFound
from actors.model.job import JobRecord, JobStatus
from actors.model.states import JobState, RowState

KEPT = 2  # ended jobs whose states stay unpacked: 10 MB each at ten million rows


class EndedJobs:
    """Row states of any job, active or not."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[int, States]] = OrderedDict()

    def states(self, memory: Memory, connection: sa.Connection, job: str) -> tuple[int, States]:
        """(the job's number, one state a row); an empty array while the job is accepting."""
        live = memory.jobs.get(job)
        if live is not None:
            return live.id, live.states
        if job in self._kept:
            self._kept.move_to_end(job)
            return self._kept[job]
        number: int = find_record(connection, job)["id"]
        packed = connection.execute(sa.select(schema.ended.c.states).where(schema.ended.c.job == number)).scalar()
        if packed is None:
            return number, np.zeros(0, dtype=np.uint8)
        states = np.frombuffer(zlib.decompress(packed), dtype=np.uint8)
        self._kept[job] = (number, states)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return number, states

    def forget(self, job: str) -> None:
        """The job runs again."""
        self._kept.pop(job, None)


def status_of(memory: Memory, connection: sa.Connection, job: str, account: str, now: float) -> JobStatus:
    """A job and its counts; another account's job is not found."""
    live = memory.jobs.get(job)
    if live is None:
        found = find_record(connection, job)
        if account and found["account"] != account:
            raise NotFound("job", job)
        return _ended(connection, from_columns(found), found["id"], now)
    if account and live.record.account != account:
        raise NotFound("job", job)
    return _status(live.record, dict(enumerate(live.counts)), live.attempts, live.doubts, now)


def list_jobs(memory: Memory, connection: sa.Connection, account: str, limit: int, after: str, now: float) -> list[JobStatus]:
    """Newest first."""
    table = schema.jobs
    page = sa.select(table).order_by(table.c.job.desc()).limit(limit)
    if account:
        page = page.where(table.c.account == account)
    if after:
        page = page.where(table.c.job < after)
    found = connection.execute(page).mappings().all()
    return [status_of(memory, connection, f["job"], account, now) for f in found]


def with_trouble(status: JobStatus, trouble: str) -> JobStatus:
    """The status of a job that cannot go on because the ledger cannot write: this cannot be stored, only told."""
    if not trouble or status.record.state is not JobState.RUNNING:
        return status
    return replace(status, record=replace(status.record, state=JobState.STALLED, reason=f"the ledger cannot write: {trouble}"))


def record_of(memory: Memory, connection: sa.Connection, job: str) -> tuple[int, JobRecord]:
    """A job's number and record; NotFound."""
    live = memory.jobs.get(job)
    if live is not None:
        return live.id, live.record
    found = find_record(connection, job)
    return found["id"], from_columns(found)


def _ended(connection: sa.Connection, record: JobRecord, number: int, now: float) -> JobStatus:
    columns = (schema.ended.c.counts, schema.ended.c.attempts, schema.ended.c.doubts)
    last = connection.execute(sa.select(*columns).where(schema.ended.c.job == number)).first()
    if last is None:  # accepting or refused: its rows are not counted
        return JobStatus(record, at=now)
    counts = {int(state): count for state, count in json.loads(last[0]).items()}
    return _status(record, counts, last[1], last[2], now)


def _status(record: JobRecord, counts: dict[int, int], attempts: int, doubts: int, now: float) -> JobStatus:
    return JobStatus(record, {RowState(s): n for s, n in counts.items() if n}, attempts, doubts, now)
