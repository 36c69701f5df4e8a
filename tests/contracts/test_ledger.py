"""The contract of JobLedger and SendLedger, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest

from actors.ledger.actor import Ledger
from actors.model.delivery import MAX_OPEN_ROWS, SENDER_LEASE_SECONDS
from actors.model.errors import BrokenPromise, Conflict, Fenced, NotFound, Unavailable
from actors.model.reasons import Reason
from actors.model.states import JobState, OnDoubt, RowState, Stage
from tests.fakes.accounts import EGRESS, JOB, OTHER, STAMP, counts, opening, outcome, record, running, sent
from tests.fakes.clock import FakeClock

S = RowState


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def ledger(ledger_url: str, clock: FakeClock) -> AsyncIterator[Ledger]:
    made = Ledger(ledger_url, clock)
    yield made
    await made.close()


async def reopened(ledger: Ledger, url: str, clock: FakeClock) -> Ledger:
    """The ledger after a restart: everything from the store."""
    await ledger.close()
    again = Ledger(url, clock)
    await again.start()
    return again


async def test_reason_and_tls_of_each_attempt_are_kept(ledger: Ledger, ledger_url: str, clock: FakeClock) -> None:
    conductor = await running(ledger)
    epoch = await ledger.claim_sender(EGRESS)
    await sent(ledger, epoch, conductor, [0])
    again = await reopened(ledger, ledger_url, clock)
    try:
        epoch = await again.claim_sender(EGRESS)
        told = {"reason": Reason.GREYLIST, "tls": "TLSv1.3 AES verified"}
        await sent(again, epoch, conductor, [1], S.DEFERRED, next_at=clock() + 60, **told)
        await sent(again, epoch, conductor, [1], S.BOUNCED, reason=Reason.UNKNOWN)
        lines = await again.outcomes(JOB)
        assert [(line.row, line.reason, line.tls) for line in lines] == [(0, "", ""), (1, "unknown", "")]
        story = await again.row_story(JOB, 1)
        assert [(d["reason"], d["tls"]) for d in story.deferrals] == [("greylist", "TLSv1.3 AES verified")]
    finally:
        await again.close()


async def test_a_row_that_was_only_in_hand_has_made_no_attempt(ledger: Ledger, ledger_url: str, clock: FakeClock) -> None:
    conductor = await running(ledger)
    epoch = await ledger.claim_sender(EGRESS)
    began = clock()
    await sent(ledger, epoch, conductor, [0], S.DEFERRED, at=began, stage=Stage.HAND, next_at=clock())
    await sent(ledger, epoch, conductor, [1], S.DEFERRED, at=began, next_at=clock())
    clock.advance(10)
    again = await reopened(ledger, ledger_url, clock)
    try:
        due = await again.due(JOB, clock(), 10)
        assert (due.rows.tolist(), due.attempts.tolist(), due.first_at.tolist()) == ([0, 1], [0, 1], [began, began])
        assert (await again.status(JOB)).attempts == 1
        epoch = await again.claim_sender(EGRESS)
        await sent(again, epoch, conductor, [1], S.DEFERRED, stage=Stage.HAND, next_at=clock())
        await sent(again, epoch, conductor, [0])
        stories = [await again.row_story(JOB, row) for row in (0, 1)]
        assert [(s.line.attempts, len(s.deferrals), s.line.first_at) for s in stories] == [(1, 0, began), (1, 1, began)]
    finally:
        await again.close()


# Jobs


async def test_the_same_key_and_content_is_the_same_job(ledger: Ledger) -> None:
    first = await ledger.create_job(record(idempotency_key="k", payload_hash="h"))
    again = await ledger.create_job(record("01OTHER", idempotency_key="k", payload_hash="h"))
    assert again == first
    assert first.state is JobState.ACCEPTING
    with pytest.raises(Conflict, match="another content"):
        await ledger.create_job(record("01OTHER", idempotency_key="k", payload_hash="x"))
    foreign = await ledger.create_job(record("01FOREIGN", account="shop", idempotency_key="k", payload_hash="x"))
    assert foreign.job == "01FOREIGN"


async def test_a_job_id_is_taken_once(ledger: Ledger) -> None:
    await ledger.create_job(record(idempotency_key="k"))
    with pytest.raises(Conflict, match="taken"):
        await ledger.create_job(record(account="shop"))


async def test_rows_that_intake_settles_are_counted_with_their_reasons(ledger: Ledger) -> None:
    await ledger.create_job(record())
    rows, states = np.array([1, 3, 4]), np.array([S.INVALID, S.DUPLICATE, S.SUPPRESSED], dtype=np.uint8)
    for _ in range(2):  # a crash may make intake do it again
        await ledger.settle(JOB, rows, states, ["no @", "row 0", "global"])
    begun = await ledger.begin_job(record(rows=6))
    assert await ledger.begin_job(record(rows=6)) == begun
    assert await counts(ledger) == {"pending": 3, "invalid": 1, "duplicate": 1, "suppressed": 1}
    lines = await ledger.outcomes(JOB)
    assert [(line.row, line.state, line.reply, line.attempts) for line in lines] == [
        (1, S.INVALID, "no @", 0),
        (3, S.DUPLICATE, "row 0", 0),
        (4, S.SUPPRESSED, "global", 0),
    ]
    with pytest.raises(Conflict):
        await ledger.settle(JOB, rows, states, ["", "", ""])


async def test_a_job_has_no_rows_beyond_its_last(ledger: Ledger) -> None:
    await ledger.create_job(record())
    await ledger.settle(JOB, np.array([6]), np.array([S.INVALID], dtype=np.uint8), ["no @"])
    with pytest.raises(BrokenPromise):
        await ledger.begin_job(record(rows=6))
    assert (await ledger.status(JOB)).record.state is JobState.ACCEPTING


async def test_a_job_of_the_future_is_scheduled(ledger: Ledger, clock: FakeClock) -> None:
    await ledger.create_job(record())
    begun = await ledger.begin_job(record(rows=2, start_at=clock() + 60))
    assert begun.state is JobState.SCHEDULED
    assert [r.job for r in await ledger.active_jobs()] == [JOB]
    opened = await ledger.advance(EGRESS, await ledger.claim_sender(EGRESS), [], [opening(await ledger.claim_conductor(), [0])])
    assert not opened.opened[0].any()


async def test_steps_that_a_job_may_not_take(ledger: Ledger, clock: FakeClock) -> None:
    await running(ledger)
    with pytest.raises(Conflict, match="10 rows are not settled"):
        await ledger.move_job(JOB, JobState.DONE)
    with pytest.raises(Conflict):
        await ledger.move_job(JOB, JobState.ACCEPTING)
    paused = await ledger.move_job(JOB, JobState.PAUSED, "lunch")
    assert (paused.state, paused.reason) == (JobState.PAUSED, "lunch")
    assert (await ledger.move_job(JOB, JobState.PAUSED, "tea")).reason == "tea"
    clock.advance(5)
    ended = await ledger.move_job(JOB, JobState.CANCELLED)
    assert ended.ended_at == clock()
    with pytest.raises(Conflict):
        await ledger.move_job(JOB, JobState.RUNNING)
    assert await ledger.active_jobs() == []


async def test_accepting_jobs_can_be_refused_or_cancelled(ledger: Ledger, ledger_url: str, clock: FakeClock) -> None:
    await ledger.create_job(record("01A"))
    await ledger.create_job(record("01B"))
    with pytest.raises(Conflict):
        await ledger.move_job("01A", JobState.RUNNING)
    await ledger.move_job("01A", JobState.REFUSED, "list.csv line 3")
    await ledger.settle("01B", np.array([0]), np.array([S.INVALID], dtype=np.uint8), ["no @"])
    await ledger.move_job("01B", JobState.CANCELLED)
    for job in ("01A", "01B"):
        with pytest.raises(Conflict):
            await ledger.begin_job(record(job, rows=3))
        assert await ledger.outcomes(job) == []
    again = await reopened(ledger, ledger_url, clock)
    assert [(s.record.job, s.record.state, s.balanced) for s in await again.list_jobs("bank")] == [
        ("01B", JobState.CANCELLED, True),
        ("01A", JobState.REFUSED, True),
    ]
    await again.close()


async def test_s33_other_accounts_find_nothing(ledger: Ledger) -> None:
    await running(ledger)
    assert (await ledger.status(JOB, "bank")).record.job == JOB
    with pytest.raises(NotFound):
        await ledger.status(JOB, "shop")
    await ledger.move_job(JOB, JobState.CANCELLED)
    with pytest.raises(NotFound):
        await ledger.status(JOB, "shop")
    with pytest.raises(NotFound):
        await ledger.status("01NONE")
    assert await ledger.list_jobs("shop") == []


async def test_jobs_are_listed_newest_first(ledger: Ledger) -> None:
    for number in range(5):
        await ledger.create_job(record(f"01JOB{number}", account="bank" if number % 2 else "shop"))
    assert [s.record.job for s in await ledger.list_jobs("", limit=2)] == ["01JOB4", "01JOB3"]
    assert [s.record.job for s in await ledger.list_jobs("", limit=9, after="01JOB3")] == ["01JOB2", "01JOB1", "01JOB0"]
    assert [s.record.job for s in await ledger.list_jobs("bank")] == ["01JOB3", "01JOB1"]


# Results and openings


async def test_a_row_from_pending_to_delivered(ledger: Ledger, clock: FakeClock) -> None:
    conductor = await running(ledger)
    epoch = await ledger.claim_sender(EGRESS)
    clock.advance(3)
    opened = await ledger.advance(EGRESS, epoch, [], [opening(conductor, [2, 5])])
    assert opened.opened[0].tolist() == [True, True]
    assert opened.lease_until == clock() + SENDER_LEASE_SECONDS
    assert await counts(ledger) == {"pending": 8, "transmitting": 2}
    assert (await ledger.row_states(JOB, 1, 6)).tolist() == [S.PENDING, S.TRANSMITTING, S.PENDING, S.PENDING, S.TRANSMITTING]
    await ledger.advance(EGRESS, epoch, [outcome(2), outcome(5, S.BOUNCED)])
    assert await counts(ledger) == {"pending": 8, "delivered": 1, "bounced": 1}
    status = await ledger.status(JOB)
    assert (status.attempts, status.doubts, status.record.started_at) == (2, 0, clock())
    line = (await ledger.outcomes(JOB))[1]
    assert (line.row, line.state, line.stage, line.blame, line.code, line.enhanced, line.reply) == (
        5,
        S.BOUNCED,
        "rcpt",
        "recipient",
        550,
        "5.1.1",
        "no such user",
    )
    assert (line.site, line.host, line.egress, line.attempts, line.in_doubt) == ("gmail.test", "mx1.gmail.test", EGRESS, 1, 0)
    assert line.first_at == line.last_at == 1_764_547_210.0


async def test_results_and_openings_of_one_step(ledger: Ledger) -> None:
    conductor = await running(ledger)
    epoch = await ledger.claim_sender(EGRESS)
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, [0, 1])])
    opened = await ledger.advance(EGRESS, epoch, [outcome(0)], [opening(conductor, [2]), opening(conductor, [0, 3])])
    assert [mask.tolist() for mask in opened.opened] == [[True], [False, True]]
    assert await counts(ledger) == {"pending": 6, "transmitting": 3, "delivered": 1}


async def test_the_same_step_again_changes_nothing(ledger: Ledger, clock: FakeClock) -> None:
    conductor = await running(ledger)
    epoch = await ledger.claim_sender(EGRESS)
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, [0, 1, 2])])
    results = [outcome(0), outcome(1, S.DEFERRED, next_at=clock() + 60), outcome(2, S.IN_DOUBT), outcome(3, S.RENDER_ERROR)]
    results.append(outcome(4, S.DEFERRED, next_at=clock() + 9))
    first = await ledger.advance(EGRESS, epoch, results, [opening(conductor, [5])])
    lines, status = await ledger.outcomes(JOB), await ledger.status(JOB)
    again = await ledger.advance(EGRESS, epoch, results, [opening(conductor, [5])])
    assert again.opened[0].tolist() == first.opened[0].tolist() == [True]
    assert await ledger.outcomes(JOB) == lines
    assert await ledger.status(JOB) == status
    story = await ledger.row_story(JOB, 1)
    assert (story.line.attempts, story.deferrals) == (1, [])  # its one deferral is its last attempt
    assert len((await ledger.row_story(JOB, 2)).doubts) == 1


async def test_a_step_after_the_end_of_its_job_is_a_repetition(ledger: Ledger) -> None:
    conductor = await running(ledger, rows=2)
    epoch = await ledger.claim_sender(EGRESS)
    await sent(ledger, epoch, conductor, [0, 1])
    await ledger.move_job(JOB, JobState.DONE)
    await ledger.advance(EGRESS, epoch, [outcome(0), outcome(1)])
    stranger = await ledger.claim_sender(OTHER)
    with pytest.raises(BrokenPromise):
        await ledger.advance(OTHER, stranger, [outcome(0)])
    with pytest.raises(BrokenPromise):
        await ledger.advance(EGRESS, epoch, [outcome(0, job="01NONE")])


async def test_deferred_rows_fall_due(ledger: Ledger, clock: FakeClock) -> None:
    conductor = await running(ledger)
    epoch = await ledger.claim_sender(EGRESS)
    await sent(ledger, epoch, conductor, [1, 2, 4], S.DEFERRED, next_at=clock() + 60, avoid=EGRESS)
    await sent(ledger, epoch, conductor, [7], S.DEFERRED, next_at=clock() + 90)
    none = await ledger.due(JOB, clock(), 10)
    assert (len(none.rows), none.next_at) == (0, clock() + 60)
    due = await ledger.due(JOB, clock() + 60, 2)
    assert (due.rows.tolist(), due.attempts.tolist(), due.stamps.tolist(), due.avoid) == ([1, 2], [1, 1], [0, 0], [EGRESS] * 2)
    assert due.first_at.tolist() == [1_764_547_210.0] * 2
    assert (await ledger.due(JOB, clock() + 60, 2, after=2)).rows.tolist() == [4]
    assert (await ledger.due(JOB, clock() + 90, 9)).next_at == 0
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, [1, 4])])
    assert (await ledger.due(JOB, clock() + 60, 1)).rows.tolist() == [2]
    await ledger.advance(EGRESS, epoch, [outcome(1, S.DEFERRED, at=1_764_547_290.0, next_at=clock() + 120)])
    later = await ledger.due(JOB, clock() + 120, 9)
    assert (later.rows.tolist(), later.attempts.tolist(), later.avoid) == ([1, 2, 7], [2, 1, 1], ["", EGRESS, ""])
    assert later.first_at.tolist()[0] == 1_764_547_210.0


async def test_rows_that_may_not_go(ledger: Ledger) -> None:
    old = await running(ledger)
    conductor = await ledger.claim_conductor()
    epoch, other = await ledger.claim_sender(EGRESS), await ledger.claim_sender(OTHER)
    assert not (await ledger.advance(EGRESS, epoch, [], [opening(old, [0])])).opened[0].any()
    await ledger.advance(OTHER, other, [], [opening(conductor, [1])])
    await sent(ledger, epoch, conductor, [2])
    opened = await ledger.advance(EGRESS, epoch, [], [opening(conductor, [0, 1, 2, 3])])
    assert opened.opened[0].tolist() == [True, False, False, True]
    await ledger.move_job(JOB, JobState.PAUSED)
    # What is open already is open: the first answer may have been lost.
    opened = await ledger.advance(EGRESS, epoch, [], [opening(conductor, [3, 4])])
    assert opened.opened[0].tolist() == [True, False]
    other_stamp = await ledger.advance(EGRESS, epoch, [], [opening(conductor, [3], stamp=STAMP + 1)])
    assert not other_stamp.opened[0].any()
    unknown = await ledger.advance(EGRESS, epoch, [], [opening(conductor, [0], job="01NONE")])
    assert not unknown.opened[0].any()
    await ledger.move_job(JOB, JobState.RUNNING)
    assert (await ledger.advance(EGRESS, epoch, [], [opening(conductor, [4])])).opened[0].all()


async def test_no_more_rows_are_open_than_may_be_in_doubt(ledger: Ledger) -> None:
    conductor = await running(ledger, rows=600)
    epoch = await ledger.claim_sender(EGRESS)
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, range(MAX_OPEN_ROWS))])
    with pytest.raises(BrokenPromise):
        await ledger.advance(EGRESS, epoch, [outcome(0)], [opening(conductor, [300, 301])])
    assert await counts(ledger) == {"pending": 600 - MAX_OPEN_ROWS, "transmitting": MAX_OPEN_ROWS}
    await ledger.advance(EGRESS, epoch, [outcome(0)], [opening(conductor, [300])])
    assert await counts(ledger) == {"pending": 599 - MAX_OPEN_ROWS, "transmitting": MAX_OPEN_ROWS, "delivered": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        outcome(0),
        outcome(0, S.IN_DOUBT),
        outcome(0, S.SUPPRESSED),
        outcome(0, S.CANCELLED),
        outcome(99, S.BOUNCED),
        outcome(-1, S.BOUNCED),
        outcome(0, S.BOUNCED, at="noon"),
        outcome(0, S.BOUNCED, site=None),
        outcome(1, S.PENDING),
    ],
    ids=lambda o: f"{o.state.label}-{o.row}-{o.at}-{o.site}",
)
async def test_a_broken_promise_is_refused_whole(ledger: Ledger, wrong: object) -> None:
    conductor = await running(ledger)
    epoch = await ledger.claim_sender(EGRESS)
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, [1, 2])])
    with pytest.raises(BrokenPromise):
        await ledger.advance(EGRESS, epoch, [outcome(2), wrong], [opening(conductor, [3])])  # type: ignore[list-item]
    assert await counts(ledger) == {"pending": 8, "transmitting": 2}
    await ledger.advance(EGRESS, epoch, [outcome(2)], [opening(conductor, [3])])
    assert await counts(ledger) == {"pending": 7, "transmitting": 2, "delivered": 1}


async def test_an_opening_names_each_row_once_and_inside_the_job(ledger: Ledger) -> None:
    conductor = await running(ledger)
    epoch = await ledger.claim_sender(EGRESS)
    for rows in ([1, 1], [10], [-1]):
        with pytest.raises(BrokenPromise):
            await ledger.advance(EGRESS, epoch, [], [opening(conductor, rows)])
    with pytest.raises(BrokenPromise):
        await ledger.advance(EGRESS, epoch, [], [replace(opening(conductor, [1, 2]), stamps=np.array([STAMP]))])
    assert await counts(ledger) == {"pending": 10}


async def test_results_of_rows_that_were_never_opened(ledger: Ledger, clock: FakeClock) -> None:
    await running(ledger, max_render_errors=1.0)
    epoch = await ledger.claim_sender(EGRESS)
    states = (S.BOUNCED, S.DEFERRED, S.RENDER_ERROR, S.SKIPPED, S.EXPIRED)
    await ledger.advance(EGRESS, epoch, [outcome(row, state, next_at=clock()) for row, state in enumerate(states)])
    assert await counts(ledger) == {
        "pending": 5,
        "bounced": 1,
        "deferred": 1,
        "render_error": 1,
        "skipped": 1,
        "expired": 1,
    }
    lines = {line.row: line for line in await ledger.outcomes(JOB)}
    assert (lines[2].attempts, lines[2].first_at) == (0, 0)  # nobody tried to deliver it
    assert (lines[0].attempts, lines[1].attempts) == (1, 1)


async def test_results_of_an_old_lease_are_ignored(ledger: Ledger) -> None:
    conductor = await running(ledger)
    epoch, other = await ledger.claim_sender(EGRESS), await ledger.claim_sender(OTHER)
    await ledger.advance(OTHER, other, [], [opening(conductor, [0, 1])])
    await ledger.advance(OTHER, other, [outcome(1)])
    stale = [outcome(0, S.BOUNCED), outcome(1, S.DEFERRED), outcome(0, S.RENDER_ERROR)]
    await ledger.advance(EGRESS, epoch, stale)
    assert await counts(ledger) == {"pending": 8, "transmitting": 1, "delivered": 1}
    await ledger.move_job(JOB, JobState.CANCELLED)
    await ledger.advance(EGRESS, epoch, [outcome(5, S.RENDER_ERROR)])
    assert await counts(ledger) == {"transmitting": 1, "delivered": 1, "cancelled": 8}


async def test_words_that_no_store_takes(ledger: Ledger) -> None:
    conductor = await running(ledger)
    epoch = await ledger.claim_sender(EGRESS)
    reply = "bad\x00 \r\n\ud800 字 " + "x" * 600
    await sent(ledger, epoch, conductor, [0], S.BOUNCED, reply=reply)
    line = (await ledger.outcomes(JOB))[0]
    assert line.reply.startswith("bad     ") or line.reply.startswith("bad")
    assert "字" in line.reply
    assert len(line.reply) == 500
    assert line.reply.isprintable()


async def test_too_many_render_errors_pause_the_job(ledger: Ledger) -> None:
    await running(ledger, rows=4000, max_render_errors=0.01)
    epoch = await ledger.claim_sender(EGRESS)

    async def broken(rows: range) -> JobState:
        await ledger.advance(EGRESS, epoch, [outcome(row, S.RENDER_ERROR) for row in rows])
        return (await ledger.status(JOB)).record.state

    await ledger.advance(EGRESS, epoch, [outcome(row, S.SKIPPED) for row in range(1000, 1900)])
    assert await broken(range(99)) is JobState.RUNNING  # 99 errors, but 999 rows say too little
    assert await broken(range(99, 100)) is JobState.PAUSED
    assert "100 of 4000 rows could not be rendered" in (await ledger.status(JOB)).record.reason
    await ledger.move_job(JOB, JobState.RUNNING)
    assert await broken(range(100, 140)) is JobState.RUNNING  # a person has seen the first hundred
    assert await broken(range(140, 141)) is JobState.PAUSED


# Epochs and doubt


async def test_a_zombie_is_fenced_off(ledger: Ledger) -> None:
    conductor = await running(ledger)
    zombie = await ledger.claim_sender(EGRESS)
    await ledger.advance(EGRESS, zombie, [], [opening(conductor, [0, 1])])
    epoch = await ledger.claim_sender(EGRESS)
    assert epoch > zombie
    before = await counts(ledger)
    for step in ([outcome(0)], []):
        with pytest.raises(Fenced):
            await ledger.advance(EGRESS, zombie, step, [opening(conductor, [5])])
    with pytest.raises(Fenced):
        await ledger.release_sender(EGRESS, zombie)
    with pytest.raises(Fenced):
        await ledger.advance("127.0.0.9", 1, [])
    assert await counts(ledger) == before == {"pending": 8, "deferred": 2}
    await sent(ledger, epoch, conductor, [0, 1])


@pytest.mark.parametrize(
    ("policy", "becomes"),
    [
        (OnDoubt.RESEND, S.DEFERRED),
        (OnDoubt.SKIP, S.SKIPPED),
        (OnDoubt.HOLD, S.IN_DOUBT),
        (OnDoubt.EXPIRE, S.EXPIRED),
    ],
)
@pytest.mark.parametrize("cause", ["crash", "connection"])
async def test_rows_in_doubt_are_named_and_handled(
    ledger: Ledger, clock: FakeClock, policy: OnDoubt, becomes: RowState, cause: str
) -> None:
    conductor = await running(ledger, on_doubt=policy)
    epoch = await ledger.claim_sender(EGRESS)
    opened_at = clock()
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, [0, 3, 4])])
    clock.advance(7)
    await ledger.advance(EGRESS, epoch, [outcome(0)])
    if cause == "crash":
        await ledger.claim_sender(EGRESS)
    else:
        await ledger.advance(EGRESS, epoch, [outcome(r, S.IN_DOUBT, at=clock()) for r in (3, 4)])
    assert await counts(ledger) == {"pending": 7, "delivered": 1, becomes.label: 2}
    assert (await ledger.status(JOB)).doubts == 2
    story = await ledger.row_story(JOB, 3)
    assert (story.line.state, story.line.in_doubt, story.line.attempts) == (becomes, 1, 1)
    assert story.doubts == [
        {
            "egress": EGRESS,
            "epoch": epoch,
            "attempt": 1,
            "opened_at": opened_at,
            "at": clock(),
            "stamp": STAMP,
            "cause": cause,
            "became": becomes.label,
        }
    ]
    due = await ledger.due(JOB, clock(), 9)
    assert due.rows.tolist() == ([3, 4] if policy is OnDoubt.RESEND else [])
    assert due.stamps.tolist() == ([STAMP, STAMP] if policy is OnDoubt.RESEND else [])


async def held(ledger: Ledger, clock: FakeClock, rows: int = 10, **changes: object) -> int:
    """A job whose rows 2, 3 and 5 are in doubt and held, all others delivered; the sender's epoch."""
    conductor = await running(ledger, rows, on_doubt=OnDoubt.HOLD, **changes)
    epoch = await ledger.claim_sender(EGRESS)
    await sent(ledger, epoch, conductor, [r for r in range(rows) if r not in (2, 3, 5)], at=clock())
    await sent(ledger, epoch, conductor, [2, 3, 5], S.IN_DOUBT, at=clock())
    return epoch


