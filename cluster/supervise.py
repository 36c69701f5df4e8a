"""`hongyan up`: keeps Ray, the launcher and the gateway alive on this machine.

The supervisor imports no Ray and holds no state: it starts child processes, starts them again when they die, and ends them in
order. Whatever dies is rebuilt from ledger and vault. Every child carries HONGYAN_HOME in its environment, so that leftovers
of a killed supervisor are found and ended before a new start.
"""

import fcntl
import json
import logging
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from actors.model.errors import Conflict, InvalidInput, Problem
from cluster import names
from cluster.arithmetic import fastest_signing
from cluster.child import Child
from cluster.config import CONFIG_ENV, Config
from cluster.processes import HOME_ENV, end_leftovers
from cluster.vault import Vault

log = logging.getLogger(__name__)

LOOPBACK_ENV = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # "0": one machine, and every port of Ray on 127.0.0.1 alone
LOOK_SECONDS = 0.25
GATEWAY_SECONDS, DRAIN_SECONDS, RAY_SECONDS = 4.0, 21.0, 4.0  # together the 30 s that a graceful stop may take
BAD_CONFIG = 2  # exit code of a child that starting again will not help
# What Ray does at rest is taken from the mails. An operator's own setting of any of these goes first.
QUIET_RAY = {
    "RAY_event_stats": "0",  # times of each of its internal events, of which there are hundreds a second
    "RAY_raylet_report_resources_period_milliseconds": "1000",  # nothing is scheduled by them but actors that stay
    "RAY_raylet_check_gc_period_milliseconds": "1000",
    "REPORTER_UPDATE_INTERVAL_MS": "15000",  # figures of the node and its processes
    "RAY_task_events_report_interval_ms": "5000",  # how old the dashboard's list of calls may be
}


def run_file(config: Config) -> Path:
    """Where a running supervisor writes its addresses and process id."""
    return config.data_dir / "run.json"


def ray_folder(config: Config) -> Path:
    """Ray's folder: short, because a socket path holds 107 bytes at most."""
    return Path(tempfile.gettempdir()) / f"hy-{sha256(str(config.data_dir).encode()).hexdigest()[:10]}"


def child_environment(config: Config) -> dict[str, str]:
    """Environment of all children: Ray with its own token (file mode 0600), no telemetry, no terminal colours in logs."""
    loopback = {} if config.ray.node_ip else {LOOPBACK_ENV: "0"}
    return (
        QUIET_RAY
        | os.environ
        | fastest_signing()
        | loopback
        | {
            HOME_ENV: str(config.data_dir),
            CONFIG_ENV: str(config.file),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(config.data_dir / "ray.token"),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",  # Ray ends last: nothing is left for it to wait for
            "RAY_COLOR_PREFIX": "0",
            "RAY_task_events_max_num_task_in_gcs": "2000",  # calls that the dashboard remembers; 100,000 of them fill 100 MB
            "MALLOC_ARENA_MAX": "2",  # glibc's arenas a thread would keep memory that nobody uses
            "ARROW_DEFAULT_MEMORY_POOL": "system",
            "OPENBLAS_NUM_THREADS": "1",  # numpy would start a thread a core in each process, for algebra that nobody does
        }
    )


