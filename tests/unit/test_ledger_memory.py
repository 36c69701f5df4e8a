"""A step that is undone leaves no trace in memory."""

import copy

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from actors.ledger.memory import Holder, LiveJob, Memory, OpenRow, Undo
from actors.ledger.recovery import move
from actors.ledger.states import STATES
from actors.ledger.writes import clean
from actors.model.job import JobRecord
from actors.model.states import JobState

ROWS = 20


def made() -> tuple[Memory, LiveJob, Holder]:
    memory = Memory(conductor_epoch=3, serial=7)
    job = LiveJob(1, JobRecord("01A", "bank", "", JobState.RUNNING, rows=ROWS), np.zeros(ROWS, dtype=np.uint8))
    memory.add(job)
    holder = memory.senders["e"] = Holder("e", 2, 5.0, {(1, 4): OpenRow(6, 9, 1.0)}, {6: 1})
    return memory, job, holder


def picture(memory: Memory, job: LiveJob, holder: Holder) -> object:
    counts = (list(job.counts), job.states.tolist(), job.record, job.swept, job.excused, job.attempts, job.doubts)
    sender = (holder.epoch, holder.lease_until, copy.deepcopy(holder.open), dict(holder.left))
    return counts, sender, dict(memory.jobs), dict(memory.numbers), memory.serial, memory.conductor_epoch


rows = st.lists(st.integers(0, ROWS - 1), unique=True)
change = st.one_of(
    st.tuples(st.just("row"), st.integers(0, ROWS - 1), st.integers(0, STATES - 1)),
    st.tuples(st.just("rows"), rows, st.integers(0, STATES - 1)),
    st.tuples(st.just("mask"), rows, st.integers(0, STATES - 1)),
)


@given(st.lists(change))
def test_everything_comes_back(changes: list[tuple[str, object, int]]) -> None:
    memory, job, holder = made()
    before = picture(memory, job, holder)
    undo = Undo(memory)
    undo.job(job)
    undo.sender(holder)
    for kind, where, state in changes:
        if kind == "row":
            move(undo, job, where, state)  # type: ignore[arg-type]
        elif kind == "rows":
            undo.set_rows(job, np.array(where, dtype=np.int64), state)
        else:
            undo.set_rows(job, np.isin(np.arange(ROWS), where), state)  # type: ignore[arg-type]
        assert job.counts == np.bincount(job.states, minlength=STATES).tolist()
    job.swept, job.attempts, job.doubts, job.excused = 1, 2, 3, 4
    job.record = JobRecord("01A", "bank", "", JobState.DONE)
    holder.open.clear()
    holder.left[9] = 9
    holder.epoch, holder.lease_until = 9, 9.0
    undo.add(LiveJob(2, JobRecord("01B", "bank", "", JobState.RUNNING), np.zeros(0, dtype=np.uint8)))
    undo.drop(job)
    memory.serial, memory.conductor_epoch = 99, 99
    undo.back()
    assert picture(memory, job, holder) == before


@given(st.text(max_size=700))
def test_clean_text_is_taken_by_every_store(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) <= 500
    cleaned.encode("utf-8")
    assert cleaned.isprintable()
    if text.isprintable() and len(text) <= 500:
        assert cleaned == text
