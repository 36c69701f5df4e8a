"""Rows that never leave: invalid, duplicate, suppressed, skipped by the template, failed in it; and a job that stops at too
many of the last."""

from pathlib import Path

from actors.model.states import JobState, RowState
from cluster import names
from sandbox import Sandbox
from tests.e2e.mailing_world import ACCOUNT, EGRESSES, arrivals, bundle, routes_to, world

ADDRESSES = [
    "ann@one.test",  # 0
    "no-at-sign",  # 1 invalid
    "bob@one.test",  # 2 suppressed, global
    "ANN@one.test",  # 3 sent: the part before the @ is compared exactly
    "ann@ONE.test",  # 4 duplicate
    "carl@one.test",  # 5 suppressed, marketing
    "dora@one.test",  # 6 skipped
    "emil@one.test",  # 7 render_error
    "fritz@one.test",  # 8 sent: on another account's list
    "",  # 9 invalid
    "gerd@one.test",  # 10 sent: on a list that the job does not name
]
BODY = (
    "{{ skip_recipient(email == 'dora@one.test', 'account closed') }}"
    "{{ require(email != 'emil@one.test', 'no policy number') }}Dear {{ name }}\n"
)


async def test_each_row_that_is_not_sent_has_its_state_and_reason(tmp_path: Path) -> None:
    control = {"content": {"max_render_errors": "0.5"}, "list": {"rules": {"suppress": ["global", "marketing"]}}}
    async with Sandbox() as sandbox, world(tmp_path, routes_to(sandbox, "*")) as made:
        ledger = made.local.port(names.LEDGER)
        await ledger.suppress(ACCOUNT, "global", ["Bob@one.test"], "asked us to stop")
        await ledger.suppress(ACCOUNT, "marketing", ["carl@one.test"], "unsubscribed")
        await ledger.suppress(ACCOUNT, "surveys", ["gerd@one.test"], "no surveys")
        await ledger.suppress("rival", "global", ["fritz@one.test"], "asked them")
        job = await made.send(bundle(ADDRESSES, control, body_txt=BODY))
        await made.reconcile(job, sandbox.messages)
        lines = await made.lines(job)
    states = [lines[row].state.label for row in range(len(ADDRESSES))]
    assert states == [
        "delivered",
        "invalid",
        "suppressed",
        "delivered",
        "duplicate",
        "suppressed",
        "skipped",
        "render_error",
        "delivered",
        "invalid",
        "delivered",
    ]
    said = {1: "no @", 2: "asked us to stop", 4: "earlier row", 5: "unsubscribed", 6: "account closed", 7: "no policy number"}
    for row, words in (said | {9: "no address"}).items():
        assert words in lines[row].reply, row
        assert lines[row].attempts == 0
    assert [m.recipients[0] for m in sandbox.messages] == [ADDRESSES[row] for row in (0, 3, 8, 10)]
    assert made.results(job).summary["equation"].startswith("11 = 4 delivered + ")


async def test_too_many_render_errors_pause_the_job_until_a_person_looks(tmp_path: Path) -> None:
    """The gate looks after a thousand rows; the rows rendered before it closes may have gone."""
    rows = 3000
    body = "{{ require(not email.startswith('bad'), 'no policy number') }}Dear {{ name }}\n"
    addresses = [f"{'bad' if n % 50 == 0 else 'user'}{n}@one.test" for n in range(rows)]
    async with Sandbox() as sandbox, world(tmp_path, routes_to(sandbox, "*"), EGRESSES) as made:
        job = (await made.submit(bundle(addresses, body_txt=body))).record.job
        paused = await made.reach(
            job, lambda s: s.record.state is JobState.PAUSED and not s.counts.get(RowState.TRANSMITTING), "the gate closes"
        )
        assert "could not be rendered, more than the 0.10% that the job allows" in paused.record.reason
        assert paused.counts[RowState.PENDING] > 0
        assert sum(arrivals(job, sandbox.messages).values()) == paused.counts[RowState.DELIVERED]
        await made.advance(60.0)
        later = (await made.ledger.status(job)).counts  # what was being rendered may have failed since, nothing was sent
        assert later[RowState.DELIVERED] == paused.counts[RowState.DELIVERED]
        assert later.get(RowState.TRANSMITTING, 0) == 0
        await made.ledger.move_job(job, JobState.RUNNING)
        # The errors until now are excused; the next ones close the gate again, until all is looked at.
        for _ in range(rows // 50):
            status = await made.reach(job, lambda s: s.record.state is not JobState.RUNNING or not s.open)
            if status.record.state is not JobState.PAUSED:
                break
            await made.ledger.move_job(job, JobState.RUNNING)
        await made.ended(job)
        await made.reconcile(job, sandbox.messages)
        states = await made.states(job)
    bad = {row for row in range(rows) if row % 50 == 0}
    assert {row for row, state in states.items() if state == "render_error"} == bad
    assert {row for row, state in states.items() if state == "delivered"} == set(range(rows)) - bad
