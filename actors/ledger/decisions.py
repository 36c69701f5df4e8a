"""A person's word on rows that their job holds in doubt (`on_doubt: hold`): sent again with the recorded stamp, or given up.

This is the one way out of a final state, and it needs no guess: such a row has its line in `doubts`, so a second message is
named beforehand. A job that was done runs again until its rows are settled; a cancelled one stays as it is.
"""

from dataclasses import replace

import numpy as np
import sqlalchemy as sa

from actors.ledger import schema
from actors.ledger.book import settle_ended
from actors.ledger.memory import LiveJob, Memory, Undo
from actors.ledger.rebuild import live_job
from actors.ledger.states import BECOMES, DEFERRED, IN_DOUBT
from actors.ledger.upkeep import find_record
from actors.ledger.writes import Writer
from actors.model.errors import BrokenPromise, Conflict, NotFound
from actors.model.job import RowArray
from actors.model.states import JobState, OnDoubt


def decide(memory: Memory, undo: Undo, writer: Writer, name: str, decision: OnDoubt, rows: RowArray | None, now: float) -> int:
    """Settles the job's rows in doubt, or those of `rows` that are; gives how many there were."""
    if decision not in (OnDoubt.RESEND, OnDoubt.SKIP):
        raise BrokenPromise(f"{decision} decides nothing")
    job = memory.jobs.get(name) or _at_rest(writer, name)
    _check(job, decision, now)
    chosen = _chosen(job, rows)
    if not len(chosen):
        return 0
    if name not in memory.jobs:
        writer.connection.execute(sa.delete(schema.ended).where(schema.ended.c.job == job.id))
        undo.add(job)
    undo.job(job)
    if job.record.state is JobState.DONE:
        job.record = replace(job.record, state=JobState.RUNNING, reason="", ended_at=0.0)
    becomes = BECOMES[decision]
    undo.set_rows(job, chosen, becomes)
    writer.decide(job, chosen.tolist(), becomes, now if becomes == DEFERRED else 0.0)
    writer.job(job)
    settle_ended(memory, undo, writer, {name})
    return len(chosen)


def _at_rest(writer: Writer, name: str) -> LiveJob:
    """A settled job as it would be in memory."""
    found = find_record(writer.connection, name)
    if found["state"] in (JobState.ACCEPTING, JobState.REFUSED):
        raise Conflict(f"job {name}", f"it is {found['state']}")
    return live_job(writer.connection, found)


def _check(job: LiveJob, decision: OnDoubt, now: float) -> None:
    record = job.record
    if record.state is JobState.CANCELLED:
        raise Conflict(f"job {record.job}", "it is cancelled: its rows in doubt stay as they are")
    if decision is OnDoubt.RESEND and (job.swept or 0 < record.deadline_at <= now):
        raise Conflict(f"job {record.job}", "its deadline has passed: nothing is sent any more")


def _chosen(job: LiveJob, rows: RowArray | None) -> RowArray:
    if rows is None:
        return np.flatnonzero(job.states == IN_DOUBT).astype(np.int64)
    numbers: RowArray = np.unique(np.asarray(rows, dtype=np.int64))
    outside = numbers[(numbers < 0) | (numbers >= len(job.states))]
    if len(outside):
        raise NotFound("row", f"{job.record.job}/{outside[0]}")
    held: RowArray = numbers[job.states[numbers] == IN_DOUBT]
    return held
