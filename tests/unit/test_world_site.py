"""What a site of a world answers: each policy by itself, step by step."""

from typing import Any

import pytest

from sandbox.policy import Stage
from sandbox.world import Answer, Session, World, parse_world

ME, YOU = "127.0.0.2", "127.0.0.3"


class Site:
    """One site and its clock."""

    def __init__(self, **site: Any):
        one = {"name": "a", "domains": ["a.test", "*.b.test"], "hosts": ["127.0.1.1"]} | site
        self.world = World(parse_world({"sites": [one]}), 1)
        self.now = 0.0
        self.sessions: dict[str, Session] = {}

    def connect(self, source: str = ME) -> Answer:
        session = self.world.connect(self.now, source, "a")
        if session.answer.yes:
            self.sessions[source] = session
        return session.answer

    def send(self, to: str = "ann@a.test", source: str = ME, content: bytes = b"") -> Answer:
        if source not in self.sessions:
            assert self.connect(source).yes
        return self.world.message(self.now, "a", self.sessions[source], to, content)

    def person(self, kind: str) -> str:
        """Somebody of a kind."""
        for i in range(10_000):
            answer = Site(recipients={kind: 0.3}).send(f"u{i}@a.test")
            if answer.rule == kind:
                return f"u{i}@a.test"
        raise AssertionError


def test_other_domains_are_no_business_of_the_site() -> None:
    site = Site()
    assert site.send("x@sub.deep.b.test").yes
    assert site.send("x@c.test").reply.startswith(b"550 5.1.2")


def test_a_rate_fills_up_again() -> None:
    site = Site(limits=[{"rate": "1/s", "burst": 2}])
    assert [site.send().yes for _ in range(3)] == [True, True, False]
    assert site.send(source=YOU).yes
    site.now = 1.0
    assert [site.send().yes for _ in range(2)] == [True, False]


def test_a_refusal_may_be_said_at_the_dot() -> None:
    site = Site(texts="gmail", limits=[{"rate": "1/s", "burst": 1}])
    site.send()
    refused = site.send()
    assert (refused.stage, refused.rule, refused.code, refused.ends) == (Stage.DOT, "rate", 421, True)
    assert refused.reply.count(b"421-4.7.28 ") == 3


def test_attempts_count_where_the_site_says_so() -> None:
    """Refused for another reason: an unknown recipient."""
    gone = Site().person("unknown")
    lenient = Site(limits=[{"rate": "1/s", "burst": 2}], recipients={"unknown": 0.3})
    strict = Site(limits=[{"rate": "1/s", "burst": 2, "attempts": True}], recipients={"unknown": 0.3})
    for _ in range(5):
        lenient.send(gone)
    assert lenient.send(gone).rule == "unknown"
    assert [strict.send(gone).rule for _ in range(3)] == ["unknown", "unknown", "rate"]


def test_a_transaction_that_was_given_up_costs_nothing() -> None:
    site = Site(limits=[{"rate": "1/s", "burst": 1}])
    site.connect()
    receiving, session = site.world.sites["a"], site.sessions[ME]
    for _ in range(3):
        assert receiving.mail(0.0, session) is None
    assert site.send().yes
    assert receiving.mail(0.0, session) is not None


def test_a_volume_a_day() -> None:
    site = Site(limits=[{"volume": 2}])
    assert [site.send().yes for _ in range(3)] == [True, True, False]
    site.now = 86_399.0
    assert site.send().rule == "volume"
    site.now = 86_400.0
    assert site.send().yes


def test_messages_and_connections_and_connects() -> None:
    site = Site(messages=2, limits=[{"connections": 1}, {"connects": "1/m", "burst": 2}])
    assert [site.send().rule for _ in range(3)] == ["", "", "messages"]
    assert site.connect().rule == "connections"
    site.world.close("a", site.sessions[ME])
    site.world.close("a", site.sessions[ME])  # again is harmless
    assert site.connect().yes
    site.world.close("a", site.sessions[ME])
    assert site.connect().rule == "connects"
    site.now = 60.0
    assert site.connect().yes


def test_the_site_counts_all_sources_together() -> None:
    site = Site(limits=[{"per": "site", "connections": 1}])
    assert site.connect(ME).yes
    assert site.connect(YOU).rule == "site_connections"


def test_greylisting_knows_source_and_recipient() -> None:
    site = Site(greylist={"after": "5m"})
    assert site.send().rule == "greylist"
    assert site.send(source=YOU).rule == "greylist"
    site.now = 299.0
    assert site.send().rule == "greylist"
    site.now = 300.0
    assert site.send().yes
    assert site.send("other@a.test").rule == "greylist"


def test_greylisting_of_some_domains() -> None:
    site = Site(domains=["a.test", "*.edu.test"], greylist={"after": "5m", "domains": ["*.edu.test"]})
    assert site.send("ann@a.test").yes
    assert site.send("ann@ntu.edu.test").rule == "greylist"


