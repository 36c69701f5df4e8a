"""Rows that nobody takes: tried on a curve until `retry_for` or the deadline, then expired; never sent late."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from actors.conductor.filling import LATE_SECONDS
from actors.model.ports import RowStory
from actors.model.states import JobState
from sandbox import Sandbox
from tests.e2e.mailing_world import arrivals, bundle, people, routes_to, world

ROWS = 10
NEVER = {"rules": [{"domain": "never.test", "reply": "451 4.3.2 come back later"}]}


async def tried(folder: Path, rule: dict[str, str], retry_for: str, step: float) -> list[RowStory]:
    """The stories of rows that are deferred for ever, beside others that are delivered; the clock moves by `step`."""
    files = bundle(people("never.test", ROWS) + people("one.test", ROWS), {"delivery": {"retry_for": retry_for}})
    async with Sandbox({"rules": [rule]}) as sandbox, world(folder, routes_to(sandbox, "*"), retry_scale=1.0) as made:
        job = (await made.submit(files)).record.job
        await made.reach(job, lambda s: s.attempts == 2 * ROWS)
        await made.ended_ahead(job, step)
        await made.reconcile(job, sandbox.messages)
        stories = [await made.story(job, row) for row in range(ROWS)]
    assert made.results(job).summary["equation"] == f"{2 * ROWS} = {ROWS} delivered + {ROWS} expired"
    return stories


def pauses(story: RowStory) -> list[float]:
    """Seconds between the attempts."""
    times = [d["at"] for d in story.deferrals] + [story.line.last_at]
    return [later - earlier for earlier, later in pairwise(times)]


async def test_rows_are_tried_until_retry_for_is_over(tmp_path: Path) -> None:
    rule = {"domain": "never.test", "reply": "452 4.2.2 mailbox full"}
    for story in await tried(tmp_path, rule, "16h", 1500.0):
        line = story.line
        assert (line.state.label, line.blame, line.code) == ("expired", "recipient", 452)
        assert line.attempts == len(story.deferrals) + 1 in (4, 5)
        # The pauses are 1, 2, 4 and 8 hours, each up to half longer.
        for pause, least in zip(pauses(story), (3600, 7200, 14_400, 28_800), strict=False):
            assert least <= pause <= least * 1.5 + 1501.0
        assert line.last_at - line.first_at <= 16 * 3600.0


async def test_rows_of_a_busy_site_wait_with_its_lane_and_end_in_time(tmp_path: Path) -> None:
    """The lane is closed while nobody gets through, so rows are tried less often than their curve would have it."""
    for story in await tried(tmp_path, NEVER["rules"][0], "4h", 400.0):
        line = story.line
        assert line.state.label == "expired"
        # hand: opened, and not begun before the lane closed; it is no attempt and goes again at once
        blames = [*(d["blame"] for d in story.deferrals), *([line.blame] if line.stage != "hand" else [])]
        assert line.attempts == len(blames)
        assert set(blames) == {"busy"}
        assert blames.count("busy") in range(2, 8)
        assert all(pause >= 300.0 for pause, blame in zip(pauses(story), blames, strict=False) if blame == "busy")
        assert line.last_at - line.first_at <= 4 * 3600.0 + LATE_SECONDS + 400.0


async def test_a_deadline_ends_the_job_and_nothing_leaves_after_it(tmp_path: Path) -> None:
    async with Sandbox(NEVER) as sandbox, world(tmp_path, routes_to(sandbox, "*")) as made:
        deadline = datetime.fromtimestamp(made.clock() + 3600.0, UTC).isoformat(timespec="seconds")
        files = bundle(people("never.test", ROWS) + people("one.test", ROWS), {"schedule": {"deadline": deadline}})
        job = (await made.submit(files)).record.job
        await made.reach(job, lambda s: s.attempts >= 3 * ROWS)
        await made.advance(3600.0)
        status = await made.ended(job)
        await made.reconcile(job, sandbox.messages)
        lines = await made.lines(job)
        seen = sandbox.counts.domains["never.test"][1]
        await made.advance(3600.0)
        assert sandbox.counts.domains["never.test"][1] == seen
    assert (status.record.state, status.record.reason) == (JobState.DONE, "deadline")
    assert [lines[row].state.label for row in range(2 * ROWS)] == ["expired"] * ROWS + ["delivered"] * ROWS
    assert made.results(job).summary["equation"] == f"{2 * ROWS} = {ROWS} delivered + {ROWS} expired"


async def test_a_job_whose_time_never_came_is_expired_whole(tmp_path: Path) -> None:
    """Start and deadline pass while the job is paused."""
    async with Sandbox() as sandbox, world(tmp_path, routes_to(sandbox, "*")) as made:
        start, deadline = (
            datetime.fromtimestamp(made.clock() + wait, UTC).isoformat(timespec="seconds") for wait in (1800.0, 3600.0)
        )
        files = bundle(people("one.test", ROWS), {"schedule": {"start": start, "deadline": deadline}})
        job = (await made.submit(files)).record.job
        await made.reach(job, lambda s: s.record.state is JobState.SCHEDULED)
        await made.ledger.move_job(job, JobState.PAUSED, "by a person")
        await made.advance(3601.0)
        status = await made.ended(job)
        await made.reconcile(job, sandbox.messages)
    assert status.attempts == 0
    assert arrivals(job, sandbox.messages) == {}
    assert made.results(job).summary["equation"] == f"{ROWS} = {ROWS} expired"