def ray_ports() -> dict[str, str]:
    """Ports that Ray would else take by number: two data folders on one machine must not want the same."""
    return {name: str(free_port()) for name in ("AUTOSCALER_METRIC_PORT", "DASHBOARD_METRIC_PORT")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Supervisor:
    """Starts and keeps one machine's part of Hongyan. `stop()` (or SIGTERM) ends it gracefully."""

    def __init__(self, config: Config, say: Callable[[str], None], autoscaling: Path | None = None):
        """`autoscaling`: what `ray up` leaves on the head, so that Ray starts and repairs the other nodes from there."""
        self.config, self._say, self._autoscaling = config, say, autoscaling
        self._stopping = False
        self._port = config.ray.port or free_port()
        self._node_ip = config.ray.node_ip or "127.0.0.1"
        self._environment = child_environment(config)

    # -- set-up --------------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Folders, the lock, Ray's token; ends what a killed supervisor left behind. Conflict if another one runs here."""
        data = self.config.data_dir
        data.mkdir(parents=True, exist_ok=True)
        (data / "logs").mkdir(exist_ok=True)
        Vault(self.config.vault_url).create()
        self._lock = open(data / "up.lock", "w")  # noqa: SIM115 - held until the process ends
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(str(data), "another `hongyan up` is running on this data folder") from None
        end_leftovers(data)
        token = data / "ray.token"
        if not token.exists() and self.config.ray.address:
            raise InvalidInput((Problem(str(token), "is missing: copy the head's file there, with mode 0600"),))
        if not token.exists():
            handle = os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(handle, secrets.token_hex(32).encode())
            os.close(handle)

    @property
    def ray_address(self) -> str:
        return self.config.ray.address or f"{self._node_ip}:{self._port}"

    def _ray_command(self) -> list[str]:
        config = self.config
        resources = {names.egress_resource(e.address): 1 for e in config.own_egresses}
        command = [sys.executable, "-m", "cluster.raystart", "start", "--block", "--disable-usage-stats"]
        command += [f"--node-ip-address={self._node_ip}", "--dashboard-agent-listen-port=0", "--include-log-monitor=false"]
        if config.ray.address:
            command += [f"--address={config.ray.address}"]
        else:
            command += [
                "--head",
                f"--port={self._port}",
                f"--temp-dir={ray_folder(config)}",
                f"--include-dashboard={str(config.ray.dashboard).lower()}",
                "--dashboard-host=127.0.0.1",
                f"--dashboard-port={config.ray.dashboard_port if config.ray.dashboard else free_port()}",
            ]
            command += [f"--autoscaling-config={self._autoscaling}" if self._autoscaling else "--no-monitor"]
        command += [f"--object-store-memory={config.ray.object_store_mb * 2**20}", f"--resources={json.dumps(resources)}"]
        return command + ([f"--num-cpus={config.ray.cpus}"] if config.ray.cpus else [])

    def _children(self) -> list[Child]:
        environment = self._environment | {"RAY_ADDRESS": self.ray_address}
        logs, python = self.config.data_dir / "logs", sys.executable
        ray = Child("ray", self._ray_command, self._environment | ray_ports(), logs / "ray.log")
        if self.config.ray.address:
            return [ray]  # the head node's launcher fills this node
        return [
            ray,
            Child("launcher", lambda: [python, "-m", "cluster.launch"], environment, logs / "launcher.log"),
            Child("gateway", lambda: [python, "-m", "gateway.rpc"], environment, logs / "gateway.log"),
        ]

    # -- life ----------------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Runs until stopped."""
        self.prepare()
        ray, *others = self._children()
        self._write_run_file()
        self._say(f"Ray starts at {self.ray_address}")
        told = False
        try:
            while not self._stopping:
                now = time.monotonic()
                if not ray.alive:
                    for child in others:
                        child.stop(1.0)
                    end_leftovers(self.config.data_dir)
                    ray.revive(now)
                for child in (ray, *others):
                    child.revive(now)
                    if child.exit_code == BAD_CONFIG:
                        raise Conflict(child.name, f"it cannot start: see {child.log_file}")
                if not told and others and accepts(self.config.gateway.listen):
                    told = True
                    self._say(f"ready: the gateway serves at {self.config.gateway.listen}")
                time.sleep(LOOK_SECONDS)
        finally:
            self._end(ray, others)

    def stop(self) -> None:
        self._stopping = True

    def _leave(self) -> None:
        """Another node than the head drains the senders that are on it."""
        addresses = [e.address for e in self.config.own_egresses]
        if not addresses:
            return
        command = [sys.executable, "-m", "cluster.leave", *addresses]
        environment = self._environment | {"RAY_ADDRESS": self.ray_address}
        with open(self.config.data_dir / "logs" / "leave.log", "ab") as log_file:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log_file, stderr=log_file, env=environment)
            try:
                child.wait(DRAIN_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _write_run_file(self) -> None:
        content = {
            "pid": os.getpid(),
            "gateway": self.config.gateway.listen,
            "ray": self.ray_address,
            "dashboard": f"http://127.0.0.1:{self.config.ray.dashboard_port}" if self.config.ray.dashboard else "",
        }
        run_file(self.config).write_text(json.dumps(content))

    def _end(self, ray: Child, others: list[Child]) -> None:
        """Gateway first (nothing new comes in), then the senders are drained (on the head by the launcher's end), then Ray."""
        self._say("stopping: finishing what is on the wire")
        if self.config.ray.address and ray.alive:
            self._leave()
        for child, seconds in zip(reversed(others), (GATEWAY_SECONDS, DRAIN_SECONDS), strict=False):
            child.stop(seconds)
        ray.stop(RAY_SECONDS)
        end_leftovers(self.config.data_dir)
        run_file(self.config).unlink(missing_ok=True)
        self._say("stopped")


def accepts(listen: str) -> bool:
    """Whether somebody takes connections at this HOST:PORT of this machine."""
    host, _, port = listen.rpartition(":")
    try:
        socket.create_connection((host.strip("[]") or "127.0.0.1", int(port)), LOOK_SECONDS).close()
    except (OSError, ValueError):
        return False
    return True


def running_pid(config: Config) -> int:
    """Process id of the supervisor that runs on this data folder; 0 when there is none. Only looks: takes no lock."""
    try:
        pid = int(json.loads(run_file(config).read_text())["pid"])
        lock = (config.data_dir / "up.lock").stat()
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            if (found := _stat(handle)) and (found.st_dev, found.st_ino) == (lock.st_dev, lock.st_ino):
                return pid
    except (OSError, ValueError, KeyError):
        pass  # nothing was started, or what a killed supervisor left
    return 0


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
