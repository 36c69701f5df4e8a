"""Connections that break: inside a message its row is deferred, after its final dot the row is in doubt and handled as the job
says."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from actors.model.states import JobState, OnDoubt
from sandbox import Sandbox
from tests.e2e.mailing_world import World, arrivals, bundle, people, routes_to, world

ROWS = 40
LISTEN = [("127.0.0.11", 0), ("127.0.0.12", 0)]
# So that a broken connection takes no second mail with it.
NO_PIPELINING = {"host": "127.0.0.11", "without": ["pipelining"]}
AFTER_THE_DOT = {"domain": "broken.test", "at": "dot", "attempt": 1, "drop": True}


async def test_a_connection_lost_inside_a_message_defers_the_row(tmp_path: Path) -> None:
    # Two drops each: the sender tries a mail on two connections before it puts the row off. The large one cannot be written
    # whole before its connection is gone.
    rules = [{"domain": f"{at}.test", "at": at, "attempt": "1-2", "drop": True} for at in ("data", "body")]
    files = bundle(["a@data.test", "b@body.test", *people("one.test", 10)], {"content": {"attachments": ["{{ id }}.bin"]}})
    files |= {f"{row:05d}.bin": b"x" * (12_000_000 if row == 1 else 10) for row in range(12)}
    listen = [*LISTEN, ("127.0.0.13", 0)]
    async with (
        Sandbox({"rules": rules}, listen=listen) as sandbox,
        world(tmp_path, routes_to(sandbox, "data.test", "body.test", "*")) as made,
    ):
        job = await made.send(files)
        arrived = await made.reconcile(job, sandbox.messages)
        lines = await made.lines(job)
        stories = [await made.story(job, row) for row in range(2)]
    assert arrived == Counter(range(12))
    assert sandbox.counts.dropped == 4
    for row, story in enumerate(stories):
        (deferral,) = story.deferrals
        assert (deferral["blame"], deferral["stage"], deferral["code"]) == ("network", "data", 0)
        assert (lines[row].state.label, lines[row].attempts, story.doubts) == ("delivered", 2, [])
    assert all((line.attempts, line.in_doubt) == (1, 0) for row, line in lines.items() if row > 1)


async def lost_after_the_dot(folder: Path, on_doubt: str, keep: bool) -> tuple[World, Sandbox, str]:
    script = {"rules": [NO_PIPELINING, AFTER_THE_DOT | ({"keep": True} if keep else {})]}
    files = bundle(people("broken.test", 5) + people("one.test", ROWS), {"delivery": {"on_doubt": on_doubt}})
    async with Sandbox(script, listen=LISTEN) as sandbox, world(folder, routes_to(sandbox, "broken.test", "*")) as made:
        job = await made.send(files)
        await made.reconcile(job, sandbox.messages)
        status, lines = await made.ledger.status(job), await made.lines(job)
        stories = [await made.story(job, row) for row in range(5)]
    assert status.record.state is JobState.DONE
    assert status.doubts == 5
    assert all(lines[row].in_doubt == 1 for row in range(5))
    assert all((lines[row].state.label, lines[row].in_doubt) == ("delivered", 0) for row in range(5, 5 + ROWS))
    for story in stories:
        (doubt,) = story.doubts
        assert (doubt["cause"], doubt["egress"], doubt["attempt"]) == ("connection", "127.0.0.2", 1)
    assert made.results(job).summary["doubts"] == 5
    assert sorted(d["row"] for d in made.results(job).summary["doubt_rows"]) == list(range(5))
    return made, sandbox, job


@pytest.mark.parametrize("keep", [False, True], ids=["mail lost", "only the reply lost"])
@pytest.mark.parametrize(("on_doubt", "state"), [("skip", "skipped"), ("hold", "in_doubt"), ("expire", "expired")])
async def test_rows_in_doubt_end_as_the_job_says(tmp_path: Path, on_doubt: str, state: str, keep: bool) -> None:
    made, sandbox, job = await lost_after_the_dot(tmp_path, on_doubt, keep)
    summary = made.results(job).summary
    assert summary["equation"].split(" = ")[1].split(" + ") == [f"{ROWS} delivered", f"5 {state}"]
    assert summary["attempts"] == ROWS + 5
    arrived = arrivals(job, sandbox.messages)
    assert [arrived[row] for row in range(5)] == [int(keep)] * 5


@pytest.mark.parametrize("keep", [False, True], ids=["mail lost", "only the reply lost"])
async def test_rows_in_doubt_are_sent_again_as_the_same_bytes(tmp_path: Path, keep: bool) -> None:
    made, sandbox, job = await lost_after_the_dot(tmp_path, "resend", keep)
    summary = made.results(job).summary
    assert summary["equation"] == f"{ROWS + 5} = {ROWS + 5} delivered"
    assert summary["attempts"] == ROWS + 10
    arrived = arrivals(job, sandbox.messages)
    assert [arrived[row] for row in range(5)] == [1 + int(keep)] * 5
    for row in range(5):
        bodies = {m.data for m in sandbox.messages if m.recipients == (f"user{row}@broken.test",)}
        assert len(bodies) == 1


async def test_a_person_decides_on_rows_that_are_held(tmp_path: Path) -> None:
    """The job is done; two rows go out again as the same bytes, the others are given up, and the result files say so."""
    script = {"rules": [NO_PIPELINING, AFTER_THE_DOT | {"keep": True}]}
    files = bundle(people("broken.test", 5) + people("one.test", ROWS), {"delivery": {"on_doubt": "hold"}})
    async with Sandbox(script, listen=LISTEN) as sandbox, world(tmp_path, routes_to(sandbox, "broken.test", "*")) as made:
        job = await made.send(files)
        assert made.results(job).summary["counts"]["in_doubt"] == 5
        for word, rows, settled in ((OnDoubt.RESEND, np.array([1, 3]), 2), (OnDoubt.SKIP, None, 3)):
            assert await made.ledger.decide(job, word, rows) == settled

            async def told(left: int = 5 - settled if word is OnDoubt.RESEND else 0) -> bool:
                done = (await made.ledger.status(job)).record.state is JobState.DONE
                counts = made.summary(job).get("counts")
                return done and counts is not None and counts.get("in_doubt", 0) == left

            await made.until(told, "result files with what was decided")
        arrived = await made.reconcile(job, sandbox.messages)
    assert made.results(job).summary["equation"] == f"{ROWS + 5} = {ROWS + 2} delivered + 3 skipped"
    assert [arrived[row] for row in range(5)] == [1, 2, 1, 2, 1]
    for row in (1, 3):
        assert len({m.data for m in sandbox.messages if m.recipients == (f"user{row}@broken.test",)}) == 1


async def test_a_site_that_never_answers_the_dot_gets_few_copies(tmp_path: Path) -> None:
    """Not one a second for ever: the pauses grow, and after `retry_for` the row has expired."""
    script = {"rules": [{"at": "dot", "drop": True, "keep": True}]}
    files = bundle(["one@broken.test"], {"delivery": {"retry_for": "1s"}})
    async with Sandbox(script) as sandbox, world(tmp_path, routes_to(sandbox, "*"), retry_scale=0.002) as made:
        job = await made.send(files)
        arrived = arrivals(job, sandbox.messages)
        status, story = await made.ledger.status(job), await made.story(job, 0)
    # 2, 5 and 10 minutes, each up to half longer, in thousandths times two: the third pause would end after one second.
    assert arrived == {0: 3} or arrived == {0: 2}
    assert (story.line.state.label, story.line.attempts) == ("expired", arrived[0])
    assert [d["became"] for d in story.doubts] == ["deferred"] * (arrived[0] - 1) + ["expired"]
    assert status.doubts == 1
    assert len({m.data for m in sandbox.messages}) == 1
