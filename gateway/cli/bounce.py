"""`hongyan bounce ADDRESS`: whose mail a bounce is about, from the return path that it was sent to."""

from typing import Annotated

import typer

from gateway.cli.output import AsJson, report
from gateway.cli.target import ConfigFile


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(bounce)


def bounce(
    address: Annotated[str, typer.Argument(help="The return path: bounces+TOKEN@bank.example.")],
    config: ConfigFile = None,
    json_: AsJson = False,
) -> None:
    """Tell job and row of a return path that `sender.verp` made; exit code 1 for one that we never made."""
    with report(json_) as out:
        from actors.model.errors import InvalidInput, Problem
        from actors.model.returnpath import read_row_path
        from cluster.config import load

        loaded = load(config)
        key = loaded.bounce_secret()
        if not key:
            raise InvalidInput((Problem(str(loaded.file), "has no bounce_key", column="bounce_key"),))
        found = read_row_path(address.strip().removeprefix("<").removesuffix(">"), key)
        if json_:
            out.json({"genuine": found is not None} | ({"job": found[0], "row": found[1]} if found else {}))
        elif found:
            out.say(f"job {found[0]} row {found[1]}: hongyan why {found[0]} {found[1]}")
        else:
            out.say("this return path was not made with our bounce_key")
        if found is None:
            raise typer.Exit(1)
