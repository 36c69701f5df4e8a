"""`hongyan why JOB ROW`: a row's whole story, each attempt with what the receiver said and what was made of it."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from gateway.cli.jobs import JobId, local_time
from gateway.cli.output import AsJson, report
from gateway.cli.target import ConfigFile, KeyFile, Server, client_for

# Whom a reply speaks about (actors.model.states.Blame), and what follows from it.
MEANINGS = {
    "": "",
    "recipient": "it speaks about the recipient",
    "egress": "it speaks about our sending address, not about the recipient: another one is asked, nobody is suppressed",
    "sender_domain": "it speaks about the sender's domain (SPF, DKIM, DMARC): `hongyan doctor` says which record to mend",
    "content": "it speaks about the message",
    "busy": "the receiver wants it later",
    "network": "the connection or the DNS failed: nothing is said about the recipient",
    "us": "it is ours to mend",
}
NEAR_SECONDS = 60  # decisions about a lane so near to an attempt are told beside it
CAUSES = {"crash": "the sender stopped before the reply was noted", "connection": "the connection ended before the reply came"}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(why)


def why(
    job: JobId,
    row: Annotated[int, typer.Argument(min=0, help="The row's number, from 0.")],
    config: ConfigFile = None,
    server: Server = "",
    key_file: KeyFile = None,
    json_: AsJson = False,
) -> None:
    """Tell all that is known of one row: attempts, replies, blame, doubts, what is next."""
    with report(json_) as out, client_for(config, server, key_file) as client:
        from hongyan_client.messages import state_label, to_dict

        found = client.why(job, row)
        decisions = list(decided(client, found))
        if out.as_json:
            out.json(to_dict(found) | {"decisions": [to_dict(d) for d in decisions]})
            return
        outcome = found.outcome
        tries = f"{outcome.attempts} attempt{'' if outcome.attempts == 1 else 's'}"
        out.say(f"row {row}: {state_label(outcome.state)}, {tries}")
        for line in told(found, decisions, state_label):
            out.say(line)


def decided(client: Any, found: Any) -> Iterator[Any]:
    """What was decided about the lanes of the attempts while they went on."""
    attempts = [a for a in (*found.earlier, found.outcome) if a.site and a.egress]
    times: dict[tuple[str, str], list[int]] = {}
    for attempt in attempts:
        end = attempt.last_at if attempt is found.outcome else attempt.at
        times.setdefault((attempt.site, attempt.egress), []).append(end.seconds)
    for (site, egress), ends in times.items():
        for decision in client.decisions(site, egress, 1000):
            if any(abs(decision.at.seconds - end) <= NEAR_SECONDS for end in ends):
                yield decision


def told(found: Any, decisions: Sequence[Any], state_label: Any) -> Iterator[str]:
    """The lines of a story (WhyResponse) and of the decisions beside it, oldest first."""
    from actors.model.sitenames import spoken

    outcome = found.outcome
    events = [(a.at.seconds, a.at.nanos, _attempt(a)) for a in found.earlier]
    events += [(d.at.seconds, d.at.nanos, _doubt(d, state_label)) for d in found.doubts]
    events += [(d.at.seconds, d.at.nanos, f"{d.egress} -> {spoken(d.site)}: lane, {d.rule}: {d.why}") for d in decisions]
    if outcome.stage and outcome.HasField("last_at"):
        events.append((outcome.last_at.seconds, outcome.last_at.nanos, _attempt(outcome)))
    for seconds, _, text in sorted(events, key=lambda e: e[:2]):
        yield f"{local_time(seconds)}  {text}"
    if found.HasField("next_at"):
        beside = f", by another address than {', '.join(found.avoid.split())} if there is one" if found.avoid else ""
        if found.avoid.startswith("="):
            beside = f", by {found.avoid[1:]} again: the site greylists"
        yield f"{local_time(found.next_at.seconds)}  next attempt{beside}"


def _attempt(attempt: Any) -> str:
    """An Attempt, or an Outcome's last one."""
    from actors.model.sitenames import base_of, spoken

    lane = f"{attempt.egress} -> {spoken(attempt.site)}" if attempt.site else attempt.egress
    host = f" ({attempt.host})" if attempt.host not in ("", base_of(attempt.site)) else ""
    said = " ".join(part for part in (str(attempt.code or ""), attempt.enhanced, attempt.reply) if part) or "no reply"
    meaning = MEANINGS.get(attempt.blame, attempt.blame) + (f" ({attempt.reason})" if attempt.reason else "")
    if attempt.reason == "learned":
        meaning += f": nobody knew these words, `hongyan replies --site '{base_of(attempt.site)}'` tells how it was found"
    return f"{lane}{host}, {attempt.stage}: {said}" + (f"\n    {meaning}" if meaning else "")


def _doubt(doubt: Any, state_label: Any) -> str:
    cause = CAUSES.get(doubt.cause, doubt.cause)
    opened = local_time(doubt.opened_at.seconds)
    return (
        f"{doubt.egress}, attempt {doubt.attempt}, begun {opened}: in doubt, {cause}; by the job's on_doubt it became "
        f"{state_label(doubt.became)}"
    )
