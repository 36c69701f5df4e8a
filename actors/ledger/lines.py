"""What is read back of rows: due ones, lines of the result files, the story of one row.

The state of a row is always the one in memory; the store's entry tells what the last attempt said. A row that was swept, or
is being transmitted for the first time, has no entry and still has a line.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from actors.ledger import schema
from actors.ledger.memory import States
from actors.ledger.states import DEFERRED, PENDING, TRANSMITTING
from actors.ledger.store import tuples
from actors.model.delivery import DueRows
from actors.model.ports import RowStory
from actors.model.rowlines import NAMES, RowLine, RowLines
from actors.model.states import RowState

_Line = tuple[Any, ...]  # a `RowLine`'s values

# How many states are looked through at a time for the next lines: a small array, and few rounds.
WINDOW = 65_536


_entry = schema.rows.c
_LINE = tuple(_entry[name] for name in NAMES if name != "state")  # the row's number first
_BARE = tuple(field.default for field in fields(RowLine))[2:]  # what a row without an entry says
_STATE = {int(s): s for s in RowState}


def due(connection: sa.Connection, job: int, states: States, now: float, limit: int, after: int) -> DueRows:
    """Deferred rows whose time has come; rows that are being retried right now are passed over."""
    waiting = (_entry.job == job, _entry.state == DEFERRED)
    page = (
        sa.select(_entry.row, _entry.attempts, _entry.stamp, _entry.first_at, _entry.avoid, _entry.in_doubt)
        .where(*waiting, _entry.next_at <= now)
        .order_by(_entry.row)
        .limit(limit)
    )
    found: list[Any] = []
    while len(found) < limit:
        rows = connection.execute(page.where(_entry.row > after)).all()
        found += [r for r in rows if states[r[0]] == DEFERRED]
        if len(rows) < limit:
            break
        after = rows[-1][0]
    del found[limit:]
    later = sa.select(sa.func.min(_entry.next_at)).where(*waiting, _entry.next_at > now)
    return DueRows(
        rows=np.array([r[0] for r in found], dtype=np.int64),
        attempts=np.array([r[1] for r in found], dtype=np.int16),
        # Only a row that may have been delivered must go out as the same bytes again.
        stamps=np.array([r[2] if r[5] else 0 for r in found], dtype=np.int64),
        first_at=np.array([r[3] for r in found], dtype=np.float64),
        avoid=[r[4] for r in found],
        next_at=connection.execute(later).scalar() or 0.0,
    )


def none_due() -> DueRows:
    """No row of the job is deferred."""
    empty = np.zeros(0, np.int64)
    return DueRows(empty, empty.astype(np.int16), empty, empty.astype(np.float64), [], 0.0)


def lines(connection: sa.Connection, job: int, states: States, after: int, limit: int, wanted: Sequence[RowState]) -> RowLines:
    """Lines of rows above `after` whose state is wanted (by default all that are not pending), by row number."""
    picks = np.zeros(256, dtype=np.bool_)
    picks[[int(s) for s in wanted] or [int(s) for s in RowState if s != PENDING]] = True
    found: list[_Line] = []
    low = after + 1
    while low < len(states) and len(found) < limit:
        high = min(low + max(WINDOW, limit), len(states))
        rows = low + np.flatnonzero(picks[states[low:high]])
        for start in range(0, len(rows), limit):
            found += _lines_of(connection, job, states, rows[start : start + limit], bool(wanted))
            if len(found) >= limit:
                break
        low = high
    return RowLines(tuple(zip(*found[:limit], strict=True)))


def _lines_of(connection: sa.Connection, job: int, states: States, rows: NDArray[np.int64], bare: bool) -> list[_Line]:
    """The values of these rows' lines; `bare`: also of rows that are being transmitted for the first time."""
    if not len(rows):
        return []
    between = sa.select(*_LINE).where(_entry.job == job, _entry.row >= int(rows[0]), _entry.row <= int(rows[-1]))
    entries = {entry[0]: entry[1:] for entry in tuples(connection, between)}
    found: list[_Line] = []
    for row, state in zip(rows.tolist(), states[rows].tolist(), strict=True):
        entry = entries.get(row, _BARE)
        if entry is not _BARE or bare or state != TRANSMITTING:
            found.append((row, _STATE[state], *entry))
    return found


_SAME = ("stage", "code", "enhanced", "reply", "egress")  # with the time, they tell that two entries are one attempt


def story(connection: sa.Connection, job: int, states: States, row: int) -> RowStory:
    """All that is known of one row: its line, the deferrals before it, when it was in doubt, and what is next."""
    past, doubt = schema.history, schema.doubts
    deferrals = sa.select(past).where(past.c.job == job, past.c.row == row).order_by(past.c.serial)
    in_doubt = sa.select(doubt).where(doubt.c.job == job, doubt.c.row == row).order_by(doubt.c.serial)
    following = sa.select(_entry.next_at, _entry.avoid).where(_entry.job == job, _entry.row == row)
    next_at, avoid = connection.execute(following).one_or_none() or (0.0, "")
    hidden = {"job", "row", "serial"}
    waits = int(states[row]) == DEFERRED
    line = RowLine(*_lines_of(connection, job, states, np.array([row]), True)[0])
    earlier = [{k: v for k, v in m.items() if k not in hidden} for m in connection.execute(deferrals).mappings()]
    if earlier and all(earlier[-1][name] == getattr(line, name) for name in _SAME) and earlier[-1]["at"] == line.last_at:
        earlier.pop()  # the row waits, or ended waiting: its last attempt is a deferral too
    return RowStory(
        line=line,
        deferrals=earlier,
        doubts=[
            {k: v for k, v in m.items() if k not in hidden} | {"became": _STATE[m["became"]].label}
            for m in connection.execute(in_doubt).mappings()
        ],
        next_at=next_at if waits else 0.0,
        avoid=avoid if waits else "",
    )
