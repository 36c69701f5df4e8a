"""MTA-STS: records, policies, which hosts they allow, what they make of a site, and how long they are kept."""

import asyncio
import json
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.delivery import Host, Site
from actors.model.errors import Unavailable
from actors.model.ports import Vault
from actors.sender.policies import AGAIN_SECONDS, Policies
from actors.sender.policystore import PolicyStore
from actors.sender.sts import LONGEST_AGE, NO_HOST, Policy, allows, read_policy, record_id, secured
from tests.fakes.clock import FakeClock

TEXT = "version: STSv1\r\nmode: enforce\r\nmx: mail.a.test\r\nmx: *.b.test\r\nmax_age: 604800\r\n"
ENFORCE = Policy("enforce", ("mail.a.test", "*.b.test"), 604800.0)


def test_a_policy_is_read() -> None:
    assert read_policy(TEXT) == ENFORCE
    assert read_policy(TEXT.replace("\r\n", "\n") + "\nfuture: thing\n") == ENFORCE
    assert read_policy("version: STSv1\nmode: none\nmax_age: 1") == Policy("none", (), 1.0)
    long = read_policy(TEXT.replace("604800", "9999999999"))
    assert long is not None
    assert long.max_age == LONGEST_AGE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("STSv1", "STSv2"),
        ("enforce", "perhaps"),
        ("max_age: 604800", ""),
        ("604800", "-1"),
        ("604800", "soon"),
        ("mx: mail.a.test\r\nmx: *.b.test", ""),
        ("mode: enforce", "mode enforce"),
        ("mode: enforce\r\n", ""),
        ("mx: *.b.test\r\n", "mx: x.test\r\n" * 101),
    ],
)
def test_what_breaks_a_rule_is_no_policy(old: str, new: str) -> None:
    assert read_policy(TEXT.replace(old, new)) is None


@given(st.text())
def test_any_text_is_a_policy_or_none(text: str) -> None:
    found = read_policy(text)
    assert found is None or found.mode in ("enforce", "testing", "none")
    record_id([text])


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (['"v=STSv1; id=20160831085700Z;"'], "20160831085700Z"),
        (['"v=STSv1;" " id=a1"'], "a1"),
        (['"v=spf1 -all"', '"v=STSv1; id=7"'], "7"),
        (['"v=STSv1; id=7"', '"v=STSv1; id=8"'], ""),
        (['"v=STSv1; id=a-b"'], ""),
        (['"v=STSv1"'], ""),
        ([], ""),
    ],
)
def test_the_id_of_a_record(texts: list[str], found: str) -> None:
    assert record_id(texts) == found


def test_a_star_stands_for_one_label() -> None:
    assert allows(("*.b.test",), "MX1.b.test.")
    assert not allows(("*.b.test",), "a.mx.b.test")
    assert not allows(("*.b.test",), "b.test")
    assert not allows(("mail.a.test",), "evil.test")


SITE = Site("mail.a.test+1#12", (Host("mail.a.test"), Host("evil.test")), dane=True)


def test_enforce_leaves_the_named_hosts_with_verified_certificates() -> None:
    found = secured(SITE, ENFORCE)
    assert (found.hosts, found.tls, found.sts, found.dane) == ((Host("mail.a.test"),), "verify", True, True)
    assert found.name not in (SITE.name, secured(Site(SITE.name, SITE.hosts[:1]), ENFORCE).name)
    stranger = secured(Site("evil.test", (Host("evil.test"),)), ENFORCE)
    assert stranger.refusal == NO_HOST
    assert NO_HOST.code < 500
    assert secured(SITE, ENFORCE, "none").tls == "verify"  # the operator does not weaken it
    assert secured(SITE, Policy("testing", ("x.test",), 1.0)) == SITE
    assert secured(SITE, None) == SITE


class Web:
    def __init__(self) -> None:
        self.text: str | None = TEXT
        self.asked: list[str] = []

    async def __call__(self, host: str) -> str | None:
        self.asked.append(host)
        return self.text


async def test_a_policy_is_kept_and_fetched_again_when_its_id_changes() -> None:
    web, clock = Web(), FakeClock()
    policies = Policies(web, clock)
    first = await policies.of("a.test", "1")
    assert first is not None
    assert (await policies.of("a.test", "1")) == first
    assert web.asked == ["mta-sts.a.test"]
    web.text = TEXT.replace("enforce", "testing")
    second = await policies.of("a.test", "2")
    assert second is not None
    assert (second.mode, len(web.asked)) == ("testing", 2)


