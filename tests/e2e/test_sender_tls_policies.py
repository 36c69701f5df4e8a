"""MTA-STS and DANE against real TLS servers, a name server and a policy host on loopback: a receiver that cannot prove who
it is gets no mail, and opportunistic mail says how it went.
"""

import asyncio
import hashlib
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from actors.model.delivery import Site
from actors.model.lanes import LaneLimits
from actors.model.reasons import Reason
from actors.model.states import Blame, RowState, Stage
from actors.sender.mx import Resolver, Security
from actors.sender.policies import over_https
from tests.e2e.sending import Bench, limits, running, tried, until
from tests.fakes.authority import Authority
from tests.fakes.nameserver import nameserver
from tests.fakes.ports import shard
from tests.fakes.smtp import FakeSmtp, Script

ONE = LaneLimits(1)
MX, HOST = "a.test.", "mx.a.test"
POLICY = "version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 86400\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA that nobody trusts."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@asynccontextmanager
async def policy_host(tls: ssl.SSLContext, answer: bytes) -> AsyncIterator[int]:
    """Says the same to every request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def http(body: str, status: str = "200 OK", kind: str = "text/plain") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@asynccontextmanager
async def delivered_to(
    server_tls: ssl.SSLContext | None,
    authority: Authority,
    tlsa: Sequence[str] = (),
    broken: Sequence[str] = (),
    secure: bool = False,
    policy: tuple[ssl.SSLContext, bytes] | None = None,
) -> AsyncIterator[tuple[Bench, FakeSmtp, Site]]:
    """Three rows for a.test, whose MX is mx.a.test; yields when all have an outcome."""
    script = Script(tls=server_tls) if server_tls else Script()
    async with FakeSmtp(script) as server:
        name = f"_{server.port}._tcp.{HOST}."
        zone = {
            (MX, "MX"): [f"10 {HOST}."],
            (f"{HOST}.", "A"): ["127.0.0.1"],
            ("mta-sts.a.test.", "A"): ["127.0.0.1"],
            **({(name, "TLSA"): list(tlsa)} if tlsa else {}),
            **({("_mta-sts.a.test.", "TXT"): ['"v=STSv1; id=1;"']} if policy else {}),
        }
        signed = [MX, f"{HOST}.", name] if secure else []
        bad = [name] if "tlsa" in broken else []
        async with nameserver(zone, broken=bad, secure=signed) as (port, _):
            async with policy_host(*policy) if policy else _nothing() as https:
                resolver = Resolver((), time.time, ["127.0.0.1"], port, Security(sts=True, dane=True))
                resolver._policies._fetch = over_https(resolver.addresses, lambda: authority.client(True), https)
                site = (await resolver.sites(["a.test"]))["a.test"]
                site = replace(site, hosts=tuple(h._replace(port=server.port) for h in site.hosts))
                bench = Bench(first_limits=ONE, limits=limits(3.0), tls_context=authority.client)
                bench.reputation.limits = ONE
                bench.sender.pool._resolver = resolver
                async with running(bench):
                    bench.conductor.shards.append(shard(site, range(3)))
                    await until(bench.settled(3))
                    yield bench, server, site


@asynccontextmanager
async def _nothing() -> AsyncIterator[int]:
    yield 1


def how(bench: Bench) -> set[str]:
    """The last words of the TLS facts of all outcomes."""
    return {o.tls.split(" ")[-1] for o in bench.ledger.outcomes.values()}


def not_sent(bench: Bench, server: FakeSmtp) -> None:
    assert bench.ledger.states() == {RowState.DEFERRED: 3}
    assert not server.received
    assert not any(c.startswith("MAIL") for c in server.commands)
    outcomes = tried(bench)
    assert {(o.stage, o.blame) for o in outcomes} == {(Stage.STARTTLS, Blame.NETWORK)}
    assert {o.reason for o in outcomes} <= {Reason.TLS, Reason.DNS}


async def test_enforce_delivers_over_a_verified_connection(authority: Authority) -> None:
    policy = (authority.server("mta-sts.a.test"), http(POLICY))
    async with delivered_to(authority.server(HOST), authority, policy=policy) as (bench, server, site):
        assert (site.sts, site.tls) == (True, "verify")
        assert bench.ledger.states() == {RowState.DELIVERED: 3}
        assert all(r.tls for r in server.received)
        assert how(bench) == {"sts"}
        assert all(o.tls.startswith("TLSv1.3 TLS_") for o in bench.ledger.outcomes.values())


@pytest.mark.parametrize("fault", ["stranger", "name", "expired", "none"])
async def test_enforce_and_a_bad_certificate_deliver_nothing(authority: Authority, stranger: Authority, fault: str) -> None:
    bad = {
        "stranger": stranger.server(HOST),
        "name": authority.server("other.test"),
        "expired": authority.server(HOST, expired=True),
        "none": None,
    }[fault]
    policy = (authority.server("mta-sts.a.test"), http(POLICY))
    async with delivered_to(bad, authority, policy=policy) as (bench, server, _):
        not_sent(bench, server)


@pytest.mark.parametrize("fault", ["certificate", "404", "redirect", "kind", "testing", "huge"])
async def test_a_policy_that_does_not_hold_changes_nothing(authority: Authority, stranger: Authority, fault: str) -> None:
    """Without a policy mail is opportunistic: it goes, and says that nothing was verified."""
    answer = {
        "404": http(POLICY, "404 Not Found"),
        "redirect": http(POLICY, "301 Moved\r\nLocation: https://evil.test/"),
        "kind": http(POLICY, kind="text/html"),
        "testing": http(POLICY.replace("enforce", "testing")),
        "huge": http(POLICY + "x: y\n" * 50_000),
    }.get(fault, http(POLICY))
    tls = (stranger if fault == "certificate" else authority).server("mta-sts.a.test")
    async with delivered_to(stranger.server(HOST), authority, policy=(tls, answer)) as (bench, _, site):
        assert (site.sts, site.tls) == (False, "opportunistic")
        assert bench.ledger.states() == {RowState.DELIVERED: 3}
        assert how(bench) == {"unverified"}


async def test_enforce_names_no_host_of_the_domain(authority: Authority) -> None:
    policy = (authority.server("mta-sts.a.test"), http(POLICY.replace("mx.a.test", "mail.other.test")))
    async with policy_host(*policy) as https:
        zone = {
            (MX, "MX"): [f"10 {HOST}."],
            ("mta-sts.a.test.", "A"): ["127.0.0.1"],
            ("_mta-sts.a.test.", "TXT"): ['"v=STSv1; id=1;"'],
        }
        async with nameserver(zone) as (port, _):
            resolver = Resolver((), time.time, ["127.0.0.1"], port, Security(sts=True))
            resolver._policies._fetch = over_https(resolver.addresses, lambda: authority.client(True), https)
            refusal = (await resolver.sites(["a.test"]))["a.test"].refusal
    assert refusal is not None
    assert refusal.code == 451


def key_record(authority: Authority, name: str = HOST) -> str:
    """3 1 1 of the newest certificate that the authority made for the name."""
    certificate = x509.load_pem_x509_certificate((authority.folder / f"{name}.pem").read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"3 1 1 {hashlib.sha256(key).hexdigest()}"


async def test_dane_takes_the_certificate_that_the_record_names_whoever_signed_it(
    authority: Authority, stranger: Authority
) -> None:
    tls = stranger.server(HOST, expired=True)  # names and dates do not count for usage 3 (RFC 7672 section 3.1.1)
    async with delivered_to(tls, authority, [key_record(stranger)], secure=True) as (bench, server, site):
        assert site.dane
        assert bench.ledger.states() == {RowState.DELIVERED: 3}
        assert how(bench) == {"dane"}
        assert all(r.tls for r in server.received)


WRONG = "3 1 1 " + "00" * 32


@pytest.mark.parametrize("fault", ["mismatch", "plain", "bogus"])
async def test_dane_delivers_to_nobody_else(authority: Authority, fault: str) -> None:
    tls = None if fault == "plain" else authority.server(HOST)
    broken = ["tlsa"] if fault == "bogus" else []
    async with delivered_to(tls, authority, [WRONG], broken, secure=True) as (bench, server, _):
        not_sent(bench, server)


async def test_records_that_nobody_validated_do_not_count(authority: Authority) -> None:
    async with delivered_to(authority.server(HOST), authority, [WRONG]) as (bench, _, site):
        assert not site.dane
        assert bench.ledger.states() == {RowState.DELIVERED: 3}


async def test_unusable_records_ask_for_tls_and_verify_nothing(authority: Authority) -> None:
    unusable = [WRONG.replace("3 1 1", "1 1 1")]
    async with delivered_to(authority.server("other.test"), authority, unusable, secure=True) as (bench, _, _site):
        assert bench.ledger.states() == {RowState.DELIVERED: 3}
        assert how(bench) == {"unverified"}
    async with delivered_to(None, authority, unusable, secure=True) as (bench, server, _site):
        not_sent(bench, server)


def anchored(folder: Path, authority: Authority, name: str) -> ssl.SSLContext:
    """A server that sends its issuer's certificate too."""
    authority.server(name)
    file = folder / "chain.pem"
    file.write_bytes((authority.folder / f"{name}.pem").read_bytes() + authority.file.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize(("name", "sent"), [(HOST, True), ("other.test", False)])
async def test_dane_by_an_issuer_needs_the_hosts_name(
    authority: Authority, stranger: Authority, tmp_path: Path, name: str, sent: bool
) -> None:
    record = f"2 0 1 {hashlib.sha256(stranger.certificate.public_bytes(Encoding.DER)).hexdigest()}"
    tls = anchored(tmp_path, stranger, name)
    async with delivered_to(tls, authority, [record], secure=True) as (bench, server, _):
        if sent:
            assert bench.ledger.states() == {RowState.DELIVERED: 3}
            assert how(bench) == {"dane"}
        else:
            not_sent(bench, server)
