"""The `hongyan` command: gathers the nouns.

A noun is a module of this package with `register(app)`. Modules import nothing heavy at their top (no grpc, no Ray, no pyarrow,
no pydantic), so that `hongyan --help` answers at once. Exit codes: 0 done, 1 failed, 2 bad usage or input.
"""

from importlib import import_module
from typing import Annotated

import typer

# In the order of the help page.
NOUNS = (
    "up",
    "look",
    "render",
    "jobs",
    "watch",
    "outcomes",
    "why",
    "bounce",
    "plan",
    "lanes",
    "replies",
    "replay",
    "suppress",
    "key",
    "functions",
    "doctor",
    "demo",
    "sandbox",
    "bench",
)


def build() -> typer.Typer:
    """The command with all of its nouns."""
    app = typer.Typer(
        name="hongyan",
        help="Hongyan (鴻雁): one template and one list become personal mails, every recipient accounted for.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_show_locals=False,  # they may hold a key
    )
    app.callback()(_root)
    for noun in NOUNS:
        import_module(f"gateway.cli.{noun}").register(app)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"hongyan {version('hongyan')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """What every command shares: nothing but --version."""


def main() -> None:
    """Entry point."""
    build()()


if __name__ == "__main__":
    main()
