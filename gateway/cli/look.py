"""Commands that look at a bundle without any cluster: check, preview, explain."""

from typing import TYPE_CHECKING

import typer

from gateway.cli.bundle import Bundle, with_bundle
from gateway.cli.check import check
from gateway.cli.output import AsJson, Output
from gateway.cli.preview import preview
from gateway.cli.target import ConfigFile

if TYPE_CHECKING:
    from cluster.workbench import Workbench


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(check)
    app.command()(preview)
    app.command()(explain)


def explain(bundle: Bundle, config: ConfigFile = None, json_: AsJson = False) -> None:
    """Show how each slot of the templates is computed: as a column, or row by row and why."""

    async def look(out: Output, bench: "Workbench") -> None:
        slots = await bench.explain()
        if json_:
            names = ("part", "file", "line", "source", "how", "reason")
            out.json({"slots": [{name: getattr(s, name) for name in names} for s in slots]})
            return
        rows = [(s.part, s.file, s.line, s.how, s.source, s.reason) for s in slots]
        out.table(("part", "file", "line", "how", "source", "why"), rows, right=("line",))
        columns = sum(s.how == "column" for s in slots)
        out.say(f"{columns:,} of {len(slots):,} slots are columns")

    with_bundle(bundle, config, json_, look)
