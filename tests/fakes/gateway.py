"""A real gateway on a loopback port over the fakes of `backend`, with two accounts: `acme` and `globex`.

`serving` runs it in the test's own loop; `in_thread` runs it beside a test that uses the blocking client.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from hongyan.v1 import jobs_pb2, jobs_pb2_grpc, suppressions_pb2_grpc

from gateway.rpc.auth import add_key, new_key
from gateway.rpc.limits import Limits
from gateway.rpc.listen import Listen
from gateway.rpc.server import Gateway, Settings, start
from tests.fakes.backend import FakeBackend

ACCOUNTS = ("acme", "globex")


@dataclass
class Place:
    """Where a gateway keeps its things; survives its restarts."""

    folder: Path
    limits: Limits = field(default_factory=Limits)
    listen: Listen = field(default_factory=lambda: Listen("127.0.0.1:0"))
    reflection: bool = True
    keys: dict[str, str] = field(default_factory=dict)

    def settings(self) -> Settings:
        if not self.keys:
            for account in ACCOUNTS:
                self.keys[account] = new_key()
                add_key(self.folder / "keys.jsonl", account, self.keys[account], 0.0)
        spool, keys, local = self.folder / "spool", self.folder / "keys.jsonl", self.folder / "api.key"
        return Settings(spool, keys, local, self.listen, self.limits, self.reflection)


class Served:
    """A running gateway: its backend, stubs, and metadata by account."""

    def __init__(self, place: Place, backend: FakeBackend, gateway: Gateway, channel: "grpc.aio.Channel"):
        self.place, self.backend, self.gateway, self.channel = place, backend, gateway, channel
        self.jobs: Any = jobs_pb2_grpc.JobServiceStub(channel)
        self.lists: Any = suppressions_pb2_grpc.SuppressionServiceStub(channel)
        self.target = f"127.0.0.1:{gateway.port}"

    def key(self, account: str = "acme") -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.place.keys[account]}"),)

    async def upload(self, path: str, data: bytes, upload: str = "", account: str = "acme", **header: Any) -> Any:
        """One whole file."""
        first = jobs_pb2.UploadHeader(upload_id=upload, path=path, **({"size": len(data)} | header))
        return await self.jobs.Upload(iter(steps(first, data)), metadata=self.key(account))


def steps(header: jobs_pb2.UploadHeader, data: bytes, chunk: int = 65_536, end: bool = False) -> list[jobs_pb2.UploadRequest]:
    """The messages of an upload stream."""
    parts = [jobs_pb2.UploadRequest(header=header)]
    parts += [jobs_pb2.UploadRequest(chunk=data[n : n + chunk]) for n in range(0, len(data), chunk)]
    return parts + [jobs_pb2.UploadRequest(end=True)] * end


@asynccontextmanager
async def serving(place: Place, backend: FakeBackend | None = None) -> AsyncIterator[Served]:
    """A gateway in this loop."""
    backend = backend or FakeBackend(str(place.folder / "vault"))
    gateway = await start(backend.ports(), place.settings())
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{gateway.port}") as channel:
            yield Served(place, backend, gateway, channel)
    finally:
        await gateway.stop(0)


class Threaded:
    """A gateway in a thread; `do` runs something in its loop."""

    def __init__(self, place: Place):
        self.place = place
        self.backend: FakeBackend
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._gateway: Gateway | None = None

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def do(self, what: Callable[[], Any]) -> Any:
        """The result of `what`, awaited when it is a coroutine."""

        async def run() -> Any:
            result = what()
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)

    def up(self) -> None:
        """Starts on the port it had before, when it had one."""
        if self.port:
            self.place.listen = Listen(f"127.0.0.1:{self.port}")
        self._gateway = self.do(lambda: start(self.backend.ports(), self.place.settings()))
        assert self._gateway is not None
        self.port = self._gateway.port

    def down(self) -> None:
        """Stops at once, calls under way break."""
        if self._gateway is not None:
            gateway, self._gateway = self._gateway, None
            self.do(lambda: gateway.stop(0))


@contextmanager
def in_thread(place: Place) -> Iterator[Threaded]:
    """A gateway that is up inside the block."""
    served = Threaded(place)
    thread = threading.Thread(target=served._loop.run_forever, name="gateway")
    thread.start()
    try:
        served.backend = served.do(lambda: FakeBackend(str(place.folder / "vault")))
        served.up()
        yield served
    finally:
        served.down()
        served._loop.call_soon_threadsafe(served._loop.stop)
        thread.join(10)
        served._loop.close()
