"""`hongyan key add|list`: API keys of accounts, in the gateway's keys file on this machine."""

from typing import Annotated

import typer

from gateway.cli.jobs import local_time
from gateway.cli.output import AsJson, report
from gateway.cli.target import ConfigFile


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    keys = typer.Typer(no_args_is_help=True, help="API keys of accounts.")
    keys.command("add")(add)
    keys.command("list")(list_)
    app.add_typer(keys, name="key")


def add(
    account: Annotated[str, typer.Argument(help="Account that the key speaks for; made by its first key.")],
    note: Annotated[str, typer.Option("--note", help="Whose key it is, for people.")] = "",
    config: ConfigFile = None,
    json_: AsJson = False,
) -> None:
    """Make a key and show it, once. A running gateway knows it within a second."""
    with report(json_) as out:
        import time

        from cluster.config import load
        from gateway.rpc.auth import add_key, new_key

        file, key = load(config).keys_file, new_key()
        add_key(file, account, key, time.time(), note)
        out.json({"account": account, "key": key}) if json_ else out.say(key)


def list_(config: ConfigFile = None, json_: AsJson = False) -> None:
    """Show which keys there are; to take one away, delete its line in the keys file."""
    with report(json_) as out:
        from cluster.config import load
        from gateway.rpc.auth import read_entries

        file = load(config).keys_file
        entries = read_entries(file)
        if json_:
            found = [{"account": e.account, "sha256": e.sha256, "created": e.created, "note": e.note} for e in entries]
            out.json({"file": str(file), "keys": found})
            return
        rows = [(n, e.account, e.sha256[:12], local_time(int(e.created)), e.note) for n, e in enumerate(entries, 1)]
        out.table(("line", "account", "sha256", "created", "note"), rows, right=("line",))