@pytest.mark.parametrize("done", [False, True])
async def test_a_person_has_rows_in_doubt_sent_again(ledger: Ledger, ledger_url: str, clock: FakeClock, done: bool) -> None:
    epoch = await held(ledger, clock)
    if done:
        await ledger.move_job(JOB, JobState.DONE, "through")
        assert (await ledger.row_states(JOB, 2, 3)).tolist() == [S.IN_DOUBT]  # and now it is kept, unpacked
    clock.advance(3600)
    assert await ledger.decide(JOB, OnDoubt.RESEND, np.array([3, 0, 3])) == 1  # row 0 was delivered
    assert await counts(ledger) == {"delivered": 7, "in_doubt": 2, "deferred": 1}
    assert await ledger.decide(JOB, OnDoubt.RESEND) == 2
    assert await ledger.decide(JOB, OnDoubt.RESEND) == 0
    record = (await ledger.status(JOB)).record
    assert (record.state, record.ended_at, record.reason) == (JobState.RUNNING, 0.0, "")
    assert [r.job for r in await ledger.active_jobs()] == [JOB]
    again = await reopened(ledger, ledger_url, clock)
    try:
        due = await again.due(JOB, clock(), 9)
        assert (due.rows.tolist(), due.stamps.tolist(), due.attempts.tolist()) == ([2, 3, 5], [STAMP] * 3, [1] * 3)
        epoch, conductor = await again.claim_sender(EGRESS), await again.claim_conductor()
        await sent(again, epoch, conductor, [2, 3, 5], at=clock())
        await again.move_job(JOB, JobState.DONE)
        assert await counts(again) == {"delivered": 10}
        assert (await again.row_states(JOB, 0, 10)).tolist() == [S.DELIVERED] * 10
        status = await again.status(JOB)
        assert (status.doubts, status.attempts) == (3, 13)
        assert len((await again.row_story(JOB, 3)).doubts) == 1
    finally:
        await again.close()


