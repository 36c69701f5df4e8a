"""`hongyan up`: starts everything on this machine, or joins a cluster; stops gracefully on SIGTERM and Ctrl-C.

`hongyan down` ends it from elsewhere. Neither holds state: who runs is told by the lock in the data folder.
"""

import os
import select
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.output import AsJson, Output, report
from gateway.cli.target import ConfigFile

if TYPE_CHECKING:
    from cluster.config import Config

BEGIN_SECONDS = 30.0  # until a supervisor in the background has its lock: leftovers are ended first
STOP_SECONDS = 45.0  # a graceful stop takes 30 s at most


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(up)
    app.command()(down)


def up(
    config: ConfigFile = None,
    join: Annotated[str, typer.Option("--join", metavar="HOST:PORT", help="The head to join, in place of ray.address.")] = "",
    node_ip: Annotated[str, typer.Option("--node-ip", help="Where other nodes reach this one, in place of ray.node_ip.")] = "",
    autoscaling: Annotated[
        Path | None, typer.Option("--autoscaling-config", help="On the head of `ray up`: the file that it leaves there.")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Go on in the background; output goes to logs/up.log.")] = False,
    json_: AsJson = False,
) -> None:
    """Start Ray, all actors and the gateway on this machine and keep them alive; or join a cluster."""
    with report(json_) as out:
        from cluster.config import load
        from cluster.supervise import Supervisor

        _load_own_functions()
        chosen = load(config).joining(join, node_ip)
        if detach:
            _detach(out, chosen)
            return
        supervisor = Supervisor(chosen, lambda text: _say(out, text), autoscaling)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.stop())
        supervisor.run()


def down(config: ConfigFile = None, json_: AsJson = False) -> None:
    """Stop what runs on this machine's data folder, gracefully; fine when nothing runs."""
    with report(json_) as out:
        from actors.model.errors import Unavailable
        from cluster.config import load
        from cluster.supervise import running_pid

        chosen = load(config)
        pid = running_pid(chosen)
        if not pid:
            _say(out, "nothing is running")
            return
        handle = os.pidfd_open(pid)
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not select.select([handle], [], [], STOP_SECONDS)[0]:
            raise Unavailable("up", f"process {pid} does not end: see {chosen.data_dir / 'logs'}")
        _say(out, "stopped")


def _load_own_functions() -> None:
    """Functions that other packages add to templates are loaded once before anything starts: what cannot be used ends it here,
    by name. Without such packages nothing is imported: the process that watches over the others stays small."""
    from importlib.metadata import entry_points

    if entry_points(group="hongyan.functions"):
        import_module("actors.renderer.functions")


def _detach(out: Output, config: "Config") -> None:
    """The same command once more, in a session of its own; returns when it has its lock."""
    from actors.model.errors import Conflict
    from cluster.supervise import running_pid

    if pid := running_pid(config):
        raise Conflict(str(config.data_dir), f"another `hongyan up` is running on this data folder: process {pid}")
    logs = config.data_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "gateway.cli.main", *(a for a in sys.argv[1:] if a != "--detach")]
    with open(logs / "up.log", "ab") as log:
        begun = log.tell()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    until = time.monotonic() + BEGIN_SECONDS
    while running_pid(config) != child.pid:
        if child.poll() is not None or time.monotonic() > until:
            with open(logs / "up.log", "rb") as log:
                log.seek(begun)
                said = log.read().decode("utf-8", "replace").strip().splitlines()
            raise Conflict("it did not start", said[-1] if said else f"exit code {child.poll()}")
        time.sleep(0.1)
    _say(out, f"running in the background as process {child.pid}")


def _say(out: Output, text: str) -> None:
    out.json({"event": text}) if out.as_json else out.say(text)
    sys.stdout.flush()
