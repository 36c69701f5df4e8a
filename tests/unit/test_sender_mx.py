"""Domains to sites: routes, names, what the DNS says; the DNS is a table."""

import asyncio
import pickle
import time

import pytest

from actors.model.delivery import Host, Site
from actors.model.sites import Route, TlsRule, match_route
from actors.sender import mx
from actors.sender.mx import NO_TLSA, Resolver, Security, mx_site, site_name
from actors.sender.questions import NO_ANSWER, NO_DOMAIN, Answer
from tests.fakes.clock import FakeClock


@pytest.mark.parametrize(
    ("pattern", "domain", "matches"),
    [
        ("*", "any.test", True),
        ("example.test", "example.test", True),
        ("Example.Test.", "example.test", True),
        ("example.test", "sub.example.test", False),
        ("*.example.test", "sub.example.test", True),
        ("*.example.test", "a.b.example.test", True),
        ("*.example.test", "example.test", False),
        ("*.example.test", "badexample.test", False),
    ],
)
def test_route_patterns(pattern: str, domain: str, matches: bool) -> None:
    assert (match_route([Route(pattern, "h")], domain) is not None) == matches


def test_first_route_counts() -> None:
    routes = [Route("a.test", "first"), Route("*", "last"), Route("b.test", "never")]
    assert [match_route(routes, d).host for d in ("a.test", "b.test")] == ["first", "last"]  # type: ignore[union-attr]


def test_site_names_are_short_stable_and_the_same_for_the_same_hosts() -> None:
    assert site_name(["MX.b.test."]) == "mx.b.test"
    assert site_name(["b.test", "a.test"]) == site_name(["A.test.", "b.test", "b.test"])
    assert site_name(["a.test", "b.test"]) != site_name(["a.test", "c.test"])
    assert len(site_name([f"mx{n}.of.a.long.name.test" for n in range(20)])) < 60
    one, two = mx_site("x", [(10, "a.test."), (20, "b.test.")]), mx_site("y", [(5, "b.test."), (5, "a.test.")])
    assert one.name == two.name
    assert one.hosts == (Host("a.test", preference=10), Host("b.test", preference=20))


class Table(Resolver):
    """A resolver whose DNS is a table of (name, kind)."""

    table: dict[tuple[str, str], object]
    asked: list[tuple[str, str]]

    async def _ask(self, name: str, kind: str):  # type: ignore[no-untyped-def]
        self.asked.append((name, kind))
        await asyncio.sleep(0)
        return self.table.get((name, kind), NO_DOMAIN)


def resolver(**table: object) -> Table:
    found = Table([Route("relay.test", "10.0.0.1", 2525, "required", "cred", True)], FakeClock())
    found.table = {tuple(k.split("__")): v for k, v in table.items()}  # type: ignore[misc]
    found.table = {(name.replace("_", ".") + ".test", kind): v for (name, kind), v in found.table.items()}
    found.asked = []
    return found


async def site(domain: str, **table: object) -> Site:
    return (await resolver(**table).sites([domain]))[domain]


async def test_routes_come_first() -> None:
    found = await site("relay.test")
    assert found == Site("route:10.0.0.1:2525", (Host("10.0.0.1", 2525),), "required", "cred", True)


async def test_mx_null_mx_implicit_and_failures() -> None:
    assert (await site("a.test", a__MX=Answer(["10 m.test."], 300.0))).hosts == (Host("m.test", preference=10),)
    null = await site("a.test", a__MX=Answer(["0 ."], 300.0))
    assert null.refusal is not None
    assert (null.refusal.code, null.refusal.enhanced) == (556, "5.1.10")
    implicit = await site("a.test", a__MX=Answer([], 300.0), a__A=Answer(["192.0.2.1"], 60.0), a__AAAA=Answer([], 60.0))
    assert implicit == Site("a.test", (Host("a.test"),))
    six = await site("a.test", a__MX=Answer([], 300.0), a__A=NO_ANSWER, a__AAAA=Answer(["2001:db8::1"], 60.0))
    assert six.refusal is None
    nobody = await site("a.test", a__MX=Answer([], 300.0), a__A=Answer([], 60.0), a__AAAA=Answer([], 60.0))
    assert nobody.refusal == NO_DOMAIN
    unsure = await site("a.test", a__MX=Answer([], 300.0), a__A=Answer([], 60.0), a__AAAA=NO_ANSWER)
    assert unsure.refusal == NO_ANSWER
    assert (await site("gone.test")).refusal == NO_DOMAIN
    assert (await site("a.test", a__MX=NO_ANSWER)).refusal == NO_ANSWER
    assert (await site("[192.0.2.7]")).hosts == (Host("192.0.2.7"),)
    assert (await site("[IPv6:2001:db8::7]")).hosts == (Host("2001:db8::7"),)


