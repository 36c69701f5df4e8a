"""One step of a sender: its results, then its openings, against memory and into the running transaction.

A step is checked and applied as a whole or not at all: whoever calls undoes it when it raises. Nothing here commits. A result
of a row that the sender has open counts; of other rows see `states`. A row may be opened once, by one sender, while its job
runs and its lease comes from the present conductor; opening it again under the same epoch and stamp is the same opening.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actors.ledger import epochs, jobs, recovery
from actors.ledger.memory import Holder, LiveJob, Memory, OpenRow, Undo
from actors.ledger.states import (
    DEFERRED,
    IN_DOUBT,
    PENDING,
    RENDER_ERROR,
    RESULTS,
    TRANSMITTED,
    TRANSMITTING,
    after_result,
    counts_unopened,
)
from actors.ledger.writes import Writer, clean
from actors.model.delivery import MAX_OPEN_ROWS, Advanced, Opening, Outcome
from actors.model.errors import BrokenPromise
from actors.model.states import JobState, RowState, Stage

# Outcomes of these stages come from no attempt at delivery.
_NO_ATTEMPT = frozenset({Stage.RENDER, Stage.INTAKE, Stage.HAND})
_FINAL = int(RowState.SKIPPED)  # stands for any final state where the rows of an ended job are asked about
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Step:
    """What a sender brings."""

    egress: str
    epoch: int
    results: Sequence[Outcome]
    openings: Sequence[Opening]


def advance(memory: Memory, undo: Undo, writer: Writer, step: Step, now: float) -> tuple[Advanced, set[str]]:
    """Applies a step; the names are those of the jobs that it touched."""
    holder = epochs.holder(memory, undo, step.egress, step.epoch)
    touched: set[str] = set()
    if step.results:
        _record(memory, undo, writer, holder, step.results, touched)
    opened = tuple(_open(memory, undo, writer, holder, o, now) for o in step.openings)
    if len(holder.open) > MAX_OPEN_ROWS:
        raise BrokenPromise(f"{holder.name} would have {len(holder.open)} rows open, more than {MAX_OPEN_ROWS}")
    for name in touched:
        _gate(undo, writer, memory.jobs[name])
    epochs.renew(holder, now)
    return Advanced(opened, holder.lease_until), touched


def _record(memory: Memory, undo: Undo, writer: Writer, holder: Holder, results: Sequence[Outcome], touched: set[str]) -> None:
    """The hot loop: some 128 outcomes a step, mostly of one job, mostly open with this sender."""
    job: LiveJob | None = None
    name = ""
    for outcome in results:
        if outcome.job != name or job is None:
            name = outcome.job
            job = memory.jobs.get(name)
            if job is None:
                _of_ended_job(writer, holder, outcome)
                continue
            undo.job(job)
            touched.add(name)
        row, result = int(outcome.row), int(outcome.state)
        opened = holder.open.pop((job.id, row), None)
        if opened is not None:
            if result not in RESULTS:
                raise BrokenPromise(f"{name}/{row}: {RowState(result).label} is not a sender's result")
            _close(writer, holder, opened.group)
        elif not _counts(writer, job, holder, row, result, outcome):
            continue
        state = after_result(result, job.swept, job.record.on_doubt, outcome.next_at < 0)
        recovery.move(undo, job, row, state)
        tries = 0 if outcome.stage in _NO_ATTEMPT else 1
        job.attempts += tries
        _collect(memory, writer, job, holder, outcome, row, state, tries, opened)
        if result == IN_DOUBT and opened is not None:
            at = float(outcome.at)
            recovery.name_doubt(memory, writer, job, row, holder.name, holder.epoch, opened, at, recovery.CONNECTION, state)


def _collect(
    memory: Memory,
    writer: Writer,
    job: LiveJob,
    holder: Holder,
    outcome: Outcome,
    row: int,
    state: int,
    tries: int,
    opened: OpenRow | None,
) -> None:
    """The row's entry, in the order of `writes.ENTRY`, and its line of history if a later one will replace it."""
    _, _, result, at, stage, blame, code, enhanced, reply, site, host, _, next_at, avoid, reason, tls = outcome
    at = float(at)
    words = (str(stage), str(blame), int(code), enhanced, clean(reply), site, host, holder.name, str(reason), tls)
    group, stamp = (opened.group, opened.stamp) if opened is not None else (0, 0)
    if state != DEFERRED:
        next_at, avoid = 0.0, ""
    writer.entries.append(
        (
            job.id,
            row,
            state,
            tries,
            *words,
            at if tries or stage == Stage.HAND else 0.0,  # from now on `retry_for` runs
            at,
            float(next_at) or (at if state == DEFERRED else 0.0),
            stamp,
            avoid,
            int(result == IN_DOUBT),
            group,
        )
    )
    if state == DEFERRED and tries:
        memory.serial += 1
        writer.history.append((job.id, row, memory.serial, at, *words))


