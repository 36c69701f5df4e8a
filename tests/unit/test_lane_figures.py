"""Gauges of lanes, and when lanes were closed: from decisions to the report's picture."""

from typing import Any

from actors.model.lanes import ClosedSpan, LaneLimits, LaneReport
from actors.reputation.actor import Reputation
from actors.reputation.journal import circuits
from actors.reputation.lanes import Decision
from actors.results.circuits import closed_lanes, told
from cluster.lanefigures import MOST_LANES, counts, shown
from tests.fakes.clock import FakeClock

OPEN_LIMITS, CLOSED_LIMITS, TRY = LaneLimits(4), LaneLimits(1, closed_until=9e9), LaneLimits(1, probe=1)


def decision(at: float, rule: str, old: LaneLimits = OPEN_LIMITS, site: str = "a.test", egress: str = "x") -> Decision:
    return Decision(at, site, egress, rule, "", old, OPEN_LIMITS, {}, {}, {})


def test_closed_times_come_from_decisions() -> None:
    story = [
        decision(100.0, "pace"),
        decision(110.0, "closed: block"),
        decision(140.0, "half-open", CLOSED_LIMITS),
        decision(141.0, "half-open", TRY),  # a greater try
        decision(142.0, "closed: block", TRY),
        decision(202.0, "half-open", CLOSED_LIMITS),
        decision(205.0, "open", TRY),
    ]
    whole = [
        ClosedSpan("a.test", "x", "closed", 110.0, 140.0, "block"),
        ClosedSpan("a.test", "x", "half-open", 140.0, 142.0),
        ClosedSpan("a.test", "x", "closed", 142.0, 202.0, "block"),
        ClosedSpan("a.test", "x", "half-open", 202.0, 205.0),
    ]
    assert circuits(story, 0.0, 1000.0) == sorted(whole)
    assert circuits(story, 120.0, 141.0) == sorted(
        [ClosedSpan("a.test", "x", "closed", 120.0, 140.0, "block"), ClosedSpan("a.test", "x", "half-open", 140.0, 141.0)]
    )
    assert circuits(story, 300.0, 400.0) == []
    assert circuits(story[5:], 150.0, 203.0)[0] == ClosedSpan("a.test", "x", "closed", 150.0, 202.0)  # as its limits say
    assert circuits(story[:2], 0.0, 120.0) == [ClosedSpan("a.test", "x", "closed", 110.0, 120.0, "block")]


async def test_reputation_tells_when_a_lane_was_closed() -> None:
    clock = FakeClock(1000.0)
    reputation = Reputation(clock)
    for _ in range(8):
        await reputation.report("x", [LaneReport("a.test", egress=5, connections=1, last_reply="550 5.7.1 blocked")])
        clock.advance(0.5)
    (span,) = await reputation.circuits(900.0, 1010.0)
    assert (span.site, span.egress, span.state, span.until, span.why) == ("a.test", "x", "closed", 1010.0, "block")


def test_the_picture_shows_the_jobs_own_lanes() -> None:
    spans = [
        ClosedSpan("a.test!dane", "x<y", "closed", 110.0, 140.0, "block"),
        ClosedSpan("a.test!dane", "x<y", "half-open", 140.0, 141.0),
        ClosedSpan("other.test", "x<y", "closed", 0.0, 200.0, "dead"),
    ]
    data = told(spans, [{"site": "a.test!dane", "egress": "x<y", "delivered": 3}])
    picture = closed_lanes(data, 100.0, 200.0, "Asia/Taipei")
    assert picture.count("<rect") == 2
    assert "closed for 30 s: our address was refused" in picture
    assert "x&lt;y a.test (DANE)" in picture
    assert "other.test" not in picture
    assert "No lane was closed" in closed_lanes([], 100.0, 200.0, "UTC")


def lane(n: int, circuit: str, flow: float) -> dict[str, Any]:
    limits = {"open": LaneLimits(4, rate=2.0), "closed": LaneLimits(1, closed_until=130.0), "half-open": TRY}[circuit]
    return {"site": f"s{n}.test", "egress": "x", "circuit": circuit, "flow": flow, "limits": limits}


def test_gauges_show_what_is_closed_and_what_does_most() -> None:
    lanes = [lane(n, "open", float(n)) for n in range(500)] + [lane(900, "closed", 0.0), lane(901, "half-open", 0.0)]
    assert counts(lanes) == {"open": 500, "half-open": 1, "closed": 1}
    assert counts([]) == {"open": 0, "half-open": 0, "closed": 0}
    found = shown(lanes, 100.0)
    assert len(found) == MOST_LANES
    assert (found["x", "s900.test"]["circuit"], found["x", "s900.test"]["closed_seconds"]) == (2.0, 30.0)
    assert found["x", "s901.test"]["circuit"] == 1.0
    assert (found["x", "s499.test"]["rate"], found["x", "s499.test"]["accepted_per_second"]) == (2.0, 499.0)
    assert ("x", "s10.test") not in found