async def test_answers_are_kept_for_their_time_and_asked_once_at_a_time() -> None:
    found = resolver(a__MX=Answer(["10 m.test."], 300.0), b__MX=NO_ANSWER)
    clock = found._clock
    assert isinstance(clock, FakeClock)
    await asyncio.gather(*(found.sites(["a.test", "b.test", "a.test"]) for _ in range(5)))
    assert sorted(found.asked) == [("a.test", "MX"), ("b.test", "MX")]
    clock.advance(mx.FAILURE_TTL + 1)
    await found.sites(["a.test", "b.test"])
    assert sorted(found.asked) == [("a.test", "MX"), ("b.test", "MX"), ("b.test", "MX")]
    clock.advance(300)
    await found.sites(["a.test"])
    assert len(found.asked) == 4


async def test_one_who_gives_up_does_not_take_the_others_along() -> None:
    found = resolver(a__MX=Answer(["10 m.test."], 300.0))
    first = asyncio.create_task(found.sites(["a.test"]))
    second = asyncio.create_task(found.sites(["a.test"]))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second)["a.test"].name == "m.test"


async def test_addresses_of_both_families_and_literals() -> None:
    found = resolver(m__A=Answer(["192.0.2.1", "192.0.2.2"], 60.0), m__AAAA=Answer(["2001:db8::1"], 60.0), f__A=NO_ANSWER)
    assert await found.addresses("m.test") == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
    assert await found.addresses("127.0.0.1") == ["127.0.0.1"]
    assert await found.addresses("f.test") == []
    before = len(found.asked)
    await found.addresses("m.test")
    assert len(found.asked) == before


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mx, "MAX_CACHED", 3)
    cache: mx.Cache[int] = mx.Cache()
    for n in range(10):
        cache.keep(str(n), n, 100.0)
    assert list(cache) == ["7", "8", "9"]
    assert cache.fresh("9", 99.0) == 9
    assert cache.fresh("9", 100.0) is None


def test_it_pickles() -> None:
    rules = Security(sts=True, rules=(TlsRule("*", "verify"),))
    made = Resolver([Route("*", "h")], time.time, ["127.0.0.1"], 5353, rules)
    found = pickle.loads(pickle.dumps(made))
    assert found._arguments == made._arguments


async def test_validated_mx_records_make_a_site_of_their_own() -> None:
    signed = await site("a.test", a__MX=Answer(["10 m.test."], 300.0, True))
    assert (signed.name, signed.dane) == ("m.test!dane", True)
    assert (await site("a.test", a__MX=Answer(["10 m.test."], 300.0))).dane is False
    null = await site("a.test", a__MX=Answer(["0 ."], 300.0, True))
    assert null.refusal is not None


DATA = "3 1 1 " + "ab" * 32


async def test_tlsa_records_count_only_where_all_was_validated() -> None:
    signed = {"m__A": Answer(["192.0.2.1"], 60.0, True)}
    name = ("_25._tcp.m.test", "TLSA")
    found = resolver(**signed)
    found.table[name] = Answer([DATA, "3 1", "x"], 60.0, True)
    (record,) = await found.tlsa("m.test", 25)
    assert (record.usage, record.selector, record.matching, record.data) == (3, 1, 1, bytes.fromhex("ab" * 32))
    found.table[name] = NO_ANSWER
    assert await found.tlsa("m.test", 25) == (record,)  # kept
    bogus = resolver(**signed)
    bogus.table[name] = NO_ANSWER
    assert await bogus.tlsa("m.test", 25) == NO_TLSA
    assert await resolver(**signed).tlsa("m.test", 25) == ()  # no such name
    unsigned = resolver(m__A=Answer(["192.0.2.1"], 60.0))
    unsigned.table[name] = NO_ANSWER
    assert await unsigned.tlsa("m.test", 25) == ()  # never asked for
    half = resolver(**signed, m__AAAA=Answer(["2001:db8::1"], 60.0))
    half.table[name] = Answer([DATA], 60.0, True)
    assert await half.tlsa("m.test", 25) == ()


async def test_the_operators_rule_by_domain() -> None:
    found = resolver(a__MX=Answer(["10 m.test."], 300.0), b__MX=Answer(["10 m.test."], 300.0))
    found._security = Security(rules=(TlsRule("a.test", "verify"), TlsRule("*", "opportunistic")))
    sites = await found.sites(["a.test", "b.test"])
    assert [(s.name, s.tls) for s in sites.values()] == [("m.test!verify", "verify"), ("m.test", "opportunistic")]
