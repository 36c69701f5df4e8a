"""`hongyan watch JOB`: a job's progress until it has ended; the last line is the balanced equation.

On a terminal: a bar, rates and an ETA that stay in place. In a pipe: a line every few seconds. With --json: a line a change.
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import typer

from gateway.cli.equation import OPEN, Pace, duration, equation, settled
from gateway.cli.output import AsJson, Output, printable, report
from gateway.cli.target import ConfigFile, KeyFile, Server, client_for

if TYPE_CHECKING:
    from hongyan_client import Client

PIPE_SECONDS = 5.0  # between lines when nobody looks at a terminal


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(watch)


def watch(job: str, config: ConfigFile = None, server: Server = "", key_file: KeyFile = None, json_: AsJson = False) -> None:
    """Show a job's progress until it has ended."""
    with report(json_), client_for(config, server, key_file) as client:
        code = follow(client, job, json_)
    raise typer.Exit(code)


def follow(client: "Client", job: str, as_json: bool) -> int:
    """Shows the job to its end: 0 when it is done, 1 when it was cancelled or refused, or does not balance."""
    from hongyan_client.messages import state_label, to_dict

    out = Output(as_json)
    changes = client.watch(job)
    if as_json:
        last = None
        for last in changes:
            out.json(to_dict(last))
    else:
        last = _show(out, changes)
    if last is None:
        return 1
    return 0 if state_label(last.state, "job") == "done" and _balanced(last) else 1


def _balanced(job: Any) -> bool:
    from hongyan_client.messages import counts_of

    return bool(sum(counts_of(job).values()) == job.rows)


def _show(out: Output, changes: Iterable[Any]) -> Any:
    console = out.console()
    last = _bars(console, changes) if console.is_terminal else _lines(out, changes, time.monotonic)
    if last is not None:
        tell_end(out, last)
    return last


def tell_end(out: Output, job: Any) -> None:
    """The closing lines: state, reason, equation."""
    from hongyan_client.messages import counts_of, state_label

    reason = f": {job.reason}" if job.reason else ""
    out.say(f"job {job.id} is {state_label(job.state, 'job')}{reason}")
    out.say(equation(job.rows, counts_of(job)))


def _lines(out: Output, changes: Iterable[Any], now: Callable[[], float]) -> Any:
    pace, last, told = Pace(), None, float("-inf")
    for last in changes:
        pace.see(now(), settled(_counts(last)))
        if now() - told >= PIPE_SECONDS:
            told = now()
            out.say(status_line(last, pace))
    return last


def status_line(job: Any, pace: Pace) -> str:
    """One line: state, rows done, rate, ETA, open rows."""
    from hongyan_client.messages import state_label

    counts = _counts(job)
    done = settled(counts)
    waiting = ", ".join(f"{counts[s]:,} {s}" for s in OPEN if counts[s])
    left = duration(pace.seconds_left(job.rows - done))
    head = f"{state_label(job.state, 'job'):<9} {done:,} of {job.rows:,} rows  {pace.rate:,.0f}/s  ETA {left}"
    return f"{head}  ({waiting})" if waiting else head


def _counts(job: Any) -> dict[str, int]:
    from hongyan_client.messages import counts_of

    return dict(counts_of(job))


def _bars(console: Any, changes: Iterable[Any]) -> Any:
    from rich.progress import BarColumn, Progress, TextColumn

    tail = "{task.percentage:>5.1f} %  {task.fields[rows]}  {task.fields[rate]}  ETA {task.fields[left]}"
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn(tail, markup=False))
    pace, last = Pace(), None
    with Progress(*columns, console=console) as progress:
        done_bar = progress.add_task("", total=None, rows="", rate="", left="-")
        wait_bar = progress.add_task("deferred", total=None, visible=False, rows="", rate="", left="-")
        for last in changes:
            counts, total = _counts(last), last.rows or None
            done, deferred = settled(counts), counts["deferred"]
            pace.see(time.monotonic(), done)
            left, rate = duration(pace.seconds_left(last.rows - done)), f"{pace.rate:,.0f}/s"
            rows = f"{done:,} of {last.rows:,}"
            progress.update(done_bar, total=total, completed=done, description=_title(last), rows=rows, rate=rate, left=left)
            progress.update(wait_bar, total=total, completed=deferred, visible=deferred > 0, rows=f"{deferred:,}")
    return last


def _title(job: Any) -> str:
    from hongyan_client.messages import state_label

    return printable(f"{job.name} {state_label(job.state, 'job')}")
