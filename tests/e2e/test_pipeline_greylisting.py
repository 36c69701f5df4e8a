"""A greylisting site puts the first try off; the same address comes back later with the same mail, and it is taken."""

from pathlib import Path

from sandbox import Sandbox
from tests.e2e.mailing_world import EGRESSES, bundle, people, routes_to, world

SCRIPT = {"rules": [{"domain": "grey.test", "greylist": "200ms"}]}


async def test_greylisted_rows_are_taken_when_they_come_back(tmp_path: Path) -> None:
    async with Sandbox(SCRIPT) as sandbox, world(tmp_path, routes_to(sandbox, "*")) as made:
        job = await made.send(bundle(people("grey.test", 100) + people("one.test", 20)))
        arrived = await made.reconcile(job, sandbox.messages)
        lines = await made.lines(job)
        stories = [await made.story(job, row) for row in range(100)]
    assert set(arrived) == set(range(120))
    for row, story in enumerate(stories):
        (deferral,) = story.deferrals
        assert (deferral["blame"], deferral["code"], deferral["enhanced"]) == ("busy", 450, "4.7.1")
        assert (lines[row].egress, lines[row].attempts) == (deferral["egress"], 2) == (EGRESSES[0], 2)
        assert lines[row].first_at == deferral["at"] < lines[row].last_at
    assert sandbox.counts.domains == {"grey.test": [100, 100, 0], "one.test": [20, 0, 0]}
    assert made.results(job).summary["equation"] == "120 = 120 delivered"
