"""What may happen to a job, the render-error gate, and records as columns."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.ledger.jobs import STEPS, begin, from_columns, gate_reason, step, to_columns
from actors.ledger.states import STATES
from actors.model.errors import Conflict
from actors.model.job import JobRecord
from actors.model.states import ENDED_JOB_STATES, JobState, OnDoubt, RowState

RECORD = JobRecord("01A", "bank", "name", JobState.RUNNING, rows=5000, max_render_errors=0.01)


def test_every_state_has_its_steps_and_ended_ones_none() -> None:
    assert set(STEPS) == set(JobState)
    for state, steps in STEPS.items():
        assert bool(steps) == (state not in ENDED_JOB_STATES)
        assert JobState.ACCEPTING not in steps
        assert state not in steps
        if steps:
            assert JobState.CANCELLED in steps
    assert JobState.STALLED not in STEPS[JobState.PAUSED]  # paused is left by a person only


@pytest.mark.parametrize("old", list(JobState))
@pytest.mark.parametrize("new", list(JobState))
def test_steps_follow_the_table(old: JobState, new: JobState) -> None:
    record = replace(RECORD, state=old)
    if new is old or new in STEPS[old]:
        moved = step(record, new, "why", 0, 9.0)
        assert (moved.state, moved.reason) == (new, "why")
        assert moved.ended_at == (9.0 if new in ENDED_JOB_STATES and new is not old else 0.0)
    else:
        with pytest.raises(Conflict):
            step(record, new, "why", 0, 9.0)


def test_done_needs_every_row_settled() -> None:
    with pytest.raises(Conflict, match="3 rows"):
        step(RECORD, JobState.DONE, "", 3, 9.0)
    assert step(RECORD, JobState.CANCELLED, "", 3, 9.0).state is JobState.CANCELLED


def counted(pending: int, errors: int, delivered: int) -> list[int]:
    counts = [0] * STATES
    counts[RowState.PENDING], counts[RowState.RENDER_ERROR], counts[RowState.DELIVERED] = pending, errors, delivered
    return counts


@pytest.mark.parametrize(
    ("pending", "errors", "delivered", "excused", "pauses"),
    [
        (3949, 51, 1000, 0, True),
        (3950, 50, 1000, 0, False),  # one in a hundred is allowed
        (4001, 999, 0, 0, False),  # too few rows are settled
        (4000, 1000, 0, 0, True),
        (0, 5000, 0, 0, False),  # nothing is left to save
        (3900, 100, 1000, 50, False),  # a person has seen fifty
        (3899, 101, 1000, 50, True),
    ],
)
def test_the_gate(pending: int, errors: int, delivered: int, excused: int, pauses: bool) -> None:
    assert bool(gate_reason(RECORD, counted(pending, errors, delivered), excused)) is pauses


def test_a_gate_of_zero_lets_no_error_pass() -> None:
    record = replace(RECORD, max_render_errors=0.0)
    assert not gate_reason(record, counted(4000, 0, 1000), 0)
    assert "1 of 5000 rows" in gate_reason(record, counted(3999, 1, 1000), 0)


def test_begin_keeps_the_identity() -> None:
    kept = JobRecord("01A", "bank", "", JobState.ACCEPTING, idempotency_key="k", payload_hash="h", created_at=5.0)
    given_ = JobRecord("01X", "shop", "name", JobState.ACCEPTING, rows=9, created_at=7.0, started_at=8.0, start_at=100.0)
    begun = begin(kept, given_, 50.0)
    assert (begun.job, begun.account, begun.idempotency_key, begun.payload_hash, begun.created_at) == (
        "01A",
        "bank",
        "k",
        "h",
        5.0,
    )
    assert (begun.state, begun.rows, begun.started_at) == (JobState.SCHEDULED, 9, 0.0)
    assert begin(kept, given_, 100.0).state is JobState.RUNNING


@given(
    name=st.text(st.characters(exclude_categories=["Cs"])),
    state=st.sampled_from(list(JobState)),
    policy=st.sampled_from(list(OnDoubt)),
    pause=st.lists(st.text()).map(tuple),
    at=st.floats(0, 1e11),
)
def test_a_record_survives_its_columns(name: str, state: JobState, policy: OnDoubt, pause: tuple[str, ...], at: float) -> None:
    record = replace(RECORD, name=name, state=state, on_doubt=policy, pause=pause, created_at=at)
    assert from_columns(to_columns(record)) == record
