"""`hongyan replay FILE`: makes the lanes' decisions again from what they were made from. Needs no server."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.jobs import local_time
from gateway.cli.output import AsJson, report


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(replay)


def replay(
    file: Annotated[Path, typer.Argument(help="What `hongyan lanes --history 1000 --whole --json` has written.")],
    json_: AsJson = False,
) -> None:
    """Make the decisions in FILE again: the same state, report, view and time must give the same limits."""
    with report(json_) as out:
        from actors.model.sitenames import spoken
        from actors.reputation.journal import from_json
        from actors.reputation.lanes import replay as made_again

        decisions = [from_json(text) for text in decisions_of(file)]
        others = [(decision, limits) for decision in decisions if (limits := made_again(decision)) != decision.new]
        if out.as_json:
            differ = [{"at": d.at, "site": d.site, "egress": d.egress, "rule": d.rule} for d, _ in others]
            out.json({"decisions": len(decisions), "same": len(decisions) - len(others), "differ": differ})
        else:
            out.say(f"{len(decisions):,} decisions made again, {len(decisions) - len(others):,} with the same limits")
            for d, limits in others:
                out.say(
                    f"{local_time(int(d.at))}  {d.egress} -> {spoken(d.site)}: {d.rule}\n    was  {d.new}\n    now  {limits}"
                )
        if others:
            raise typer.Exit(1)


def decisions_of(file: Path) -> list[str]:
    """The decisions' texts in the file. InvalidInput names what is wrong with it."""
    from actors.model.errors import InvalidInput, Problem

    def wrong(what: str) -> InvalidInput:
        return InvalidInput((Problem(str(file), what),))

    try:
        found: Any = json.loads(file.read_text("utf-8"))
        texts = [decision.get("data", "") for decision in found["decisions"]]
    except OSError as error:
        raise wrong(f"cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise wrong("is no output of `hongyan lanes --history N --whole --json`") from error
    if not all(isinstance(text, str) and text for text in texts):
        raise wrong("tells limits only: write it with --whole")
    return texts
