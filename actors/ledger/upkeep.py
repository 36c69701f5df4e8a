"""Steps of whole jobs and of the holders of epochs: what the actor's calls do inside one transaction of the book.

Each function takes the memory, the undo and the writer of a `Book.write`. Rows left open by an expired or cancelled job are
swept: one number in the job's record, one statement for its deferred rows; rows on the wire end as they end.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from actors.ledger import epochs, jobs, recovery, schema
from actors.ledger.book import settle_ended
from actors.ledger.memory import LiveJob, Memory, Undo
from actors.ledger.rebuild import live_job
from actors.ledger.states import DEFERRED, INTAKE_STATES, PENDING, RENDER_ERROR
from actors.ledger.writes import Writer, clean
from actors.model.errors import BrokenPromise, Conflict, NotFound
from actors.model.job import JobRecord, RowArray
from actors.model.states import JobState, RowState, Stage


def find_record(connection: sa.Connection, job: str) -> sa.RowMapping:
    """The `jobs` row; NotFound."""
    found = connection.execute(sa.select(schema.jobs).where(schema.jobs.c.job == job)).mappings().first()
    if found is None:
        raise NotFound("job", job)
    return found


def create(_memory: Memory, _undo: Undo, writer: Writer, record: JobRecord) -> JobRecord:
    """A new job, or the one with the same key and content."""
    table, connection = schema.jobs, writer.connection
    same = table.c.job == record.job
    if record.idempotency_key:
        same |= (table.c.account == record.account) & (table.c.idempotency_key == record.idempotency_key)
    for found in connection.execute(sa.select(table).where(same)).mappings():
        kept = jobs.from_columns(found)
        if kept.idempotency_key != record.idempotency_key or kept.account != record.account:
            raise Conflict(f"job {record.job}", "the job id is taken")
        if kept.payload_hash != record.payload_hash:
            raise Conflict(f"idempotency key {record.idempotency_key!r}", "it was used before with another content")
        return kept
    record = replace(record, state=JobState.ACCEPTING, rows=0, started_at=0.0, ended_at=0.0)
    last = connection.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0
    connection.execute(sa.insert(table).values(id=last + 1, swept=0, excused=0, **jobs.to_columns(record)))
    return record


def settle(
    _memory: Memory,
    _undo: Undo,
    writer: Writer,
    job: str,
    rows: Sequence[int],
    states: Sequence[int],
    reasons: Sequence[str],
    now: float,
) -> None:
    """Intake's final states for some rows of a job in ACCEPTING."""
    found = find_record(writer.connection, job)
    if found["state"] != JobState.ACCEPTING:
        raise Conflict(f"job {job}", f"rows are settled while it is accepting, it is {found['state']}")
    if not INTAKE_STATES.issuperset(states) or (len(rows) and min(rows) < 0):
        raise BrokenPromise(f"{job}: intake settles rows as invalid, duplicate or suppressed only")
    number, stage = found["id"], str(Stage.INTAKE)
    head, tail = ("", "", "", "", "", ""), (0.0, now, 0.0, 0, "", 0, 0)
    entries = [
        (number, row, state, 0, stage, "", 0, "", clean(reason), *head[1:], *tail)
        for row, state, reason in zip(rows, states, reasons, strict=True)
    ]
    writer.settle(entries)


def begin(_memory: Memory, undo: Undo, writer: Writer, record: JobRecord, now: float) -> JobRecord:
    """ACCEPTING -> SCHEDULED or RUNNING: from here on the job's rows are held in memory."""
    found = find_record(writer.connection, record.job)
    kept = jobs.from_columns(found)
    if kept.state in (JobState.CANCELLED, JobState.REFUSED):
        raise Conflict(f"job {record.job}", f"it is {kept.state}")
    if kept.state is not JobState.ACCEPTING:
        return kept
    begun = jobs.begin(kept, record, now)
    undo.add(live_job(writer.connection, {**found, **jobs.to_columns(begun)}))
    writer.job(_memory.jobs[record.job])
    return begun


def move(memory: Memory, undo: Undo, writer: Writer, name: str, state: JobState, reason: str, now: float) -> JobRecord:
    """A job's step; CANCELLED sweeps."""
    job = memory.jobs.get(name)
    if job is None:
        return _move_still(writer, name, state, reason, now)
    record = jobs.step(job.record, state, reason, job.open, now)
    undo.job(job)
    if job.record.state is JobState.PAUSED and state is JobState.RUNNING:
        job.excused = job.counts[RENDER_ERROR]
    job.record = record
    if state is JobState.CANCELLED:
        _sweep(undo, writer, job, RowState.CANCELLED)
    writer.job(job)
    settle_ended(memory, undo, writer, {name})
    return record


