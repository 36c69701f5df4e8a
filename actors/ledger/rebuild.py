"""Memory made anew from the store: at start, and after a commit whose end is not known.

Every row of a job begins as pending (or as what the job was swept into); entries of `rows` overrule that; open groups
overrule both, for their rows that have no result of this group yet. Read in stretches, so that ten million rows need no ten
million tuples at once.
"""

from itertools import chain
from typing import Any

import numpy as np
import sqlalchemy as sa

from actors.ledger import schema
from actors.ledger.jobs import from_columns
from actors.ledger.memory import Holder, LiveJob, Memory, OpenRow, States, Undo
from actors.ledger.states import TRANSMITTING
from actors.ledger.store import tuples
from actors.model.errors import BrokenPromise
from actors.model.states import JobState

STRETCH = 100_000  # rows a query: some 20 MB of tuples
_NEVER_LIVE = (str(JobState.ACCEPTING), str(JobState.REFUSED))


def load(connection: sa.Connection) -> Memory:
    """Everything that is active."""
    memory = Memory()
    memory.serial = meta(connection, "serial")
    memory.conductor_epoch = meta(connection, "conductor_epoch")
    for name, epoch in connection.execute(sa.select(schema.egresses.c.egress, schema.egresses.c.epoch)):
        memory.senders[name] = Holder(name, epoch)
    jobs = schema.jobs
    unsettled = sa.select(jobs).where(
        jobs.c.state.not_in(_NEVER_LIVE), ~sa.exists().where(schema.ended.c.job == jobs.c.id).correlate(jobs)
    )
    for columns in connection.execute(unsettled).mappings().all():
        memory.add(live_job(connection, columns))
    for group in connection.execute(sa.select(schema.groups)).mappings().all():
        _reopen(connection, memory, group)
    return memory


def meta(connection: sa.Connection, name: str) -> int:
    """One of the ledger's own numbers."""
    found: int = connection.execute(sa.select(schema.meta.c.value).where(schema.meta.c.name == name)).scalar_one()
    return found


def live_job(connection: sa.Connection, columns: Any) -> LiveJob:
    """A job with its states, from its `jobs` row (a mapping); open groups not yet counted."""
    record, number, swept = from_columns(columns), columns["id"], columns["swept"]
    states = read_states(connection, number, record.rows, swept)
    job = LiveJob(number, record, states, swept, columns["excused"])
    entry = schema.rows.c
    sums = sa.select(sa.func.sum(entry.attempts), sa.func.sum(sa.case((entry.in_doubt > 0, 1), else_=0)))
    attempts, doubts = connection.execute(sums.where(entry.job == number)).one()
    job.attempts, job.doubts = int(attempts or 0), int(doubts or 0)
    return job


def read_states(connection: sa.Connection, number: int, rows: int, fill: int) -> States:
    """One byte a row: `fill` where the row has no entry."""
    states = np.full(rows, fill, dtype=np.uint8)
    entry = schema.rows.c
    beyond = connection.execute(sa.select(sa.func.max(entry.row)).where(entry.job == number)).scalar()
    if beyond is not None and beyond >= rows:
        raise BrokenPromise(f"row {beyond} is settled in a job of {rows} rows")
    # Row and state in one number: half the Python objects.
    both = sa.select((entry.row * 16 + entry.state).label("both"))
    for low in range(0, (beyond or 0) + 1, STRETCH):
        found = tuples(connection, both.where(entry.job == number, entry.row >= low, entry.row < low + STRETCH))
        packed = np.fromiter(chain.from_iterable(found), dtype=np.int64, count=len(found))
        states[packed >> 4] = packed & 15
    return states


def _reopen(connection: sa.Connection, memory: Memory, group: Any) -> None:
    """Puts a group's rows back into its sender's hands, as far as they have no result."""
    job = memory.numbers[group["job"]]
    holder = memory.senders[group["egress"]]
    rows = np.frombuffer(group["rows"], dtype="<i8").tolist()
    stamps = np.frombuffer(group["stamps"], dtype="<i8").tolist()
    entry = schema.rows.c
    answered = sa.select(entry.row).where(entry.job == job.id, entry.group == group["id"], entry.row.in_(rows))
    settled = set(connection.execute(answered).scalars())
    still = [(row, stamp) for row, stamp in zip(rows, stamps, strict=True) if row not in settled]
    for row, stamp in still:
        holder.open[job.id, row] = OpenRow(group["id"], stamp, group["opened_at"])
    if still:
        holder.left[group["id"]] = len(still)
        Undo(memory).set_rows(job, np.array([row for row, _ in still], dtype=np.int64), TRANSMITTING)
