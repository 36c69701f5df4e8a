"""A world's file: what its words mean, and what is said about a bad one; the worlds that come with the bench."""

from pathlib import Path
from typing import Any

import pytest

from bench.simulation.cases import CASES, FOLDER
from sandbox.reading import ScriptError
from sandbox.world import load_world, parse_world
from sandbox.world.smtp import routes
from sandbox.world.spec import Block, Content, Greylist, Limit, Outage, Period, Standing, Warmup
from sandbox.world.texts import FALLBACK, families

SITE = {"name": "a", "domains": ["a.test"], "hosts": ["127.0.1.1"]}


def problems(**site: Any) -> tuple[str, ...]:
    with pytest.raises(ScriptError) as caught:
        parse_world({"sites": [SITE | site]})
    return caught.value.problems


def test_all_words() -> None:
    site = parse_world(
        {
            "sites": [
                SITE
                | {
                    "texts": "gmail",
                    "service": "200ms",
                    "messages": 20,
                    "tls": False,
                    "features": {"pipelining": False},
                    "limits": [
                        {"rate": "600/10m", "burst": 5, "attempts": True},
                        {"per": "site", "connections": 3},
                        {"source": "127.0.0.0/24", "volume": 9, "connects": "6/m"},
                    ],
                    "recipients": {"unknown": 0.5, "full": 0.25},
                    "greylist": {"after": "5m", "network": True, "trust": 3, "domains": ["*.A.test"]},
                    "standing": {"rate": "10/s", "start": 0.4},
                    "warmup": [{"source": "127.0.0.2", "first": 50, "growth": 1.5}],
                    "blocks": [
                        {"source": "127.0.0.2", "from": "1h", "until": "2h"},
                        {"above": "5/s", "over": "10s", "for": "1m"},
                    ],
                    "outages": [{"from": "1m", "until": "2m", "every": "1h", "how": "tarpit", "delay": 30}],
                    "content": [{"contains": "casino"}],
                }
            ]
        }
    ).sites[0]
    assert (site.texts, site.service, site.messages, site.tls, site.features.pipelining) == ("gmail", 0.2, 20, False, False)
    assert site.limits == (
        Limit(rate=1.0, burst=5, attempts=True),
        Limit(per="site", connections=3),
        Limit(source="127.0.0.0/24", volume=9, connects=0.1),
    )
    assert site.recipients == (("unknown", 0.5), ("full", 0.25))
    assert site.greylist == Greylist(300.0, network=True, trust=3, domains=("*.a.test",))
    assert site.standing == Standing(rate=10.0, start=0.4)
    assert site.warmups == (Warmup("127.0.0.2/32", 50, 1.5),)
    assert site.blocks == (
        Block("127.0.0.2/32", Period(3600.0, 7200.0)),
        Block(above=5.0, over=10.0, lasts=60.0),
    )
    assert site.outages == (Outage(Period(60.0, 120.0, 3600.0), "tarpit", 30.0),)
    assert site.contents == (Content("casino"),)


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ({"name": 3}, "sites[0].name: must be a name"),
        ({"domains": "a.test"}, "sites[0].domains: must be a list of domains"),
        ({"domains": ["a b"]}, "sites[0].domains: 'a b' is no domain"),
        ({"hosts": ["192.0.2.1"]}, "sites[0].hosts: 192.0.2.1 is no loopback address"),
        ({"texts": "aol"}, "sites[0].texts: must be one of postfix, gmail"),
        ({"limits": [{}]}, "sites[0].limits[0]: limits nothing"),
        ({"limits": [{"rate": "5"}]}, "sites[0].limits[0].rate: must be a rate"),
        ({"limits": [{"rate": "0/s"}]}, "sites[0].limits[0].rate: must be a rate"),
        ({"limits": [{"rate": "5/0s"}]}, "sites[0].limits[0].rate: must be a rate"),
        ({"limits": [{"burst": 3, "volume": 5}]}, "sites[0].limits[0]: burst goes with rate"),
        ({"limits": [{"per": "pool", "rate": "5/s"}]}, "sites[0].limits[0].per: must be one of source, site"),
        ({"limits": [{"per": "site", "source": "127.0.0.2", "rate": "5/s"}]}, "sites[0].limits[0]: a limit of the whole site"),
        ({"limits": {}}, ""),
        ({"limits": "5/s"}, "sites[0].limits: must be a list"),
        ({"recipients": {"unknown": 0.7, "full": 0.7}}, "sites[0].recipients: the shares are more than 1"),
        ({"recipients": {"odd": 0.1}}, "sites[0].recipients: unknown key 'odd'"),
        ({"standing": {}}, "sites[0].standing: 'rate' is needed"),
        ({"warmup": [{"first": 3}]}, "sites[0].warmup[0]: 'source' is needed"),
        (
            {"warmup": [{"source": "127.0.0.2", "first": 3, "growth": 0.5}]},
            "sites[0].warmup[0].growth: must be between 1 and 10",
        ),
        ({"blocks": [{}]}, "sites[0].blocks[0]: either a time"),
        ({"blocks": [{"from": "1h", "refusals": 3}]}, "sites[0].blocks[0]: either a time"),
        ({"blocks": [{"from": "1h", "for": "1h"}]}, "sites[0].blocks[0]: over and for go with a cause"),
        ({"blocks": [{"from": "2h", "until": "1h"}]}, "sites[0].blocks[0].until: must be later than from"),
        ({"blocks": [{"until": "2h", "every": "1h"}]}, "sites[0].blocks[0].every: must be longer"),
        ({"blocks": [{"refusals": 3, "over": 0}]}, "sites[0].blocks[0].over: must be a second or more"),
        ({"blocks": [{"refusals": 3, "text": "rude"}]}, "sites[0].blocks[0].text: must be one of"),
        ({"outages": [{"how": "fire"}]}, "sites[0].outages[0].how: must be one of refuse, busy, tarpit"),
        ({"outages": [{"delay": 3}]}, "sites[0].outages[0]: delay goes with how: tarpit"),
        ({"content": [{}]}, "sites[0].content[0]: either contains or share"),
    ],
)
def test_what_is_said_about_a_bad_one(site: dict[str, Any], said: str) -> None:
    if not said:
        assert parse_world({"sites": [SITE | site]}).sites[0].limits == ()
    else:
        assert any(problem.startswith(said) for problem in problems(**site)), problems(**site)


