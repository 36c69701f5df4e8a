"""Rows in doubt: named, and handled as their job says.

A row is in doubt when its final dot may have left and its reply never came: its sender died or lost its lease (cause
`crash`), or lost the connection (cause `connection`). Each such row gets an entry in `doubts`, keeps the stamp that it was
rendered at, and becomes what `on_doubt` says; a job that was swept meanwhile sends nothing again.
"""

from actors.ledger.memory import Holder, LiveJob, Memory, OpenRow, Undo
from actors.ledger.states import DEFERRED, IN_DOUBT, after_result
from actors.ledger.writes import Writer, doubt_values
from actors.model.states import Blame, Stage

CRASH, CONNECTION = "crash", "connection"
CRASH_REPLY = "the sender stopped before the receiver's answer was recorded"


def recover(memory: Memory, undo: Undo, writer: Writer, holder: Holder, epoch: int, now: float) -> set[str]:
    """Everything that the egress had open under older epochs is in doubt; gives the names of the jobs concerned. `epoch`: the
    last one that may have opened them."""
    touched: set[str] = set()
    for (number, row), opened in holder.open.items():
        job = undo.job(memory.numbers[number])
        became = after_result(IN_DOUBT, job.swept, job.record.on_doubt)
        move(undo, job, row, became)
        job.attempts += 1
        writer.entries.append(_entry(job.id, row, became, holder.name, now, opened))
        name_doubt(memory, writer, job, row, holder.name, epoch, opened, now, CRASH, became)
        touched.add(job.record.job)
    writer.done.extend((group,) for group in holder.left)
    holder.open.clear()
    holder.left.clear()
    return touched


def move(undo: Undo, job: LiveJob, row: int, state: int) -> None:
    """Changes one row of a touched job."""
    cells = job.cells
    old = cells[row]
    undo.log.append((cells, row, old))
    cells[row] = state
    job.counts[old] -= 1
    job.counts[state] += 1


def name_doubt(
    memory: Memory,
    writer: Writer,
    job: LiveJob,
    row: int,
    egress: str,
    epoch: int,
    opened: OpenRow,
    at: float,
    cause: str,
    became: int,
) -> None:
    """Puts a row on record as in doubt; its entry is collected already."""
    memory.serial += 1
    if not writer.ever_in_doubt(job.id, row):
        job.doubts += 1
    writer.doubts.append(
        doubt_values(memory.serial, egress, epoch, opened.opened_at, at, opened.stamp, cause, became, job.id, row)
    )


def _entry(job: int, row: int, state: int, egress: str, now: float, opened: OpenRow) -> tuple[object, ...]:
    """In the order of `writes.ENTRY`."""
    next_at = now if state == DEFERRED else 0.0
    words = (str(Stage.DOT), str(Blame.US), 0, "", CRASH_REPLY, "", "", egress, "", "")
    return (job, row, state, 1, *words, now, now, next_at, opened.stamp, "", 1, opened.group)
