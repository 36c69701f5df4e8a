"""The way to the gateway: TLS rules, the key on every call, patience with a gateway that restarts.

A key never leaves in clear for another machine unless `plaintext` says so.
"""

import ipaddress
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc

from hongyan_client.errors import HongyanClientError, from_rpc

T = TypeVar("T")
OPTIONS = [
    ("grpc.max_receive_message_length", 64 * 2**20),  # a preview with its attachments
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 30_000),
]
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0


@dataclass(frozen=True)
class Tls:
    """PEM files: `ca` to trust (default: the public ones that gRPC brings); `cert` and `key` to show who calls (mTLS)."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


def is_loopback(target: str) -> bool:
    """Whether the target is this machine."""
    name = target.removeprefix("dns:").lstrip("/")
    host = (name.rpartition(":")[0] or name).strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or target.startswith("unix:")


def open_channel(target: str, tls: Tls | None, plaintext: bool) -> grpc.Channel:
    """TLS unless the target is this machine or `plaintext` is given."""
    if tls is None and (plaintext or is_loopback(target)):
        return grpc.insecure_channel(target, OPTIONS)
    tls = tls or Tls()
    try:
        ca, key, cert = (file.read_bytes() if file else None for file in (tls.ca, tls.key, tls.cert))
    except OSError as error:
        raise HongyanClientError("INVALID_ARGUMENT", f"{error.filename}: cannot be read: {error.strerror}") from error
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(ca, key, cert), OPTIONS)


class Patience:
    """How long to try again after temporary errors: so many seconds without any progress."""

    def __init__(self, seconds: float, sleep: Callable[[float], None] = time.sleep, now: Callable[[], float] = time.monotonic):
        self._seconds, self._sleep, self._now = seconds, sleep, now
        self._since: float | None = None
        self._pause = FIRST_PAUSE

    def progress(self) -> None:
        """Something came: the patience starts anew."""
        self._since, self._pause = None, FIRST_PAUSE

    def wait(self, error: HongyanClientError) -> None:
        """Sleeps before the next try; raises the error when it is not temporary or the time is over."""
        now = self._now()
        self._since = now if self._since is None else self._since
        if not error.temporary or now - self._since >= self._seconds:
            raise error
        self._sleep(max(min(error.retry_after, LONGEST_PAUSE), self._pause))
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def call(self, call: Callable[[], T]) -> T:
        """The answer of a call that may be repeated."""
        while True:
            try:
                return call()
            except grpc.RpcError as error:
                self.wait(from_rpc(error))


def replies(call: Any) -> Iterator[Any]:
    """A stream's replies; the call is cancelled when the reader leaves early."""
    try:
        yield from call
    finally:
        call.cancel()
