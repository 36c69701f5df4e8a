"""Receivers that say 421: after some mails of a connection, at connect, in the middle of a mail. No mail is lost or doubled."""

from collections import Counter
from pathlib import Path

from sandbox import Sandbox
from tests.e2e.mailing_world import bundle, people, routes_to, world

ROWS = 100
SCRIPT = {
    "rules": [
        {"host": "127.0.0.11", "messages": 7},
        {"domain": "closing.test", "at": "dot", "attempt": 1, "reply": "421 4.3.2 the system goes down"},
    ]
}


async def test_connections_that_are_closed_with_421(tmp_path: Path) -> None:
    addresses = people("few.test", ROWS) + people("closing.test", 5)
    async with (
        Sandbox(SCRIPT, listen=[("127.0.0.11", 0), ("127.0.0.12", 0)]) as sandbox,
        world(tmp_path, routes_to(sandbox, "few.test", "*")) as made,
    ):
        job = await made.send(bundle(addresses))
        arrived = await made.reconcile(job, sandbox.messages)
        lines = await made.lines(job)
        stories = [await made.story(job, row) for row in range(ROWS, ROWS + 5)]
    assert arrived == Counter(range(ROWS + 5))
    assert {line.state.label for line in lines.values()} == {"delivered"}
    # The limit of a connection is no word about a mail: its next one finds another connection.
    assert all(line.attempts == 1 for row, line in lines.items() if row < ROWS)
    for story in stories:
        assert story.line.attempts == 1 + len(story.deferrals)
        assert ("dot", "busy", 421) in [(d["stage"], d["blame"], d["code"]) for d in story.deferrals]
    assert all(line.in_doubt == 0 for line in lines.values())


async def test_a_receiver_that_takes_one_connection(tmp_path: Path) -> None:
    script = {"rules": [{"source": "127.0.0.2", "connections": 1}]}
    async with Sandbox(script) as sandbox, world(tmp_path, routes_to(sandbox, "*")) as made:
        job = await made.send(bundle(people("one.test", ROWS)))
        arrived = await made.reconcile(job, sandbox.messages)
        lines = await made.lines(job)
    assert arrived == Counter(range(ROWS))
    assert {line.attempts for line in lines.values()} == {1}
    assert sandbox.counts.deferred > 0
