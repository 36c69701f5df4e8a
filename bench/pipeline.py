"""`hongyan bench pipeline`: the whole way of a mailing against smtp-sink, beside the limit measured in the same run.

Everything is real: gateway, intake, Ray, ledger on disk, RSA-2048 signatures, SMTP over loopback. The limit is the harmonic sum
of signing and plain SMTP alone (bench.limits), so the ratio is what the rest costs.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import limits
from bench.machine import Meter, machine
from bench.material import make_bundle
from cluster.supervise import free_port
from gateway.cli.local import System, running, write_config

CASES = {"10KB": 10_000, "100KB": 100_000}
ROWS = {"10KB": 60_000, "100KB": 15_000}
QUICK_ROWS = {"10KB": 8_000, "100KB": 1_500}  # the whole bench within 50 s
SOURCE_MAILS = {"10KB": 20_000, "100KB": 4_000}
QUICK_SOURCE_MAILS = {"10KB": 5_000, "100KB": 1_000}
LOOK_SECONDS = 0.25
PATIENCE_SECONDS = 600.0


@contextmanager
def receiver() -> Iterator[tuple[str, int, "subprocess.Popen[bytes]"]]:
    """smtp-sink, or the project's sandbox where Postfix's tools are missing: (name, port, process)."""
    sink = limits.find_tool("smtp-sink")
    if sink is not None:
        with limits.smtp_sink(sink) as (port, process):
            yield "smtp-sink", port, process
        return
    port = free_port()
    command = [sys.executable, "-m", "gateway.cli.main", "sandbox", "--listen", f"127.0.0.1:{port}", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        limits.wait_for_port(port)
        yield "sandbox (Postfix's smtp-sink was not found)", port, process
    finally:
        process.terminate()
        process.wait(10)


def run(cases: list[str], quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """The result object; `say` gets a line of progress now and then."""
    say("signing on all cores")
    signatures = limits.signatures_a_second(1.0 if quick else 3.0)
    results = []
    with tempfile.TemporaryDirectory(prefix="hy-bench-") as folder, receiver() as (name, port, sink):
        config = write_config(
            Path(folder), [{"pattern": "*", "host": "127.0.0.1", "port": port, "tls": "none"}], domain="bank.test"
        )
        with running(config) as system:
            for case in cases:
                say(f"{case}: the limit")
                count = (QUICK_SOURCE_MAILS if quick else SOURCE_MAILS)[case]
                mails = limits.source_to_sink(CASES[case], count)
                rows = (QUICK_ROWS if quick else ROWS)[case]
                say(f"{case}: {rows} mails")
                result = measure(system, sink, Path(folder) / case, rows, CASES[case])
                results.append(_with_limit({"case": case, "receiver": name} | result, signatures, mails))
    return {"bench": "pipeline", "machine": machine(), "results": results}


def _with_limit(result: dict[str, Any], signatures: float, mails: float | None) -> dict[str, Any]:
    bound = limits.limit(signatures, mails) if mails else signatures
    return result | {
        "limit": round(bound, 1),
        "ratio": round(result["rate"] / bound, 3),
        "signatures_per_second": round(signatures, 1),
        "source_to_sink_per_second": round(mails, 1) if mails else None,
    }


def measure(system: System, sink: "subprocess.Popen[bytes]", folder: Path, rows: int, size: int) -> dict[str, Any]:
    """Sends one job and watches processes: rate from the first transmission to the last outcome."""
    make_bundle(folder, rows, size)
    meter = Meter(lambda: [*system.processes(), sink.pid])
    with system.client() as client:
        submitted = time.time()
        meter.start()
        upload = client.upload_bundle(folder)
        job = client.submit(upload).job.id
        status = _wait(client, job, meter)
        last = max(o.last_at.ToMicroseconds() for o in client.outcomes(job)) / 1e6
    first = status.started_at.ToMicroseconds() / 1e6
    seconds = last - first
    cpu = meter.seconds()
    return {
        "rate": round(rows / seconds, 1),
        "unit": "mails/s",
        "rows": rows,
        "states": {f.name: n for f, n in status.counts.ListFields()},
        "seconds": round(seconds, 2),
        "first_mail_seconds": round(first - submitted, 2),
        "cpu_us_per_mail": {name: round(used / rows * 1e6, 1) for name, used in cpu.items() if used > 0},
        "peak_memory_mb": round(meter.peak_bytes / 2**20),
    }


def _wait(client: Any, job: str, meter: Meter) -> Any:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        status = client.get(job)
        meter.look()
        if status.HasField("ended_at"):
            return status
        time.sleep(LOOK_SECONDS)
    raise RuntimeError(f"the bench job did not end within {PATIENCE_SECONDS:.0f} s")
