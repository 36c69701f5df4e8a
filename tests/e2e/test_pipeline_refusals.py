"""Refusals that speak about a mailbox end the row; refusals that speak about the sending address move it to another one."""

from pathlib import Path

from sandbox import Sandbox
from tests.e2e.mailing_world import EGRESSES, bundle, people, routes_to, world

SCRIPT = {
    "rules": [
        {"recipient": "gone*", "reply": "550 5.1.1 no such user here"},
        # Whichever address comes first is on somebody's list.
        {"domain": "picky.test", "attempt": 1, "reply": "554 5.7.1 client host is listed by bl.example.test"},
    ]
}


async def test_unknown_users_bounce_at_once(tmp_path: Path) -> None:
    gone, fine = people("one.test", 20, "gone"), people("one.test", 30)
    async with Sandbox(SCRIPT) as sandbox, world(tmp_path, routes_to(sandbox, "*")) as made:
        job = await made.send(bundle(gone + fine))
        arrived = await made.reconcile(job, sandbox.messages)
        lines = await made.lines(job)
    assert set(arrived) == set(range(20, 50))
    assert {m.recipients for m in sandbox.messages} == {(a,) for a in fine}
    for row in range(20):
        line = lines[row]
        assert (line.state.label, line.blame, line.stage, line.code, line.enhanced) == (
            "bounced",
            "recipient",
            "rcpt",
            550,
            "5.1.1",
        )
        assert (line.reply, line.attempts, line.egress) == ("no such user here", 1, EGRESSES[0])
    assert made.results(job).summary["equation"] == "50 = 30 delivered + 20 bounced"


async def test_a_blocked_address_hands_its_rows_to_another(tmp_path: Path) -> None:
    async with Sandbox(SCRIPT) as sandbox, world(tmp_path, routes_to(sandbox, "*"), EGRESSES) as made:
        job = await made.send(bundle(people("picky.test", 60) + people("one.test", 60)))
        arrived = await made.reconcile(job, sandbox.messages)
        lines = await made.lines(job)
        stories = [await made.story(job, row) for row in range(60)]
    assert set(arrived) == set(range(120))
    sources = {m.recipients[0]: m.source for m in sandbox.messages}
    for row, story in enumerate(stories):
        (deferral,) = story.deferrals
        assert (deferral["blame"], deferral["code"], deferral["stage"]) == ("egress", 554, "rcpt")
        assert (lines[row].egress, lines[row].attempts) == (sources[f"user{row}@picky.test"], 2)
        assert {deferral["egress"], lines[row].egress} == set(EGRESSES)
    assert sandbox.counts.domains == {"picky.test": [60, 0, 60], "one.test": [60, 0, 0]}
    assert all(lines[row].attempts == 1 for row in range(60, 120))