@pytest.mark.parametrize("done", [False, True])
async def test_a_person_gives_rows_in_doubt_up(ledger: Ledger, clock: FakeClock, done: bool) -> None:
    await held(ledger, clock)
    if done:
        await ledger.move_job(JOB, JobState.DONE)
    assert await ledger.decide(JOB, OnDoubt.SKIP, np.array([5])) == 1
    assert await ledger.decide(JOB, OnDoubt.SKIP) == 2
    assert (await ledger.status(JOB)).record.state is JobState.RUNNING
    await ledger.move_job(JOB, JobState.DONE)
    assert await counts(ledger) == {"delivered": 7, "skipped": 3}
    lines = {line.row: line for line in await ledger.outcomes(JOB)}
    assert [(lines[r].state, lines[r].in_doubt, lines[r].reply) for r in (2, 5)] == [(S.SKIPPED, 1, "connection lost")] * 2
    assert await ledger.decide(JOB, OnDoubt.SKIP) == 0
    assert (await ledger.status(JOB)).record.state is JobState.DONE  # nothing to decide wakes nothing


async def test_what_a_person_cannot_decide(ledger: Ledger, clock: FakeClock) -> None:
    await held(ledger, clock, deadline_at=clock() + 60)
    for word in (OnDoubt.HOLD, OnDoubt.EXPIRE):
        with pytest.raises(BrokenPromise):
            await ledger.decide(JOB, word)
    for row in (-1, 10):
        with pytest.raises(NotFound):
            await ledger.decide(JOB, OnDoubt.SKIP, np.array([2, row]))
    with pytest.raises(NotFound):
        await ledger.decide("01OTHER", OnDoubt.SKIP)
    await ledger.create_job(record("01ACCEPTING"))
    with pytest.raises(Conflict, match="accepting"):
        await ledger.decide("01ACCEPTING", OnDoubt.SKIP)
    await ledger.move_job(JOB, JobState.DONE)
    clock.advance(60)
    with pytest.raises(Conflict, match="deadline"):
        await ledger.decide(JOB, OnDoubt.RESEND)
    assert await counts(ledger) == {"delivered": 7, "in_doubt": 3}
    assert await ledger.decide(JOB, OnDoubt.SKIP, np.array([2])) == 1
    await ledger.move_job(JOB, JobState.CANCELLED)
    for word in (OnDoubt.RESEND, OnDoubt.SKIP):
        with pytest.raises(Conflict, match="cancelled"):
            await ledger.decide(JOB, word)
    assert await counts(ledger) == {"delivered": 7, "skipped": 1, "in_doubt": 2}


