"""Builds and runs the gRPC server over a Backend.

Hard state: none but the spool of unfinished uploads; a supervisor may kill and restart it at any time, clients go on from where
they were. A stop ends watches at once and gives other calls the grace time.
"""

import asyncio
import contextlib
import logging
import secrets
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from hongyan.v1 import jobs_pb2, jobs_pb2_grpc, lanes_pb2, lanes_pb2_grpc, suppressions_pb2, suppressions_pb2_grpc

from actors.model.errors import InvalidInput, Problem, Unavailable
from gateway.rpc.auth import KeyRing, add_key, new_key, read_entries, write_key_file
from gateway.rpc.backend import Backend
from gateway.rpc.guard import Guard
from gateway.rpc.jobs import JobService
from gateway.rpc.lanes import LaneService
from gateway.rpc.limits import Limits, Meter
from gateway.rpc.listen import Listen, credentials
from gateway.rpc.spool import Spool
from gateway.rpc.suppressions import SuppressionService
from gateway.rpc.uploads import Uploads

LOCAL_ACCOUNT = "default"
STALE_UPLOAD_SECONDS = 7 * 86400.0  # a part that nobody went on with for a week
GRACE_SECONDS = 10.0  # a chunk, a page, a step; well inside the 30 s that a stop may take
log = logging.getLogger("hongyan.gateway")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything but the ports. `local_key`: where a first start on loopback leaves the key for the local command."""

    spool: Path
    keys: Path
    local_key: Path
    listen: Listen = field(default_factory=Listen)
    limits: Limits = field(default_factory=Limits)
    reflection: bool = True


class Gateway:
    """One running server."""

    def __init__(self, server: "grpc.aio.Server", port: int, stopping: asyncio.Event, watchdog: "health.aio.HealthServicer"):
        self._server, self.port, self._stopping, self._health = server, port, stopping, watchdog

    async def stop(self, grace: float = GRACE_SECONDS) -> None:
        """No new calls; watches end; the others have `grace` seconds."""
        self._stopping.set()
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace)

    async def wait(self) -> None:
        """Until it has stopped."""
        await self._server.wait_for_termination()


def first_key(settings: Settings, now: float) -> Path | None:
    """On loopback without any key: makes one, and tells where it was written. Elsewhere a missing key is an error."""
    if read_entries(settings.keys):
        return None
    if not settings.listen.loopback:
        raise InvalidInput((Problem(settings.keys.name, "holds no key: make one with `hongyan key add ACCOUNT`"),))
    key = new_key()
    write_key_file(settings.local_key, key)
    add_key(settings.keys, LOCAL_ACCOUNT, key, now, "first start")
    return settings.local_key


async def start(backend: Backend, settings: Settings) -> Gateway:
    """Listens when it returns. InvalidInput: the settings cannot be used; Unavailable: the address is taken."""
    creds = credentials(settings.listen)
    where = first_key(settings, backend.clock())
    if where is not None:
        print(f"A key for the account {LOCAL_ACCOUNT!r} was made: {where}", flush=True)
    spool = Spool(settings.spool)
    await asyncio.to_thread(spool.sweep, backend.clock() - STALE_UPLOAD_SECONDS)
    stopping, limits = asyncio.Event(), settings.limits
    keys = KeyRing(settings.keys, time.monotonic, log.error)
    server = grpc.aio.server(interceptors=[Guard(keys, Meter(limits, time.monotonic))], options=_options(limits))
    uploads = Uploads(backend.vault, spool, limits)
    jobs = JobService(backend, uploads, lambda: secrets.token_hex(13), stopping)
    jobs_pb2_grpc.add_JobServiceServicer_to_server(jobs, server)
    suppressions_pb2_grpc.add_SuppressionServiceServicer_to_server(SuppressionService(backend, limits), server)
    lanes_pb2_grpc.add_LaneServiceServicer_to_server(LaneService(backend), server)
    watchdog = await _add_health(server)
    if settings.reflection:
        reflection.enable_server_reflection((*_services(), reflection.SERVICE_NAME), server)
    port = _bind(server, settings.listen.address, creds)
    await server.start()
    return Gateway(server, port, stopping, watchdog)


async def run(backend: Backend, settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT."""
    gateway = await start(backend, settings)
    scheme = "TLS" if settings.listen.cert else "plain text"
    log.info("listening on %s:%d (%s)", settings.listen.host, gateway.port, scheme)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    await asked.wait()
    await gateway.stop()


def _services() -> tuple[str, ...]:
    files = (jobs_pb2, lanes_pb2, suppressions_pb2)
    return tuple(s.full_name for f in files for s in f.DESCRIPTOR.services_by_name.values())


async def _add_health(server: "grpc.aio.Server") -> "health.aio.HealthServicer":
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    for name in ("", *_services()):
        await servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    return servicer


def _bind(server: "grpc.aio.Server", address: str, creds: grpc.ServerCredentials | None) -> int:
    port = 0
    with contextlib.suppress(RuntimeError):
        port = server.add_secure_port(address, creds) if creds else server.add_insecure_port(address)
    if not port:
        raise Unavailable("gateway", f"cannot listen on {address}: taken, or not an address of this machine")
    return int(port)


def _options(limits: Limits) -> list[tuple[str, int]]:
    return [
        ("grpc.so_reuseport", 0),  # two gateways on one address would share calls, and tear uploads apart
        ("grpc.max_receive_message_length", limits.message_bytes),
        ("grpc.max_send_message_length", limits.reply_bytes),
        ("grpc.max_metadata_size", limits.metadata_bytes),
        ("grpc.absolute_max_metadata_size", 2 * limits.metadata_bytes),
        ("grpc.max_concurrent_streams", 4 * limits.streams),  # a connection; an account is held to `streams` by the meter
        ("grpc.keepalive_time_ms", 60_000),  # finds dead peers, so that their uploads are freed
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
