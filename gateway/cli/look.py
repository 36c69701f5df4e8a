"""Commands that look at a bundle without any cluster: check, preview, explain, render.

They accept the bundle into a folder that is thrown away, with the real intake and renderer (cluster.workbench).
"""

import asyncio
import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Annotated, Any

import typer

Bundle = Annotated[Path, typer.Argument(help="A bundle: a folder or a zip file with job.yaml.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="For its signing identities; default: ./hongyan.yaml.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(check)
    app.command()(preview)
    app.command()(explain)
    app.command()(render)


def check(bundle: Bundle, config: ConfigFile = None, json_: Json = False) -> None:
    """Read the whole list and compile all templates; nothing is sent."""

    async def look(bench: Any) -> None:
        accepted = bench.accepted
        if json_:
            _print_json({"rows": accepted.record.rows, "counts": accepted.counts, "warnings": list(accepted.warnings)})
            return
        typer.echo(f"{accepted.record.name}: {accepted.record.rows:,} rows")
        for state, count in accepted.counts.items():
            typer.echo(f"  {state:<12} {count:>12,}")
        for warning in accepted.warnings:
            typer.echo(f"  warning: {warning}")

    _with_bundle(bundle, config, look)


def preview(
    bundle: Bundle,
    row: Annotated[int, typer.Option(help="Row of the list, from 0.")] = 0,
    config: ConfigFile = None,
    json_: Json = False,
) -> None:
    """Show one row's finished mail: headers, text part and the values that went in."""

    async def look(bench: Any) -> None:
        shown = await bench.preview(row)
        if json_:
            message = shown.message.decode("utf-8", "replace")
            _print_json(
                {"row": row, "state": shown.state.label, "reason": shown.reason, "values": shown.values}
                | {"subject": shown.subject, "text": shown.text, "html": shown.html, "message": message}
            )
            return
        if not shown.message:
            typer.echo(f"row {row} gives no mail: {shown.state.label}: {shown.reason}")
            raise typer.Exit(1)
        parsed = message_from_bytes(shown.message, policy=policy.default)
        for name in ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Unsubscribe"):
            if parsed[name]:
                typer.echo(f"{name}: {parsed[name]}")
        typer.echo(f"Size: {len(shown.message):,} bytes\n\n{shown.text}\n")
        for name, value in shown.values.items():
            typer.echo(f"  {name} = {value}")

    _with_bundle(bundle, config, look)


def explain(bundle: Bundle, config: ConfigFile = None, json_: Json = False) -> None:
    """Show how each slot of the templates is computed: as a column, or row by row and why."""

    async def look(bench: Any) -> None:
        slots = await bench.renderer.explain(bench.job)
        if json_:
            _print_json(
                {
                    "slots": [
                        {"part": s.part, "line": s.line, "source": s.source, "how": s.how, "reason": s.reason} for s in slots
                    ]
                }
            )
            return
        for slot in slots:
            colour = typer.colors.GREEN if slot.how == "column" else typer.colors.YELLOW
            typer.echo(f"{slot.part}:{slot.line:<5} {typer.style(f'{slot.how:<11}', fg=colour)} {slot.source} {slot.reason}")

    _with_bundle(bundle, config, look)


def render(
    bundle: Bundle,
    out: Annotated[Path, typer.Option(help="Folder for the .eml files; made if missing.")],
    config: ConfigFile = None,
    json_: Json = False,
) -> None:
    """Write every mail as an .eml file, named by its row."""

    async def look(bench: Any) -> None:
        out.mkdir(parents=True, exist_ok=True)
        written, failed = 0, []
        async for envelopes in bench.envelopes():
            data, offsets = envelopes.data.tobytes(), envelopes.offsets.tolist()
            for index, row in enumerate(envelopes.rows.tolist()):
                (out / f"{row:08d}.eml").write_bytes(data[offsets[index] : offsets[index + 1]])
            written += len(envelopes)
            failed += [{"row": int(f.row), "state": f.state.label, "reason": f.reason} for f in envelopes.failures]
        if json_:
            _print_json({"written": written, "failed": failed, "folder": str(out)})
            return
        typer.echo(f"{written:,} mails in {out}")
        for failure in failed[:20]:
            typer.echo(f"  row {failure['row']}: {failure['state']}: {failure['reason']}")

    _with_bundle(bundle, config, look)


def _with_bundle(bundle: Path, config_file: Path | None, look: Any) -> None:
    from actors.model.errors import InvalidInput
    from cluster.config import load
    from cluster.workbench import opened

    async def main() -> None:
        async with opened(bundle, load(config_file)) as bench:
            await look(bench)

    try:
        asyncio.run(main())
    except InvalidInput as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        raise typer.Exit(2) from None


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
