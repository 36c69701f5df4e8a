"""`hongyan functions [NAME]`: what a template can call, from the registry that the renderer itself uses."""

import json
from typing import Annotated

import typer

from gateway.cli.output import AsJson


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(functions)


def functions(
    name: Annotated[str, typer.Argument(help="Only this function.")] = "",
    json_: AsJson = False,
) -> None:
    """List the functions of templates, each with an example that the tests run."""
    from difflib import get_close_matches

    from actors.renderer.functions import REGISTRY

    if name and name not in REGISTRY:
        near = get_close_matches(name, REGISTRY, 1)
        typer.echo(f"no function {name!r}" + (f": did you mean {near[0]}?" if near else ""), err=True)
        raise typer.Exit(2)
    chosen = [REGISTRY[name]] if name else list(REGISTRY.values())
    if json_:
        keys = ("name", "family", "usage", "meaning", "example", "expected")
        typer.echo(json.dumps([{k: str(getattr(f, k)) for k in keys} for f in chosen], ensure_ascii=False, indent=2))
        return
    family = ""
    for function in chosen:
        if function.family != family:
            family = function.family
            typer.secho(f"\n{family}", bold=True)
        typer.echo(f"  {function.usage:<44} {function.meaning}")
        typer.secho(f"  {'':<44} {function.example} gives {function.expected}", dim=True)
