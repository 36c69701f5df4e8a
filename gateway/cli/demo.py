"""`hongyan demo`: the whole way of a mailing on this machine, against simulated receivers, with nothing to prepare.

Makes a list and a newsletter, starts receivers and a system of its own, sends, shows the progress, and leaves the report.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

# Where the sandbox listens for whom: a loopback address a site, so that the report shows sites as the world has them.
SITES = {"gmail.test": "127.0.1.1", "yahoo.test": "127.0.1.2", "hinet.test": "127.0.1.3", "outlook.test": "127.0.1.4"}
OTHERS = "127.0.1.9"


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def demo(
        rows: Annotated[int, typer.Option(help="Recipients on the sample list.", min=1)] = 100_000,
        folder: Annotated[Path, typer.Option(help="Where list, data and report go.")] = Path("hongyan-data/demo"),
        json_: Annotated[bool, typer.Option("--json", help="Progress as JSON lines.")] = False,
    ) -> None:
        """Send a sample newsletter to simulated receivers and show the balanced ledger."""
        run(rows, folder.resolve(), json_)


def run(rows: int, folder: Path, as_json: bool) -> None:
    """The demo's steps."""
    from cluster.supervise import free_port
    from gateway.cli.local import running, write_config
    from gateway.cli.watch import follow
    from sandbox.demo import make_demo

    def say(text: str) -> None:
        typer.echo(text, err=as_json)

    folder.mkdir(parents=True, exist_ok=True)
    bundle = folder / "bundle"
    say(f"making a list of {rows:,} rows in {bundle}")
    make_demo(bundle, rows, 1)
    port = free_port()
    routes = [{"pattern": d, "host": h, "port": port} for d, h in SITES.items()]
    routes.append({"pattern": "*", "host": OTHERS, "port": port})
    config = write_config(folder, routes, domain=sender_domain(bundle), egresses=3, retry_scale=0.02)
    say("starting receivers and the system")
    with receivers(port, bundle / "demo-world.yaml"), running(config) as system, system.client() as client:
        started = time.monotonic()
        upload = client.upload_bundle(bundle)
        job = client.submit(upload).job
        say(f"job {job.id}: accepted {job.rows:,} rows in {time.monotonic() - started:.1f} s")
        follow(client, job.id, as_json)
        report = wait_for_report(system.data / "vault" / "jobs" / job.id / "results")
    say(f"report: {report}")
    say(f"your own: hongyan check {bundle}; hongyan preview {bundle} --row 7")


def sender_domain(bundle: Path) -> str:
    """The domain that the bundle writes from: the demo makes a key for it."""
    import yaml

    control = yaml.safe_load((bundle / "job.yaml").read_text(encoding="utf-8"))
    return str(control["sender"]["from"]).rpartition("@")[2].rstrip("> ")


@contextmanager
def receivers(port: int, script: Path) -> Iterator[None]:
    """`hongyan sandbox` on all the demo's addresses."""
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gateway.cli.main",
                "sandbox",
                "--listen",
                f"{host}:{port}",
                "--script",
                str(script),
                "--json",
            ],
            stdout=subprocess.DEVNULL,
        )
        for host in [*SITES.values(), OTHERS]
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(10)


def wait_for_report(results: Path, seconds: float = 60.0) -> Path:
    """The report, once its last file is written."""
    until = time.monotonic() + seconds
    while not (results / "summary.json").exists() and time.monotonic() < until:
        time.sleep(0.1)
    return results / "report.html"