def _close(writer: Writer, holder: Holder, group: int) -> None:
    """One row less in a group; the last one ends it."""
    left = holder.left[group] - 1
    if left:
        holder.left[group] = left
    else:
        del holder.left[group]
        writer.done.append((group,))


def _counts(writer: Writer, job: LiveJob, holder: Holder, row: int, result: int, outcome: Outcome) -> bool:
    """Whether the result of a row that is not open with this sender counts."""
    if not 0 <= row < len(job.cells):
        raise BrokenPromise(f"{job.record.job} has no row {row}")
    state = job.cells[row]
    asks = result in TRANSMITTED or state == DEFERRED
    repeated = asks and _repeated(writer, job.id, holder.name, row, state, result, float(outcome.at))
    return counts_unopened(job.record.job, row, state, result, repeated)


def _repeated(writer: Writer, job: int, egress: str, row: int, state: int, result: int, at: float) -> bool:
    """Whether the ledger holds this result of this sender already: its answer was lost on the way."""
    if result == IN_DOUBT:
        return writer.was_in_doubt(job, row, egress, at)
    entry = writer.find(job, row)
    if entry is None or entry.egress != egress:
        return False
    return entry.last_at == at if state in (PENDING, DEFERRED, TRANSMITTING) else True


def _of_ended_job(writer: Writer, holder: Holder, outcome: Outcome) -> None:
    """A result for a job that has ended can only be a repetition."""
    number = writer.number(outcome.job)
    row, result = int(outcome.row), int(outcome.state)
    repeated = result in TRANSMITTED and _repeated(writer, number, holder.name, row, _FINAL, result, float(outcome.at))
    counts_unopened(outcome.job, row, _FINAL, result, repeated)


def _open(memory: Memory, undo: Undo, writer: Writer, holder: Holder, opening: Opening, now: float) -> Mask:
    """Opens a group of the rows that may go; gives their mask."""
    rows = np.ascontiguousarray(opening.rows, dtype=np.int64)
    stamps = np.ascontiguousarray(opening.stamps, dtype=np.int64)
    job = memory.jobs.get(opening.job)
    if len(stamps) != len(rows) or len(set(rows.tolist())) != len(rows):
        raise BrokenPromise(f"{holder.name} opens rows of {opening.job} twice, or without a stamp each")
    if job is None or not len(rows):
        return np.zeros(len(rows), dtype=np.bool_)
    if rows.min() < 0 or rows.max() >= len(job.cells):
        raise BrokenPromise(f"{opening.job} has no row {rows.max()}")
    states = job.states[rows]
    again = _open_again(job, holder, rows, stamps, states)
    if job.record.state is not JobState.RUNNING or opening.conductor_epoch != memory.conductor_epoch:
        return again
    fresh: Mask = (states == PENDING) | (states == DEFERRED)
    _new_group(memory, undo, writer, holder, job, rows[fresh], stamps[fresh], now)
    return np.asarray(fresh | again, dtype=np.bool_)


def _open_again(
    job: LiveJob, holder: Holder, rows: NDArray[np.int64], stamps: NDArray[np.int64], states: NDArray[np.uint8]
) -> Mask:
    """Rows that this epoch has open already, with the same stamp: the answer to the first call was lost."""
    again = np.zeros(len(rows), dtype=np.bool_)
    for i in np.flatnonzero(states == TRANSMITTING).tolist():
        opened = holder.open.get((job.id, int(rows[i])))
        again[i] = opened is not None and opened.stamp == int(stamps[i])
    return again


def _new_group(
    memory: Memory,
    undo: Undo,
    writer: Writer,
    holder: Holder,
    job: LiveJob,
    rows: NDArray[np.int64],
    stamps: NDArray[np.int64],
    now: float,
) -> None:
    if not len(rows):
        return
    undo.job(job)
    undo.set_rows(job, rows, TRANSMITTING)
    memory.serial += 1
    group = memory.serial
    for row, stamp in zip(rows.tolist(), stamps.tolist(), strict=True):
        holder.open[job.id, row] = OpenRow(group, stamp, now)
    holder.left[group] = len(rows)
    blobs = (rows.astype("<i8").tobytes(), stamps.astype("<i8").tobytes())
    writer.groups.append((group, holder.name, holder.epoch, job.id, *blobs, now))
    if not job.record.started_at:
        job.record = jobs.started(job.record, now)
        writer.job(job)


def _gate(undo: Undo, writer: Writer, job: LiveJob) -> None:
    """Pauses a job whose rows cannot be rendered."""
    if job.record.state is JobState.RUNNING and job.counts[RENDER_ERROR]:
        reason = jobs.gate_reason(job.record, job.counts, job.excused)
        if reason:
            job.record = jobs.paused(job.record, reason)
            writer.job(job)
