"""`hongyan replies`: replies whose words nobody knows, and what was learned of them."""

from typing import Annotated, Any

import typer

from gateway.cli.output import AsJson, report
from gateway.cli.target import ConfigFile, KeyFile, Server, client_for

MEANINGS = {
    "egress": "our address",
    "content": "a job's content",
    "recipient": "the recipient, for a while",
    "": "not known: tried again",
}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(replies)


def replies(
    site: Annotated[str, typer.Option("--site", help="Only replies of this destination.")] = "",
    config: ConfigFile = None,
    server: Server = "",
    key_file: KeyFile = None,
    json_: AsJson = False,
) -> None:
    """Show the replies whose words nobody knows: how often they came, whom they were found to speak about, and why."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        found = client.unknown_replies(site)
        if out.as_json:
            from hongyan_client.messages import to_dict

            out.json({"replies": [to_dict(reply) for reply in found]})
        elif not found:
            out.say("every reply so far was understood")
        else:
            heads = ("site", "reply", "times", "egresses", "jobs", "speaks about", "why")
            out.table(heads, [_cells(reply) for reply in found], right=("times", "egresses", "jobs"))


def _cells(reply: Any) -> tuple[str, ...]:
    from actors.model.sitenames import spoken

    return (
        spoken(reply.site),
        " ".join(part for part in (str(reply.code), reply.enhanced, reply.words) if part),
        f"{reply.count:,}",
        str(len(reply.egresses)),
        str(reply.jobs),
        f"{MEANINGS.get(reply.blame, reply.blame)} {reply.of}".strip(),
        f"{reply.why} ({reply.confidence:.1%} sure)" if reply.why else "",
    )