async def test_rows_of_an_egress_that_nobody_serves_any_more_are_in_doubt(ledger: Ledger, clock: FakeClock) -> None:
    conductor = await running(ledger)
    epoch = await ledger.claim_sender(EGRESS)
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, [0, 3])])
    assert await ledger.retire_senders([EGRESS, OTHER]) == []
    assert await ledger.retire_senders([OTHER]) == []  # it may still be working: its lease holds
    clock.advance(SENDER_LEASE_SECONDS)
    assert await ledger.retire_senders([EGRESS, OTHER]) == []
    assert await ledger.retire_senders([OTHER]) == [EGRESS]
    assert await counts(ledger) == {"pending": 8, "deferred": 2}
    assert [d["cause"] for d in (await ledger.row_story(JOB, 3)).doubts] == ["crash"]
    assert await ledger.retire_senders([OTHER]) == []
    with pytest.raises(Fenced):
        await ledger.advance(EGRESS, epoch, [outcome(0)])


async def test_an_egress_that_is_gone_does_not_keep_an_ended_job_open(
    ledger: Ledger, ledger_url: str, clock: FakeClock
) -> None:
    conductor = await running(ledger)
    await ledger.advance(EGRESS, await ledger.claim_sender(EGRESS), [], [opening(conductor, [4])])
    await ledger.move_job(JOB, JobState.CANCELLED)
    again = await reopened(ledger, ledger_url, clock)  # with a config that has another egress
    try:
        assert await again.retire_senders([OTHER]) == [EGRESS]
        assert await counts(again) == {"cancelled": 10}
        assert (await again.status(JOB)).doubts == 1
    finally:
        await again.close()


