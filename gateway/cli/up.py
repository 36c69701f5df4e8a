"""`hongyan up`: starts everything on this machine, or joins a cluster; stops gracefully on SIGTERM and Ctrl-C."""

import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def up(
        config: Annotated[Path | None, typer.Option(help="Config file; default: $HONGYAN_CONFIG or ./hongyan.yaml.")] = None,
        json_: Annotated[bool, typer.Option("--json", help="Events as JSON lines.")] = False,
    ) -> None:
        """Start Ray, all actors and the gateway on this machine and keep them alive."""
        from cluster.config import load
        from cluster.supervise import Supervisor

        supervisor = Supervisor(load(config), lambda text: _say(text, json_))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.stop())
        supervisor.run()


def _say(text: str, as_json: bool) -> None:
    sys.stdout.write(json.dumps({"event": text}) + "\n" if as_json else text + "\n")
    sys.stdout.flush()
