"""Delivery to Postfix's smtp-sink, a receiver that is not ours: whole mailings, and a dot without a reply (RFC 1047)."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from actors.model.delivery import Host, Site
from actors.model.states import RowState
from tests.e2e.debian import environment, unpack
from tests.e2e.sending import Bench, running, until
from tests.fakes.ports import shard


@asynccontextmanager
async def smtp_sink(folder: Path, *options: str) -> AsyncIterator[int]:
    """smtp-sink on a free loopback port."""
    root = await asyncio.to_thread(unpack, "postfix")
    env = environment(root)
    env["LD_LIBRARY_PATH"] = f"{root / 'usr/lib/postfix'}:{env['LD_LIBRARY_PATH']}"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    user = ("-u", "nobody") if os.geteuid() == 0 else ()
    command = [str(root / "usr/sbin/smtp-sink"), *user, *options, f"127.0.0.1:{port}", "100"]
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < end
                await asyncio.sleep(0.05)
        assert process.poll() is None, "smtp-sink ended"
        yield port
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("options", [(), ("-p",)], ids=["pipelining", "plain"])
async def test_all_rows_arrive_as_they_were_rendered(options: tuple[str, ...], tmp_path: Path) -> None:
    tmp_path.chmod(0o777)  # it writes as nobody
    dump = tmp_path / "dump"
    dump.mkdir()
    dump.chmod(0o777)
    for parent in dump.parents[:4]:
        parent.chmod(parent.stat().st_mode | 0o011)
    bench = Bench()
    bench.renderer.size = 10_000
    async with smtp_sink(tmp_path, *options, "-d", f"{dump}/%M.") as port, running(bench):
        bench.conductor.shards.append(shard(Site("sink.test", (Host("127.0.0.1", port),)), range(400)))
        await until(bench.settled(400), 60)
    assert bench.ledger.states() == {RowState.DELIVERED: 400}
    texts = [f.read_text() for f in dump.iterdir()]
    assert len(texts) == 400
    rows = set()
    for text in texts:
        to = next(line for line in text.splitlines() if line.startswith("X-Rcpt-Args"))
        row = int(to.split("<r")[1].split("@")[0])
        rows.add(row)
        assert text.rstrip("\n").endswith(bench.renderer.message(row).decode().replace("\r\n", "\n").rstrip("\n"))
    assert rows == set(range(400))


async def test_the_final_dot_without_a_reply_is_in_doubt(tmp_path: Path) -> None:
    bench = Bench()
    async with smtp_sink(tmp_path, "-q", ".") as port, running(bench):
        bench.conductor.shards.append(shard(Site("sink.test", (Host("127.0.0.1", port),)), range(6)))
        await until(bench.settled(6), 60)
    states = bench.ledger.states()
    assert states.get(RowState.DELIVERED, 0) == 0
    assert states[RowState.IN_DOUBT] >= 1
    assert states.get(RowState.IN_DOUBT, 0) + states.get(RowState.DEFERRED, 0) == 6


@pytest.mark.parametrize(
    ("command", "state"), [("RCPT", RowState.DEFERRED), ("DATA", RowState.DEFERRED), (".", RowState.DEFERRED)]
)
async def test_soft_rejects_are_deferred(command: str, state: RowState, tmp_path: Path) -> None:
    bench = Bench()
    async with smtp_sink(tmp_path, "-r", command) as port, running(bench):
        bench.conductor.shards.append(shard(Site("sink.test", (Host("127.0.0.1", port),)), range(6)))
        await until(bench.settled(6), 60)
    assert bench.ledger.states() == {state: 6}
