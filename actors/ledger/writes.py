"""The statements that change rows, groups and jobs, and what one step collects for them.

The hot ones are driver SQL with tuples, made once; values are plain int, float, str and bytes by then. A Writer belongs to one
transaction: `flush` writes what was collected, so that later steps of the same transaction see it.
"""

import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from actors.ledger import schema
from actors.ledger.jobs import to_columns
from actors.ledger.memory import LiveJob
from actors.ledger.store import Store, insert_sql
from actors.model.delivery import MAX_REPLY_CHARS
from actors.model.errors import BrokenPromise

ENTRY = tuple(c.name for c in schema.rows.columns)
HISTORY = tuple(c.name for c in schema.history.columns)
GROUP = tuple(c.name for c in schema.groups.columns)
_DOUBT_GIVEN = ("serial", "egress", "epoch", "opened_at", "at", "stamp", "cause", "became")

_KEEP_STAMP = 'stamp = CASE WHEN excluded.stamp <> 0 THEN excluded.stamp ELSE "rows".stamp END'
_SET = ", ".join(
    [
        *(
            f"{n} = excluded.{n}"
            for n in (
                "state",
                "stage",
                "blame",
                "code",
                "enhanced",
                "reply",
                "egress",
                "reason",
                "tls",
                "last_at",
                "next_at",
                "avoid",
            )
        ),
        'attempts = "rows".attempts + excluded.attempts',
        'in_doubt = "rows".in_doubt + excluded.in_doubt',
        'first_at = CASE WHEN "rows".first_at > 0 THEN "rows".first_at ELSE excluded.first_at END',
        "site = CASE WHEN excluded.site <> '' THEN excluded.site ELSE \"rows\".site END",
        "host = CASE WHEN excluded.host <> '' THEN excluded.host ELSE \"rows\".host END",
        '"group" = excluded."group"',
        _KEEP_STAMP,
    ]
)


class Statements:
    """The hot statements in the driver's words."""

    def __init__(self, store: Store):
        mark = store.mark
        self.entry = insert_sql(store, schema.rows, ENTRY, f'ON CONFLICT (job, "row") DO UPDATE SET {_SET}')
        self.settle = insert_sql(
            store,
            schema.rows,
            ENTRY,
            'ON CONFLICT (job, "row") DO UPDATE SET state = excluded.state, reply = excluded.reply, last_at = excluded.last_at',
        )
        self.history = insert_sql(store, schema.history, HISTORY)
        self.group = insert_sql(store, schema.groups, GROUP)
        self.group_done = f'DELETE FROM "groups" WHERE id = {mark}'
        self.serial = f"UPDATE meta SET value = {mark} WHERE name = 'serial'"
        self.decide = f'UPDATE "rows" SET state = {mark}, next_at = {mark}, avoid = \'\' WHERE job = {mark} AND "row" = {mark}'
        self.find = f'SELECT state, egress, last_at FROM "rows" WHERE job = {mark} AND "row" = {mark}'
        self.find_doubt = f'SELECT 1 FROM doubts WHERE job = {mark} AND "row" = {mark} AND egress = {mark} AND at = {mark}'
        names = ", ".join(_DOUBT_GIVEN)
        marks = ", ".join(
            f"CAST({mark} AS {t})"
            for t in ("BIGINT", "TEXT", "BIGINT", *["DOUBLE PRECISION"] * 2, "BIGINT", "TEXT", "SMALLINT")
        )
        # The attempt's number is the row's own count, which the entry written just before has raised.
        self.doubt = (
            f'INSERT INTO doubts (job, "row", attempt, {names}) SELECT job, "row", attempts, {marks} FROM "rows"'
            f' WHERE job = {mark} AND "row" = {mark}'
        )


class Writer:
    """Collects one step's writes and puts them into the running transaction."""

    def __init__(self, statements: Statements, connection: sa.Connection):
        self._sql, self.connection = statements, connection
        self.entries: list[tuple[Any, ...]] = []
        self.history: list[tuple[Any, ...]] = []
        self.doubts: list[tuple[Any, ...]] = []
        self.groups: list[tuple[Any, ...]] = []
        self.done: list[tuple[int]] = []

    def forget(self) -> None:
        """Drops what a refused step has collected."""
        for collected in (self.entries, self.history, self.doubts, self.groups, self.done):
            collected.clear()

    def flush(self) -> None:
        run = self.connection.exec_driver_sql
        sql = self._sql
        # Doubts read the entry's attempts, so entries go first.
        for statement, collected in (
            (sql.entry, self.entries),
            (sql.history, self.history),
            (sql.doubt, self.doubts),
            (sql.group, self.groups),
            (sql.group_done, self.done),
        ):
            if collected:
                run(statement, collected)
        self.forget()

    def serial(self, value: int) -> None:
        self.connection.exec_driver_sql(self._sql.serial, (value,))

    def find(self, job: int, row: int) -> Any:
        """(state, egress, last_at) of a row's entry, or None."""
        return self.connection.exec_driver_sql(self._sql.find, (job, row)).first()

    def number(self, job: str) -> int:
        """The number of a job that is no longer in memory."""
        found: int | None = self.connection.execute(sa.select(schema.jobs.c.id).where(schema.jobs.c.job == job)).scalar()
        if found is None:
            raise BrokenPromise(f"{job} is no job of this ledger")
        return found

    def was_in_doubt(self, job: int, row: int, egress: str, at: float) -> bool:
        """Whether exactly this doubt is on record."""
        return self.connection.exec_driver_sql(self._sql.find_doubt, (job, row, egress, at)).first() is not None

    def ever_in_doubt(self, job: int, row: int) -> bool:
        """Whether the row was in doubt before this step."""
        entry = schema.rows.c
        before = sa.select(entry.in_doubt).where(entry.job == job, entry.row == row)
        return bool(self.connection.execute(before).scalar())

    def decide(self, job: LiveJob, rows: Sequence[int], state: int, next_at: float) -> None:
        """A person's word on rows that have an entry; what the last attempt said stays."""
        self.connection.exec_driver_sql(self._sql.decide, [(state, next_at, job.id, row) for row in rows])

    def settle(self, entries: Sequence[tuple[Any, ...]]) -> None:
        """Intake's final states."""
        self.connection.exec_driver_sql(self._sql.settle, list(entries))

    def job(self, job: LiveJob) -> None:
        """Writes the record of a job that is there."""
        values = to_columns(job.record) | {"swept": job.swept, "excused": job.excused}
        self.connection.execute(sa.update(schema.jobs).where(schema.jobs.c.id == job.id).values(values))

    def end(self, job: LiveJob) -> None:
        """The last word on a job that is ended and settled."""
        states = zlib.compress(job.cells, 1)
        counts = json.dumps({state: count for state, count in enumerate(job.counts) if count})
        values = {"job": job.id, "counts": counts, "attempts": job.attempts, "doubts": job.doubts, "states": states}
        self.connection.execute(sa.insert(schema.ended).values(values))


def doubt_values(
    serial: int, egress: str, epoch: int, opened_at: float, at: float, stamp: int, cause: str, became: int, job: int, row: int
) -> tuple[Any, ...]:
    """The parameters of one doubt."""
    return (serial, egress, epoch, opened_at, at, stamp, cause, became, job, row)


def clean(text: str) -> str:
    """Text that every store takes: no control characters or lone surrogates, MAX_REPLY_CHARS at most."""
    if len(text) > MAX_REPLY_CHARS:
        text = text[:MAX_REPLY_CHARS]
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " for c in text)


def batches(values: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    """Slices of `size`."""
    return (values[i : i + size] for i in range(0, len(values), size))
