"""Short words for what intake, conductor and senders do with a ledger, for tests."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from actors.ledger.actor import Ledger
from actors.model.delivery import Advanced, Opening, Outcome
from actors.model.job import JobRecord
from actors.model.states import Blame, JobState, RowState, Stage

JOB = "01HONGYAN0000000000000TEST"
EGRESS, OTHER = "127.0.0.2", "127.0.0.3"
STAMP = 1_764_547_201
REPLIES: dict[RowState, dict[str, Any]] = {
    RowState.DELIVERED: {"stage": Stage.DOT, "code": 250, "enhanced": "2.0.0", "reply": "Ok: queued as 4D8FZ"},
    RowState.BOUNCED: {
        "stage": Stage.RCPT,
        "blame": Blame.RECIPIENT,
        "code": 550,
        "enhanced": "5.1.1",
        "reply": "no such user",
    },
    RowState.DEFERRED: {"stage": Stage.RCPT, "blame": Blame.BUSY, "code": 451, "enhanced": "4.7.1", "reply": "greylisted"},
    RowState.RENDER_ERROR: {"stage": Stage.RENDER, "reply": "no value for name"},
    RowState.IN_DOUBT: {"stage": Stage.DOT, "blame": Blame.NETWORK, "reply": "connection lost"},
}


def record(job: str = JOB, **changes: Any) -> JobRecord:
    """A job of the account `bank`."""
    return JobRecord(**{"job": job, "account": "bank", "name": "十一月", "state": JobState.ACCEPTING, **changes})


async def running(ledger: Ledger, rows: int = 10, job: str = JOB, **changes: Any) -> int:
    """A job that runs; gives a new conductor epoch."""
    await ledger.create_job(record(job, **changes))
    begun = await ledger.begin_job(record(job, rows=rows, **changes))
    assert begun.state is JobState.RUNNING
    return await ledger.claim_conductor()


def opening(conductor: int, rows: Iterable[int], stamp: int = STAMP, job: str = JOB) -> Opening:
    numbers = np.array(list(rows), dtype=np.int64)
    return Opening(job, conductor, numbers, np.full(len(numbers), stamp, dtype=np.int64))


def outcome(
    row: int, state: RowState = RowState.DELIVERED, at: float = 1_764_547_210.0, job: str = JOB, **changes: Any
) -> Outcome:
    words = {"stage": Stage.DOT, "site": "gmail.test", "host": "mx1.gmail.test", "egress": EGRESS, **REPLIES.get(state, {})}
    return Outcome(**{"job": job, "row": row, "state": state, "at": at, **words, **changes})


async def sent(
    ledger: Ledger, epoch: int, conductor: int, rows: Iterable[int], state: RowState = RowState.DELIVERED, **changes: Any
) -> Advanced:
    """Opens the rows and reports one result for each."""
    numbers = list(rows)
    opened = await ledger.advance(EGRESS, epoch, [], [opening(conductor, numbers, job=changes.get("job", JOB))])
    assert opened.opened[0].all()
    return await ledger.advance(EGRESS, epoch, [outcome(row, state, **changes) for row in numbers])


async def counts(ledger: Ledger, job: str = JOB) -> dict[str, int]:
    """The job's counts by label; they balance."""
    status = await ledger.status(job)
    assert status.balanced
    return {state.label: n for state, n in status.counts.items()}
