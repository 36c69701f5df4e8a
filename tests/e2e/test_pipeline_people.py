"""What people do to a running job: pause, resume, cancel. Rows on the wire end as they end; the others wait, or are over."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from actors.model.job import JobStatus
from actors.model.states import JobState, RowState
from sandbox import Sandbox
from tests.e2e.mailing_world import World, arrivals, bundle, people, routes_to, world

ROWS = 600
SLOW = {"rules": [{"domain": "one.test", "at": "dot", "delay": "25ms"}]}
LANES = {"start": 2, "most": 2}  # some 80 mails a second


def on_the_wire(status: JobStatus) -> bool:
    return status.counts.get(RowState.TRANSMITTING, 0) > 0 and status.counts.get(RowState.DELIVERED, 0) > 5


async def quiet(made: World, job: str) -> JobStatus:
    return await made.reach(job, lambda s: not s.counts.get(RowState.TRANSMITTING), "nothing on the wire")


async def test_pause_and_resume(tmp_path: Path) -> None:
    async with Sandbox(SLOW) as sandbox, world(tmp_path, routes_to(sandbox, "*"), lanes=LANES) as made:
        job = (await made.submit(bundle(people("one.test", 100)))).record.job
        for _ in range(2):
            await made.reach(job, on_the_wire, "mails on the wire")
            await made.ledger.move_job(job, JobState.PAUSED, "wrong picture")
            paused = await quiet(made, job)
            assert (paused.record.state, paused.record.reason) == (JobState.PAUSED, "wrong picture")
            # What was on the wire has ended: arrived and delivered are the same, and stay so while senders go on asking.
            assert sum(arrivals(job, sandbox.messages).values()) == paused.counts[RowState.DELIVERED] < 100
            await made.advance(60.0)
            assert (await made.ledger.status(job)).counts == paused.counts
            assert sum(arrivals(job, sandbox.messages).values()) == paused.counts[RowState.DELIVERED]
            await made.ledger.move_job(job, JobState.RUNNING)
        status = await made.ended(job)
        arrived = await made.reconcile(job, sandbox.messages)
    assert set(arrived) == set(range(100))
    assert (status.attempts, status.doubts) == (100, 0)


async def test_cancel_in_the_middle(tmp_path: Path) -> None:
    async with Sandbox(SLOW) as sandbox, world(tmp_path, routes_to(sandbox, "*"), lanes=LANES) as made:
        job = (await made.submit(bundle(people("one.test", ROWS)))).record.job
        await made.reach(job, on_the_wire, "mails on the wire")
        record = await made.ledger.move_job(job, JobState.CANCELLED, "by a person")
        wire = (await made.ledger.status(job)).counts.get(RowState.TRANSMITTING, 0)
        status = await made.ended(job)
        arrived = await made.reconcile(job, sandbox.messages)
    assert (record.state, wire > 0) == (JobState.CANCELLED, True)
    assert set(status.counts) == {RowState.DELIVERED, RowState.CANCELLED}
    assert len(arrived) == status.counts[RowState.DELIVERED] == status.attempts
    assert status.doubts == 0


async def test_cancel_while_rows_wait_for_their_retry(tmp_path: Path) -> None:
    script = {"rules": [{"reply": "451 4.3.2 come back later"}]}
    async with Sandbox(script) as sandbox, world(tmp_path, routes_to(sandbox, "*"), retry_scale=1.0) as made:
        job = (await made.submit(bundle(people("one.test", 20)))).record.job
        await made.reach(job, lambda s: s.counts.get(RowState.DEFERRED) == 20)
        await made.ledger.move_job(job, JobState.CANCELLED)
        await made.ended(job)
        await made.reconcile(job, sandbox.messages)
        lines = await made.lines(job)
        await made.advance(7200.0)
        assert sandbox.counts.deferred == 20
    assert {(line.state.label, line.attempts, line.code) for line in lines.values()} == {("cancelled", 1, 451)}


async def test_a_pause_window_holds_the_job_and_lets_it_go(tmp_path: Path) -> None:
    async with Sandbox() as sandbox, world(tmp_path, routes_to(sandbox, "*")) as made:
        now = datetime.fromtimestamp(made.clock(), UTC)
        window = f"{now:%H}:00-{(now.hour + 2) % 24:02d}:00"
        files = bundle(people("one.test", 20), {"schedule": {"pause": [window], "timezone": "UTC"}})
        job = (await made.submit(files)).record.job
        await made.advance(30.0)
        held = await made.ledger.status(job)
        assert (held.record.state, held.counts) == (JobState.RUNNING, {RowState.PENDING: 20})
        await made.advance(2 * 3600.0)
        await asyncio.wait_for(made.ended(job), 20)
        assert len(await made.reconcile(job, sandbox.messages)) == 20
