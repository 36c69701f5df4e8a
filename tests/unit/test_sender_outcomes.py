"""What an attempt's end means for its row: when it goes again, through whom, and what is no attempt at all."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.delivery import ONLY, Lease, Outcome, Outcomes, Reply
from actors.model.reasons import Reason
from actors.model.replies import Judgement
from actors.model.states import Blame, RowState, Stage, Verdict
from actors.sender.hand import Chunk, Row, Work
from actors.sender.outcomes import EARLY, GREY_MORE, GREY_SPREAD, MOST_AVOIDED, TAKEN, Place, early, outcome
from actors.sender.retry import CURVES, JITTER

NOW = 1e9
POOL = ("a", "b", "c")
BLOCKED = Judgement(Verdict.DEFERRED, Blame.EGRESS, Reason.LISTED)
REPLY = Reply(550, "listed", "5.7.1")
FIRST = CURVES[Blame.EGRESS][0]


def row(attempt: int = 1, avoid: str = "", pool: tuple[str, ...] = POOL, first_at: float = 0.0, retry_for: float = 1e5) -> Row:
    return Row(Work(Lease(1, 1, "j", 0, (), retry_for, 0.0, egresses=pool), 1), 7, attempt, first_at, avoid)


def blocked(at: str, **known: object) -> tuple[float, str]:
    """Seconds until the row goes again, and which egresses it avoids."""
    found = outcome(row(**known), Stage.RCPT, REPLY, BLOCKED, Place(at, "mx.test"), NOW)  # type: ignore[arg-type]
    assert found.state is RowState.DEFERRED
    return found.next_at - NOW, found.avoid


def test_a_blocked_row_goes_round_the_pool_at_once_and_then_waits() -> None:
    assert blocked("a") == (0.0, "a")
    assert blocked("c", attempt=2, avoid="a") == (0.0, "a c")
    pause, avoid = blocked("b", attempt=3, avoid="a c")
    assert FIRST <= pause <= FIRST * (1 + JITTER)
    assert avoid == "b"
    assert blocked("a", attempt=4, avoid="b") == (0.0, "a b")  # the next round
    pause, _ = blocked("c", attempt=6, avoid="a b")
    assert CURVES[Blame.EGRESS][1] <= pause <= CURVES[Blame.EGRESS][1] * (1 + JITTER)


@pytest.mark.parametrize("pool", [(), ("a",)])
def test_alone_it_waits(pool: tuple[str, ...]) -> None:
    pause, avoid = blocked("a", pool=pool)
    assert (pause >= FIRST, avoid) == (True, "a")


def test_what_was_bound_to_an_egress_is_not_tried_by_it_again() -> None:
    assert blocked("a", avoid=f"{ONLY}a") == (0.0, "a")


def greylisted(known: Row, stage: Stage = Stage.RCPT, wait: float = 305.0) -> Outcome:
    return outcome(known, stage, Reply(450, "greylisted"), EARLY, Place("a", "mx.test"), NOW, wait)


def after(found: Outcome, since: float) -> tuple[float, float]:
    """How long after `since` it goes again, without the spread: between which seconds."""
    return (found.next_at - since) / (1 + GREY_SPREAD), found.next_at - since


def test_a_greylisted_row_comes_back_when_the_lane_says_and_later_at_its_own_time() -> None:
    first = greylisted(row(first_at=NOW - 7200.0))  # two hours of other trouble before
    least, most = after(first, NOW)
    assert least <= 305.0 <= most
    assert first.avoid == f"{ONLY}a"
    bound = {"attempt": 2, "avoid": first.avoid}
    least, most = after(greylisted(row(first_at=NOW - 305.0, **bound), wait=400.0), NOW - 305.0)
    assert least <= 400.0 <= most, "the lane knows better by now"
    least, most = after(greylisted(row(first_at=NOW - 1000.0, **bound)), NOW - 1000.0)
    assert least <= GREY_MORE * 1000.0 <= most, "its domain wants more than the others"
    elsewhere = greylisted(row(attempt=2, avoid=f"{ONLY}b", first_at=NOW - 1000.0))  # b is gone
    least, most = after(elsewhere, NOW)
    assert least <= 305.0 <= most, "this egress is told so for the first time"
    assert elsewhere.avoid == f"{ONLY}a"


def test_a_row_is_bound_to_the_egress_that_asked_first_though_nobody_knows_for_how_long() -> None:
    found = greylisted(row(), wait=0.0)
    first = CURVES[Blame.BUSY][0]
    assert (found.avoid, first <= found.next_at - NOW <= first * (1 + JITTER)) == (f"{ONLY}a", True)


def test_a_row_that_would_be_early_is_held_back() -> None:
    first_at = np.array([NOW - 400.0, NOW - 300.0])
    assert early(first_at, NOW, 350.0, 1.0).tolist() == [False, True]
    assert early(first_at, NOW, 350.0, 0.5).tolist() == [False, False]
    held = greylisted(row(attempt=2, avoid=f"{ONLY}a", first_at=NOW - 300.0), Stage.HAND, 350.0)
    least, most = after(held, NOW - 300.0)
    assert (held.state, held.avoid, least <= 350.0 <= most) == (RowState.DEFERRED, f"{ONLY}a", True)
    late = row(attempt=2, avoid=f"{ONLY}a", first_at=NOW - 300.0, retry_for=320.0)
    assert greylisted(late, Stage.HAND, 350.0).state is RowState.EXPIRED


@given(st.integers(1, 60), st.integers(1, 40))
def test_rounds_are_short_in_large_pools_and_always_end(size: int, attempts: int) -> None:
    pool = tuple(f"198.51.100.{n}" for n in range(size))
    avoid, paused, tried = "", 0, []
    for attempt in range(1, attempts + 1):
        at = next(e for e in pool if e not in avoid.split() or size == 1)
        pause, avoid = blocked(at, attempt=attempt, avoid=avoid, pool=pool)
        tried.append(at)
        paused += pause > 0
        assert len(avoid.split()) <= MOST_AVOIDED
    assert paused >= attempts // (MOST_AVOIDED + 1)


def test_a_row_at_its_end_is_still_asked_of_another_egress() -> None:
    late = row(first_at=NOW - 1e5 + 1)
    place = Place("a", "mx.test")
    assert outcome(late, Stage.RCPT, REPLY, BLOCKED, place, NOW).next_at == NOW
    assert outcome(late, Stage.RCPT, REPLY, BLOCKED, place, NOW + 2).state is RowState.EXPIRED
    busy = Judgement(Verdict.DEFERRED, Blame.BUSY)
    assert outcome(late, Stage.RCPT, REPLY, busy, place, NOW).state is RowState.EXPIRED


@pytest.mark.parametrize("avoid", ["", "b", "=b"])
def test_a_row_that_was_only_in_hand_goes_at_once_and_as_before(avoid: str) -> None:
    in_hand = Judgement(Verdict.DEFERRED, Blame.NONE)
    found = outcome(row(avoid=avoid), Stage.HAND, Reply(0, "the lane was closed"), in_hand, Place("a", "mx.test"), NOW)
    assert (found.state, found.next_at, found.avoid, found.blame) == (RowState.DEFERRED, NOW, avoid, Blame.NONE)


def test_in_an_outage_it_waits_and_keeps_what_it_avoids() -> None:
    away = Judgement(Verdict.DEFERRED, Blame.NETWORK, Reason.CONNECT)
    found = outcome(row(avoid="b"), Stage.HAND, Reply(0, "refused"), away, Place("a", "mx.test"), NOW)
    assert (found.next_at - NOW >= CURVES[Blame.NETWORK][0], found.avoid) == (True, "b")


def test_a_chunk_tells_its_rows_what_they_avoid() -> None:
    n = np.arange(4)
    chunk = Chunk(row().work, n, np.zeros(4, np.int16), np.zeros(4, np.int64), np.zeros(4), "a b")
    head = chunk.take(1)
    assert [r.avoid for c in (head, chunk) for r in c.each()] == ["a b"] * 4


def test_outcomes_of_a_call_travel_whole() -> None:
    sent = Outcomes([outcome(row(), Stage.DOT, Reply(250, "taken", "2.0.0"), TAKEN, Place("a", "mx.test"), NOW)])
    arrived = pickle.loads(pickle.dumps(sent, 5))
    assert arrived == sent
    assert type(arrived[0]) is Outcome
