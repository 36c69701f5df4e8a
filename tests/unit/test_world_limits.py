"""Policies of a world: limits hold whatever is asked for and whenever, and the same seed gives the same answers."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sandbox.world import World, parse_world
from sandbox.world.counters import Bucket, Day, Window

SOURCES = ("127.0.0.2", "127.0.0.3")
gaps = st.lists(st.floats(0, 3), min_size=1, max_size=200)


def world(seed: int = 1, **site: Any) -> World:
    one = {"name": "a", "domains": ["a.test"], "hosts": ["127.0.1.1"]} | site
    return World(parse_world({"sites": [one]}), seed)


@given(gaps, st.floats(0.1, 20), st.integers(1, 50))
def test_a_bucket_never_gives_more_than_its_rate_and_burst(waits: list[float], rate: float, burst: int) -> None:
    bucket, now, taken = Bucket(rate, burst, 0.0), 0.0, 0
    for wait in waits:
        now += wait
        while bucket.room(now) >= 1.0:
            bucket.take()
            taken += 1
        assert taken <= burst + rate * now + 1e-6
    assert taken >= min(burst, 1)


@given(gaps, st.floats(-5, 5))
def test_time_that_goes_back_fills_no_bucket(waits: list[float], back: float) -> None:
    bucket = Bucket(1.0, 5, 100.0)
    while bucket.room(100.0) >= 1.0:
        bucket.take()
    for wait in waits:
        assert bucket.room(100.0 - wait - abs(back)) < 1.0


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200))
def test_a_window_counts_what_is_young_and_nothing_old(times: list[float]) -> None:
    window, span = Window(10.0), 10.0
    for i, now in enumerate(sorted(times)):
        total = window.add(now)
        seen = sorted(times)[: i + 1]
        assert sum(t > now - 0.9 * span + 1e-9 for t in seen) <= total <= sum(t >= now - span - 1e-9 for t in seen)


def test_a_warm_up_grows_after_a_day_that_was_used() -> None:
    day = Day(100, 2.0, 300)
    for _ in range(60):
        day.take()
    assert [day.room(86_400.0 * n) for n in (0, 1)] == [40, 200]
    assert day.room(86_400.0 * 2) == 200  # nothing was sent on that day
    for n in (2, 3):
        for _ in range(200):
            day.take()
        assert day.room(86_400.0 * (n + 1)) == 300


@given(st.integers(0, 5), st.lists(st.tuples(st.floats(0, 2), st.sampled_from(SOURCES), st.integers(0, 500)), max_size=120))
def test_the_same_seed_gives_the_same_answers(seed: int, calls: list[tuple[float, str, int]]) -> None:
    def answers() -> list[object]:
        here = world(
            seed, limits=[{"rate": "2/s", "burst": 3}, {"connections": 4}], recipients={"unknown": 0.2}, trouble=0.1,
            greylist={"after": "1s"}, standing={"rate": "5/s"}, drops=0.05,
        )  # fmt: skip
        now, said = 0.0, []
        for gap, source, number in calls:
            now += gap
            session = here.connect(now, source, "a")
            said.append(session.answer)
            if session.answer.yes:
                said.append(here.message(now, "a", session, f"u{number}@a.test"))
                if number % 2:
                    here.close("a", session)
        return said

    assert answers() == answers()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=150), st.integers(1, 5))
def test_limits_of_source_and_site_hold_together(waits: list[float], burst: int) -> None:
    here = world(limits=[{"rate": "2/s", "burst": burst}, {"per": "site", "rate": "3/s", "burst": burst}])
    sessions = {source: here.connect(0.0, source, "a") for source in SOURCES}
    now, accepted = 0.0, dict.fromkeys(SOURCES, 0)
    for i, wait in enumerate(waits):
        now += wait
        for source in SOURCES:
            accepted[source] += here.message(now, "a", sessions[source], f"u{i}@a.test").yes
        assert max(accepted.values()) <= burst + 2 * now + 1e-6
        assert sum(accepted.values()) <= burst + 3 * now + 1e-6


@given(st.lists(st.sampled_from(["open", "close"]), max_size=80), st.integers(1, 4))
def test_no_more_connections_than_allowed(steps: list[str], most: int) -> None:
    here, open_ = world(limits=[{"connections": most}]), []
    for step in steps:
        if step == "open":
            session = here.connect(0.0, SOURCES[0], "a")
            assert session.answer.yes == (len(open_) < most)
            if session.answer.yes:
                open_.append(session)
        elif open_:
            here.close("a", open_.pop())