async def test_a_row_that_was_in_doubt_keeps_its_stamp(ledger: Ledger, clock: FakeClock) -> None:
    conductor = await running(ledger)
    epoch = await ledger.claim_sender(EGRESS)
    await sent(ledger, epoch, conductor, [0], S.IN_DOUBT)
    await sent(ledger, epoch, conductor, [0], S.DEFERRED, at=clock() + 5, next_at=clock() + 9)
    await ledger.advance(EGRESS, epoch, [outcome(0, S.DEFERRED, at=clock() + 9, next_at=clock() + 20)])  # the site was dead
    due = await ledger.due(JOB, clock() + 20, 9)
    assert (due.stamps.tolist(), due.attempts.tolist()) == ([STAMP], [3])
    await sent(ledger, epoch, conductor, [0], S.IN_DOUBT, at=clock() + 30)
    story = await ledger.row_story(JOB, 0)
    assert [doubt["attempt"] for doubt in story.doubts] == [1, 4]
    assert (story.line.in_doubt, (await ledger.status(JOB)).doubts) == (2, 1)  # twice, but one row


async def test_a_row_in_doubt_has_the_stamp_of_the_message_that_is_in_doubt(ledger: Ledger, clock: FakeClock) -> None:
    conductor = await running(ledger)
    epoch = await ledger.claim_sender(EGRESS)
    await sent(ledger, epoch, conductor, [0], S.DEFERRED, next_at=clock())
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, [0], stamp=STAMP + 60)])
    await ledger.claim_sender(EGRESS)
    assert (await ledger.due(JOB, clock(), 9)).stamps.tolist() == [STAMP + 60]


