"""The rules of a lane: limits stay within bounds whatever is reported, blocks close, healing opens, and all of it replays."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.model.lanes import NO_QUOTA, LaneLimits, LaneReport
from actors.reputation import circuit, connections, lanes, volume
from actors.reputation.journal import from_json, to_json
from actors.reputation.lanes import decide, limits_of, replay, step
from actors.reputation.state import CLOSED, DEAD, HALF_OPEN, OPEN, LaneState, View

SECOND = 0.5


def fresh(concurrency: int = 4) -> LaneState:
    return LaneState("s.test", "192.0.2.1", concurrency)


def reports() -> st.SearchStrategy[LaneReport]:
    few = st.integers(0, 60)
    return st.builds(
        LaneReport,
        site=st.just("s.test"),
        delivered=few,
        refused=few,
        busy=few,
        egress=few,
        network=few,
        greylisted=few,
        connections=st.integers(0, 30),
        connect_failures=st.integers(0, 5),
        connects_refused=st.integers(0, 3),
        closes=st.integers(0, 4),
        closed_after=st.integers(0, 50),
        started=few,
        grey_again=few,
        grey_through=few,
        grey_early=st.floats(0, 1e5),
        grey_passed=st.floats(0, 1e5),
        last_reply=st.sampled_from(["", "421 4.7.0 too many connections", "550 5.7.1 blocked"]),
    )


def views() -> st.SearchStrategy[View]:
    return st.builds(
        View,
        trickle=st.sampled_from([0.0, 0.5]),
        outage=st.booleans(),
        prober=st.booleans(),
        healed=st.booleans(),
        slowed=st.booleans(),
        found=st.sampled_from([0.0, 0.01, 3.0]),
        found_kind=st.sampled_from(["", "busy", "egress"]),
        misnamed=st.integers(0, 60),
        probe_gap=st.floats(0, 1e4),
        content_share=st.floats(0, 1),
        quota=st.integers(-1, 100),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(reports(), views(), st.floats(0.0, 90.0)), max_size=60))
def test_limits_stay_within_bounds_whatever_is_reported(steps: list[tuple[LaneReport, View, float]]) -> None:
    lane, now = fresh(), 1000.0
    for report, view, pause in steps:
        now += pause
        limits = step(lane, report, now, view)
        assert 1 <= limits.concurrency <= view.most
        assert 1 <= limits.messages_per_connection <= view.messages
        assert limits.rate >= 0.0
        assert limits.probe >= 0
        assert limits.quota >= NO_QUOTA
        assert limits.closed_until <= now + volume.DAY + volume.SETTLED
        assert 0.0 <= limits.grey_wait <= 4 * 3600
        assert 0.0 <= lane.noise <= 0.5
        assert LaneState.of(json.loads(json.dumps(lane.data()))) == lane


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(reports(), views(), st.floats(0.0, 90.0)), max_size=40))
def test_every_decision_replays_to_the_same_limits(steps: list[tuple[LaneReport, View, float]]) -> None:
    lane, now, old = fresh(), 1000.0, LaneLimits(4)
    for report, view, pause in steps:
        now += pause
        old, told = decide(lane, report, now, view, old)
        if told is not None:
            assert told.why
            assert replay(told) == told.new == old
            assert replay(from_json(to_json(told))) == told.new


@given(st.integers(1, 200), st.integers(1, 20))
def test_clean_reports_never_take_anything_away(delivered: int, rounds: int) -> None:
    lane, now, before = fresh(), 1000.0, LaneLimits(4)
    for _ in range(rounds):
        now += SECOND
        good = LaneReport("s.test", delivered=delivered, started=delivered, connections=before.concurrency)
        limits = step(lane, good, now, View())
        assert limits.concurrency >= before.concurrency
        assert (limits.rate, limits.closed_until) == (0.0, 0.0)
        before = limits


def test_grows_while_all_goes_well_and_all_is_used() -> None:
    lane = fresh(2)
    grown = []
    for turn in range(5):
        now = 1000.0 + turn * connections.DOUBLE_SECONDS
        limits = step(lane, LaneReport("s.test", delivered=100, connections=lane.concurrency), now, View())
        grown.append(limits.concurrency)
    assert grown == [4, 8, 16, 20, 20]


def test_does_not_grow_beyond_what_is_used() -> None:
    assert step(fresh(), LaneReport("s.test", delivered=100, connections=3), 1000.0, View()).concurrency == 4


def test_open_connections_are_proof_after_a_restart() -> None:
    assert step(fresh(2), LaneReport("s.test", delivered=1, connections=12), 1000.0, View()).concurrency == 20


def test_refused_connections_tell_the_number() -> None:
    lane = fresh(16)
    limits = step(
        lane, LaneReport("s.test", delivered=9, connections=10, connect_failures=6, connects_refused=6), 1000.0, View()
    )
    assert (limits.concurrency, lane.rule) == (12, "connections refused")  # what is open now may be fewer than were
    again = LaneReport("s.test", delivered=9, connections=10, connect_failures=2, connects_refused=2)
    assert step(lane, again, 1000.0 + SECOND, View()).concurrency == 12
    assert step(lane, again, 1003.0, View()).concurrency == 10
    busy = LaneReport("s.test", delivered=20, connections=10)
    assert [step(lane, busy, 1000.0 + s, View()).concurrency for s in (4, 30, 59)] == [10, 10, 10]
    assert step(lane, busy, 1124.0, View()).concurrency == 11
    step(lane, LaneReport("s.test", delivered=20, connections=10, connect_failures=1, connects_refused=1), 1127.0, View())
    assert step(lane, busy, 1350.0, View()).concurrency == 10  # asked ever more rarely


def test_a_busy_reply_about_connections_takes_connections_not_pace() -> None:
    lane = fresh(16)
    told = LaneReport("s.test", delivered=40, busy=4, connections=16, last_reply="421 4.7.0 too many concurrent sessions")
    limits = step(lane, told, 1000.0, View())
    assert (limits.concurrency, limits.rate) == (12, 0.0)


def test_a_block_closes_within_seconds_and_heals_by_growing_tries() -> None:
    lane, now = fresh(), 1000.0
    step(lane, LaneReport("s.test", delivered=20, connections=4), now, View())
    refused = LaneReport("s.test", egress=12, connections=4, last_reply="550 5.7.1 blocked")
    while lane.circuit == OPEN:
        now += SECOND
        limits = step(lane, refused, now, View())
        assert now < 1005
    assert limits.closed_until == now + circuit.FIRST_PAUSE["block"]
    assert (limits.concurrency, limits.probe) == (1, 1)
    assert "blocked" in limits.why
    pauses = []
    for _ in range(8):  # still blocked: each try costs one mail, and the pauses grow
        now = limits.closed_until + 0.1
        assert step(lane, LaneReport("s.test"), now, View()).probe == 1
        limits = step(lane, LaneReport("s.test", started=1, egress=1, last_reply="550 5.7.1 blocked"), now + 1, View())
        assert lane.circuit == CLOSED
        pauses.append(lane.pause)
    assert pauses[:3] == [60.0, 120.0, 240.0]
    assert max(pauses) == circuit.LONGEST_PAUSE["block"]
    now = limits.closed_until + 0.1
    tries, limits = [], step(lane, LaneReport("s.test"), now, View())
    while lane.circuit == HALF_OPEN:
        tries.append(limits.probe)
        now += SECOND
        limits = step(lane, LaneReport("s.test", started=limits.probe, delivered=limits.probe, connections=1), now, View())
    assert tries == [1, 2, 4, 8, 16]
    assert (limits.closed_until, limits.probe, limits.rate) == (0.0, 0, 0.0)


def test_a_try_that_nobody_tells_of_is_made_again() -> None:
    lane, now = fresh(), 1000.0
    lane.circuit, lane.closed_until, lane.cause, lane.pause = CLOSED, 990.0, DEAD, 30.0
    assert step(lane, LaneReport("s.test"), now, View()).probe == 1
    waiting = step(lane, LaneReport("s.test", started=1), now + 1, View())
    assert (waiting.probe, waiting.quota) == (0, 0)
    assert step(lane, LaneReport("s.test"), now + 2 + circuit.LOST_PROBE, View()).probe == 1


def test_failed_connects_close_for_growing_pauses_and_success_opens() -> None:
    lane, now, pauses = fresh(), 1000.0, []
    failed = LaneReport("s.test", connect_failures=1, last_reply="0 refused")
    assert step(lane, failed, now, View()).closed_until == 0.0
    for _ in range(40):
        now = max(now, lane.closed_until) + 1
        before = lane.closed_until
        step(lane, failed, now, View())
        if lane.closed_until != before:
            pauses.append(lane.pause)
    assert pauses[:3] == [30.0, 60.0, 120.0]
    assert max(pauses) == circuit.LONGEST_PAUSE[DEAD]


def test_greylisting_is_no_refusal_and_its_time_is_learned() -> None:
    lane = fresh()
    limits = step(lane, LaneReport("s.test", greylisted=40, started=40, connections=4), 1000.0, View())
    assert (lane.circuit, limits.rate, limits.grey_wait) == (OPEN, 0.0, 305.0)
    early = LaneReport("s.test", greylisted=9, grey_again=9, delivered=50, grey_early=400.0, connections=4)
    later = step(lane, early, 1400.0, View())
    assert (lane.circuit, later.rate, later.grey_wait) == (OPEN, 0.0, pytest.approx(500.0))
    passed = LaneReport("s.test", delivered=50, grey_through=50, grey_passed=450.0, connections=4)
    sooner = step(lane, passed, 2000.0, View())
    assert sooner.grey_wait == pytest.approx(459.0)
    few = LaneReport("s.test", greylisted=2, grey_again=2, grey_early=9000.0, delivered=9, grey_through=9, grey_passed=460.0)
    assert step(lane, few, 2100.0, View()).grey_wait == sooner.grey_wait, "a domain of its own kind, say"


def test_the_number_of_mails_a_connection_is_learned_but_not_from_refusals() -> None:
    lane = fresh()
    refusing = LaneReport("s.test", delivered=5, egress=2, closes=2, closed_after=1, connections=2)
    assert step(lane, refusing, 1000.0, View()).messages_per_connection == 1000
    ending = LaneReport("s.test", delivered=40, closes=1, closed_after=20, connections=2)
    limits = [step(lane, ending, 1001.0 + s, View()).messages_per_connection for s in range(3)]
    assert limits[-1] == 20


def test_in_an_outage_only_the_prober_tries() -> None:
    lane = fresh()
    lane.circuit, lane.cause, lane.pause, lane.closed_until = CLOSED, DEAD, 30.0, 1000.0
    waits = step(lane, LaneReport("s.test"), 1001.0, View(outage=True, prober=False))
    assert (lane.circuit, waits.closed_until) == (CLOSED, 1001.0 + lanes.WAITS)
    assert step(lane, LaneReport("s.test"), 1002.0, View(outage=True, prober=True)).probe == 1


def test_a_healed_site_opens_all_its_lanes_at_once() -> None:
    lane = fresh()
    lane.circuit, lane.cause, lane.pause, lane.closed_until = CLOSED, DEAD, 900.0, 1900.0
    assert step(lane, LaneReport("s.test"), 1001.0, View(healed=True)).probe == 1


def test_refusals_that_follow_the_content_close_no_lane() -> None:
    lane = fresh()
    for turn in range(20):
        limits = step(lane, LaneReport("s.test", egress=20, connections=4), 1000.0 + turn, View(content_share=1.0))
    assert (lane.circuit, limits.closed_until, limits.rate) == (OPEN, 0.0, 0.0)


def test_pins_hold_whatever_was_learned() -> None:
    lane = fresh(9)
    view = View(pinned_concurrency=30, pinned_rate=2.5, pinned_messages=7)
    limits = limits_of(lane, 1000.0, view)
    assert (limits.concurrency, limits.rate, limits.messages_per_connection) == (30, 2.5, 7)
    assert "pinned" in limits.why


def test_a_lane_of_an_older_version_keeps_what_is_known() -> None:
    data = fresh().data() | {"rate": 3.5, "noise": float("nan"), "gone": 1, "pause": "long"}
    lane = LaneState.of(data)
    assert (lane.rate, lane.noise, lane.pause) == (3.5, 0.0, 0.0)
