"""The planner's flow against worlds whose end can be told by hand, and its bounds."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.conductor.forecast import HORIZON, OTHER_SITES, forecast, rows_by_site
from actors.model.delivery import Reply, Site
from actors.model.forecast import LaneSpeed
from actors.model.job import JobRecord
from actors.model.states import JobState

NOW = datetime(2026, 12, 1, 9, tzinfo=ZoneInfo("Asia/Taipei")).timestamp()  # a Tuesday
HOUR = 3600.0


def job(**fields: object) -> JobRecord:
    return JobRecord("j", "a", "n", JobState.RUNNING, **fields)  # type: ignore[arg-type]


def lane(site: str, rate: float, egress: str = "e1", **more: object) -> LaneSpeed:
    return LaneSpeed(egress, site, rate, True, **more)  # type: ignore[arg-type]


def hours(record: JobRecord, rows: dict[str, int], *lanes: LaneSpeed) -> dict[str, float]:
    """Hours from now until each site is through; 0 = never."""
    found = forecast(record, rows, lanes, NOW)
    return {s.site: round((s.through_at - NOW) / HOUR, 3) if s.through_at else 0.0 for s in found.sites}


def test_sites_flow_side_by_side_at_the_sum_of_their_lanes() -> None:
    given_lanes = (lane("a", 5.0), lane("a", 5.0, "e2"), lane("b", 1.0))
    assert hours(job(), {"a": 36_000, "b": 7_200}, *given_lanes) == {"a": 1.0, "b": 2.0}


def test_a_capped_job_shares_its_rate_and_gives_it_on() -> None:
    lanes = (lane("a", 30.0), lane("b", 10.0))
    # 20/s: 15 and 5 for an hour, then the rest of b at its own 10
    assert hours(job(rate=20.0), {"a": 54_000, "b": 36_000}, *lanes) == {"a": 1.0, "b": 1.5}


def test_nothing_flows_in_a_pause_or_on_another_day() -> None:
    assert hours(job(pause=("10:00-12:00",)), {"a": 7_200}, lane("a", 1.0)) == {"a": 4.0}
    assert hours(job(days=(2,)), {"a": 3_600}, lane("a", 1.0)) == {"a": 16.0}  # Wednesday, 00:00 to 01:00


def test_rows_left_at_the_deadline_are_late() -> None:
    found = forecast(job(deadline_at=NOW + HOUR), {"a": 5_400, "b": 1_000}, [lane("a", 1.0), lane("b", 1.0)], NOW)
    assert {s.site: s.late for s in found.sites} == {"a": 1_800, "b": 0}
    assert found.late == 1_800


def test_a_deadline_in_a_pause() -> None:
    record = job(deadline_at=NOW + 3 * HOUR, pause=("10:00-13:00",))
    assert forecast(record, {"a": 5_400}, [lane("a", 1.0)], NOW).late == 1_800


def test_a_day_quota_rests_until_the_next() -> None:
    resting = lane("a", 10.0, quota=3_600, quota_until=NOW + 5 * HOUR)
    assert hours(job(), {"a": 7_200}, resting) == {"a": 5.1}


def test_a_closed_lane_waits_and_the_others_go_on() -> None:
    lanes = (lane("a", 1.0, closed_until=NOW + HOUR), lane("a", 1.0, "e2"))
    assert hours(job(), {"a": 7_200}, *lanes) == {"a": 1.5}


def test_a_site_without_a_lane_is_never_through() -> None:
    found = forecast(job(), {"a": 10, "b": 10}, [lane("a", 1.0)], NOW)
    assert [s.through_at > 0 for s in found.sites] == [True, False]
    assert found.through_at == 0.0


def test_the_start_lies_ahead() -> None:
    assert hours(job(start_at=NOW + HOUR), {"a": 3_600}, lane("a", 1.0)) == {"a": 2.0}


speeds = st.floats(0.001, 1000)


@pytest.mark.parametrize("pause", [(), ("12:00-13:00", "22:00-06:00")])
@given(
    sites=st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 100_000), min_size=1),
    lanes=st.lists(st.tuples(st.sampled_from("abcdef"), speeds, st.integers(-1, 5000)), max_size=12),
    cap=st.sampled_from([0.0, 0.5, 50.0]),
    wait=st.floats(0, 40 * 86400),
)
def test_bounds(
    pause: tuple[str, ...], sites: dict[str, int], lanes: list[tuple[str, float, int]], cap: float, wait: float
) -> None:
    record = job(pause=pause, rate=cap, deadline_at=NOW + wait)
    given_lanes = [
        lane(site, rate, f"e{n}", quota=quota, quota_until=NOW + HOUR if quota >= 0 else 0.0)
        for n, (site, rate, quota) in enumerate(lanes)
    ]
    found = forecast(record, sites, given_lanes, NOW)
    for site in found.sites:
        assert 0 <= site.late <= site.rows
        if site.through_at:
            best = min(site.speed, cap or site.speed)
            assert NOW + site.rows / best - 1.0 <= site.through_at <= NOW + HORIZON + 1.0
            assert bool(site.late) <= (site.through_at > record.deadline_at - 1.0)


def test_domains_of_a_site_are_one_and_those_that_nobody_serves_are_none() -> None:
    sites = {"a.test": Site("mx.test"), "b.test": Site("mx.test"), "gone.test": Site("none:5.1.2", refusal=Reply(550))}
    rows = rows_by_site({"a.test": 3, "b.test": 4, "gone.test": 9, "": 5}, sites)
    assert rows == {"mx.test": 7, OTHER_SITES: 5}
