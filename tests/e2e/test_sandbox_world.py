"""A world over real SMTP: sites by address, clients by source, several processes, TLS that fails, and the command around it."""

import asyncio
import json
import signal
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.supervise import free_port
from sandbox import Sandbox
from sandbox.world import parse_world
from sandbox.world.smtp import places
from tests.e2e.test_sandbox_command import run
from tests.e2e.test_sandbox_killed import COMMAND, children

BODY = b"Subject: x\r\n\r\nx\r\n"
ME, YOU = "127.0.0.2", "127.0.0.3"
WORLD = {
    "sites": [
        {
            "name": "a",
            "domains": ["a.test", "also-a.test"],
            "hosts": ["127.0.1.1", "127.0.1.2"],
            "service": 0,
            "connect": 0,
            "limits": [{"rate": "1/h", "burst": 2}, {"connections": 2}],
        },
        {"name": "b", "domains": ["b.test"], "hosts": ["127.0.1.3"], "service": 0, "connect": 0, "tls": False},
    ]
}


async def client(place: tuple[str, int], source: str, work: Callable[[smtplib.SMTP], Any]) -> Any:
    def run() -> Any:
        with smtplib.SMTP(*place, "client.test", 10, (source, 0)) as smtp:
            return work(smtp)

    return await asyncio.to_thread(run)


def code(smtp: smtplib.SMTP, to: str) -> int:
    """What becomes of one mail."""
    try:
        smtp.sendmail("a@from.test", [to], BODY)
    except smtplib.SMTPRecipientsRefused as refused:
        return next(iter(refused.recipients.values()))[0]
    except smtplib.SMTPResponseException as refused:
        return refused.smtp_code
    return 250


async def test_sites_and_sources_are_told_apart() -> None:
    world = parse_world(WORLD)
    async with Sandbox(mode="counts", world=world, listen=places(world, 0)) as sandbox:
        a, again, b = sandbox.listening
        assert await client(a, ME, lambda smtp: [code(smtp, f"{i}@a.test") for i in range(3)]) == [250, 250, 450]
        assert await client(again, ME, lambda smtp: code(smtp, "x@also-a.test")) == 450  # another host of the same site
        assert await client(a, YOU, lambda smtp: code(smtp, "x@a.test")) == 250
        assert await client(b, ME, lambda smtp: [code(smtp, "x@b.test"), code(smtp, "x@a.test")]) == [250, 550]


async def test_connections_are_given_back() -> None:
    world = parse_world(WORLD)
    async with Sandbox(mode="counts", world=world, listen=places(world, 0)) as sandbox:
        place = sandbox.listening[0]
        for _ in range(2):
            async with asyncio.timeout(60):
                open_ = [await asyncio.open_connection(*place, local_addr=(ME, 0)) for _ in range(3)]
                greetings = [await reader.readline() for reader, _ in open_]
            assert [line[:4] for line in greetings] == [b"220 ", b"220 ", b"421 "]
            for _, writer in open_:
                writer.close()
                await writer.wait_closed()
            while sandbox.connections:
                await asyncio.sleep(0.001)


async def test_a_handshake_that_fails() -> None:
    world = parse_world(WORLD)
    async with Sandbox(mode="counts", world=world, listen=places(world, 0)) as sandbox:

        def secure(smtp: smtplib.SMTP) -> None:
            assert smtp.ehlo()[0] == 250
            assert smtp.has_extn("starttls")
            smtp.starttls(context=ssl._create_unverified_context())

        with pytest.raises((OSError, smtplib.SMTPServerDisconnected)):
            await client(sandbox.listening[2], ME, secure)
        await client(sandbox.listening[0], ME, secure)
        assert sandbox.counts.tls == 1


@pytest.mark.parametrize("workers", [1, 4])
def test_the_command_shares_a_world_out_by_sites(tmp_path: Path, workers: int) -> None:
    file = tmp_path / "world.yaml"
    file.write_text(yaml.safe_dump(WORLD))
    port = free_port()
    command = [sys.executable, "-c", COMMAND, "sandbox", "--json", "--world", str(file), "--port", str(port)]
    process = subprocess.Popen([*command, "--workers", str(workers)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    listening = json.loads(process.stdout.readline())["listening"]
    assert listening == [f"127.0.1.{n}:{port}" for n in (1, 2, 3)]
    assert len(children(process.pid)) == (2 if workers > 1 else 0)  # there are two sites
    found = []
    for host, to in [
        ("127.0.1.1", "x@a.test"),
        ("127.0.1.2", "y@a.test"),
        ("127.0.1.1", "z@a.test"),
        ("127.0.1.3", "x@b.test"),
    ]:
        with smtplib.SMTP(host, port, "client.test", 10, (ME, 0)) as smtp:
            found.append(code(smtp, to))
    process.send_signal(signal.SIGTERM)
    last = json.loads(process.communicate(timeout=120)[0].splitlines()[-1])
    assert found == [250, 250, 450, 250]
    assert (last["messages"], last["deferred"]) == (3, 1)


def test_routes_lead_many_domains_to_few_hosts(tmp_path: Path) -> None:
    file = tmp_path / "world.yaml"
    file.write_text(yaml.safe_dump(WORLD))
    found = yaml.safe_load(run("--world", str(file), "--routes", "--port", "2600").stdout)["routes"]
    assert [(r["pattern"], r["host"], r["port"]) for r in found] == [
        ("a.test", "127.0.1.1", 2600),
        ("also-a.test", "127.0.1.1", 2600),
        ("b.test", "127.0.1.3", 2600),
    ]


def test_what_is_said_about_a_bad_world(tmp_path: Path) -> None:
    file = tmp_path / "world.yaml"
    file.write_text("sites: [{name: a, domains: [a.test], hosts: [192.0.2.1], texts: aol}]")
    refused = run("--world", str(file), "--json")
    assert refused.exit_code == 2
    assert "192.0.2.1 is no loopback address" in refused.stderr + refused.stdout
    assert "must be one of postfix" in refused.stderr + refused.stdout
    for options in (["--world", str(file), "--listen", "127.0.0.1:0"], ["--routes"], ["--port", "2600"]):
        assert run(*options).exit_code == 2
