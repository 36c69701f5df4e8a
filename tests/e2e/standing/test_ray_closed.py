"""A running `hongyan up` seen by somebody else on the machine: loopback only, and nothing of Ray answers without the token."""

import json
import os
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from ipaddress import ip_address
from pathlib import Path

import pytest

from cluster.supervise import LOOPBACK_ENV
from gateway.cli import local
from tests.e2e.system import Scene

pytestmark = [pytest.mark.timeout(900)]

LISTEN = "0A"  # the state in /proc/net/tcp
JOIN = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False)
print("nodes", len(ray.nodes()))
"""
DASHBOARD = [
    ("GET", "/nodes?view=summary"),
    ("GET", "/api/v0/actors"),
    ("GET", "/api/v0/logs?node_ip=127.0.0.1"),
    ("POST", "/api/jobs/"),
    ("DELETE", "/api/jobs/raysubmit_x"),
    ("POST", "/api/v0/tasks/profile"),
]


@pytest.fixture
def system(standing: Scene) -> local.System:
    return standing.system


def listening(pids: list[int]) -> set[tuple[str, int]]:
    """(address, port) of every TCP socket on which one of these processes listens."""
    inodes = set()
    for pid in pids:
        for handle in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.add(os.readlink(handle).removeprefix("socket:[").removesuffix("]"))
            except OSError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTEN and words[9] in inodes:
                address, port = words[1].split(":")
                found.add((readable(address), int(port, 16)))
    return found


def readable(address: str) -> str:
    """An address of /proc/net/tcp: 32-bit words in the machine's own order."""
    words = [address[i : i + 8] for i in range(0, len(address), 8)]
    return str(ip_address(b"".join(int(w, 16).to_bytes(4, sys.byteorder) for w in words)))


def is_loopback(address: str) -> bool:
    found = ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def run_file(system: local.System) -> dict[str, str]:
    found: dict[str, str] = json.loads((system.data / "run.json").read_text())
    return found


def ask(url: str, method: str, token: str = "") -> int:
    """The HTTP status."""
    request = urllib.request.Request(url, method=method, data=b"{}" if method == "POST" else None)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_the_reader_of_listening_sockets_sees_what_is_open() -> None:
    import socket

    for family, host in ((socket.AF_INET, "127.0.0.7"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as own:
            own.bind((host, 0))
            own.listen()
            assert (host, own.getsockname()[1]) in listening([os.getpid()])
    assert [is_loopback(a) for a in ("127.0.0.7", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "10.0.0.1")] == [True] * 3 + [
        False
    ] * 3


def test_s14_everything_listens_on_loopback_only(system: local.System) -> None:
    found = listening([*system.processes(), system.supervisor.pid])
    ports = {port for _, port in found}
    run = run_file(system)
    for known in (run["gateway"], run["ray"], run["dashboard"]):
        assert int(known.rpartition(":")[2]) in ports
    assert len(found) > 8
    assert {address for address, _ in found if not is_loopback(address)} == set()


def test_s14_rays_client_server_is_left_out(system: local.System) -> None:
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in system.processes()]
    assert any(b"gcs_server" in command for command in commands)
    assert not any(b"client.server" in command for command in commands)


def test_s14_the_token_is_for_its_owner_only(system: local.System) -> None:
    file = system.data / "ray.token"
    token = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(token) >= 64
    for pid in system.processes():
        try:
            assert token not in Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            continue
    assert all(token not in log.read_text(errors="replace") for log in (system.data / "logs").glob("*.log"))


def test_s14_the_dashboard_refuses_without_the_token(system: local.System) -> None:
    base, token = run_file(system)["dashboard"], (system.data / "ray.token").read_text()
    for method, path in DASHBOARD:
        assert ask(base + path, method) in (401, 403), path
        assert ask(base + path, method, "0" * len(token)) in (401, 403), path
    assert ask(base + "/nodes?view=summary", "GET", token) == 200


def test_s14_nobody_joins_without_the_token(system: local.System, tmp_path: Path) -> None:
    right = (system.data / "ray.token").read_text()
    tries = {"none": ("disabled", ""), "wrong": ("token", "0" * 64), "right": ("token", right)}
    processes = {kind: join(run_file(system)["ray"], tmp_path / kind, *how) for kind, how in tries.items()}
    said = {}
    for kind, process in processes.items():
        try:
            said[kind] = process.communicate(timeout=60)[0], process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            said[kind] = process.communicate()[0], -1
    assert said["right"] == ("nodes 1\n", 0)
    for kind in ("none", "wrong"):
        assert said[kind][1] != 0
        assert "nodes" not in said[kind][0]


def join(address: str, home: Path, mode: str, token: str) -> "subprocess.Popen[str]":
    """A driver of somebody else, begun."""
    home.mkdir()
    (home / "token").write_text(token)
    environ = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    environ |= {"RAY_AUTH_MODE": mode, "RAY_AUTH_TOKEN_PATH": str(home / "token"), "HOME": str(home), LOOPBACK_ENV: "0"}
    command = [sys.executable, "-c", JOIN, address]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
