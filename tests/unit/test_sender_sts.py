"""MTA-STS: records, policies, which hosts they allow, what they make of a site, and how long they are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.delivery import Host, Site
from actors.sender.policies import AGAIN_SECONDS, Policies
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
