"""The resolver against a name server on loopback, over UDP and TCP."""

import time
from collections.abc import AsyncIterator

import pytest

from actors.model.delivery import Host
from actors.sender import questions
from actors.sender.mx import NULL_MX, Resolver, Security
from actors.sender.questions import NO_ANSWER, NO_DOMAIN
from tests.fakes.nameserver import nameserver

ZONE = {
    ("two.test.", "MX"): ["20 mx2.two.test.", "10 mx1.two.test."],
    ("same.test.", "MX"): ["5 mx1.two.test.", "5 mx2.two.test."],
    ("null.test.", "MX"): ["0 ."],
    ("plain.test.", "A"): ["192.0.2.9"],
    ("empty.test.", "TXT"): ["x"],
    ("mx1.two.test.", "A"): ["192.0.2.1"],
    ("mx1.two.test.", "AAAA"): ["2001:db8::1"],
}


@pytest.fixture
async def resolver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Resolver]:
    monkeypatch.setattr(questions, "LIFETIME", 0.5)
    async with nameserver(ZONE, ["silent.test."], broken=["broken.test."], long=["mx1.two.test."]) as (port, server):
        yield Resolver((), time.time, ["127.0.0.1"], port)
        assert server.over_tcp in (0, 2)


async def test_sites_by_dns(resolver: Resolver) -> None:
    names = ["two.test", "same.test", "null.test", "plain.test", "empty.test", "gone.test", "broken.test", "silent.test"]
    sites = await resolver.sites(names)
    assert sites["two.test"].hosts == (Host("mx1.two.test", 25, 10), Host("mx2.two.test", 25, 20))
    assert sites["same.test"].name == sites["two.test"].name
    assert sites["plain.test"].hosts == (Host("plain.test"),)
    refusals = {name: site.refusal for name, site in sites.items() if site.refusal}
    assert refusals == {
        "null.test": NULL_MX,
        "empty.test": NO_DOMAIN,
        "gone.test": NO_DOMAIN,
        "broken.test": NO_ANSWER,
        "silent.test": NO_ANSWER,
    }


async def test_addresses_by_dns(resolver: Resolver) -> None:
    assert await resolver.addresses("mx1.two.test") == ["192.0.2.1", "2001:db8::1"]
    assert await resolver.addresses("broken.test") == []


async def test_the_ad_bit_counts_only_when_dane_is_on_and_every_server_is_local() -> None:
    async with nameserver(ZONE, secure=["two.test.", "mx1.two.test."]) as (port, server):
        trusting = Resolver((), time.time, ["127.0.0.1"], port, Security(dane=True))
        assert (await trusting.sites(["two.test"]))["two.test"].dane
        off = Resolver((), time.time, ["127.0.0.1"], port)
        assert not (await off.sites(["two.test"]))["two.test"].dane
        far = Resolver((), time.time, ["127.0.0.1", "192.0.2.53"], port, Security(dane=True))
        assert not (await far.sites(["two.test"]))["two.test"].dane
        assert await trusting.tlsa("mx1.two.test", 25) == ()
        assert ("_25._tcp.mx1.two.test.", "TLSA") in server.asked
