"""Site names: what connections must hold to is no part of who the receiver is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.delivery import Host, Site
from actors.model.sitenames import base_of, host_of, means, spoken
from actors.sender.mx import site_name
from actors.sender.sts import Policy, secured

HOSTS = st.lists(st.from_regex(r"[a-z]{1,9}\.(test|example)", fullmatch=True), min_size=1, max_size=4, unique=True)


@given(HOSTS, st.booleans(), st.sampled_from(["", "enforce", "testing"]), st.sampled_from(["", "verify", "required"]))
def test_all_names_of_one_receiver_have_one_base(hosts: list[str], dane: bool, mode: str, rule: str) -> None:
    plain = site_name(hosts)
    site = Site(f"{plain}!dane" if dane else plain, tuple(Host(h) for h in hosts))
    policy = Policy(mode, (hosts[0],), 60.0) if mode else None
    name = secured(site, policy, rule).name
    assert base_of(name) == plain
    assert host_of(name) == min(hosts)
    assert all(means(asked, name) for asked in (plain, name, ""))
    assert not means(plain[1:], name)
    assert "!" not in spoken(name)


@pytest.mark.parametrize(
    ("site", "told"),
    [
        ("mx.test", "mx.test"),
        ("mx.test+2#ab12cd34!dane!sts2", "mx.test+2#ab12cd34 (DANE, MTA-STS)"),
        ("mx.test!verify", "mx.test (verified TLS)"),
        ("route:relay.test:25", "route:relay.test:25"),
        ("mx.test!later", "mx.test (later)"),
    ],
)
def test_people_read_what_is_asked_of_connections(site: str, told: str) -> None:
    assert spoken(site) == told
