"""A test in a network namespace of its own, where nothing but loopback exists.

Ray's nodes of a cluster listen on all addresses of their machine; in here that reaches nobody.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

INSIDE = "HONGYAN_OWN_NETWORK"
UNSHARE = ["unshare", "--map-root-user", "--net"]
SECONDS = 850
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1  # netdevice(7)


def in_own_network(test: Callable[..., None]) -> Callable[..., None]:
    """Runs the test by a pytest of its own inside a fresh namespace; skipped where the system allows none."""

    @wraps(test)
    def moved(request: pytest.FixtureRequest, **arguments: Any) -> None:
        if os.environ.get(INSIDE):
            loopback_up()
            test(**arguments)
            return
        if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
            pytest.skip("this system allows no network namespace")
        command = [*UNSHARE, sys.executable, "-m", "pytest", "-x", "--tb=short", request.node.nodeid]
        root = Path(__file__).parents[2]
        found = subprocess.run(
            command, cwd=root, env=os.environ | {INSIDE: "1"}, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert found.returncode == 0, found.stdout[-6000:] + found.stderr[-2000:]

    moved.__signature__ = _with_request(test)  # type: ignore[attr-defined]
    return moved


def _with_request(test: Callable[..., None]) -> Any:
    from inspect import Parameter, signature

    own = signature(test)
    request = Parameter("request", Parameter.POSITIONAL_OR_KEYWORD)
    return own.replace(parameters=[request, *own.parameters.values()])


def loopback_up() -> None:
    """A fresh namespace has its loopback down."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
