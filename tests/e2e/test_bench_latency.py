"""The bench of a long line: its relay holds back everything in order, and every case delivers all of its mails over it."""

import asyncio

import pytest

from bench.latency import CASES, delayed, measure


@pytest.mark.parametrize("case", CASES)
async def test_each_case_delivers_over_the_line(case: str) -> None:
    assert await measure(CASES[case][0], 12, round_trip=0.01) > 0


async def test_the_relay_keeps_the_order_and_holds_back() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    loop = asyncio.get_running_loop()
    async with delayed("127.0.0.1", server.sockets[0].getsockname()[1], 0.02) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began, text = loop.time(), b"".join(b"%d " % n for n in range(5000))
        for at in range(0, len(text), 777):
            writer.write(text[at : at + 777])
            await asyncio.sleep(0)
        assert await reader.readexactly(len(text)) == text
        assert loop.time() - began >= 0.04
        writer.close()
    server.close()
