"""Commands that look at a bundle without any cluster: check, preview, explain.

They accept the bundle into a folder that is thrown away, with the real intake and renderer (cluster.workbench).
"""

import asyncio
from collections.abc import Awaitable, Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.output import AsJson, Output, report
from gateway.cli.target import ConfigFile

if TYPE_CHECKING:
    from cluster.workbench import Workbench

Bundle = Annotated[Path, typer.Argument(help="A bundle: a folder or a zip file with job.yaml.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(check)
    app.command()(preview)
    app.command()(explain)


def check(bundle: Bundle, config: ConfigFile = None, json_: AsJson = False) -> None:
    """Read the whole list and compile all templates; nothing is sent."""

    async def look(out: Output, bench: "Workbench") -> None:
        accepted = bench.accepted
        if json_:
            out.json({"rows": accepted.record.rows, "counts": accepted.counts, "warnings": list(accepted.warnings)})
            return
        out.say(f"{accepted.record.name}: {accepted.record.rows:,} rows")
        for state, count in accepted.counts.items():
            out.say(f"  {state:<12} {count:>12,}")
        for warning in accepted.warnings:
            out.say(f"  warning: {warning}")

    _with_bundle(bundle, config, json_, look)


def preview(
    bundle: Bundle,
    row: Annotated[int, typer.Option("--row", help="Row of the list, from 0.")] = 0,
    config: ConfigFile = None,
    json_: AsJson = False,
) -> None:
    """Show one row's finished mail: headers, text part and the values that went in."""

    async def look(out: Output, bench: "Workbench") -> None:
        shown = await bench.preview(row)
        if json_:
            message = shown.message.decode("utf-8", "replace")
            found = {"row": row, "state": shown.state.label, "reason": shown.reason, "values": shown.values}
            out.json(found | {"subject": shown.subject, "text": shown.text, "html": shown.html, "message": message})
        elif shown.message:
            _show_mail(out, shown)
        else:
            out.say(f"row {row} gives no mail: {shown.state.label}: {shown.reason}")
        if not shown.message:
            raise typer.Exit(1)

    _with_bundle(bundle, config, json_, look)


def _show_mail(out: Output, shown: Any) -> None:
    parsed = message_from_bytes(shown.message, policy=policy.default)
    for name in ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Unsubscribe"):
        if parsed[name]:
            out.say(f"{name}: {parsed[name]}")
    out.say(f"Size: {len(shown.message):,} bytes")
    for line in ["", *shown.text.splitlines(), ""]:
        out.say(line)
    for name, value in shown.values.items():
        out.say(f"  {name} = {value}")


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

    _with_bundle(bundle, config, json_, look)


def _with_bundle(
    bundle: Path, config_file: Path | None, as_json: bool, look: "Callable[[Output, Workbench], Awaitable[None]]"
) -> None:
    with report(as_json) as out:
        from cluster.config import load
        from cluster.workbench import opened

        async def main() -> None:
            async with opened(bundle, load(config_file)) as bench:
                await look(out, bench)

        asyncio.run(main())
