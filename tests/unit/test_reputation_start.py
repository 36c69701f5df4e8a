"""Pins and starting values: whose lanes they are about, whatever connections must hold to, and that they are kept."""

import pytest

from actors.model.lanes import JobTally, LaneReport
from actors.reputation.actor import Reputation
from actors.reputation.pins import Pin, pin_of
from actors.reputation.starting import load, parse, start_of
from tests.fakes.clock import FakeClock

OURS = "192.0.2.1"


@pytest.mark.parametrize(
    ("pattern", "site", "matches"),
    [
        ("", "mx.test", True),
        ("mx.test", "mx.test", True),
        ("mx.test", "mx.test!dane!sts2", True),
        ("mx.test!dane", "mx.test!dane", True),
        ("mx.test!dane", "mx.test", False),
        ("mx.test", "mx.test+1#0123abcd", False),  # other hosts stand behind it too
        ("mx.test+1#0123abcd", "mx.test+1#0123abcd!sts1", True),
        (".test", "mx.test+1#0123abcd!sts1", True),
        (".test", "test", False),
        (".TEST", "mx.test!verify", True),
        ("x.test", "mx.test", False),
    ],
)
def test_a_pin_means_a_receiver(pattern: str, site: str, matches: bool) -> None:
    assert (pin_of([Pin(site=pattern)], site, OURS) is not None) is matches


def test_the_first_pin_that_matches_counts() -> None:
    pins = [Pin(site="mx.test", egress="192.0.2.9", rate=1.0), Pin(site="mx.test", rate=2.0), Pin(rate=3.0)]
    assert [pin_of(pins, site, OURS) for site in ("mx.test", "other.test")] == [pins[1], pins[2]]


@pytest.mark.parametrize("suffix", ["", "!dane", "!sts3", "!dane!verify"])
def test_large_receivers_are_known_by_their_hosts(suffix: str) -> None:
    starts = load()
    found = {
        site: start_of(site + suffix, starts)
        for site in ("alt1.gmail-smtp-in.l.google.com+4#0123abcd", "mta5.am0.yahoodns.net+2#89abcdef", "mx.notgoogle.com")
    }
    names = [start.name if start else "" for start in found.values()]
    assert names == ["Gmail and Google Workspace", "Yahoo and AOL", ""]


def test_each_starting_value_has_source_and_date() -> None:
    for start in load():
        assert (bool(start.suffixes), bool(start.source), len(start.date)) == (True, True, 10)
        assert not start.concurrency or start.concurrency <= (start.most or start.concurrency)
    with pytest.raises(TypeError):
        parse({"receiver": [{"name": "x", "suffixes": ["x.test"], "speed": 1}]})


async def test_lanes_begin_at_the_starting_values_and_stay_within_pins() -> None:
    starts = parse({"receiver": [{"name": "x", "suffixes": ["x.test"], "concurrency": 3, "most": 5, "rate": 7.0}]})
    reputation = Reputation(FakeClock(), starts=starts, pins=[Pin(site="pinned.x.test", concurrency=2, rate=0.5)])
    for site in ("mx.x.test!sts1", "pinned.x.test!dane"):
        report = LaneReport(site, delivered=1, started=1, settled=1, connections=1, jobs=(JobTally("j", 1),))
        limits = (await reputation.report(OURS, [report]))[site]
        expected = (2, 0.5) if site.startswith("pinned") else (3, pytest.approx(7.0, rel=0.2))
        assert (limits.concurrency, limits.rate) == expected
        assert ("pinned" in limits.why) is site.startswith("pinned")
