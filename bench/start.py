"""How soon the first mail leaves: from the start of the upload of a long list to the first transmission.

Everything is real, as in bench.pipeline. The first job meets processes that have done nothing yet, the next one finds them
warm. Both are cancelled as soon as their first mail is out.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.machine import machine
from bench.material import make_bundle
from bench.pipeline import receiver
from gateway.cli.local import System, running, write_config

CASES = ("first", "next")
ROWS, QUICK_ROWS = 1_000_000, 100_000
MAIL_BYTES = 10_000
GOAL_SECONDS = 3.0  # to the first mail of a million rows
LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 120.0


def run(quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """The result object; `say` gets a line of progress now and then."""
    rows = QUICK_ROWS if quick else ROWS
    results = []
    with tempfile.TemporaryDirectory(prefix="hy-bench-") as folder, receiver() as (name, port, _):
        say(f"a list of {rows:,} rows")
        bundle = Path(folder) / "bundle"
        make_bundle(bundle, rows, MAIL_BYTES)
        route = {"pattern": "*", "host": "127.0.0.1", "port": port, "tls": "none"}
        with running(write_config(Path(folder), [route], domain="bank.test")) as system:
            for case in CASES:
                say(f"the {case} job")
                results.append({"case": case, "receiver": name, "rows": rows} | measure(system, bundle, case))
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
