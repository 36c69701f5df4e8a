"""What all real receivers have in common: a folder of their own, a free loopback port, a start that waits, a clean stop.

Each server needs root to start (it drops to system users that every Debian has). Messages land in a Maildir as the server
stores them: its own trace lines first, then the message with LF line ends.
"""

import datetime
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.certificate import make_certificate

START_SECONDS = 150.0
DELIVER_SECONDS = 120.0
PAUSE = 0.02

# Shared libraries that a small Debian may lack; krb5 comes in through nsl and tirpc.
KERBEROS = ("libgssapi-krb5-2", "libkrb5-3", "libk5crypto3", "libkrb5support0", "libkeyutils1", "libcom-err2")
NSL = ("libnsl2", "libtirpc3", *KERBEROS)


@dataclass(frozen=True)
class Receiver:
    """A running mail server that accepts every recipient. `authority`: PEM text of its CA, "" without STARTTLS."""

    host: str
    port: int
    name: str
    box: Path
    authority: str = ""

    def messages(self) -> list[bytes]:
        """All messages delivered so far, as they are stored, the oldest first."""
        files = [f for f in self.box.glob("**/new/*") if f.is_file()]
        return [f.read_bytes() for f in sorted(files, key=lambda f: (f.stat().st_mtime_ns, f.name))]

    def wait_for(self, count: int, seconds: float = DELIVER_SECONDS) -> list[bytes]:
        """The messages once `count` are there: a server delivers after it has answered. Fails when they do not come."""
        _wait(lambda: sum(1 for _ in self.box.glob("**/new/*")) >= count, seconds, f"{self.name}: fewer than {count} messages")
        return self.messages()


@contextmanager
def folder() -> Iterator[Path]:
    """A short path that the servers' users may enter (pytest's own folders are closed to them)."""
    path = Path(tempfile.mkdtemp(prefix="hy-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def running(command: list[str], port: int, home: Path, env: dict[str, str] | None = None) -> Iterator[None]:
    """Runs a server in the foreground until the block ends; enters it when the port greets."""
    with (home / "output").open("wb") as output:
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=home, start_new_session=True
        )
    try:
        _wait(lambda: _greets(port) or _ended(process, home), START_SECONDS, f"no greeting from {command[0]}", home)
        yield
    finally:
        _stop(process)


def system_user_needed() -> None:
    """Skips where the servers cannot start."""
    if os.geteuid() != 0:
        pytest.skip("a real mail server drops privileges, so it has to be started by root")


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def write_certificate(home: Path, hostname: str) -> tuple[str, Path, Path]:
    """A certificate for the server; gives (authority PEM, chain path, key path)."""
    certificate = make_certificate(hostname, ("127.0.0.1",), datetime.datetime.now(datetime.UTC))
    _, chain, key = certificate.write(home)
    return certificate.authority.decode(), chain, key


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1.0) as probe:
            probe.settimeout(20.0)
            good = probe.recv(4) == b"220 "
            probe.sendall(b"QUIT\r\n")
            while probe.recv(4096):
                pass
            return good
    except OSError:
        return False


def _ended(process: subprocess.Popen[bytes], home: Path) -> bool:
    if process.poll() is None:
        return False
    raise RuntimeError(f"{process.args} ended with {process.returncode}: {_logs(home)}")


def _wait(done: Callable[[], bool], seconds: float, what: str, home: Path | None = None) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} within {seconds} s. {_logs(home) if home else ''}")
        time.sleep(PAUSE)  # a foreign process gives no event to wait for


def _logs(home: Path) -> str:
    files = [home / "output", *sorted(home.glob("*log*"))]
    return " ".join(f"{f.name}: {f.read_text(errors='replace')[-1500:]}" for f in files if f.is_file())


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the server and all of its children (they share its session)."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
