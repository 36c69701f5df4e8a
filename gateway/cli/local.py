"""A whole system of its own for the demo, benches and tests: `hongyan up` in a folder, on loopback, with a client for it.

Everything it starts ends with the block; the folder is the caller's.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cluster.processes import end_leftovers, processes_of
from cluster.supervise import free_port

if TYPE_CHECKING:
    from hongyan_client import Client

START_SECONDS = 120.0
STOP_SECONDS = 40.0
LOG_TAIL_BYTES = 3_000


def new_signing_key(file: Path) -> None:
    """A fresh RSA-2048 key in PEM, readable by its owner only."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.touch(0o600)
    file.write_bytes(pem)


def write_config(
    folder: Path,
    routes: Sequence[Mapping[str, Any]],
    *,
    domain: str,
    egresses: int | Sequence[Mapping[str, str]] = 2,
    **extra: object,
) -> Path:
    """`hongyan.yaml` of a system on loopback that signs for `domain` and sends by `routes`; `extra` keys replace its own."""
    if isinstance(egresses, int):
        egresses = [{"address": f"127.0.0.{n + 2}", "ehlo": f"mx{n}.{domain}"} for n in range(egresses)]
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "dkim.pem").exists():
        new_signing_key(folder / "dkim.pem")
    content: dict[str, object] = {
        "data": "data",
        "gateway": {"listen": f"127.0.0.1:{free_port()}"},
        "ray": {"dashboard": False},
        "egresses": [dict(e) for e in egresses],
        "routes": [dict(r) for r in routes],
        "identities": [{"domain": domain, "selector": "s1", "key": "file://dkim.pem"}],
    }
    file = folder / "hongyan.yaml"
    file.write_text(yaml.safe_dump(content | extra, allow_unicode=True))
    return file


@dataclass
class System:
    """A running system: its config file and supervisor."""

    config_file: Path
    supervisor: "subprocess.Popen[bytes]"

    @property
    def data(self) -> Path:
        return (self.config_file.parent / "data").resolve()

    def processes(self) -> list[int]:
        """Process ids of all its children."""
        return processes_of(self.data)

    def client(self) -> "Client":
        """A client with the key that the first start made."""
        from gateway.cli.target import client_for

        return client_for(self.config_file)

    def logs(self) -> str:
        """The ends of all log files, to show why something failed."""
        files = sorted((self.data / "logs").glob("*.log"))
        return "\n".join(f"== {f.name}\n{f.read_text(errors='replace')[-LOG_TAIL_BYTES:]}" for f in files)

    def wait_until_up(self, seconds: float = START_SECONDS) -> None:
        """Until the API serves; RuntimeError with the logs' ends if it does not."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.supervisor.poll() is None:
            if self._serving():
                return
            time.sleep(0.1)
        raise RuntimeError(f"the system did not come up\n{self.logs()}")

    def _serving(self) -> bool:
        from hongyan_client import HongyanClientError

        try:
            with self.client() as client:
                client.list(limit=1)
        except (HongyanClientError, OSError, KeyError):
            return False
        return True


def start(config_file: Path) -> System:
    """Starts `hongyan up` and returns at once."""
    command = [sys.executable, "-m", "gateway.cli.main", "up", "--config", str(config_file)]
    supervisor = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=os.environ)
    return System(config_file, supervisor)


def stop(system: System) -> None:
    """Graceful stop; SIGKILL for everything if that takes too long."""
    system.supervisor.send_signal(signal.SIGTERM)
    try:
        system.supervisor.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        system.supervisor.kill()
        system.supervisor.wait()
        end_leftovers(system.data)


@contextmanager
def running(config_file: Path) -> Iterator[System]:
    """A system that is up inside the block."""
    system = start(config_file)
    try:
        system.wait_until_up()
        yield system
    finally:
        stop(system)
