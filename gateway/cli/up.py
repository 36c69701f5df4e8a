"""`hongyan up`: starts everything on this machine, or joins a cluster; stops gracefully on SIGTERM and Ctrl-C."""

import json
import signal
import sys

import typer

from gateway.cli.output import AsJson, report
from gateway.cli.target import ConfigFile


def register(app: typer.Typer) -> None:
    """Adds the command."""

    app.command()(up)


def up(config: ConfigFile = None, json_: AsJson = False) -> None:
    """Start Ray, all actors and the gateway on this machine and keep them alive; or join a cluster (`ray.address`)."""
    with report(json_):
        from cluster.config import load
        from cluster.supervise import Supervisor

        supervisor = Supervisor(load(config), lambda text: _say(text, json_))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.stop())
        supervisor.run()


def _say(text: str, as_json: bool) -> None:
    sys.stdout.write(json.dumps({"event": text}) + "\n" if as_json else text + "\n")
    sys.stdout.flush()
