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
    """Show how each slot of the templates is computed: type, kernel, rows a second on the bundle's list; or why row by row."""

    async def look(out: Output, bench: "Workbench") -> None:
        slots = await bench.explain()
        if json_:
            names = ("part", "file", "line", "source", "how", "reason", "type", "kernel", "rate")
            out.json({"slots": [{name: getattr(s, name) for name in names} for s in slots]})
            return
        rows = [
            (s.part, s.file, s.line, s.source, s.type, s.how, s.reason or s.kernel, f"{s.rate:,}" if s.rate else "")
            for s in slots
        ]
        heads = ("part", "file", "line", "source", "type", "how", "kernel or why", "rows/s")
        styles = [("yellow" if s.how == "row by row" else "") for s in slots]
        out.table(heads, rows, right=("line", "rows/s"), styles=styles)
        columns = sum(s.how == "column" for s in slots)
        out.say(f"{columns:,} of {len(slots):,} slots are columns")

    with_bundle(bundle, config, json_, look)