def test_all_problems_at_once() -> None:
    found = problems(texts="aol", service="soon", limits=[{"rate": 5}, {"volume": 0}], greylist={"after": -1}, odd=1)
    assert len(found) == 6


@pytest.mark.parametrize("data", [None, {}, [], {"sites": []}, {"sites": {}}, {"sites": [3]}, {"sites": [{}]}, {"port": 99999}])
def test_no_world_at_all(data: object) -> None:
    with pytest.raises(ScriptError):
        parse_world(data)


def test_what_must_not_be_there_twice() -> None:
    with pytest.raises(ScriptError, match=r"the host '127\.0\.1\.1' is there twice"):
        parse_world({"sites": [SITE, SITE | {"name": "b", "domains": ["b.test"]}]})
    with pytest.raises(ScriptError, match=r"the domain 'a\.test' is there twice"):
        parse_world({"sites": [SITE, SITE | {"name": "b", "hosts": ["127.0.1.2"]}]})


def test_no_yaml(tmp_path: Path) -> None:
    file = tmp_path / "world.yaml"
    file.write_text("sites: [")
    with pytest.raises(ScriptError, match="not YAML"):
        load_world(file)


def test_many_domains_lead_to_few_hosts() -> None:
    world = load_world(FOLDER / "steady.yaml")
    found = routes(world, 2600)
    assert len(found) > len({(r["host"], r["port"]) for r in found}) == len(world.sites)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_worlds_of_the_bench(case: Any) -> None:
    world = case.world()
    assert world.name == case.name
    assert set(case.rows) == {site.name for site in world.sites}
    assert {watch.site for watch in case.watches} <= set(case.rows)
    for watch in case.watches:
        site = next(s for s in world.sites if s.name == watch.site)
        held = [b.period for b in site.blocks if b.period is not None and b.source == f"{watch.egress}/32"]
        assert any(p.holds(watch.start) and not p.holds(watch.start - 1) for p in held)
        assert watch.until >= case.seconds or not any(p.holds(watch.until) for p in held)


def test_every_family_says_something_for_every_rule() -> None:
    for texts in families().values():
        assert set(texts) >= set(families()[FALLBACK])
        for text in texts.values():
            said = text.fill("127.0.0.2", "mx.test").decode().split("\r\n")
            assert len({line[:3] for line in said}) == 1
            assert said[0][0] in "45"
            assert all(line[3] == "-" for line in said[:-1])
            assert said[-1][3] == " "
            assert all(len(line) <= 510 for line in said)  # RFC 5321 section 4.5.3.1.5
