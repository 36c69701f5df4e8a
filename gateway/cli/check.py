"""`hongyan check`: a look at the whole list without any cluster, as text, JSON or one HTML page.

Exit code 0: it could be sent; 1: a gate of the bundle is shut; 2: the bundle has problems.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.bundle import Bundle, HtmlFile, with_bundle
from gateway.cli.output import AsJson, Output
from gateway.cli.target import ConfigFile

if TYPE_CHECKING:
    from cluster.workbench import Workbench

MOST_LINES = 40  # of one table for people; --json and --html have more
MARKS = {"good": "ok", "warn": "look", "bad": "BAD"}


def check(
    bundle: Bundle,
    html: HtmlFile = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only read the list and compile the templates.")] = False,
    config: ConfigFile = None,
    json_: AsJson = False,
) -> None:
    """Read the whole list, compile all templates and render every row to see what it comes to; nothing is sent."""

    async def look(out: Output, bench: "Workbench") -> None:
        accepted = bench.accepted
        head = {"rows": accepted.record.rows, "counts": accepted.counts, "warnings": list(accepted.warnings)}
        if not json_:
            _say_head(out, accepted)
        if quick:
            if json_:
                out.json(head)
            return
        with _progress(out, accepted.record.rows) as progress:
            found = await bench.look(progress)
        if html is not None:
            from actors.renderer.look.page import page

            html.write_text(page(found), encoding="utf-8")
        if json_:
            out.json(head | {key: value for key, value in found.items() if key not in (*head, "embedded")})
        else:
            _say_report(out, found, html)
        if not all(gate["passed"] for gate in found["gates"]):
            raise typer.Exit(1)

    with_bundle(bundle, config, json_, look)


@contextmanager
def _progress(out: Output, rows: int) -> Iterator[Callable[[int], None] | None]:
    """A bar on a terminal."""
    if out.as_json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("looking at rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=rows)
        yield lambda done: bar.update(task, completed=done)


def _say_head(out: Output, accepted: Any) -> None:
    out.say(f"{accepted.record.name}: {accepted.record.rows:,} rows")
    for state, count in accepted.counts.items():
        out.say(f"  {state:<12} {count:>12,}")
    for warning in accepted.warnings:
        out.say(f"  warning: {warning}")


def _say_report(out: Output, found: Mapping[str, Any], html: Path | None) -> None:
    out.say(f"{found['mails']:,} of {found['looked_at']:,} rows give a mail")
    rules = [(MARKS[r["level"]], r["name"], r["text"], r["asked_by"]) for r in found["rules"]]
    _table(out, "rules of receivers", ("", "rule", "this job", "asked by"), rules)
    errors = [(f"{e['rows']:,}", e["state"], e["function"], e["reason"], _examples(e)) for e in found["errors"]]
    _table(out, "rows without a mail", ("rows", "state", "function", "reason", "such as"), errors, ("rows",))
    _table(out, "branches", ("where", "arm", "rows", "share", "such as"), list(_arms(found["branches"])), ("rows", "share"))
    heads = ("where", "slot", "printed", "null", "blank", "such as", "different", "lowest", "highest")
    _table(out, "slots", heads, [_slot(s) for s in found["slots"]], ("printed", "null", "blank", "different"))
    defaults = [
        (_at(d), d["function"], d["source"], f"{d['rows']:,}", f"{d['asked']:,}", _examples(d)) for d in found["defaults"]
    ]
    _table(out, "defaults used", ("where", "function", "in", "used", "of", "such as"), defaults, ("used", "of"))
    _table(out, "subjects", ("", "characters", "row", "subject"), list(_subjects(found["subject"])), ("characters", "row"))
    sizes = [
        (
            name,
            *(f"{n / 1024:,.1f}" for n in (s["least"]["bytes"], s["median"], s["p95"], s["most"]["bytes"])),
            s["over_102_kb"],
        )
        for name, s in found["sizes"].items()
        if s
    ]
    _table(
        out, "sizes in KB", ("of", "least", "median", "95 %", "most", "over 102"), sizes, ("least", "median", "95 %", "most")
    )
    insecure = [(x["url"], "not https" if not x["secure"] else f"shows {x['shows']}") for x in found["links"] if _doubtful(x)]
    pictures = [x for x in found["pictures"] if x["alt"] is None or not x["secure"]]
    insecure += [(x["url"], "no alt text" if x["alt"] is None else "not https") for x in pictures]
    _table(out, f"links ({len(found['links'])}) and pictures ({len(found['pictures'])}) to look at", ("address", ""), insecure)
    ways = found["combinations"]
    out.say(f"{ways['count']:,}{'' if ways['exact'] else ' or more'} different ways through the branches")
    gates = [("ok" if g["passed"] else "SHUT", g["name"], g["limit"], g["found"]) for g in found["gates"]]
    _table(out, "gates", ("", "gate", "threshold", "found"), gates)
    out.say(f"report: {html}" if html else "see the mails side by side: hongyan check BUNDLE --html report.html")


def _table(out: Output, title: str, heads: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> None:
    if not rows:
        return
    out.say("")
    out.say(title)
    out.table(heads, rows[:MOST_LINES], right)
    if len(rows) > MOST_LINES:
        out.say(f"and {len(rows) - MOST_LINES:,} more lines (--json has all)")


def _at(found: Mapping[str, Any]) -> str:
    return f"{found['file']}:{found['line']}"


def _examples(found: Mapping[str, Any]) -> str:
    return f"row {', '.join(map(str, found['examples']))}" if found["examples"] else ""


def _arms(branches: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    for branch in branches:
        for number, arm in enumerate(branch["arms"]):
            never = "  NEVER" if not arm["rows"] and arm["source"] != "(none)" else ""
            where = "" if number else _at(branch)
            yield where, arm["source"] + never, f"{arm['rows']:,}", f"{arm['share']:.1%}", _examples(arm)


def _slot(slot: Mapping[str, Any]) -> tuple[str, ...]:
    numbers = slot["numbers"]
    ends = [f"{n['value']} (row {n['row']})" for n in (numbers["lowest"][0], numbers["highest"][0])] if numbers else ["", ""]
    about = "" if slot["distinct_exact"] else "about "
    examples = {"examples": sorted({*slot["null"]["examples"], *slot["blank"]["examples"]})[:3]}
    counts = (f"{slot['values']:,}", f"{slot['null']['rows']:,}", f"{slot['blank']['rows']:,}")
    return _at(slot), slot["source"], *counts, _examples(examples), f"{about}{slot['distinct']:,}", *ends


def _subjects(subject: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    for name, found in subject.items():
        if found:
            yield name, found["chars"], found["row"], found["text"] or "(private)"


def _doubtful(link: Mapping[str, Any]) -> bool:
    return not link["secure"] or bool(link["shows"])
