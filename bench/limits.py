"""The limit of this machine for signed mail over SMTP: 1 / (1/R + 1/S).

R = RSA-2048 signatures a second on all cores; S = mails a second from Postfix's `smtp-source -d` to `smtp-sink` at the same
size.
"""

import multiprocessing
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.arithmetic import fastest_signing
from cluster.supervise import free_port


def sign_for(seconds: float) -> int:
    """How many RSA-2048 PKCS#1 v1.5 SHA-256 signatures one process makes in this time."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    data, scheme, digest = b"x" * 1000, padding.PKCS1v15(), hashes.SHA256()
    key.sign(data, scheme, digest)
    count, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        key.sign(data, scheme, digest)
        count += 1
    return count


def signatures_a_second(seconds: float = 2.0) -> float:
    """R: all cores sign at once, in the way that is fastest here."""
    os.environ.update(fastest_signing())
    cores = os.cpu_count() or 1
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        return sum(pool.map(sign_for, [seconds] * cores)) / seconds


def find_tool(name: str) -> str | None:
    """Postfix's load tools: installed, or unpacked in the project's .cache/debian."""
    for folder in ("/usr/sbin", "/usr/local/sbin"):
        if (Path(folder) / name).exists():
            return str(Path(folder) / name)
    unpacked = sorted(Path(".cache/debian").glob(f"**/usr/sbin/{name}"))
    return shutil.which(name) or (str(unpacked[0].resolve()) if unpacked else None)


def tool_environment(tool: str) -> dict[str, str]:
    """Unpacked tools find their libraries beside them."""
    library = Path(tool).parents[1] / "lib" / "postfix"
    folders = [str(library), *(str(p) for p in Path(tool).parents[1].glob("lib/*-linux-gnu"))]
    return os.environ | {"LD_LIBRARY_PATH": ":".join(folders)}


@contextmanager
def smtp_sink(tool: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A running smtp-sink: (port, process). More sessions than its default of 256."""
    port = free_port()
    command = [tool, "-m", "2000", "-u", "nobody", f"127.0.0.1:{port}", "1000"]
    if os.getuid() != 0:
        command = [tool, "-m", "2000", f"127.0.0.1:{port}", "1000"]
    process = subprocess.Popen(command, env=tool_environment(tool), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        yield port, process
    finally:
        process.terminate()
        process.wait(5)


def wait_for_port(port: int, seconds: float = 5.0, host: str = "127.0.0.1") -> None:
    """Until something listens there; OSError if nothing does in time."""
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def source_to_sink(size: int, count: int) -> float | None:
    """S: mails of `size` bytes a second, sessions kept open, no signing; None without Postfix's tools."""
    source, sink = find_tool("smtp-source"), find_tool("smtp-sink")
    if source is None or sink is None:
        return None
    with smtp_sink(sink) as (port, _):
        command = [source, "-d", "-s", "4", "-l", str(size), "-m", str(count), f"127.0.0.1:{port}"]
        start = time.perf_counter()
        subprocess.run(command, env=tool_environment(source), check=True, stdout=subprocess.DEVNULL)
        return count / (time.perf_counter() - start)


def limit(signatures: float, mails: float) -> float:
    return 1 / (1 / signatures + 1 / mails)
