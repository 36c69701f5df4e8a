"""What may happen to a job: its steps as a table, the render-error gate, and its record as a database row. Pure.

DONE needs every row settled. An ended job stays as it is, unless a person decides on its rows in doubt (`decisions`). A job
that is paused because too many rows failed to render goes on when a person resumes it; the errors seen until then are excused.
"""

import json
from dataclasses import fields, replace
from typing import Any

from actors.model.errors import Conflict
from actors.model.job import JobRecord
from actors.model.states import ENDED_JOB_STATES, JobState, OnDoubt, RowState

_S = JobState
STEPS: dict[JobState, frozenset[JobState]] = {
    _S.ACCEPTING: frozenset({_S.SCHEDULED, _S.RUNNING, _S.REFUSED, _S.CANCELLED}),
    _S.SCHEDULED: frozenset({_S.RUNNING, _S.PAUSED, _S.STALLED, _S.DONE, _S.CANCELLED}),
    _S.RUNNING: frozenset({_S.PAUSED, _S.STALLED, _S.DONE, _S.CANCELLED}),
    _S.PAUSED: frozenset({_S.RUNNING, _S.SCHEDULED, _S.DONE, _S.CANCELLED}),
    _S.STALLED: frozenset({_S.RUNNING, _S.SCHEDULED, _S.PAUSED, _S.DONE, _S.CANCELLED}),
    _S.DONE: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.REFUSED: frozenset(),
}
ACTIVE = (_S.SCHEDULED, _S.RUNNING, _S.PAUSED, _S.STALLED)

# Fewer settled rows say too little about a template: one bad row among the first ten is no reason to stop.
GATE_ROWS = 1000


def step(record: JobRecord, state: JobState, reason: str, open_rows: int, now: float) -> JobRecord:
    """The record after a move; Conflict if its state does not allow it."""
    if state is record.state:
        return replace(record, reason=reason)
    if state not in STEPS[record.state]:
        raise Conflict(f"job {record.job}", f"{record.state} cannot become {state}")
    if state is JobState.DONE and open_rows:
        raise Conflict(f"job {record.job}", f"{open_rows} rows are not settled")
    return replace(record, state=state, reason=reason, ended_at=now if state in ENDED_JOB_STATES else 0.0)


def begin(kept: JobRecord, given: JobRecord, now: float) -> JobRecord:
    """The record that leaves ACCEPTING: what intake found, under the identity that create_job gave."""
    if given.state in (JobState.SCHEDULED, JobState.RUNNING):
        state = given.state
    else:
        state = JobState.SCHEDULED if given.start_at > now else JobState.RUNNING
    return replace(
        given,
        job=kept.job,
        account=kept.account,
        idempotency_key=kept.idempotency_key,
        payload_hash=kept.payload_hash,
        created_at=kept.created_at,
        state=state,
        started_at=0.0,
        ended_at=0.0,
    )


def gate_reason(record: JobRecord, counts: list[int], excused: int) -> str:
    """Why the job must pause for its render errors; empty if it may go on. With no row left open there is nothing to save."""
    errors = counts[RowState.RENDER_ERROR] - excused
    if errors <= 0 or errors <= record.max_render_errors * record.rows:
        return ""
    still_open = counts[RowState.PENDING] + counts[RowState.DEFERRED] + counts[RowState.TRANSMITTING]
    if still_open == 0 or record.rows - still_open < min(GATE_ROWS, record.rows):
        return ""
    allowed = f"{record.max_render_errors:.2%}"
    return f"{errors} of {record.rows} rows could not be rendered, more than the {allowed} that the job allows"


def started(record: JobRecord, now: float) -> JobRecord:
    """The record with its first transmission."""
    return replace(record, started_at=now)


def paused(record: JobRecord, reason: str) -> JobRecord:
    return replace(record, state=JobState.PAUSED, reason=reason)


def to_columns(record: JobRecord) -> dict[str, Any]:
    """The record as column values."""
    values = {f.name: getattr(record, f.name) for f in fields(JobRecord)}
    words = {"state": str(record.state), "on_doubt": str(record.on_doubt)}
    return values | words | {"pause": json.dumps(record.pause), "days": json.dumps(record.days)}


def from_columns(columns: Any) -> JobRecord:
    """The record of one row of the `jobs` table (a mapping)."""
    values = {f.name: columns[f.name] for f in fields(JobRecord)}
    values |= {
        "state": JobState(values["state"]),
        "on_doubt": OnDoubt(values["on_doubt"]),
        "pause": tuple(json.loads(values["pause"])),
        "days": tuple(json.loads(values["days"] or "[]")),
    }
    return JobRecord(**values)
