"""Codes of an account's pools: each is handed out at most once over all jobs, to one row, and to that row again on every call.

What a row never used comes back: when its job has ended and the row ended unsent and was never in doubt, the next claim on the
pool finds the code free. A code whose row may have reached its receiver never does.
"""

import zlib
from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from actors.ledger import schema
from actors.ledger.store import Store, insert_sql, tuples
from actors.ledger.upkeep import find_record
from actors.ledger.writes import batches
from actors.model.errors import Conflict
from actors.model.states import JobState, RowState

BATCH = 10_000  # codes a statement
FREE = 0  # the job of a code that no row has
UNSENT = frozenset(
    (
        RowState.INVALID,
        RowState.DUPLICATE,
        RowState.SUPPRESSED,
        RowState.SKIPPED,
        RowState.RENDER_ERROR,
        RowState.EXPIRED,
        RowState.CANCELLED,
    )
)
_table = schema.codes.c


def stock(store: Store, connection: sa.Connection, account: str, pool: str, codes: Sequence[str]) -> int:
    """Adds codes that the pool does not have yet, in this order; how many were new."""
    last = connection.execute(sa.select(sa.func.max(_table.serial)).where(_mine(account, pool))).scalar() or 0
    names = ("account", "pool", "code", "serial", "job", "row", "spent")
    sql = insert_sql(store, schema.codes, names, "ON CONFLICT DO NOTHING")
    entries = [(account, pool, code, last + n, FREE, -1, 0) for n, code in enumerate(codes, 1)]
    return sum(connection.exec_driver_sql(sql, list(part)).rowcount for part in batches(entries, BATCH))


def available(connection: sa.Connection, account: str, pool: str, job: str) -> int:
    """How many codes the job can have, those that its rows hold among them; gives back first what rows ended without."""
    number = find_record(connection, job)["id"]
    _give_back(connection, account, pool)
    can = sa.select(sa.func.count()).where(_mine(account, pool), _table.job.in_((FREE, number)))
    return int(connection.execute(can).scalar() or 0)


def claim(store: Store, connection: sa.Connection, pool: str, job: str, rows: Sequence[int]) -> list[str | None]:
    """A code for each of these rising rows of a job in ACCEPTING; null where the pool has no more."""
    record = find_record(connection, job)
    if record["state"] != JobState.ACCEPTING:
        raise Conflict(f"job {job}", f"codes are claimed while it is accepting, it is {record['state']}")
    number, account = record["id"], record["account"]
    held = sa.select(_table.row, _table.code).where(_mine(account, pool), _table.job == number)
    found: dict[int, str] = dict(tuples(connection, held.where(_table.row.between(min(rows), max(rows)))))
    missing = [row for row in rows if row not in found]
    free = sa.select(_table.code).where(_mine(account, pool), _table.job == FREE).order_by(_table.serial)
    given = list(zip(missing, (code for (code,) in tuples(connection, free.limit(len(missing)))), strict=False))
    mark = store.mark
    sql = f'UPDATE codes SET job = {mark}, "row" = {mark} WHERE account = {mark} AND pool = {mark} AND code = {mark}'
    for part in batches(given, BATCH):
        connection.exec_driver_sql(sql, [(number, row, account, pool, code) for row, code in part])
    found |= dict(given)
    return [found.get(row) for row in rows]


def _mine(account: str, pool: str) -> sa.ColumnElement[bool]:
    return (_table.account == account) & (_table.pool == pool)


def _give_back(connection: sa.Connection, account: str, pool: str) -> None:
    """Frees what rows of ended jobs did not use, and marks what they did, so that no later call looks at it."""
    holding = sa.select(_table.job).where(_mine(account, pool), _table.job != FREE, _table.spent == 0).distinct()
    for (number,) in tuples(connection, holding):
        state = connection.execute(sa.select(schema.jobs.c.state).where(schema.jobs.c.id == number)).scalar()
        held = (_mine(account, pool)) & (_table.job == number)
        if state == JobState.REFUSED:
            _free(connection, held)
            continue
        packed = connection.execute(sa.select(schema.ended.c.states).where(schema.ended.c.job == number)).scalar()
        if packed is None:
            continue  # rows of it are open
        states = np.frombuffer(zlib.decompress(packed), np.uint8)
        doubted = {row for (row,) in tuples(connection, sa.select(schema.doubts.c.row).where(schema.doubts.c.job == number))}
        rows = [row for (row,) in tuples(connection, sa.select(_table.row).where(held, _table.spent == 0))]
        unsent = [row for row in rows if states[row] in UNSENT and row not in doubted]
        undecided = [row for row in rows if states[row] == RowState.IN_DOUBT]
        for part in batches(unsent, BATCH):
            _free(connection, held & _table.row.in_(part))
        used = sorted(set(rows) - set(unsent) - set(undecided))
        for part in batches(used, BATCH):
            connection.execute(sa.update(schema.codes).where(held, _table.row.in_(part)).values(spent=1))


def _free(connection: sa.Connection, held: sa.ColumnElement[bool]) -> None:
    connection.execute(sa.update(schema.codes).where(held).values(job=FREE, row=-1))
