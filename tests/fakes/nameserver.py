"""A name server on loopback over UDP. Answers from a zone; what is not in it does not exist, `silent` names get no answer."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = Mapping[tuple[str, str], Sequence[str]]  # (name with its last dot, type) -> records as in a zone file


class NameServer(asyncio.DatagramProtocol):
    """One server; `asked` are the questions that came."""

    def __init__(self, zone: Zone, silent: Sequence[str] = ()):
        self._zone, self._silent = zone, silent
        self.asked: list[tuple[str, str]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self._silent:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if (name, kind) in self._zone:
            response.answer.append(dns.rrset.from_text_list(name, 300, "IN", kind, self._zone[name, kind]))
        elif not any(n == name for n, _ in self._zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(response.to_wire(), address)  # type: ignore[attr-defined]


@asynccontextmanager
async def nameserver(zone: Zone, silent: Sequence[str] = ()) -> AsyncIterator[tuple[int, NameServer]]:
    """A server inside the block: its port on 127.0.0.1, and itself."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: NameServer(zone, silent), ("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1], server
    finally:
        transport.close()
