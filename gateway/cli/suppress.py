"""`hongyan suppress add|remove|import|list`: addresses that the account must not write to."""

import csv
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.jobs import local_time
from gateway.cli.output import AsJson, report
from gateway.cli.target import ConfigFile, KeyFile, Server, client_for

Scope = Annotated[str, typer.Option("--scope", help="Suppression scope; default: global.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for people.")]
Addresses = Annotated[list[str], typer.Argument(metavar="ADDRESS...")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    lists = typer.Typer(no_args_is_help=True, help="Addresses that must not be written to.")
    lists.command("add")(add)
    lists.command("remove")(remove)
    lists.command("import")(import_)
    lists.command("list")(list_)
    app.add_typer(lists, name="suppress")


def add(
    addresses: Addresses,
    scope: Scope = "",
    reason: Reason = "",
    config: ConfigFile = None,
    server: Server = "",
    key_file: KeyFile = None,
    json_: AsJson = False,
) -> None:
    """Add addresses to a scope."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        answer = client.suppress(addresses, scope, reason)
        told = {"total": answer.total, "added": answer.added}
        out.json(told) if json_ else out.say(f"{answer.added:,} of {answer.total:,} addresses were new")


def remove(
    addresses: Addresses,
    scope: Scope = "",
    config: ConfigFile = None,
    server: Server = "",
    key_file: KeyFile = None,
    json_: AsJson = False,
) -> None:
    """Take addresses out of a scope."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        removed = client.unsuppress(addresses, scope)
        out.json({"removed": removed}) if json_ else out.say(f"{removed:,} addresses taken out")


def import_(
    file: Annotated[Path, typer.Argument(help="A text file with one address a line, or a CSV with --column; - for stdin.")],
    column: Annotated[str, typer.Option("--column", help="The CSV column that holds the address.")] = "",
    scope: Scope = "",
    reason: Reason = "",
    config: ConfigFile = None,
    server: Server = "",
    key_file: KeyFile = None,
    json_: AsJson = False,
) -> None:
    """Add all addresses of a file; nothing is added when one of them is none."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        from hongyan_client import HongyanClientError
        from hongyan_client.errors import problem

        numbers, addresses = read_addresses(file, column)
        try:
            answer = client.suppress(addresses, scope, reason)
        except HongyanClientError as error:
            moved = [problem(str(file), p.message, numbers[p.line - 1] if p.line else 0, column) for p in error.problems]
            raise HongyanClientError(error.code, error.text, tuple(moved), error.total) from error
        told = {"total": answer.total, "added": answer.added}
        out.json(told) if json_ else out.say(f"{answer.added:,} of {answer.total:,} addresses were new")


def read_addresses(file: Path, column: str) -> tuple[list[int], list[str]]:
    """Line numbers and addresses; empty lines are passed over."""
    from hongyan_client import HongyanClientError
    from hongyan_client.errors import problem

    def refused(why: str, line: int = 0) -> HongyanClientError:
        return HongyanClientError("INVALID_ARGUMENT", why, (problem(str(file), why, line, column),))

    try:
        from_stdin = str(file) == "-"
        with nullcontext(sys.stdin) if from_stdin else file.open(encoding="utf-8-sig", newline="") as stream:
            found = list(_from_column(stream, column) if column else _from_lines(stream))
    except OSError as error:
        raise refused(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise refused("is not UTF-8: save it as UTF-8") from error
    except KeyError as error:
        raise refused("there is no such column in the first line") from error
    if not found:
        raise refused("holds no address")
    return [n for n, _ in found], [a for _, a in found]


def _from_lines(stream: Iterable[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(stream, 1):
        if line.strip():
            yield number, line.strip()


def _from_column(stream: Iterable[str], column: str) -> Iterator[tuple[int, str]]:
    reader = csv.DictReader(stream)
    if column not in (reader.fieldnames or ()):
        raise KeyError(column)
    for line in reader:
        if address := (line[column] or "").strip():
            yield reader.line_num, address


def list_(
    scope: Annotated[list[str] | None, typer.Option("--scope", help="Scope; may be repeated; default: global.")] = None,
    config: ConfigFile = None,
    server: Server = "",
    key_file: KeyFile = None,
    json_: AsJson = False,
) -> None:
    """List the addresses of scopes."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        from hongyan_client.messages import to_dict

        found = client.suppressions(scope or ())
        if json_:
            for one in found:
                out.json(to_dict(one))
            return
        rows = [(s.address, s.scope, s.reason, local_time(s.since.seconds)) for s in found]
        out.table(("address", "scope", "reason", "since"), rows)
