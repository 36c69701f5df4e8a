"""What the TLS policies hold to, whatever the receiver or somebody between does."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.model.delivery import Host, Site
from actors.model.lanes import LaneLimits
from actors.model.reasons import Reason
from actors.model.sites import Credentials
from actors.model.states import Blame, RowState, Stage
from tests.e2e.sending import Bench, limits, running, tried, until
from tests.fakes.authority import Authority
from tests.fakes.ports import shard
from tests.fakes.smtp import DROP, FakeSmtp, Script, Session

ONE = LaneLimits(1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@asynccontextmanager
async def delivery(script: Script, authority: Authority, rows: int = 3, **site: Any) -> AsyncIterator[tuple[Bench, FakeSmtp]]:
    """Runs rows to a host named mx.test through the script; yields when all have an outcome."""
    known = {"relay": Credentials("user", "secret")}
    bench = Bench(first_limits=ONE, limits=limits(3.0), credentials=known, tls_context=authority.client)
    bench.reputation.limits = ONE
    async with FakeSmtp(script) as server, running(bench):
        bench.resolver.table["mx.test"] = ["127.0.0.1"]
        bench.conductor.shards.append(shard(Site("s", (Host("mx.test", server.port),), **site), range(rows)))
        await until(bench.settled(rows))
        yield bench, server


@pytest.mark.parametrize("policy", ["opportunistic", "required", "verify"])
async def test_mail_goes_over_tls_when_it_is_offered(policy: str, authority: Authority) -> None:
    async with delivery(Script(tls=authority.server("mx.test")), authority, 300, tls=policy) as (bench, server):
        assert bench.ledger.states() == {RowState.DELIVERED: 300}
        assert all(r.tls for r in server.received)
        hellos = [c for c in server.commands if c.startswith(("EHLO", "STARTTLS", "MAIL"))]
        assert hellos[:4] == ["EHLO client.test", "STARTTLS", "EHLO client.test", hellos[3]]


async def test_big_messages_over_tls(authority: Authority) -> None:
    big = Bench(first_limits=ONE, tls_context=authority.client)
    big.renderer.size = 2_000_000
    async with FakeSmtp(Script(tls=authority.server("mx.test"))) as server, running(big):
        big.conductor.shards.append(shard(Site("s", (Host("127.0.0.1", server.port),)), range(4)))
        await until(big.settled(4))
        assert {r.data for r in server.received} == {big.renderer.message(n) for n in range(4)}


async def test_policy_none_speaks_plainly(authority: Authority) -> None:
    async with delivery(Script(tls=authority.server("mx.test")), authority, tls="none") as (_bench, server):
        assert "STARTTLS" not in server.commands
        assert len(server.received) == 3


async def test_opportunistic_takes_any_certificate_and_falls_back_when_the_handshake_fails(authority: Authority) -> None:
    async with delivery(Script(tls=authority.server("other.test", expired=True)), authority) as (_, server):
        assert all(r.tls for r in server.received)
        assert len(server.received) == 3
    old = authority.server("mx.test")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_3
    async with delivery(Script(tls=old), _no_tls13(authority)) as (bench, server):
        assert bench.ledger.states() == {RowState.DELIVERED: 3}
        assert not any(r.tls for r in server.received)
        assert len(server.sessions) == 2


class _no_tls13:
    """A client that cannot agree with a TLS 1.3 server."""

    def __init__(self, authority: Authority):
        self._authority = authority

    def client(self, verify: bool) -> ssl.SSLContext:
        context = self._authority.client(verify)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context


@pytest.mark.parametrize("policy", ["required", "verify"])
async def test_s7_a_stripped_starttls_is_no_delivery(policy: str, authority: Authority) -> None:
    async with delivery(Script(), authority, tls=policy) as (bench, server):
        assert {(o.state, o.stage) for o in tried(bench)} == {(RowState.DEFERRED, Stage.STARTTLS)}
        assert not [c for c in server.commands if c.startswith(("MAIL", "AUTH"))]
        assert not bench.ledger.ever_opened


@pytest.mark.parametrize("reply", [b"454 4.7.0 TLS not available\r\n", b"500 what\r\n"])
@pytest.mark.parametrize("policy", ["required", "verify"])
async def test_s7_a_refused_starttls_is_no_delivery(policy: str, reply: bytes, authority: Authority) -> None:
    script = Script(extensions=("PIPELINING", "STARTTLS"), hook=lambda session, verb, _: reply if verb == "STARTTLS" else None)
    async with delivery(script, authority, tls=policy) as (bench, server):
        assert bench.ledger.states() == {RowState.DEFERRED: 3}
        assert not [c for c in server.commands if c.startswith("MAIL")]


def refused(authority: Authority) -> Script:
    said = b"454 4.7.0 TLS not available\r\n"
    return Script(tls=authority.server("mx.test"), hook=lambda session, verb, _: said if verb == "STARTTLS" else None)


def hung_up_at_starttls(authority: Authority) -> Script:
    return Script(tls=authority.server("mx.test"), hook=lambda session, verb, _: DROP if verb == "STARTTLS" else None)


def hung_up_after_the_handshake(authority: Authority) -> Script:
    return Script(tls=authority.server("mx.test"), hook=lambda session, verb, _: DROP if session.tls else None)


def too_old(authority: Authority) -> Script:
    context = authority.server("mx.test")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return Script(tls=context)


@pytest.mark.parametrize("policy", ["opportunistic", "required", "verify"])
@pytest.mark.parametrize("fault", [refused, hung_up_at_starttls, hung_up_after_the_handshake, too_old])
async def test_s7_tls_that_fails_leads_to_a_plain_connection_only_where_the_policy_allows_it(
    policy: str, fault: Callable[[Authority], Script], authority: Authority
) -> None:
    async with delivery(fault(authority), authority, tls=policy) as (bench, server):
        said = [c.split()[0] for c in server.commands]
        if policy == "opportunistic":
            assert bench.ledger.states() == {RowState.DELIVERED: 3}
            assert (len(server.sessions), said.count("STARTTLS")) == (2, 1), "one connection shows that TLS does not work"
            assert not any(r.tls for r in server.received)
            assert {o.tls for o in bench.ledger.outcomes.values()} == {""}
        else:
            assert {(o.state, o.stage) for o in tried(bench)} == {(RowState.DEFERRED, Stage.STARTTLS)}
            assert fault is refused or {o.reason for o in bench.ledger.outcomes.values()} == {Reason.TLS}
            assert "MAIL" not in said
            assert not bench.ledger.ever_opened


@pytest.mark.parametrize(("at", "state"), [("DATA", RowState.DELIVERED), (".", RowState.IN_DOUBT)])
async def test_a_connection_lost_within_tls_is_as_any_other(at: str, state: RowState, authority: Authority) -> None:
    lost: list[Session] = []

    def once(session: Session) -> bool:
        return not lost and lost.append(session) is None

    script = Script(tls=authority.server("mx.test"))
    if at == ".":
        script.after_data = lambda session, _: DROP if once(session) else None
    else:
        script.hook = lambda session, verb, _: DROP if verb == at and once(session) else None
    async with delivery(script, authority, tls="required") as (bench, server):
        assert bench.ledger.outcomes["J", 0].state is state
        assert {bench.ledger.outcomes["J", row].state for row in (1, 2)} == {RowState.DELIVERED}
        assert all(r.tls for r in server.received)
        assert len(server.received) == bench.ledger.states()[RowState.DELIVERED]


@pytest.mark.parametrize(("name", "expired"), [("other.test", False), ("mx.test", True)], ids=["name", "expired"])
async def test_s7_verify_refuses_a_bad_certificate(name: str, expired: bool, authority: Authority) -> None:
    async with delivery(Script(tls=authority.server(name, expired)), authority, tls="verify") as (bench, server):
        assert {(o.state, o.stage, o.blame) for o in tried(bench)} == {(RowState.DEFERRED, Stage.STARTTLS, Blame.NETWORK)}
        assert not server.received


async def test_s7_verify_refuses_an_unknown_ca(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path)
    async with delivery(Script(tls=stranger.server("mx.test")), authority, tls="verify") as (bench, server):
        assert bench.ledger.states() == {RowState.DEFERRED: 3}
        assert not server.received


@pytest.mark.parametrize("policy", ["none", "opportunistic", "required", "verify"])
async def test_s7_credentials_never_go_in_clear(policy: str, authority: Authority) -> None:
    clear = Script(extensions=("PIPELINING", "AUTH PLAIN LOGIN"), users={"user": "secret"})
    async with delivery(clear, authority, tls=policy, auth="relay") as (bench, server):
        assert bench.ledger.states() == {RowState.DEFERRED: 3}
        assert not server.logins
        assert not [c for c in server.commands if c.startswith(("AUTH", "MAIL"))]
    covered = Script(tls=authority.server("mx.test"), users={"user": "secret"})
    async with delivery(covered, authority, tls=policy, auth="relay") as (bench, server):
        assert server.logins == [("user", True)]
        assert len(server.received) == 3


async def test_s7_a_failed_handshake_with_credentials_never_falls_back(authority: Authority) -> None:
    script = Script(tls=authority.server("mx.test"), users={"user": "secret"}, extensions=("AUTH PLAIN",))
    script.tls.minimum_version = ssl.TLSVersion.TLSv1_3  # type: ignore[union-attr]
    async with delivery(script, _no_tls13(authority), auth="relay") as (bench, server):  # type: ignore[arg-type]
        assert bench.ledger.states() == {RowState.DEFERRED: 3}
        assert not server.logins


async def test_wrong_credentials_are_our_fault(authority: Authority) -> None:
    script = Script(tls=authority.server("mx.test"), users={"user": "other"})
    async with delivery(script, authority, auth="relay") as (bench, _):
        told = {(o.state, o.stage, o.blame, o.code) for o in tried(bench)}
        assert told == {(RowState.DEFERRED, Stage.AUTH, Blame.US, 535)}
    async with delivery(script, authority, auth="unknown") as (bench, _):
        assert {o.stage for o in tried(bench)} == {Stage.AUTH}


SMUGGLED = [
    b"220 go on\r\n250-mx.test\r\n250 AUTH PLAIN\r\n",
    b"220 go on\r\n250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n250 delivered\r\n",
    b"220 go on\r\n25",
]


@pytest.mark.parametrize("reply", SMUGGLED, ids=["reply", "dialogue", "stale"])
@pytest.mark.parametrize("policy", ["opportunistic", "required", "verify"])
async def test_s6_what_came_before_the_handshake_never_counts_after_it(reply: bytes, policy: str, authority: Authority) -> None:
    """A plaintext tail behind the 220, from somebody between: either the connection ends, or it means nothing."""

    def hook(session: Session, verb: str, _: str) -> bytes | None:
        return reply if verb == "STARTTLS" else None

    script = Script(tls=authority.server("mx.test"), hook=hook)
    async with delivery(script, authority, tls=policy) as (bench, server):
        states = bench.ledger.states()
        assert states in ({RowState.DELIVERED: 3}, {RowState.DEFERRED: 3})
        delivered = states.get(RowState.DELIVERED, 0)
        assert len(server.received) == delivered
        if policy != "opportunistic":
            assert all(r.tls for r in server.received)
        assert not [o for o in bench.ledger.outcomes.values() if "delivered" in o.reply]


async def test_s6_ehlo_is_said_again_and_only_the_second_counts(authority: Authority) -> None:
    """Offers made in clear are forgotten: here SIZE 10 before the handshake would refuse every message."""

    def hook(session: Session, verb: str, _: str) -> bytes | None:
        return b"250-mx.test\r\n250-SIZE 10\r\n250 STARTTLS\r\n" if verb == "EHLO" and not session.tls else None

    script = Script(tls=authority.server("mx.test"), hook=hook)
    async with delivery(script, authority) as (bench, _server):
        assert bench.ledger.states() == {RowState.DELIVERED: 3}


async def test_s6_a_second_greeting_is_no_ehlo_reply(authority: Authority) -> None:
    """Two replies at once during the set-up leave the connection out of step: it is given up."""
    script = Script(greeting=b"220 hi\r\n250 fake.test\r\n", tls=authority.server("mx.test"))
    async with delivery(script, authority) as (bench, server):
        assert bench.ledger.states() == {RowState.DEFERRED: 3}
        assert not server.received
        await asyncio.sleep(0)
