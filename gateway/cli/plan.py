"""`hongyan plan BUNDLE`: when each site would be through and what would miss the deadline, before anything is sent.

Exit codes beside the usual ones: 1 when rows would miss the deadline, so that a script can stop there.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.jobs import local_time
from gateway.cli.output import AsJson, Output, report
from gateway.cli.target import ConfigFile, KeyFile, Server, client_for

NEVER = "not within 30 days"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(plan)


def plan(
    bundle: Annotated[Path, typer.Argument(help="A folder or zip.", exists=True, show_default=False)],
    all_: Annotated[bool, typer.Option("--all", help="All sites, not only the largest 30.")] = False,
    config: ConfigFile = None,
    server: Server = "",
    key_file: KeyFile = None,
    json_: AsJson = False,
) -> None:
    """Forecast, from what the lanes have learned, when each site is through. Sends nothing, makes no job."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        from hongyan_client.messages import to_dict

        upload = client.upload_bundle(bundle)
        found = client.check(upload, quick=True, forecast=True)
        if out.as_json:
            out.json(to_dict(found))
        elif found.problems:
            problems = [{"file": p.file, "line": p.line, "column": p.column, "message": p.message} for p in found.problems]
            out.fail("INVALID_ARGUMENT", "the bundle cannot be submitted as it is", problems)
        else:
            _tell(out, found.forecast, 0 if all_ else 30)
    raise typer.Exit(2 if found.problems else int(found.forecast.late > 0))


def _tell(out: Output, forecast: Any, most: int) -> None:
    shown = list(forecast.sites)[: most or None]
    heads = ("site", "rows", "mails/s", "through at", "late", "lanes learned", "why no faster")
    out.table(heads, [_cells(site) for site in shown], right=("rows", "mails/s", "late"))
    hidden = len(forecast.sites) - len(shown)
    if hidden:
        out.say(f"and {hidden:,} smaller sites (--all shows them)")
    out.say(f"starts {local_time(forecast.starts_at.seconds)}, through {_time(forecast)}")
    if forecast.HasField("deadline_at"):
        deadline = local_time(forecast.deadline_at.seconds)
        late = f"{forecast.late:,} rows would miss it and expire" if forecast.late else "every row is through before"
        out.say(f"deadline {deadline}: {late}")
    if any(s.learned < s.lanes for s in forecast.sites):
        out.say("lanes that nobody has used yet count with a starting value: the first job there teaches better")


def _cells(site: Any) -> tuple[str, ...]:
    late = f"{site.late:,}" if site.late else ""
    learned = f"{site.learned} of {site.lanes}"
    return (site.site, f"{site.rows:,}", f"{site.speed:,.1f}", _time(site), late, learned, site.why)


def _time(entry: Any) -> str:
    return local_time(entry.through_at.seconds) if entry.HasField("through_at") else NEVER
