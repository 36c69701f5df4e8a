"""A whole system against a recording receiver, for the scenarios: start, submit, reconcile what was sent with what arrived."""

import csv
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.limits import wait_for_port
from bench.material import make_bundle
from cluster.supervise import free_port
from gateway.cli import local
from sandbox.store import read_record
from sandbox.world import load_world
from sandbox.world.smtp import places
from sandbox.world.smtp import routes as routes_of

PATIENCE_SECONDS = 300.0
ENDED = {6, 7, 8}  # JOB_STATE_DONE, _CANCELLED, _REFUSED
SLOW = "slow.test"  # whose receivers take a second for a mail, where a scene has a script that says so


@dataclass
class Reconciled:
    """Both sides of a job: outcomes by row, and how often each row's message arrived."""

    outcomes: dict[int, Any]
    arrived: Counter[int]
    bodies: dict[int, set[str]]
    counts: dict[str, int]
    rows: int

    @property
    def lost(self) -> set[int]:
        """Rows that the ledger calls delivered and the receiver never saw."""
        return {row for row, o in self.outcomes.items() if o.state == 4 and not self.arrived[row]}

    @property
    def doubled(self) -> set[int]:
        return {row for row, times in self.arrived.items() if times > 1}

    @property
    def doubted(self) -> set[int]:
        """Rows that the ledger names in doubt."""
        return {row for row, o in self.outcomes.items() if o.in_doubt}


@dataclass
class Scene:
    """The system, its receiver's record, and the folder of both."""

    folder: Path
    config: Path
    record: Path
    system: local.System
    jobs: dict[str, int] = field(default_factory=dict)

    def submit(self, rows: int, size: int = 4_000, domain: str = "") -> str:
        """A job of `rows` distinct recipients, all of them at `domain` if there is one; its id."""
        bundle = self.folder / f"bundle{len(self.jobs)}"
        make_bundle(bundle, rows, size)
        if domain:
            file = bundle / "list.csv"
            file.write_text(re.sub(r"@[\w.]+", f"@{domain}", file.read_text(encoding="utf-8")), encoding="utf-8")
        with self.system.client() as client:
            job = str(client.submit(client.upload_bundle(bundle), f"job{len(self.jobs)}").job.id)
        self.jobs[job] = rows
        return job

    def addresses(self, job: str) -> list[str]:
        """The list's addresses, by row."""
        with (self.folder / f"bundle{list(self.jobs).index(job)}" / "list.csv").open(encoding="utf-8", newline="") as file:
            return [line["email"] for line in csv.DictReader(file)]

    def job(self, job: str) -> Any:
        """The job as the API tells it; None while the gateway is away."""
        from hongyan_client import HongyanClientError

        try:
            with self.system.client() as client:
                return client.get(job)
        except HongyanClientError as error:
            if error.temporary or error.code == "DEADLINE_EXCEEDED":
                return None
            raise

    def settled(self, job: str) -> int:
        """Messages of the job that the receiver has, whatever else is known."""
        whole = self.record.read_bytes().rpartition(b"\n")[0]  # asked many times while the system needs the processor
        return whole.count(f'"message_id": "<{job}.'.encode())

    def wait(self, job: str, seconds: float = PATIENCE_SECONDS) -> Any:
        """Until the job has ended."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            status = self.job(job)
            if status is not None and status.state in ENDED:
                return status
            time.sleep(0.2)
        raise AssertionError(f"the job did not end in {seconds:.0f} s: {self.job(job)}\n{self.system.logs()}")

    def reconcile(self, job: str) -> Reconciled:
        with self.system.client() as client:
            outcomes = {o.row: o for o in client.outcomes(job)}
            status = client.get(job)
        arrived: Counter[int] = Counter()
        bodies: dict[int, set[str]] = {}
        for line in read_record(self.record):
            name, _, row = line["message_id"].strip("<>").partition("@")[0].rpartition(".")
            if name == job:
                arrived[int(row)] += 1
                bodies.setdefault(int(row), set()).add(line["sha256"])
        counts = {f.name: v for f, v in status.counts.ListFields()}
        return Reconciled(outcomes, arrived, bodies, counts, status.rows)


@contextmanager
def receiver(record: Path, script: Path | None = None, world: Path | None = None) -> Iterator[list[dict[str, Any]]]:
    """`hongyan sandbox` that records, by a script or as a world; the routes to it."""
    port = free_port()
    if world is None:
        host, where = "127.0.0.1", ["--listen", f"127.0.0.1:{port}"]
        routes: list[dict[str, Any]] = [{"pattern": "*", "host": host, "port": port}]
    else:
        spec = load_world(str(world))
        (host, _), *_ = places(spec, port)
        routes, where = routes_of(spec, port), ["--world", str(world), "--port", str(port)]
    where += ["--script", str(script)] if script else []
    command = [sys.executable, "-m", "gateway.cli.main", "sandbox", *where, "--record", str(record), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for_port(port, 120, host)
        yield [route | {"tls": "none"} for route in routes]
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def scene(folder: Path, script: Path | None = None, world: Path | None = None, **extra: object) -> Iterator[Scene]:
    """System and receiver, both up inside the block."""
    record = folder / "received.jsonl"
    with receiver(record, script, world) as routes:
        config = local.write_config(folder, routes, domain="bank.test", **extra)
        system = local.start(config)
        made = Scene(folder, config, record, system)
        try:
            system.wait_until_up()
            yield made
        finally:
            local.stop(made.system)
