"""The simulated sender keeps the real one's rules: limits, closed lanes, greylisting by one egress, every row accounted for."""

from collections.abc import Sequence
from typing import Any

import pytest

from actors.model.lanes import LaneLimits, LaneReport
from bench.simulation.engine import EPOCH, Engine
from bench.simulation.figures import Tally
from bench.simulation.job import Job
from bench.simulation.sender import Sender, at_once
from sandbox.world import World, parse_world

ME, YOU = "127.0.0.2", "127.0.0.3"


class Limits:
    """The same limits for all, and what was reported."""

    def __init__(self, limits: LaneLimits):
        self.limits = limits
        self.reports: list[LaneReport] = []

    async def report(self, egress: str, reports: Sequence[LaneReport]) -> dict[str, LaneLimits]:
        self.reports += reports
        return {report.site: self.limits for report in reports}

    def total(self, what: str) -> int:
        return sum(getattr(report, what) for report in self.reports)


class Run:
    """One site, some rows, one or two egresses."""

    def __init__(self, lane: LaneLimits, rows: int, egresses: Sequence[str] = (ME,), **site: Any):
        one = {"name": "a", "domains": ["a.test"], "hosts": ["127.0.1.1"], "service": 0.1} | site
        self.engine = Engine()
        world = World(parse_world({"sites": [one]}), 1)
        self.job, self.tally, self.limits = Job(world, {"a": rows}, 48 * 3600.0), Tally(), Limits(lane)
        self.senders = []
        for egress in egresses:
            sender = Sender(self.engine, egress, world, self.job, self.limits, self.tally, len(egresses) > 1, lane)
            self.senders.append(sender)
            self.engine.at(0.0, sender.tick)

    def until(self, seconds: float) -> "Run":
        self.engine.run(seconds)
        return self

    @property
    def in_hand(self) -> int:
        return sum(len(lane.ready) + lane.open for sender in self.senders for lane in sender.lanes.values())


def test_a_lane_without_limits_is_as_fast_as_its_connections() -> None:
    run = Run(LaneLimits(2), 1000, connect=0).until(20.0)
    assert run.tally.delivered["a"] == pytest.approx(2 * 20 / 0.1, rel=0.05)


def test_a_rate_is_kept_and_reached() -> None:
    run = Run(LaneLimits(10, rate=3.0), 1000).until(60.0)
    assert run.tally.delivered["a"] == pytest.approx(180, abs=12)
    assert run.tally.connects <= 12  # no more connections than three mails a second have use for


def test_a_quota_is_kept() -> None:
    """It counts from each report, so the same quota again and again is so many a report."""
    run = Run(LaneLimits(10, quota=0), 500).until(30.0)
    before = run.tally.attempts
    assert before < 60  # what began before the first report was answered
    assert run.until(60.0).tally.attempts == before


def test_a_closed_lane_is_left_alone() -> None:
    run = Run(LaneLimits(10), 1000).until(2.0)
    run.limits.limits = LaneLimits(10, closed_until=EPOCH + 100.0)
    run.until(4.0)
    before = run.tally.attempts
    assert run.until(99.0).tally.attempts == before
    assert run.in_hand == 0
    run.limits.limits = LaneLimits(10)
    assert run.until(110.0).tally.attempts > before


def test_messages_a_connection_are_kept() -> None:
    run = Run(LaneLimits(2, messages_per_connection=5), 100).until(60.0)
    assert run.tally.delivered["a"] == 100
    assert run.tally.connects >= 20


def test_a_greylisted_row_goes_again_through_the_same_egress() -> None:
    run = Run(LaneLimits(5, grey_wait=61.0), 60, (ME, YOU), greylist={"after": "1m"}).until(200.0)
    assert run.tally.delivered["a"] == 60
    assert run.tally.refused == {"greylist": 60}
    assert run.tally.wasted == 0
    assert run.limits.total("greylisted") == 60
    assert min(r.grey_passed for r in run.limits.reports if r.grey_passed) >= 61.0


def test_a_row_that_blames_the_egress_goes_through_another() -> None:
    run = Run(LaneLimits(5), 60, (ME, YOU), blocks=[{"source": ME, "at": "mail", "until": "9d"}]).until(3600.0)
    assert run.tally.delivered["a"] == 60
    assert 0 < run.tally.refused["blocked"] <= 60


@pytest.mark.parametrize(
    "site",
    [
        {"recipients": {"unknown": 0.1, "full": 0.1}, "trouble": 0.1, "drops": 0.1},
        {"limits": [{"rate": "2/s", "burst": 2}, {"connections": 2}], "messages": 7},
        {"outages": [{"from": 5, "until": 100}]},
        {"outages": [{"from": 5, "until": 100, "how": "tarpit", "delay": 400}]},
        {"blocks": [{"refusals": 5, "over": "1m", "for": "5m"}], "limits": [{"rate": "1/s"}], "texts": "gmail"},
        {"tls": False, "content": [{"share": 0.2}]},
    ],
    ids=["mixed", "limits", "outage", "tarpit", "punished", "content"],
)
def test_every_row_is_somewhere(site: dict[str, Any]) -> None:
    run = Run(LaneLimits(4), 400, (ME, YOU), **site)
    for seconds in (3.0, 30.0, 300.0, 3000.0):
        run.until(seconds)
        here = run.job.queues["a"].waiting + len(run.job._due)
        assert run.in_hand + here + run.job.states.total() == 400
        assert run.job.states["delivered"] == run.tally.delivered["a"]
        assert all(lane.open >= len(lane.queue) for s in run.senders for lane in s.lanes.values())
    assert run.job.states["delivered"] > 20
    settled = run.limits.total("settled")
    told = sum(run.limits.total(w) for w in ("delivered", "refused", "busy", "egress", "network", "greylisted"))
    assert settled == pytest.approx(run.tally.attempts, abs=40)  # the last ones are not told yet
    if site.get("limits"):  # refusals on connections that had carried mails are told as well
        assert settled <= told < 1.2 * settled
    else:
        assert settled == told


def test_connections_are_given_back_to_the_world() -> None:
    run = Run(LaneLimits(6, messages_per_connection=3), 300, limits=[{"connections": 4}]).until(3600.0)
    site = run.job.world.sites["a"]
    assert (site._open, site.client(ME, 3600.0).open) == (0, 0)


def test_what_waits_for_something_is_no_code_for_simulated_time() -> None:
    class Waiting:
        def __await__(self) -> Any:
            yield

    async def waits() -> None:
        await Waiting()

    with pytest.raises(RuntimeError, match="simulated time cannot"):
        at_once(waits())
