"""The ledger against a model of forty lines: whatever is done in whatever order, every row's state is the model's, over
restarts too.

The model is a dictionary from row to state, and who has what open. Hypothesis chooses the steps.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from actors.ledger.actor import Ledger
from actors.model.errors import Conflict, Fenced
from actors.model.states import OPEN_STATES, JobState, OnDoubt, RowState
from tests.fakes.accounts import JOB, opening, outcome, running
from tests.fakes.clock import FakeClock

S = RowState
ROWS = 10
EGRESSES = ("127.0.0.2", "127.0.0.3")
BECOMES = {OnDoubt.RESEND: S.DEFERRED, OnDoubt.SKIP: S.SKIPPED, OnDoubt.HOLD: S.IN_DOUBT, OnDoubt.EXPIRE: S.EXPIRED}
RESULTS = (S.DELIVERED, S.DELIVERED, S.BOUNCED, S.DEFERRED, S.IN_DOUBT)
UNOPENED = (S.BOUNCED, S.DEFERRED, S.RENDER_ERROR, S.SKIPPED)
rows = st.lists(st.integers(0, ROWS - 1), unique=True, max_size=6)
egress = st.sampled_from(EGRESSES)


class Accounts(RuleBasedStateMachine):
    """One job, two senders, two conductors, and restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="hongyan-model-"))
        self.clock = FakeClock()
        self.ledger = Ledger(f"sqlite:///{self.folder / 'ledger.db'}", self.clock)

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @initialize(policy=st.sampled_from(list(OnDoubt)))
    def begin(self, policy: OnDoubt) -> None:
        self.policy = policy
        self.conductor = self.run(running(self.ledger, rows=ROWS, on_doubt=policy, max_render_errors=1.0))
        self.epochs = {name: self.run(self.ledger.claim_sender(name)) for name in EGRESSES}
        self.states = dict.fromkeys(range(ROWS), S.PENDING)
        self.open: dict[str, set[int]] = {name: set() for name in EGRESSES}
        self.state = JobState.RUNNING
        self.swept: RowState | None = None
        self.doubted: set[int] = set()
        self.attempts = 0
        self.last: dict[str, list[Any]] = {name: [] for name in EGRESSES}

    def after(self, result: RowState) -> RowState:
        if result is S.IN_DOUBT:
            result = BECOMES[self.policy]
        return self.swept if result is S.DEFERRED and self.swept else result

    @rule(name=egress, wanted=rows, old=st.booleans())
    def opens(self, name: str, wanted: list[int], old: bool) -> None:
        epoch = self.conductor - 1 if old else self.conductor
        answer = self.run(self.ledger.advance(name, self.epochs[name], [], [opening(epoch, wanted)]))
        may = self.state is JobState.RUNNING and not old
        expected = [r in self.open[name] or (may and self.states[r] in (S.PENDING, S.DEFERRED)) for r in wanted]
        assert answer.opened[0].tolist() == expected
        for row, opened in zip(wanted, expected, strict=True):
            if opened:
                self.states[row] = S.TRANSMITTING
                self.open[name].add(row)

    @rule(name=egress, wanted=rows, results=st.lists(st.sampled_from(RESULTS), min_size=6, max_size=6))
    def reports(self, name: str, wanted: list[int], results: list[RowState]) -> None:
        self.clock.advance(1)
        mine = [(row, result) for row, result in zip(wanted, results, strict=False) if row in self.open[name]]
        self.last[name] = [outcome(row, result, at=self.clock(), egress=name) for row, result in mine]
        self.run(self.ledger.advance(name, self.epochs[name], self.last[name]))
        for row, result in mine:
            self.states[row] = self.after(result)
            self.open[name].discard(row)
            self.attempts += 1
            if result is S.IN_DOUBT:
                self.doubted.add(row)

    @rule(name=egress)
    def repeats(self, name: str) -> None:
        """The reply to the last results was lost. A row that was opened again since is another matter."""
        again = [o for o in self.last[name] if o.row not in self.open[name]]
        self.run(self.ledger.advance(name, self.epochs[name], again))

    @rule(name=egress, row=st.integers(0, ROWS - 1), result=st.sampled_from(UNOPENED))
    def reports_unopened(self, name: str, row: int, result: RowState) -> None:
        if row in self.open[name]:
            return
        self.clock.advance(1)
        self.last[name] = []
        self.run(self.ledger.advance(name, self.epochs[name], [outcome(row, result, at=self.clock(), egress=name)]))
        if self.states[row] in (S.PENDING, S.DEFERRED):
            self.states[row] = self.after(result)
            self.attempts += result is not S.RENDER_ERROR

    @rule(name=egress)
    def claims(self, name: str) -> None:
        old, self.epochs[name] = self.epochs[name], self.run(self.ledger.claim_sender(name))
        for row in self.open[name]:
            self.states[row] = self.after(S.IN_DOUBT)
            self.doubted.add(row)
            self.attempts += 1
        self.open[name].clear()
        self.last[name] = []
        with pytest.raises(Fenced):
            self.run(self.ledger.advance(name, old, [outcome(0)]))

    @rule(word=st.sampled_from([OnDoubt.RESEND, OnDoubt.SKIP]), wanted=st.none() | rows)
    def decides(self, word: OnDoubt, wanted: list[int] | None) -> None:
        numbers = None if wanted is None else np.array(wanted, dtype=np.int64)
        if self.state is JobState.CANCELLED or (self.swept and word is OnDoubt.RESEND):
            with pytest.raises(Conflict):
                self.run(self.ledger.decide(JOB, word, numbers))
            return
        held = [r for r in (range(ROWS) if wanted is None else wanted) if self.states[r] is S.IN_DOUBT]
        assert self.run(self.ledger.decide(JOB, word, numbers)) == len(held)
        for row in held:
            self.states[row] = BECOMES[word]

    @rule()
    def claims_conductor(self) -> None:
        self.conductor = self.run(self.ledger.claim_conductor())

    @precondition(lambda self: self.state is not JobState.CANCELLED)
    @rule(state=st.sampled_from([JobState.PAUSED, JobState.RUNNING, JobState.STALLED]))
    def moves(self, state: JobState) -> None:
        if self.state is JobState.PAUSED and state is JobState.STALLED:
            with pytest.raises(Conflict):
                self.run(self.ledger.move_job(JOB, state))
            return
        self.state = self.run(self.ledger.move_job(JOB, state)).state

    @precondition(lambda self: self.state is not JobState.CANCELLED)
    @rule(cancel=st.booleans(), luck=st.integers(0, 3))
    def ends(self, cancel: bool, luck: int) -> None:
        if luck:  # else most runs would end early
            return
        if cancel:
            self.state = self.run(self.ledger.move_job(JOB, JobState.CANCELLED)).state
        else:
            self.run(self.ledger.expire_job(JOB, "deadline"))
        if self.swept is None:
            self.swept = S.CANCELLED if cancel else S.EXPIRED
            self.states |= {r: self.swept for r, s in self.states.items() if s in (S.PENDING, S.DEFERRED)}

    @rule()
    def restarts(self) -> None:
        self.run(self.ledger.close())
        self.ledger = Ledger(f"sqlite:///{self.folder / 'ledger.db'}", self.clock)

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "states"):
            return
        found = self.run(self.ledger.row_states(JOB, 0, ROWS))
        assert [S(int(s)) for s in found] == [self.states[r] for r in range(ROWS)]
        status = self.run(self.ledger.status(JOB))
        assert status.balanced
        assert status.open == sum(s in OPEN_STATES for s in self.states.values())
        assert (status.record.state, status.doubts, status.attempts) == (self.state, len(self.doubted), self.attempts)
        lines = self.run(self.ledger.outcomes(JOB, states=tuple(S)))
        assert [line.state for line in lines] == [self.states[r] for r in range(ROWS)]
        due = self.run(self.ledger.due(JOB, 1e12, 100))
        assert due.rows.tolist() == [r for r, s in self.states.items() if s is S.DEFERRED]

    def teardown(self) -> None:
        self.run(self.ledger.close())
        self.runner.close()
        shutil.rmtree(self.folder)


def test_every_order_of_steps() -> None:
    run_state_machine_as_test(Accounts, settings=settings(max_examples=25, stateful_step_count=40, deadline=None))


@pytest.mark.deep
@pytest.mark.timeout(3600)
def test_every_order_of_steps_for_long() -> None:
    run_state_machine_as_test(
        Accounts, settings=settings(max_examples=700, stateful_step_count=80, deadline=None, derandomize=False)
    )
