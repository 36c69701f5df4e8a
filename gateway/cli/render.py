"""`hongyan render BUNDLE --out ...`: finished mails in files, without any cluster, on all cores.

On a terminal the progress stands on stderr; stdout has the summary. Exit codes: 0 done; 1 not written, or more rows failed than
the bundle's `content.max_render_errors` allows (the output is whole even so); 2 bad usage or input; 130 stopped by Ctrl-C.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.equation import Pace, duration, equation
from gateway.cli.output import AsJson, Output, printable, report
from gateway.cli.target import ConfigFile

if TYPE_CHECKING:
    from cluster.export.run import Progress, Summary

Bundle = Annotated[Path, typer.Argument(help="A bundle: a folder or a zip file with job.yaml.")]
Out = Annotated[Path, typer.Option("--out", help="A name that ends in .zip or .mbox, else a folder; must not exist.")]
Rows = Annotated[
    str, typer.Option("--rows", metavar="A:B", help="Only rows A to B-1, numbered from 0; A: or :B leaves an end open.")
]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", metavar="DATE", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="What today() and now() give."),
]
Stamp = Annotated[
    str,
    typer.Option(
        "--stamp",
        metavar="TIME",
        help="Time of the mails (Date, signature): seconds since 1970, or ISO with offset. Default: now.",
    ),
]
MOST_REASONS = 20  # shown to people; --json has all


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(render)


def render(
    bundle: Bundle,
    out: Out,
    rows: Rows = "",
    as_of: AsOf = None,
    stamp: Stamp = "",
    cores: Annotated[int, typer.Option(min=0, max=1024, help="Processes that render; 0: one a core.")] = 0,
    deflate: Annotated[bool, typer.Option("--deflate", help="Pack a zip's files; else they are stored as they are.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what this command made before.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    config: ConfigFile = None,
    json_: AsJson = False,
) -> None:
    """Write every mail to files: .eml in folders, one zip, or one mbox; with index.csv."""
    with report(json_) as output, _ending_as_ctrl_c():
        from cluster.config import load
        from cluster.export.run import Wish, export

        wish = Wish(out, rows_of(rows), as_of, stamp_of(stamp), cores, deflate, force)
        with _progress(quiet) as progress:
            summary = export(bundle, load(config), wish, progress)
        if json_:
            output.json(as_dict(summary, out))
        else:
            _tell(output, summary, out)
    raise typer.Exit(1 if summary.too_many_errors else 0)


def rows_of(text: str) -> tuple[int, int | None]:
    """`A:B`, `A:`, `:B` or nothing."""
    first, colon, stop = text.strip().partition(":")
    numbers = [int(n) if n.isascii() and n.isdigit() else None for n in (first or "0", stop or "0")]
    if None in numbers or (text.strip() and not colon) or (stop and numbers[0] >= numbers[1]):  # type: ignore[operator]
        _refuse("--rows", "takes A:B with A below B, like 0:1000")
    return numbers[0] or 0, numbers[1] if stop else None


def stamp_of(text: str) -> int:
    """Seconds since 1970; 0 for nothing."""
    if not text:
        return 0
    if text.isascii() and text.isdigit() and 0 < int(text) < 2**33:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None or moment.timestamp() < 1:
        _refuse("--stamp", "takes seconds since 1970, or a time with its offset like 2026-11-27T09:00:00+08:00")
    return int(moment.timestamp())


def _refuse(option: str, why: str) -> None:
    from actors.model.errors import InvalidInput, Problem

    raise InvalidInput((Problem(option, why),))


def as_dict(summary: "Summary", out: Path) -> dict[str, Any]:
    """The summary for programs."""
    tally = summary.tally
    failed = [{"state": s, "reason": r, "rows": n, "first_row": tally.first[s, r]} for (s, r), n in tally.reasons.most_common()]
    return {
        "out": str(out),
        "kind": summary.kind.value,
        "name": summary.name,
        "job": summary.job,
        "stamp": summary.stamp,
        "rows": summary.rows,
        "states": {state: n for state, n in tally.states.items() if n},
        "without_mail": failed,
        "too_many_render_errors": summary.too_many_errors,
        "files": summary.files,
        "bytes": summary.bytes,
        "reading_seconds": round(summary.reading, 3),
        "seconds": round(summary.seconds, 3),
        "rate": round(summary.rate, 1),
        "cores": summary.cores,
        "return_path": summary.return_path,
        "signatures": list(summary.signatures),
        "suppression_not_applied": list(summary.scopes),
        "codes_not_claimed": list(summary.pools),
        "warnings": list(summary.warnings),
    }


def _tell(out: Output, summary: "Summary", target: Path) -> None:
    tally = summary.tally
    out.say(f"{summary.name}: {summary.mails:,} mails in {target}, {summary.bytes:,} bytes")
    took = f"{summary.seconds:.1f} s on {summary.cores} core{'s' * (summary.cores > 1)}"
    out.say(f"{took}, {summary.rate:,.0f} rows/s; and {summary.reading:.1f} s to read the list")
    out.say(equation(summary.rows, dict(tally.states)))
    for (state, reason), rows in tally.reasons.most_common(MOST_REASONS):
        out.say(f"  {rows:>10,} {state}: {reason} (first: row {tally.first[state, reason]})")
    if len(tally.reasons) > MOST_REASONS:
        out.say(f"  and {len(tally.reasons) - MOST_REASONS:,} more reasons: see the index")
    for warning in summary.warnings:
        out.say(f"warning: {warning}")
    if not summary.signatures:
        out.say(f"not signed: the config has no identity for {summary.domain}")
    if summary.scopes:
        out.say(f"suppression lists ({', '.join(summary.scopes)}) are kept by a running system and were not applied here")
    if summary.pools:
        names = ", ".join(summary.pools)
        out.say(f"codes of pools ({names}) are claimed by a running system alone: those shown may be given to others, too")
    when = datetime.fromtimestamp(summary.stamp, UTC).isoformat().replace("+00:00", "Z")
    out.say(f"the same mails again: --stamp {summary.stamp} ({when})")
    if summary.too_many_errors:
        out.say(f"error: more rows failed to render than content.max_render_errors ({summary.max_render_errors:g}) allows")


@contextmanager
def _ending_as_ctrl_c() -> Iterator[None]:
    """SIGTERM ends the command the way Ctrl-C does: workers first, then what was half written."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _progress(quiet: bool) -> Iterator["Progress"]:
    """A bar on stderr; nothing where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    if quiet or not console.is_terminal:
        yield lambda done, rows: None
        return
    tail = "{task.percentage:>5.1f} %  {task.fields[rows]}  {task.fields[rate]}  ETA {task.fields[left]}"
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn(tail, markup=False))
    pace = Pace()
    with Progress(*columns, console=console) as bars:
        bar = bars.add_task("reading the list", total=None, rows="", rate="", left="-")

        def show(done: int, rows: int) -> None:
            pace.see(time.monotonic(), done)
            shown: dict[str, Any] = {
                "rows": f"{done:,} of {rows:,}",
                "rate": f"{pace.rate:,.0f}/s",
                "left": duration(pace.seconds_left(rows - done)),
            }
            bars.update(bar, total=rows, completed=done, description=printable("rendering"), **shown)

        yield show