def _move_still(writer: Writer, name: str, state: JobState, reason: str, now: float) -> JobRecord:
    """A step of a job that has no rows in memory: it is accepting, or has ended."""
    found = find_record(writer.connection, name)
    kept = jobs.from_columns(found)
    record = jobs.step(kept, state, reason, 0, now)
    if kept.state is JobState.ACCEPTING and state not in (JobState.ACCEPTING, JobState.REFUSED, JobState.CANCELLED):
        raise Conflict(f"job {name}", "it is begun by begin_job")
    job = LiveJob(found["id"], record, np.zeros(0, dtype=np.uint8), found["swept"], found["excused"])
    writer.job(job)
    if kept.state is JobState.ACCEPTING and state is JobState.CANCELLED:
        writer.end(job)
    return record


def expired(memory: Memory, _connection: sa.Connection, name: str, reason: str) -> JobRecord | None:
    """The record of a job that is swept already, for this reason."""
    job = memory.jobs.get(name)
    return job.record if job is not None and job.swept and job.record.reason == reason else None


def expire(memory: Memory, undo: Undo, writer: Writer, name: str, reason: str) -> JobRecord:
    """All rows that are not on the wire become expired."""
    job = memory.jobs.get(name)
    if job is None:
        kept = jobs.from_columns(find_record(writer.connection, name))
        if kept.state is JobState.ACCEPTING:
            raise Conflict(f"job {name}", "it is accepting")
        return kept
    undo.job(job)
    job.record = replace(job.record, reason=reason)
    _sweep(undo, writer, job, RowState.EXPIRED)
    writer.job(job)
    settle_ended(memory, undo, writer, {name})
    return job.record


def expire_rows(memory: Memory, undo: Undo, writer: Writer, name: str, rows: RowArray) -> int:
    """Those of the rows that are deferred become expired; what their last attempt said stays. Gives how many there were."""
    job = memory.jobs.get(name)
    if job is None:
        return 0
    numbers = np.unique(np.asarray(rows, dtype=np.int64))
    chosen = numbers[job.states[numbers] == DEFERRED]
    if len(chosen):
        undo.set_rows(job, chosen, int(RowState.EXPIRED))
        writer.decide(job, chosen.tolist(), int(RowState.EXPIRED), 0.0)
        settle_ended(memory, undo, writer, {name})
    return len(chosen)


def _sweep(undo: Undo, writer: Writer, job: LiveJob, state: RowState) -> None:
    """The first sweep counts: after it only rows on the wire are open, and they have its state waiting for them."""
    if job.swept:
        return
    job.swept = int(state)
    mask: NDArray[np.bool_] = (job.states == PENDING) | (job.states == DEFERRED)
    undo.set_rows(job, mask, int(state))
    entry = schema.rows.c
    waiting = (entry.job == job.id) & (entry.state == DEFERRED)
    writer.connection.execute(sa.update(schema.rows).where(waiting).values(state=int(state), next_at=0.0))


def claim_conductor(memory: Memory, _undo: Undo, writer: Writer) -> int:
    """The next conductor epoch."""
    memory.conductor_epoch += 1
    where = schema.meta.c.name == "conductor_epoch"
    writer.connection.execute(sa.update(schema.meta).where(where).values(value=memory.conductor_epoch))
    return memory.conductor_epoch


def claim_sender(memory: Memory, undo: Undo, writer: Writer, name: str, now: float) -> int:
    """The next epoch of an egress; rows of older ones are in doubt."""
    holder = epochs.next_epoch(memory, undo, name, now)
    table = schema.egresses
    if holder.epoch == 1:
        writer.connection.execute(sa.insert(table).values(egress=name, epoch=1))
    else:
        writer.connection.execute(sa.update(table).where(table.c.egress == name).values(epoch=holder.epoch))
    touched = recovery.recover(memory, undo, writer, holder, holder.epoch - 1, now)
    writer.flush()
    settle_ended(memory, undo, writer, touched)
    return holder.epoch


def left_behind(memory: Memory, _connection: sa.Connection, serving: Collection[str], now: float) -> list[str]:
    """Egresses that nobody serves any more, whose lease has run out with rows open."""
    senders = memory.senders.values()
    return [h.name for h in senders if h.open and h.lease_until <= now and h.name not in serving]


def retire(memory: Memory, undo: Undo, writer: Writer, serving: Collection[str], now: float) -> list[str]:
    """Fences off what is left behind, without a lease for a next one; what it had open is in doubt."""
    names = left_behind(memory, writer.connection, serving, now)
    for name in names:
        claim_sender(memory, undo, writer, name, now)
        epochs.release(memory.senders[name])
    return names


def rows_as_lists(rows: RowArray, states: NDArray[np.uint8]) -> tuple[list[int], list[int]]:
    """Arrays as plain numbers, checked to be of one length."""
    if len(rows) != len(states):
        raise BrokenPromise("each settled row needs a state")
    return np.asarray(rows, dtype=np.int64).tolist(), np.asarray(states, dtype=np.uint8).tolist()