async def test_a_restarted_ledger_knows_what_is_open(ledger: Ledger, ledger_url: str, clock: FakeClock) -> None:
    conductor = await running(ledger, rows=400)
    epoch = await ledger.claim_sender(EGRESS)
    await sent(ledger, epoch, conductor, [0, 1, 2], S.DEFERRED, next_at=clock())
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, range(0, 200, 2)), opening(conductor, [301])])
    results = [outcome(row, S.DELIVERED if row % 4 else S.DEFERRED, at=clock() + row) for row in range(0, 100, 2)]
    await ledger.advance(EGRESS, epoch, results)
    before, lines, status = await counts(ledger), await ledger.outcomes(JOB), await ledger.status(JOB)
    again = await reopened(ledger, ledger_url, clock)
    assert await counts(again) == before
    assert await again.outcomes(JOB) == lines
    assert await again.status(JOB) == status
    # The sender lives on with its epoch.
    await again.advance(EGRESS, epoch, [outcome(100), outcome(301)], [opening(conductor, [399])])
    assert (await counts(again))["transmitting"] == 50
    again = await reopened(again, ledger_url, clock)
    # A row that was answered and deferred is not in doubt, though its group is open still.
    await again.claim_sender(EGRESS)
    assert (await again.status(JOB)).doubts == 50
    assert (await counts(again))["delivered"] == before["delivered"] + 2
    last = await reopened(again, ledger_url, clock)
    assert (await last.status(JOB)).doubts == 50
    assert "transmitting" not in await counts(last)
    await last.close()


