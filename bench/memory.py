"""`hongyan bench memory`: what the whole running system needs for ten thousand rows and for ten million (`--quick`: for two and
two hundred thousand).

Everything is real, receiver included: one system, first the short list, then the long one, short mails to smtp-sink. Memory is
the proportional share (PSS) of all processes, sampled while intake reads, while mails go out, and until the result files are
written; the long list is cancelled after some minutes.
"""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.machine import machine, resident_bytes, title
from bench.pipeline import receiver
from cluster.processes import with_descendants
from gateway.cli.local import System, running, write_config

SHORT, LONG = 10_000, 10_000_000
QUICK_SHORT, QUICK_LONG = 2_000, 200_000  # the whole bench within 50 s
SENDING_SECONDS, QUICK_SENDING_SECONDS = 180.0, 4.0
LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 1_800.0
GOAL_MB, GOAL_RATIO = 2_048, 1.2  # the same within 20 %, under 2 GB in all

JOB = """\
name: memory bench
sender: {from: "service@bank.test"}
content: {subject: "{{ name | mask_name }}, {{ points | fmt_number }}", html: body.html}
list: {file: list.csv, email: email}
"""
BODY = "<!DOCTYPE html><p>{{ name }}</p><p>{{ (points * 2 + 100) | fmt_number }} points, {{ email | mask_email }}</p>\n"
NAMES = ("王小明", "陳美麗", "John Smith", "司馬相如")


@dataclass
class Peaks:
    """The highest sum of all processes' shares in each phase, with its parts."""

    processes: Callable[[], list[int]]
    phase: str = "start"
    mb: dict[str, int] = field(default_factory=dict)
    parts: dict[str, dict[str, int]] = field(default_factory=dict)

    def look(self) -> None:
        """One sample, counted for the phase that it began in."""
        phase, parts = self.phase, dict[str, int]()
        for pid in self.processes():
            name = title(pid)
            parts[name] = parts.get(name, 0) + resident_bytes(pid)
        total = sum(parts.values()) // 2**20
        if total > self.mb.get(phase, 0):
            self.mb[phase] = total
            self.parts[phase] = {n: b // 2**20 for n, b in sorted(parts.items(), key=lambda i: -i[1]) if b >= 2**20}

    @contextmanager
    def sampled(self) -> Iterator[None]:
        """A thread looks now and then, for calls that take long."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(LOOK_SECONDS):
                self.look()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def run(quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """The result object; `say` gets a line of progress now and then."""
    short, long, seconds = (QUICK_SHORT, QUICK_LONG, QUICK_SENDING_SECONDS) if quick else (SHORT, LONG, SENDING_SECONDS)
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="hy-bench-") as folder, receiver() as (name, port, sink):
        route = {"pattern": "*", "host": "127.0.0.1", "port": port, "tls": "none"}
        with running(write_config(Path(folder), [route], domain="bank.test")) as system:
            for rows, limit in ((short, PATIENCE_SECONDS), (long, seconds)):
                say(f"{rows:,} rows")
                bundle = Path(folder) / str(rows)
                make_bundle(bundle, rows)
                peaks = Peaks(lambda: with_descendants([system.supervisor.pid, *system.processes(), sink.pid]))
                results.append({"receiver": name} | measure(system, peaks, bundle, rows, limit))
    ratio = results[1]["rate"] / results[0]["rate"]
    results[1] |= {"peer": results[0]["rate"], "ratio": round(ratio, 3), "holds": ratio <= GOAL_RATIO}
    return {"bench": "memory", "machine": machine(), "results": results}


def make_bundle(folder: Path, rows: int) -> None:
    """Job, body and a list of about 55 octets a row; deterministic, written as a stream."""
    folder.mkdir(parents=True)
    (folder / "job.yaml").write_text(JOB, encoding="utf-8")
    (folder / "body.html").write_text(BODY, encoding="utf-8")
    with (folder / "list.csv").open("w", encoding="utf-8") as out:
        out.write("id,email,name,points\n")
        for n in range(rows):
            out.write(f"{n:08d},user{n}@company{n * 7919 % 40}.test,{NAMES[n % 4]},{n * 2_654_435_761 % 20_000}\n")


def measure(system: System, peaks: Peaks, bundle: Path, rows: int, seconds: float) -> dict[str, Any]:
    """Sends the list for at most so many seconds, cancels what is left, waits for the result files."""
    with system.client() as client, peaks.sampled():
        peaks.phase = "intake"
        begun = time.monotonic()
        job = client.submit(client.upload_bundle(bundle)).job.id
        accepted = time.monotonic() - begun
        peaks.phase = "sending"
        sent_all = _until(lambda: client.get(job).HasField("ended_at"), seconds)
        peaks.phase = "closing"
        if not sent_all:
            client.cancel(job)
        files = system.data / "vault" / "jobs" / job / "results"
        if not _until((files / "summary.json").exists, PATIENCE_SECONDS):
            raise RuntimeError(f"no result files within {PATIENCE_SECONDS:.0f} s")
        status = client.get(job)
    return {
        "case": f"{rows} rows",
        "rate": max(peaks.mb.values()),
        "unit": "MB",
        "limit": GOAL_MB,
        "accept_seconds": round(accepted, 2),
        "peak_mb": peaks.mb,
        "parts_mb": peaks.parts,
        "states": {f.name: n for f, n in status.counts.ListFields()},
    }


def _until(done: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if done():
            return True
        time.sleep(LOOK_SECONDS)
    return False
