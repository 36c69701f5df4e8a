"""`hongyan outcomes JOB`: what became of each row, as a table, CSV or JSON lines."""

import csv
import sys
from typing import Annotated, Any

import typer

from gateway.cli.jobs import JobId, local_time
from gateway.cli.output import AsJson, printable, report
from gateway.cli.target import ConfigFile, KeyFile, Server, client_for

COLUMNS = (
    "row",
    "state",
    "attempts",
    "code",
    "enhanced",
    "blame",
    "reason",
    "stage",
    "site",
    "host",
    "egress",
    "tls",
    "last_at",
    "reply",
)
TABLE_ROWS = 200  # widths need all rows at hand; after these the lines follow each other plainly
FORMULA_STARTS = "=+-@\t\r\uff1d\uff0b\uff0d\uff20"  # a spreadsheet would compute what follows


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(outcomes)


def outcomes(
    job: JobId,
    state: Annotated[list[str] | None, typer.Option("--state", help="Only rows in this state; may be repeated.")] = None,
    csv_: Annotated[bool, typer.Option("--csv", help="CSV instead of a table.")] = False,
    config: ConfigFile = None,
    server: Server = "",
    key_file: KeyFile = None,
    json_: AsJson = False,
) -> None:
    """Show the last outcome of each row that has one."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        from hongyan_client.messages import STATES, to_dict

        for word in state or ():
            if word not in STATES:
                raise typer.BadParameter(f"{word!r} is no state; states are {', '.join(STATES)}", param_hint="--state")
        found = client.outcomes(job, state or ())
        if json_:
            for outcome in found:
                out.json(to_dict(outcome))
        elif csv_:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows([harmless(cell) for cell in cells(outcome)] for outcome in found)
        else:
            rows = [cells(o) for _, o in zip(range(TABLE_ROWS), found, strict=False)]
            out.table(COLUMNS, rows, right=("row", "attempts", "code"))
            for outcome in found:
                out.say("  ".join(cells(outcome)))


def cells(outcome: Any) -> list[str]:
    """The columns of one outcome."""
    from hongyan_client.messages import state_label

    last = local_time(outcome.last_at.seconds) if outcome.HasField("last_at") else ""
    plain = [str(getattr(outcome, name)) for name in COLUMNS if name not in ("state", "last_at")]
    plain[2] = plain[2] if outcome.code else ""
    return [plain[0], state_label(outcome.state), *plain[1:-1], last, plain[-1]]


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, on one line."""
    return printable(f"'{cell}" if cell and cell[0] in FORMULA_STARTS else cell)