def test_greylisting_forgets_and_trusts() -> None:
    site = Site(greylist={"after": "5m", "keep": "1h", "trust": 1})
    site.send()
    site.now = 3601.0
    assert site.send().rule == "greylist"
    site.now += 300.0
    assert site.send().yes
    assert site.send("new@a.test").yes


def test_greylisting_by_network() -> None:
    site = Site(greylist={"after": "1m", "network": True})
    site.send()
    site.now = 60.0
    assert site.send(source=YOU).yes


def test_standing_sinks_with_unknown_recipients_and_the_rate_with_it() -> None:
    gone = Site().person("unknown")
    site = Site(recipients={"unknown": 0.3}, standing={"rate": "10/s", "burst": 10, "start": 1.0, "unknown": 0.02})
    receiving = site.world.sites["a"]
    rooms = []
    for i in range(40):
        site.now = 10.0 * i
        rooms.append(receiving.room(site.now, ME))
        assert site.send(gone).rule == "unknown"
    standing = receiving.client(ME, site.now).standing
    assert standing is not None
    assert standing.score == pytest.approx(0.2)
    assert receiving.client(YOU, site.now).standing.score == 1.0  # type: ignore[union-attr]


def test_a_warm_up_is_for_the_new_source_only() -> None:
    site = Site(warmup=[{"source": ME, "first": 1, "growth": 3}])
    assert [site.send(f"u{i}@a.test").rule for i in range(2)] == ["", "warmup"]
    assert all(site.send(f"u{i}@a.test", YOU).yes for i in range(5))
    site.now = 86_400.0
    assert [site.send(f"u{i}@a.test").rule for i in range(4)] == ["", "", "", "warmup"]


def test_a_block_by_the_calendar() -> None:
    site = Site(blocks=[{"source": ME, "from": 10, "until": 20}])
    assert site.send().yes
    site.now = 10.0
    assert site.send().rule == "blocked"
    assert site.connect().rule == "blocked"
    assert site.send(source=YOU).yes
    site.now = 20.0
    assert site.send().yes


def test_a_block_each_so_often() -> None:
    site = Site(blocks=[{"from": 10, "until": 20, "every": 60}])
    found = []
    for now in (0, 10, 19, 20, 69, 70, 79, 80, 130):
        site.now = float(now)
        found.append(site.connect().yes)
    assert found == [True, False, False, True, True, False, False, True, False]


def test_a_block_for_going_on_knocking() -> None:
    site = Site(limits=[{"rate": "1/s", "burst": 1}], blocks=[{"refusals": 3, "over": "1m", "for": "10m"}])
    assert [site.send().rule for _ in range(5)] == ["", "rate", "rate", "rate", "blocked"]
    site.now = 599.0
    assert site.send().rule == "blocked"
    site.now = 600.0
    assert site.send().yes


def test_a_block_for_speed() -> None:
    site = Site(blocks=[{"above": "1/s", "over": "10s", "for": "1m"}])
    rules = [site.send(f"u{i}@a.test").rule for i in range(12)]
    assert (rules.count(""), rules[-1]) == (10, "blocked")
    assert site.world.sites["a"].room(0.0, ME) == 0.0
    assert site.world.sites["a"].room(0.0, YOU) == 10.0


def test_a_block_for_unknown_recipients() -> None:
    gone = Site().person("unknown")
    site = Site(recipients={"unknown": 0.3}, blocks=[{"unknown": 0.2, "over": "1h", "for": "1h"}])
    rules = [site.send(gone).rule for _ in range(12)]
    assert rules == ["unknown"] * 11 + ["blocked"]  # a fifth of at least fifty


@pytest.mark.parametrize(("how", "rule"), [("refuse", "outage"), ("busy", "busy")])
def test_an_outage(how: str, rule: str) -> None:
    site = Site(outages=[{"from": 5, "until": 9, "how": how}])
    assert site.send().yes
    site.now = 5.0
    assert site.connect().rule == rule
    ended = site.send()
    assert (ended.rule, ended.ends) == (rule, True)
    site.now = 9.0
    assert site.connect().yes


def test_a_tarpit_is_slow_but_says_yes() -> None:
    site = Site(outages=[{"from": 0, "until": 9, "how": "tarpit", "delay": 30}])
    assert site.connect() == Answer(Stage.CONNECT, delay=30.0)


def test_content() -> None:
    site = Site(content=[{"contains": "casino"}])
    refused = site.send(content=b"the casino")
    assert (refused.rule, refused.stage, refused.code) == ("content", Stage.DOT, 554)
    assert site.send(content=b"a letter").yes


def test_drops_and_trouble_are_as_frequent_as_they_are_said_to_be() -> None:
    site = Site(drops=0.1, trouble=0.2)
    rules = [site.send(f"u{i}@a.test").rule for i in range(4000)]
    assert rules.count("trouble") == pytest.approx(800, rel=0.15)
    assert rules.count("drop") == pytest.approx(320, rel=0.2)
