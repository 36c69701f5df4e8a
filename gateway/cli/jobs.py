"""`hongyan submit`, `jobs`, `job`, `pause`, `resume`, `cancel`: bundles in, and what stands where."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.equation import equation
from gateway.cli.output import AsJson, Output, report
from gateway.cli.target import ConfigFile, KeyFile, Server, client_for
from gateway.cli.watch import follow

if TYPE_CHECKING:
    from hongyan_client import Client

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for people.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (submit, jobs, job, pause, resume, cancel, decide):
        app.command()(command)


def submit(
    bundle: Annotated[Path, typer.Argument(help="A bundle: a folder or a zip file with job.yaml.")],
    key: Annotated[
        str, typer.Option("--key", help="Idempotency key; without it the same bundle again gives the same job.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Show the progress until the job has ended.")] = False,
    config: ConfigFile = None,
    server: Server = "",
    key_file: KeyFile = None,
    json_: AsJson = False,
) -> None:
    """Upload a bundle and make a job of it. An upload that broke off goes on where it was."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        answer = _submit(out, client, bundle, key)
        _tell_submitted(out, answer)
        code = follow(client, answer.job.id, json_) if watch else 0
    raise typer.Exit(code)


def _submit(out: Output, client: "Client", bundle: Path, key: str) -> Any:
    if out.as_json or not sys.stdout.isatty():
        return client.submit_bundle(bundle, key)
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("uploading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=out.console(), transient=True) as progress:
        task = progress.add_task("upload", total=None)
        return client.submit_bundle(bundle, key, lambda sent, total, _: progress.update(task, completed=sent, total=total))


def _tell_submitted(out: Output, answer: Any) -> None:
    from hongyan_client.messages import state_label, to_dict

    if out.as_json:
        out.json(to_dict(answer))
        return
    job = answer.job
    state = state_label(job.state, "job")
    if answer.existing:
        out.say(f"job {job.id} was made of this before and is {state}; to send it again give another --key")
    else:
        out.say(f"job {job.id}: {job.name}: {job.rows:,} rows accepted, {state}")
    for warning in answer.warnings:
        out.say(f"warning: {warning}")


def jobs(
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most this many.")] = 20,
    config: ConfigFile = None,
    server: Server = "",
    key_file: KeyFile = None,
    json_: AsJson = False,
) -> None:
    """List the newest jobs."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        from hongyan_client.messages import counts_of, state_label, to_dict

        from gateway.cli.equation import settled

        found = client.list(limit)
        if json_:
            out.json({"jobs": [to_dict(j) for j in found]})
            return
        rows = []
        for one in found:
            counts = counts_of(one)
            state, done = state_label(one.state, "job"), settled(counts)
            rows.append((one.id, one.name, state, f"{one.rows:,}", f"{counts['delivered']:,}", f"{one.rows - done:,}"))
        out.table(("job", "name", "state", "rows", "delivered", "open"), rows, right=("rows", "delivered", "open"))


def job(job: JobId, config: ConfigFile = None, server: Server = "", key_file: KeyFile = None, json_: AsJson = False) -> None:
    """Show one job: its state, its times and the balanced equation."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        show(out, client.get(job))


def pause(
    job: JobId,
    reason: Reason = "",
    config: ConfigFile = None,
    server: Server = "",
    key_file: KeyFile = None,
    json_: AsJson = False,
) -> None:
    """Stop a job for a while; mails on the wire are finished."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        show(out, client.pause(job, reason))


def resume(job: JobId, config: ConfigFile = None, server: Server = "", key_file: KeyFile = None, json_: AsJson = False) -> None:
    """Let a paused job go on."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        show(out, client.resume(job))


def cancel(
    job: JobId,
    reason: Reason = "",
    config: ConfigFile = None,
    server: Server = "",
    key_file: KeyFile = None,
    json_: AsJson = False,
) -> None:
    """End a job: rows that have not left become `cancelled`."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        show(out, client.cancel(job, reason))


def decide(
    job: JobId,
    resend: Annotated[bool, typer.Option("--resend", help="Send them again: same bytes, same Message-ID.")] = False,
    skip: Annotated[bool, typer.Option("--skip", help="Give them up: they become `skipped`.")] = False,
    row: Annotated[list[int] | None, typer.Option("--row", min=0, help="Only this row; may be repeated.")] = None,
    config: ConfigFile = None,
    server: Server = "",
    key_file: KeyFile = None,
    json_: AsJson = False,
) -> None:
    """Settle rows that `on_doubt: hold` left in doubt."""
    if resend == skip:
        raise typer.BadParameter("give one of --resend and --skip")
    with report(json_) as out, client_for(config, server, key_file) as client:
        answer = client.decide(job, "resend" if resend else "skip", row or ())
        if out.as_json:
            from hongyan_client.messages import to_dict

            out.json(to_dict(answer))
            return
        out.say(f"{answer.decided:,} rows decided")
        show(out, answer.job)


def show(out: Output, job: Any) -> None:
    """One job in full."""
    from hongyan_client.messages import counts_of, state_label, to_dict

    if out.as_json:
        out.json(to_dict(job))
        return
    lines = [("job", job.id), ("name", job.name), ("state", state_label(job.state, "job"))]
    lines += [("reason", job.reason)] if job.reason else []
    for label in ("created_at", "start_at", "started_at", "deadline_at", "ended_at"):
        if job.HasField(label):
            lines.append((label.removesuffix("_at"), local_time(getattr(job, label).seconds)))
    lines.append(("attempts", f"{job.attempts:,}"))
    if job.doubts:
        lines.append(("in doubt", f"{job.doubts:,} rows at some time"))
    if job.results_to:
        lines.append(("results", job.results_to))
    out.table(("", ""), lines)
    out.say(equation(job.rows, counts_of(job)))


def local_time(seconds: int) -> str:
    """In the zone of the person who asks."""
    from datetime import datetime

    return datetime.fromtimestamp(seconds).astimezone().isoformat(" ", "seconds")
