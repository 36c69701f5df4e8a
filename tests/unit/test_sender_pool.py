"""Which host is tried when."""

from typing import Any

import pytest

from actors.model.delivery import Host, Reply, Site, Tlsa
from actors.model.states import Stage
from actors.sender.connect import ConnectFailed, TimeLimits, TlsFailed
from actors.sender.pool import DEAD_SECONDS, PLAIN_SECONDS, Pool
from tests.fakes.clock import FakeClock
from tests.fakes.ports import FakeResolver

HOSTS = (Host("b.test", preference=20), Host("a1.test", preference=10), Host("a2.test", preference=10))
ADDRESSES = {"a1.test": ["192.0.2.1", "2001:db8::1"], "a2.test": ["192.0.2.2"], "b.test": ["192.0.2.3"]}


class Opener:
    """Opens what is not in `broken`."""

    def __init__(self) -> None:
        self.broken: dict[str, ConnectFailed] = {}
        self.tried: list[str] = []

    async def open(self, site: Site, host: Host, address: str, plain: bool = False, tlsa: Any = ()) -> Any:
        self.tried.append(address + ("/plain" if plain else "") + ("/dane" if tlsa else ""))
        failure = self.broken.get(address)
        if failure is not None and not (plain and isinstance(failure, TlsFailed)):
            raise failure
        return address


def pool() -> tuple[Pool, Opener, FakeClock]:
    opener, clock = Opener(), FakeClock()
    found = Pool(opener, FakeResolver(ADDRESSES), "127.0.0.2", clock, TimeLimits(), lambda targets: targets.reverse())
    return found, opener, clock


def down(text: str = "refused") -> ConnectFailed:
    return ConnectFailed(Stage.CONNECT, Reply(0, text))


async def test_by_preference_equal_ones_in_the_given_order_own_family_only() -> None:
    p, opener, _ = pool()
    opener.broken = {a: down() for a in ("192.0.2.1", "192.0.2.2")}
    assert await p.connect(Site("s", HOSTS)) == ("192.0.2.3", "b.test")
    assert opener.tried == ["192.0.2.2", "192.0.2.1", "192.0.2.3"]


async def test_dead_hosts_are_skipped_for_a_while_but_never_all() -> None:
    p, opener, clock = pool()
    opener.broken = {"192.0.2.2": down()}
    await p.connect(Site("s", HOSTS))
    opener.tried.clear()
    opener.broken.clear()
    await p.connect(Site("s", HOSTS))
    assert opener.tried == ["192.0.2.1"]
    clock.advance(DEAD_SECONDS + 1)
    opener.tried.clear()
    await p.connect(Site("s", HOSTS))
    assert opener.tried == ["192.0.2.2"]
    opener.broken = {a: down() for a in ("192.0.2.1", "192.0.2.2", "192.0.2.3")}
    for _ in range(2):
        with pytest.raises(ConnectFailed):
            await p.connect(Site("s", HOSTS))
    opener.tried.clear()
    opener.broken.clear()
    await p.connect(Site("s", HOSTS))
    assert opener.tried


async def test_no_address_is_a_failure_without_a_try() -> None:
    p, opener, _ = pool()
    with pytest.raises(ConnectFailed):
        await p.connect(Site("s", (Host("unknown.test"),)))
    assert not opener.tried


async def test_plain_again_only_where_the_policy_allows_it() -> None:
    p, opener, clock = pool()
    opener.broken = {"192.0.2.3": TlsFailed(Stage.STARTTLS, Reply(0, "handshake"))}
    hosts = HOSTS[:1]
    await p.connect(Site("s", hosts))
    assert opener.tried == ["192.0.2.3", "192.0.2.3/plain"]
    await p.connect(Site("s", hosts))
    assert opener.tried[2:] == ["192.0.2.3/plain"]
    clock.advance(PLAIN_SECONDS + 1)
    opener.tried.clear()
    for site in (Site("s", hosts, tls="required"), Site("s", hosts, tls="verify"), Site("s", hosts, auth="x")):
        with pytest.raises(TlsFailed):
            await p.connect(site)
    assert not [t for t in opener.tried if "plain" in t]


async def test_tlsa_records_go_with_the_connection_and_a_failed_look_up_skips_the_host() -> None:
    p, opener, _ = pool()
    found = p._resolver
    assert isinstance(found, FakeResolver)
    found.tlsas = {"a1.test": (Tlsa(3, 1, 1, b"x"),), "a2.test": Reply(451, "no TLSA")}
    await p.connect(Site("s", HOSTS, dane=True))
    assert opener.tried == ["192.0.2.1/dane"]
    await p.connect(Site("s", HOSTS))
    assert opener.tried[1:] == ["192.0.2.1"]  # a2 counts as dead for a while
