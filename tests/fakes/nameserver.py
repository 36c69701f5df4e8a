"""A name server on loopback over UDP and TCP. Answers from a zone; what is not in it does not exist.

`silent` names get no answer, `broken` ones SERVFAIL, `secure` ones the AD bit when the question asks for it, as a resolver does
that validates; answers for `long` names are cut off over UDP, so that TCP is asked.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = Mapping[tuple[str, str], Sequence[str]]  # (name with its last dot, type) -> records as in a zone file


class NameServer(asyncio.DatagramProtocol):
    """One server; `asked` are the questions that came, with the way that they came."""

    def __init__(
        self,
        zone: Zone,
        silent: Collection[str] = (),
        broken: Collection[str] = (),
        secure: Collection[str] = (),
        long: Collection[str] = (),
    ):
        self.zone, self.silent, self.broken, self.secure, self.long = zone, silent, broken, secure, long
        self.asked: list[tuple[str, str]] = []
        self.over_tcp = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        response = self._answer(data, udp=True)
        if response is not None:
            self._transport.sendto(response, address)  # type: ignore[attr-defined]

    async def on_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One question over TCP (RFC 1035 section 4.2.2)."""
        try:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
            response = self._answer(await reader.readexactly(size), udp=False)
            if response is not None:
                self.over_tcp += 1
                writer.write(struct.pack("!H", len(response)) + response)
                await writer.drain()
        finally:
            writer.close()

    def _answer(self, data: bytes, udp: bool) -> bytes | None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if name in self.secure and query.flags & dns.flags.AD:
            response.flags |= dns.flags.AD
        if name in self.broken:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif name in self.long and udp:
            response.flags |= dns.flags.TC
        elif (name, kind) in self.zone:
            response.answer.append(dns.rrset.from_text_list(name, 300, "IN", kind, self.zone[name, kind]))
        elif not any(n == name for n, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()


@asynccontextmanager
async def nameserver(zone: Zone, silent: Sequence[str] = (), **ways: Collection[str]) -> AsyncIterator[tuple[int, NameServer]]:
    """A server inside the block: its port on 127.0.0.1, and itself."""
    loop = asyncio.get_running_loop()
    server = NameServer(zone, silent, **ways)
    transport, _ = await loop.create_datagram_endpoint(lambda: server, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    tcp = await asyncio.start_server(server.on_tcp, "127.0.0.1", port)
    try:
        yield port, server
    finally:
        tcp.close()
        await tcp.wait_closed()
        transport.close()
