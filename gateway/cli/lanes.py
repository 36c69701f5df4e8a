"""`hongyan lanes`: what each lane may do now and why, and what was decided about it."""

import time
from typing import Annotated, Any

import click
import typer

from gateway.cli.jobs import local_time
from gateway.cli.output import AsJson, Output, report
from gateway.cli.target import ConfigFile, KeyFile, Server, client_for

REFRESH_SECONDS = 2.0


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(lanes)


def lanes(
    site: Annotated[str, typer.Option("--site", help="Only lanes to this destination.")] = "",
    egress: Annotated[str, typer.Option("--egress", help="Only lanes from this sending address.")] = "",
    history: Annotated[int, typer.Option("--history", min=0, max=1000, help="Also the newest so many decisions.")] = 0,
    whole: Annotated[
        bool, typer.Option("--whole", help="With --history and --json: all that each was made from, for `hongyan replay`.")
    ] = False,
    live: Annotated[bool, typer.Option("--live", help="Anew every two seconds, until Ctrl-C.")] = False,
    config: ConfigFile = None,
    server: Server = "",
    key_file: KeyFile = None,
    json_: AsJson = False,
) -> None:
    """Show what each lane (sending address, destination) may do, and the numbers that it was decided on."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        while True:
            _show(out, client.lanes(site, egress), client.decisions(site, egress, history, whole) if history else [])
            if not live:
                return
            time.sleep(REFRESH_SECONDS)
            if not out.as_json:
                click.clear()


def _show(out: Output, found: Any, decisions: Any) -> None:
    if out.as_json:
        from hongyan_client.messages import to_dict

        out.json({"lanes": [to_dict(lane) for lane in found], "decisions": [to_dict(d) for d in decisions]})
        return
    if not found:
        out.say("no lane has been used yet")
    else:
        heads = ("site", "egress", "circuit", "connections", "may do", "accepted", "refused", "quota", "why")
        rows = [_cells(lane) for lane in found]
        out.table(heads, rows, right=("connections", "may do", "accepted", "refused", "quota"))
    from actors.model.sitenames import spoken

    for d in decisions:
        before, after = _limits(d.old), _limits(d.new)
        out.say(f"{local_time(d.at.seconds)}  {d.egress} -> {spoken(d.site)}: {d.rule}: {before} -> {after}")
        out.say(f"    {d.why}")


def _cells(lane: Any) -> tuple[str, ...]:
    from actors.model.sitenames import spoken

    closed = f" until {local_time(lane.closed_until.seconds)}" if lane.HasField("closed_until") else ""
    return (
        spoken(lane.site),
        lane.egress,
        lane.circuit + closed,
        str(lane.concurrency),
        f"{lane.rate:,.1f}/s" if lane.rate else "any",
        f"{lane.flow:,.1f}/s",
        f"{lane.refused:.1%}",
        f"{lane.quota:,}" if lane.HasField("quota") else "",
        lane.why,
    )


def _limits(limits: Any) -> str:
    if limits.HasField("closed_until"):
        return f"closed until {local_time(limits.closed_until.seconds)}"
    if limits.probe:
        return f"{limits.probe} tries"
    rate = f", {limits.rate:,.1f}/s" if limits.rate else ""
    return f"{limits.concurrency} connections{rate}"
