"""`hongyan doctor`: what is wrong with config, machine and DNS, each with its remedy. The checks are in `cluster.doctor`."""

from typing import TYPE_CHECKING

import typer

from gateway.cli.output import AsJson, Output, report
from gateway.cli.target import ConfigFile

if TYPE_CHECKING:
    from cluster.findings import Finding

MARKS = {"ok": "ok", "warn": "WARN", "fail": "FAIL"}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(doctor)


def doctor(config: ConfigFile = None, json_: AsJson = False) -> None:
    """Look at config, machine, signing keys and DNS, and say what to mend; changes nothing. Exit code 1: something fails."""
    with report(json_) as out:
        import asyncio
        import time

        from cluster.doctor import examine
        from cluster.findings import failed

        findings = asyncio.run(examine(config, time.time))
        tell(out, findings)
    raise typer.Exit(1 if failed(findings) else 0)


def tell(out: Output, findings: "list[Finding]") -> None:
    """One line a check, then the remedies."""
    from cluster.findings import counts, failed

    sums = counts(findings)
    if out.as_json:
        checks = [{"check": f.check, "level": f.level.value, "found": f.found, "remedy": f.remedy} for f in findings]
        out.json({"ok": not failed(findings), "counts": sums, "checks": checks})
        return
    out.table(("", "check", "found"), [(MARKS[f.level], f.check, f.found) for f in findings])
    for finding in findings:
        if finding.remedy:
            out.say(f"{finding.check}: {finding.remedy}")
    out.say(", ".join(f"{count} {level}" for level, count in sums.items()))
