"""What may happen to a row, as a table over every state and result."""

import itertools

import pytest

from actors.ledger.states import INTAKE_STATES, RESULTS, after_result, counts_unopened
from actors.model.errors import BrokenPromise
from actors.model.states import OPEN_STATES, OnDoubt, RowState

S = RowState


@pytest.mark.parametrize("policy", list(OnDoubt))
@pytest.mark.parametrize("swept", [0, int(S.EXPIRED), int(S.CANCELLED)])
def test_a_result_leads_to_a_final_state_or_a_retry(policy: OnDoubt, swept: int) -> None:
    for result in RESULTS:
        state = S(after_result(result, swept, policy))
        assert state is S.DEFERRED or state not in OPEN_STATES
        if swept:
            assert state is not S.DEFERRED
        if result not in (S.IN_DOUBT, S.DEFERRED):
            assert state == result


def test_doubt_follows_the_policy() -> None:
    become = {policy: S(after_result(int(S.IN_DOUBT), 0, policy)) for policy in OnDoubt}
    assert become == {
        OnDoubt.RESEND: S.DEFERRED,
        OnDoubt.SKIP: S.SKIPPED,
        OnDoubt.HOLD: S.IN_DOUBT,
        OnDoubt.EXPIRE: S.EXPIRED,
    }
    tried_long_enough = {policy: S(after_result(int(S.IN_DOUBT), 0, policy, no_more=True)) for policy in OnDoubt}
    assert tried_long_enough == become | {OnDoubt.RESEND: S.EXPIRED}
    assert after_result(int(S.IN_DOUBT), int(S.CANCELLED), OnDoubt.RESEND) == S.CANCELLED
    assert after_result(int(S.IN_DOUBT), int(S.CANCELLED), OnDoubt.HOLD) == S.IN_DOUBT


def test_results_of_rows_that_are_not_open_with_the_sender() -> None:
    for state, result in itertools.product(RowState, RowState):
        if result not in RESULTS or result in (S.DELIVERED, S.IN_DOUBT):
            with pytest.raises(BrokenPromise, match="job/7"):
                counts_unopened("job", 7, int(state), int(result), repeated=False)
        else:
            expected = state in (S.PENDING, S.DEFERRED)
            assert counts_unopened("job", 7, int(state), int(result), repeated=False) is expected
        if result in RESULTS:
            assert counts_unopened("job", 7, int(state), int(result), repeated=True) is False


def test_intake_and_senders_share_no_word() -> None:
    assert not INTAKE_STATES & RESULTS
