"""The resolver against a name server on loopback, over UDP."""

import asyncio
import time
from collections.abc import AsyncIterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from actors.model.delivery import Host
from actors.sender import mx
from actors.sender.mx import NO_ANSWER, NO_DOMAIN, NULL_MX, Resolver

ZONE = {
    ("two.test.", "MX"): ["20 mx2.two.test.", "10 mx1.two.test."],
    ("same.test.", "MX"): ["5 mx1.two.test.", "5 mx2.two.test."],
    ("null.test.", "MX"): ["0 ."],
    ("plain.test.", "A"): ["192.0.2.9"],
    ("empty.test.", "TXT"): ["x"],
    ("mx1.two.test.", "A"): ["192.0.2.1"],
    ("mx1.two.test.", "AAAA"): ["2001:db8::1"],
}


class NameServer(asyncio.DatagramProtocol):
    """Answers from ZONE; `broken.test` is SERVFAIL, `silent.test` says nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        if name == "silent.test.":
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if name == "broken.test.":
            response.set_rcode(dns.rcode.SERVFAIL)
        elif (name, kind) in ZONE:
            response.answer.append(dns.rrset.from_text_list(name, 300, "IN", kind, ZONE[name, kind]))
        elif not any(n == name for n, _ in ZONE):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(response.to_wire(), address)  # type: ignore[attr-defined]


@pytest.fixture
async def resolver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Resolver]:
    monkeypatch.setattr(mx, "LIFETIME", 0.5)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(NameServer, ("127.0.0.1", 0))
    yield Resolver((), time.time, ["127.0.0.1"], transport.get_extra_info("sockname")[1])
    transport.close()


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