async def test_who_blocks_record_or_file_does_not_switch_it_off() -> None:
    web, clock = Web(), FakeClock()
    policies = Policies(web, clock)
    first = await policies.of("a.test", "1")
    assert await policies.of("a.test", "") == first  # the record is gone
    web.text = None
    assert await policies.of("a.test", "2") == first  # the file is gone
    await policies.of("a.test", "2")
    assert len(web.asked) == 2  # not asked for again at once
    clock.advance(AGAIN_SECONDS + 1)
    await policies.of("a.test", "2")
    assert len(web.asked) == 3
    clock.advance(604801)
    assert await policies.of("a.test", "") is None


async def test_without_a_record_nothing_is_fetched() -> None:
    web = Web()
    assert await Policies(web, FakeClock()).of("a.test", "") is None
    assert web.asked == []


class Blobs:
    """A vault of one file, that can be away."""

    def __init__(self) -> None:
        self.data: bytes | None = None
        self.away = False
        self.writes = 0

    def read(self, path: str) -> bytes:
        if self.away:
            raise Unavailable("vault", "away")
        if self.data is None:
            raise FileNotFoundError(path)
        return self.data

    def write(self, path: str, data: bytes) -> None:
        if self.away:
            raise Unavailable("vault", "away")
        self.data, self.writes = data, self.writes + 1


@pytest.fixture
def blobs(monkeypatch: pytest.MonkeyPatch) -> Blobs:
    monkeypatch.setattr("actors.sender.policies.SAVE_SECONDS", 0.0)
    return Blobs()


async def written(blobs: Blobs, times: int) -> None:
    async with asyncio.timeout(5):
        while blobs.writes < times:
            await asyncio.sleep(0.001)


async def test_a_policy_lasts_over_a_restart_though_record_and_file_are_blocked(blobs: Blobs) -> None:
    clock, store = FakeClock(), PolicyStore(cast(Vault, blobs))
    first = await Policies(Web(), clock, store).of("a.test", "1")
    await written(blobs, 1)
    clock.advance(604_800 - 10)
    blocked = Web()
    blocked.text = None
    again = Policies(blocked, clock, store)
    assert await again.of("a.test", "") == first
    assert await again.of("a.test", "2") == first
    assert await again.of("b.test", "") is None
    clock.advance(20)
    assert await Policies(blocked, clock, store).of("a.test", "") is None


async def test_half_through_a_policy_is_fetched_again_and_lasts_anew(blobs: Blobs) -> None:
    web, clock = Web(), FakeClock()
    policies = Policies(web, clock, PolicyStore(cast(Vault, blobs)))
    first = await policies.of("a.test", "1")
    clock.advance(604_800 / 2 + 1)
    second = await policies.of("a.test", "1")
    assert first is not None
    assert second == replace(first, until=first.until + 604_800 / 2 + 1)
    await policies.of("a.test", "1")
    assert len(web.asked) == 2


async def test_a_vault_that_is_away_or_broken_stops_nothing(blobs: Blobs) -> None:
    clock, store = FakeClock(), PolicyStore(cast(Vault, blobs))
    blobs.away = True
    policies = Policies(Web(), clock, store)
    assert await policies.of("a.test", "1") is not None
    await asyncio.sleep(0.05)
    blobs.away = False
    assert await policies.of("b.test", "1") is not None
    await written(blobs, 1)
    assert set(store.read()) == {"a.test", "b.test"}
    for junk in (b"", b"[]", b"{", b'{"a.test": 1}', b"\xff"):
        blobs.data = junk
        assert store.read() == {}


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "weak"},
        {"mx": "x"},
        {"mx": [1]},
        {"until": "soon"},
        {"max_age": -1},
        {"id": None},
        {"max_age": True},
        {"more": 1},
    ],
)
def test_what_was_changed_in_the_store_is_no_policy(blobs: Blobs, change: dict[str, object]) -> None:
    store = PolicyStore(cast(Vault, blobs))
    store.write({"a.test": replace(ENFORCE, id="1", until=2e9), "b.test": ENFORCE})
    assert blobs.data is not None
    data = json.loads(blobs.data)
    data["a.test"] |= change
    blobs.data = json.dumps(data).encode()
    assert store.read() == {"b.test": ENFORCE}