async def test_a_lease_is_given_back_with_nothing_open(ledger: Ledger) -> None:
    conductor = await running(ledger)
    epoch = await ledger.claim_sender(EGRESS)
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, [0])])
    with pytest.raises(BrokenPromise):
        await ledger.release_sender(EGRESS, epoch)
    await ledger.advance(EGRESS, epoch, [outcome(0)])
    await ledger.release_sender(EGRESS, epoch)
    assert await ledger.claim_sender(EGRESS) > epoch
    assert (await ledger.status(JOB)).doubts == 0


async def test_epochs_grow_over_restarts(ledger: Ledger, ledger_url: str, clock: FakeClock) -> None:
    conductor, epoch = await ledger.claim_conductor(), await ledger.claim_sender(EGRESS)
    again = await reopened(ledger, ledger_url, clock)
    assert await again.claim_conductor() > conductor
    assert await again.claim_sender(EGRESS) > epoch
    await again.close()


# The end of jobs


@pytest.mark.parametrize("how", ["cancel", "expire"])
async def test_rows_left_open_are_swept(ledger: Ledger, ledger_url: str, clock: FakeClock, how: str) -> None:
    conductor = await running(ledger, rows=12)
    epoch = await ledger.claim_sender(EGRESS)
    await sent(ledger, epoch, conductor, [0])
    await sent(ledger, epoch, conductor, [1, 6], S.DEFERRED, next_at=clock() + 60)
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, [2, 3, 4, 5, 6])])
    if how == "cancel":
        swept = S.CANCELLED
        await ledger.move_job(JOB, JobState.CANCELLED, "enough")
    else:
        swept = S.EXPIRED
        await ledger.expire_job(JOB, "deadline")
        with pytest.raises(Conflict):
            await ledger.move_job(JOB, JobState.DONE)
    assert await counts(ledger) == {"delivered": 1, "transmitting": 5, swept.label: 6}
    again = await reopened(ledger, ledger_url, clock)
    assert await counts(again) == {"delivered": 1, "transmitting": 5, swept.label: 6}
    assert not (await again.advance(EGRESS, epoch, [], [opening(conductor, [7, 1])])).opened[0].any()
    # What is on the wire ends as it ends; nothing is sent again.
    await again.advance(EGRESS, epoch, [outcome(2), outcome(3, S.BOUNCED), outcome(4, S.DEFERRED), outcome(5, S.IN_DOUBT)])
    await again.claim_sender(EGRESS)  # and 6 was lost with its sender
    assert await counts(again) == {"delivered": 2, "bounced": 1, swept.label: 9}
    if how == "expire":
        await again.expire_job(JOB, "deadline")
        await again.move_job(JOB, JobState.DONE)
    for _ in range(2):
        status = await again.status(JOB)
        assert status.balanced
        assert (status.counts[swept], status.doubts, status.attempts) == (9, 2, 8)
        lines = await again.outcomes(JOB)
        assert [line.row for line in lines] == list(range(12))
        assert [line.state for line in lines].count(swept) == 9
        assert (await again.row_states(JOB, 7, 99)).tolist() == [swept] * 5
        assert lines[1].reply == "greylisted"  # the last word of the receiver stays
        assert [line.row for line in await again.outcomes(JOB, states=[swept], after=1, limit=3)] == [4, 5, 6]
        assert (await again.due(JOB, clock() + 999, 9)).rows.tolist() == []
        again = await reopened(again, ledger_url, clock)
    await again.close()


async def test_the_first_sweep_counts(ledger: Ledger, ledger_url: str, clock: FakeClock) -> None:
    conductor = await running(ledger, rows=5)
    epoch = await ledger.claim_sender(EGRESS)
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, [0])])
    expired = await ledger.expire_job(JOB, "deadline")
    assert await ledger.expire_job(JOB, "deadline") == expired
    assert (await ledger.expire_job(JOB, "too late")).reason == "too late"
    await ledger.move_job(JOB, JobState.CANCELLED)
    for _ in range(2):
        assert await counts(ledger) == {"transmitting": 1, "expired": 4}
        ledger = await reopened(ledger, ledger_url, clock)
    await ledger.advance(EGRESS, epoch, [outcome(0, S.DEFERRED)])
    assert await counts(ledger) == {"expired": 5}
    await ledger.close()


async def test_a_done_job_is_read_as_before(ledger: Ledger, ledger_url: str, clock: FakeClock) -> None:
    conductor = await running(ledger, rows=300)
    epoch = await ledger.claim_sender(EGRESS)
    await sent(ledger, epoch, conductor, range(100))
    await sent(ledger, epoch, conductor, range(100, 300), S.BOUNCED)
    clock.advance(30)
    done = await ledger.move_job(JOB, JobState.DONE)
    assert done.ended_at == clock()
    lines = await ledger.outcomes(JOB)
    again = await reopened(ledger, ledger_url, clock)
    assert await counts(again) == {"delivered": 100, "bounced": 200}
    assert await again.outcomes(JOB) == lines
    assert await again.active_jobs() == []
    with pytest.raises(Conflict):
        await again.move_job(JOB, JobState.RUNNING)
    assert (await again.expire_job(JOB, "late")).state is JobState.DONE
    await again.close()


async def test_late_rows_expire_with_the_words_of_their_last_attempt(ledger: Ledger) -> None:
    conductor = await running(ledger, rows=5)
    epoch = await ledger.claim_sender(EGRESS)
    await sent(ledger, epoch, conductor, [0])
    await sent(ledger, epoch, conductor, [1, 2], S.DEFERRED, next_at=10.0)
    assert await ledger.expire_rows(JOB, np.array([0, 1, 3, 1])) == 1
    assert await ledger.expire_rows(JOB, np.array([1])) == 0
    lines = {line.row: line for line in await ledger.outcomes(JOB, states=tuple(S))}
    assert [lines[row].state for row in range(5)] == [S.DELIVERED, S.EXPIRED, S.DEFERRED, S.PENDING, S.PENDING]
    assert (lines[1].code, lines[1].attempts) == (451, 1)
    assert (await ledger.status(JOB)).balanced


