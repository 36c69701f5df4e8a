"""A second node owns an egress: its sender waits for the node, runs there, is drained when the node leaves, goes on after."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from cluster.config import load
from cluster.supervise import free_port, running_pid
from gateway.cli import local
from tests.e2e.own_network import in_own_network
from tests.e2e.system import Scene, scene

pytestmark = [pytest.mark.timeout(900), pytest.mark.deep]

ROWS = 30_000
FAR = "127.0.0.3"
HEAD, SECOND = "127.0.0.11", "127.0.0.12"  # two nodes; Ray takes 127.0.0.1 for a cluster of one
HONGYAN = [sys.executable, "-m", "gateway.cli.main"]


def second_node(first: Scene, folder: Path) -> Path:
    """The config of a node on this machine beside the first: the same file with another data folder, and the token."""
    folder.mkdir()
    content = yaml.safe_load(first.config.read_text())
    file = folder / "hongyan.yaml"
    file.write_text(yaml.safe_dump(content))
    (folder / "data").mkdir()
    shutil.copy2(load(first.config).data_dir / "ray.token", folder / "data" / "ray.token")
    return file


@contextmanager
def joined(config: Path, port: int) -> Iterator[None]:
    """The second node is up inside the block, in the background as `ray up` starts it."""
    options = ["--join", f"{HEAD}:{port}", "--node-ip", SECOND, "--config", str(config)]
    subprocess.run([*HONGYAN, "up", "--detach", *options], check=True, stdout=subprocess.DEVNULL)
    assert running_pid(load(config))
    try:
        yield
    finally:
        subprocess.run([*HONGYAN, "down", "--config", str(config)], check=True, stdout=subprocess.DEVNULL)
    assert running_pid(load(config)) == 0


@in_own_network
def test_a_sender_follows_its_node(tmp_path: Path) -> None:
    port = free_port()
    egresses = [
        {"address": "127.0.0.2", "ehlo": "mx0.bank.test", "pool": "near"},
        {"address": FAR, "ehlo": "mx1.bank.test", "node": SECOND},
    ]
    extra = {"egresses": egresses, "ray": {"dashboard": False, "port": port, "node_ip": HEAD}, "renderers": 1}
    (tmp_path / "first").mkdir()
    with scene(tmp_path / "first", **extra) as first:
        config = second_node(first, tmp_path / "second")
        job = first.submit(ROWS)
        assert first.settled(job) == 0
        with joined(config, port):
            wait_for(first, job, 500)
        part = first.settled(job)
        counts = first.reconcile(job)
        assert (counts.lost, counts.doubled, counts.doubted) == (set(), set(), set())
        assert sum(counts.arrived.values()) == part
        assert 500 <= part < ROWS
        with joined(config, port):
            first.wait(job)
        found = first.reconcile(job)
        assert found.counts == {"delivered": ROWS}
        assert (found.lost, found.doubled, found.doubted) == (set(), set(), set())
        assert {o.egress for o in found.outcomes.values()} == {FAR}
        assert f"egresses without a node: {FAR}" in launcher_log(first.system)


def launcher_log(system: local.System) -> str:
    return (system.data / "logs" / "launcher.log").read_text()


def wait_for(first: Scene, job: str, rows: int) -> None:
    """Until so many mails of the job have arrived."""
    until = time.monotonic() + 120
    while first.settled(job) < rows:
        assert time.monotonic() < until, launcher_log(first.system)
        time.sleep(0.05)
