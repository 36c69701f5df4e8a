"""What commands print, for people or (`--json`) for programs, and how they fail. All of it goes through `report`.

People: tables whose columns line up for Chinese and English. Programs: one JSON object, or JSON lines for streams; a failure is
an object with `error`. Exit codes: 0 done, 1 failed, 2 bad usage or input. Control characters from outside are not shown.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hongyan_client import HongyanClientError
    from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text; streams give JSON lines.")]
BAD_INPUT = ("INVALID_ARGUMENT", "NOT_FOUND", "OUT_OF_RANGE")
PIPE_WIDTH = 240  # columns when the output is no terminal: nothing is cut
REMEDIES = {
    "UNAVAILABLE": "is the gateway running (`hongyan up` says when it is ready), and is --server right?",
    "UNAUTHENTICATED": "the key is not known there: check --key-file or HONGYAN_KEY_FILE",
    "PERMISSION_DENIED": "the key may not do this",
    "DEADLINE_EXCEEDED": "it took too long: call again, it goes on where it was",
}


class Output:
    """Prints in the chosen form."""

    def __init__(self, as_json: bool):
        self.as_json = as_json

    def json(self, value: object) -> None:
        """One line of JSON."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def say(self, text: str) -> None:
        """A line for people."""
        typer.echo(printable(text))

    def console(self) -> "Console":
        """For tables and bars; nothing in the text is markup."""
        from rich.console import Console

        wide = None if sys.stdout.isatty() else PIPE_WIDTH
        return Console(width=wide, markup=False, highlight=False, emoji=False)

    def table(
        self, heads: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = (), styles: Sequence[str] = ()
    ) -> None:
        """Columns lined up; `right` names those aligned at their end; `styles`: the colour of each row, in a terminal."""
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for head in heads:
            table.add_column(head, justify="right" if head in right else "left", overflow="fold")
        for row, style in zip(rows, styles or repeat(""), strict=False):
            table.add_row(*(printable(str(cell)) for cell in row), style=style)
        self.console().print(table)

    def fail(self, code: str, text: str, problems: Sequence[dict[str, Any]] = (), remedy: str = "", more: int = 0) -> None:
        """The failure, on stdout as JSON or on stderr as text."""
        if self.as_json:
            self.json({"error": {"code": code, "message": text, "problems": list(problems), "remedy": remedy}})
            return
        for line in [_line(p) for p in problems] or [text]:
            typer.echo(f"error: {printable(line)}", err=True)
        if more > 0:
            typer.echo(f"error: and {more:,} more problems", err=True)
        if remedy:
            typer.echo(f"hint: {remedy}", err=True)


def printable(text: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


@contextmanager
def report(as_json: bool) -> Iterator[Output]:
    """Runs a command's body; errors are told and become the exit code."""
    from hongyan_client import HongyanClientError

    from actors.model.errors import HongyanError, InvalidInput

    out = Output(as_json)
    try:
        yield out
    except HongyanClientError as error:
        _tell(out, error)
        raise typer.Exit(2 if error.code in BAD_INPUT else 1) from None
    except InvalidInput as error:
        problems = [{"file": p.file, "line": p.line, "column": p.column, "message": p.message} for p in error.problems]
        out.fail("INVALID_ARGUMENT", str(error), problems)
        raise typer.Exit(2) from None
    except HongyanError as error:
        out.fail(type(error).__name__.upper(), str(error))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        raise typer.Exit(0) from None


def _tell(out: Output, error: "HongyanClientError") -> None:
    problems = [{"file": p.file, "line": p.line, "column": p.column, "message": p.message} for p in error.problems]
    out.fail(error.code, error.text, problems, REMEDIES.get(error.code, ""), error.total - len(problems))


def _line(problem: dict[str, Any]) -> str:
    place = str(problem["file"])
    if problem["line"]:
        place += f" line {problem['line']}"
    if problem["column"]:
        place += f" column {problem['column']}"
    return f"{place}: {problem['message']}"