# Reading


async def test_lines_come_in_pages_and_by_state(ledger: Ledger) -> None:
    conductor = await running(ledger, rows=250)
    epoch = await ledger.claim_sender(EGRESS)
    await sent(ledger, epoch, conductor, range(0, 250, 2))
    await ledger.advance(EGRESS, epoch, [], [opening(conductor, [1])])
    seen: list[int] = []
    while page := await ledger.outcomes(JOB, seen[-1] if seen else -1, 40):
        assert len(page) <= 40
        seen += [line.row for line in page]
    assert seen == list(range(0, 250, 2))
    pending = await ledger.outcomes(JOB, states=[S.PENDING], limit=3)
    assert [(line.row, line.state) for line in pending] == [(3, S.PENDING), (5, S.PENDING), (7, S.PENDING)]
    every = await ledger.outcomes(JOB, states=tuple(S))
    assert [line.row for line in every] == list(range(250))
    assert every[1].state is S.TRANSMITTING
    with pytest.raises(NotFound):
        await ledger.outcomes("01NONE")


async def test_figures_for_the_report(ledger: Ledger, clock: FakeClock) -> None:
    conductor = await running(ledger, rows=400)
    start = clock()
    epoch = await ledger.claim_sender(EGRESS)
    await sent(ledger, epoch, conductor, range(100), at=start + 1)
    await sent(ledger, epoch, conductor, range(100, 130), S.DEFERRED, at=start + 2, next_at=start + 60)
    await sent(ledger, epoch, conductor, range(100, 110), S.BOUNCED, at=start + 62, site="hinet.test")
    await sent(ledger, epoch, conductor, [200], S.IN_DOUBT, at=start + 63)
    clock.advance(100)
    series = await ledger.series(JOB)
    total: dict[str, int] = {}
    for line in series["bins"]:
        assert start <= line.pop("at") <= clock()
        for what, n in line.items():
            total[what] = total.get(what, 0) + n
    assert total == {"delivered": 100, "deferred": 31, "bounced": 10}
    assert series["sites"] == {"gmail.test": {"delivered": 100, "deferred": 21}, "hinet.test": {"bounced": 10}}
    assert series["lanes"] == [
        {"site": "gmail.test", "egress": EGRESS, "delivered": 100, "deferred": 31},
        {"site": "hinet.test", "egress": EGRESS, "bounced": 10},
    ]
    ends: dict[str, int] = {}
    for point in series["egresses"]:
        for what in point.keys() - {"egress", "at"}:
            ends[what] = ends.get(what, 0) + point[what]
    assert ends == total
    assert [(r["kind"], r["code"], r["reply"], r["count"]) for r in series["replies"]] == [
        ("deferred", 451, "greylisted", 30),
        ("refused", 550, "no such user", 10),
    ]
    assert [(d["row"], d["cause"], d["became"]) for d in series["doubts"]] == [(200, "connection", "deferred")]


async def test_the_story_of_a_row(ledger: Ledger, clock: FakeClock) -> None:
    conductor = await running(ledger)
    epoch = await ledger.claim_sender(EGRESS)
    for minute in range(3):
        at = clock() + 60 * minute
        await sent(ledger, epoch, conductor, [4], S.DEFERRED, at=at, next_at=at, reply=f"try {minute}")
    await sent(ledger, epoch, conductor, [4], at=clock() + 200)
    story = await ledger.row_story(JOB, 4)
    assert [(d["reply"], d["at"]) for d in story.deferrals] == [(f"try {m}", clock() + 60 * m) for m in range(3)]
    assert (story.line.state, story.line.attempts) == (S.DELIVERED, 4)
    assert (await ledger.row_story(JOB, 5)).line.state is S.PENDING
    with pytest.raises(NotFound):
        await ledger.row_story(JOB, 10)


# Many at once


async def test_senders_commit_together_and_fail_alone(ledger: Ledger) -> None:
    conductor = await running(ledger, rows=2000)
    names = [f"127.0.1.{n}" for n in range(20)]
    epochs = [await ledger.claim_sender(name) for name in names]
    steps = [
        ledger.advance(name, epochs[n] - (n == 7), [], [opening(conductor, range(n * 100, n * 100 + (300 if n == 9 else 50)))])
        for n, name in enumerate(names)
    ]
    answers = await asyncio.gather(*steps, return_exceptions=True)
    assert isinstance(answers[7], Fenced)
    assert isinstance(answers[9], BrokenPromise)
    good = [a for n, a in enumerate(answers) if n not in (7, 9)]
    assert all(not isinstance(a, BaseException) and a.opened[0].all() for a in good)
    assert await counts(ledger) == {"pending": 2000 - 18 * 50, "transmitting": 18 * 50}


async def test_values_that_the_store_refuses_fail_alone(ledger: Ledger) -> None:
    await running(ledger)
    epoch, other = await ledger.claim_sender(EGRESS), await ledger.claim_sender(OTHER)
    bad = ledger.advance(EGRESS, epoch, [outcome(1, S.BOUNCED, host=None)])
    answers = await asyncio.gather(bad, ledger.advance(OTHER, other, [outcome(2, S.BOUNCED)]), return_exceptions=True)
    assert isinstance(answers[0], BrokenPromise)
    assert not isinstance(answers[1], BaseException)
    assert await counts(ledger) == {"pending": 9, "bounced": 1}


async def test_a_second_ledger_is_refused(ledger: Ledger, ledger_url: str, clock: FakeClock) -> None:
    await ledger.start()
    second = Ledger(ledger_url, clock)
    with pytest.raises(Unavailable, match="stop that one"):
        await second.start()
    await ledger.close()
    await second.start()  # as soon as the first is gone
    await second.close()
