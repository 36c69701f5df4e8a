"""How soon the first mail leaves: from the start of the upload of a long list to the first transmission.

Everything is real, as in bench.pipeline. Each list meets a system of its own that has come up and has done nothing yet; the job
is cancelled as soon as its first mail is out.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import material, memory
from bench.machine import machine
from bench.pipeline import receiver
from gateway.cli.local import System, running, write_config

ROWS, QUICK_ROWS = 1_000_000, 100_000
MAIL_BYTES = 10_000
GOAL_SECONDS = 3.0  # DESIGN section 7
LOOK_SECONDS = 0.05
SETTLE_SECONDS = 3.0  # a system that has just come up still starts what nobody waits for
PATIENCE_SECONDS = 120.0
LISTS: dict[str, Callable[[Path, int], None]] = {
    "four columns": memory.make_bundle,
    "nine columns": lambda folder, rows: material.make_bundle(folder, rows, MAIL_BYTES),
}
CASES = tuple(LISTS)


def run(cases: Sequence[str], quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """The result object; `say` gets a line of progress now and then. A quick run takes the last case alone, of fewer rows."""
    rows = QUICK_ROWS if quick else ROWS
    results = []
    with receiver() as (name, port, _):
        route = {"pattern": "*", "host": "127.0.0.1", "port": port, "tls": "none"}
        for case in cases[-1:] if quick else cases:
            with tempfile.TemporaryDirectory(prefix="hy-bench-") as folder:
                say(f"a list of {rows:,} rows, {case}")
                bundle = Path(folder) / "bundle"
                LISTS[case](bundle, rows)
                size = (bundle / "list.csv").stat().st_size
                with running(write_config(Path(folder), [route], domain="bank.test")) as system:
                    time.sleep(SETTLE_SECONDS)
                    found = measure(system, bundle, case.replace(" ", "-"))
            results.append({"case": case, "receiver": name, "rows": rows, "list_bytes": size} | found)
    return {"bench": "start", "machine": machine(), "results": results}


def measure(system: System, bundle: Path, key: str) -> dict[str, Any]:
    """Seconds to the end of the upload, to the accepted job, and to its first mail."""
    with system.client() as client:
        begun = time.time()
        upload = client.upload_bundle(bundle)
        uploaded = time.time()
        job = client.submit(upload, key).job.id
        accepted = time.time()
        while not (status := client.get(job)).HasField("started_at"):
            if time.time() - accepted > PATIENCE_SECONDS:
                raise RuntimeError(f"no mail within {PATIENCE_SECONDS:.0f} s")
            time.sleep(LOOK_SECONDS)
        client.cancel(job)
    first = status.started_at.ToMicroseconds() / 1e6 - begun
    return {
        "rate": round(first, 2),
        "unit": "s",
        "limit": GOAL_SECONDS,
        "ratio": round(first / GOAL_SECONDS, 3),
        "holds": first <= GOAL_SECONDS,
        "upload_seconds": round(uploaded - begun, 2),
        "accepted_seconds": round(accepted - begun, 2),
    }
