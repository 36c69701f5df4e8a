"""`hongyan functions [NAME]`: what a template can call, from the registry that the renderer itself uses."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.output import AsJson, Output, report

if TYPE_CHECKING:
    from actors.renderer.functions import Function


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(functions)


def functions(
    name: Annotated[str, typer.Argument(help="Only this function.")] = "",
    json_: AsJson = False,
) -> None:
    """List the functions of templates, each with an example that the tests run; with a name, all about that one."""
    with report(json_) as out:
        from actors.renderer.functions import REGISTRY

        if name and name not in REGISTRY:
            _unknown(name, REGISTRY)
        chosen = [REGISTRY[name]] if name else list(REGISTRY.values())
        if json_:
            out.json([described(function) for function in chosen])
        elif name:
            _one(out, chosen[0])
        else:
            _all(out, chosen)


def _unknown(name: str, known: Any) -> None:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    typer.echo(f"no function {name!r}" + (f": did you mean {near[0]}?" if near else ""), err=True)
    raise typer.Exit(2)


def described(function: "Function") -> dict[str, str]:
    """All that is known of one function."""
    keys = ("name", "family", "usage", "meaning", "nulls", "how", "example", "expected", "source")
    return {key: str(getattr(function, key)) for key in keys} | {"source": function.source or "hongyan"}


def _one(out: Output, function: "Function") -> None:
    typer.secho(function.usage, bold=True)
    out.say(f"  {function.meaning}")
    out.say(f"  family    {function.family}")
    out.say(f"  nulls     {function.nulls}")
    out.say(f"  computed  {function.how}")
    out.say(f"  filter    {function.filter_usage}")
    if function.example:
        out.say(f"  example   {{{{ {function.example} }}}} gives {function.gives or 'nothing'}")
    if function.source:
        out.say(f"  from      {function.source}")


def _all(out: Output, chosen: "list[Function]") -> None:
    family = ""
    for function in sorted(chosen, key=lambda f: [g.family for g in chosen].index(f.family)):
        if function.family != family:
            family = function.family
            typer.secho(f"\n{family}", bold=True)
        out.say(f"  {function.usage:<44} {function.meaning}")
        if function.example:
            typer.secho(f"  {'':<44} {function.example} gives {function.gives or 'nothing'}", dim=True)
