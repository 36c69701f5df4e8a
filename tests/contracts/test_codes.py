"""The contract of codes of a pool, on SQLite and PostgreSQL: once over all jobs, the same on every call, back when unsent."""

from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest

from actors.ledger.actor import Ledger
from actors.model.delivery import Opening, Outcome
from actors.model.errors import Conflict, NotFound
from actors.model.job import JobRecord
from actors.model.states import JobState, OnDoubt, RowState, Stage
from tests.fakes.clock import FakeClock

CODES = [f"C{n}" for n in range(6)]


@pytest.fixture
async def ledger(ledger_url: str) -> AsyncIterator[Ledger]:
    made = Ledger(ledger_url, FakeClock(1000.0))
    yield made
    await made.close()


async def job(ledger: Ledger, name: str, account: str = "shop", rows: int = 3, **more: object) -> JobRecord:
    record = JobRecord(name, account, name, JobState.ACCEPTING, rows, 100, name, name, **more)  # type: ignore[arg-type]
    return replace(await ledger.create_job(record), rows=rows)


async def claim(ledger: Ledger, name: str, rows: list[int], pool: str = "p") -> list[str | None]:
    return await ledger.claim_codes(name, pool, np.array(rows, np.int64))


async def test_each_code_goes_to_one_row_of_all_jobs_in_the_order_of_the_pool(ledger: Ledger) -> None:
    assert await ledger.stock_codes("shop", "p", CODES[:4]) == 4
    assert await ledger.stock_codes("shop", "p", CODES) == 2
    await job(ledger, "a")
    await job(ledger, "b")
    assert await claim(ledger, "a", [0, 2, 7]) == ["C0", "C1", "C2"]
    assert await ledger.available_codes("shop", "p", "a") == 6
    assert await ledger.available_codes("shop", "p", "b") == 3
    assert await claim(ledger, "b", [0, 1, 2, 3]) == ["C3", "C4", "C5", None]


async def test_the_same_row_gets_the_same_code_on_every_call(ledger: Ledger, ledger_url: str) -> None:
    await ledger.stock_codes("shop", "p", CODES)
    await job(ledger, "a")
    assert await claim(ledger, "a", [1, 2]) == ["C0", "C1"]
    await ledger.close()  # a crash after the claim, before the job began
    again = Ledger(ledger_url, FakeClock(2000.0))
    await job(again, "a")
    assert await again.stock_codes("shop", "p", CODES) == 0
    assert await claim(again, "a", [0, 1, 2]) == ["C2", "C0", "C1"]
    await again.close()


async def test_accounts_and_pools_are_apart(ledger: Ledger) -> None:
    await ledger.stock_codes("shop", "p", ["X"])
    await ledger.stock_codes("shop", "q", ["X"])
    await ledger.stock_codes("bank", "p", ["X"])
    await job(ledger, "a")
    await job(ledger, "b", "bank")
    assert (
        await claim(ledger, "a", [0], "p") + await claim(ledger, "a", [0], "q") + await claim(ledger, "b", [0], "p")
        == ["X"] * 3
    )
    assert await claim(ledger, "a", [1], "p") == [None]
    assert await claim(ledger, "a", [0], "none") == [None]


async def test_only_a_job_that_is_being_accepted_claims(ledger: Ledger) -> None:
    await ledger.stock_codes("shop", "p", CODES)
    record = await job(ledger, "a")
    await ledger.begin_job(record)
    with pytest.raises(Conflict):
        await claim(ledger, "a", [0])
    with pytest.raises(NotFound):
        await claim(ledger, "none", [0])


async def test_a_refused_job_gives_all_codes_back(ledger: Ledger) -> None:
    await ledger.stock_codes("shop", "p", CODES)
    await job(ledger, "a")
    await job(ledger, "b")
    await claim(ledger, "a", [0, 1, 2])
    await ledger.move_job("a", JobState.REFUSED, "templates")
    assert await ledger.available_codes("shop", "p", "b") == 6
    assert await claim(ledger, "b", [0]) == ["C0"]


async def test_an_open_job_keeps_its_codes_and_a_cancelled_one_gives_back_those_of_unsent_rows(ledger: Ledger) -> None:
    await ledger.stock_codes("shop", "p", CODES)
    record = await job(ledger, "a", rows=5, on_doubt=OnDoubt.SKIP)
    await job(ledger, "b")
    assert await claim(ledger, "a", [0, 1, 2, 3, 4]) == CODES[:5]
    await ledger.begin_job(record)
    epoch = await ledger.claim_sender("e")
    rows = np.array([0, 1, 2, 3], np.int64)
    opened = await ledger.advance(
        "e", epoch, [], [Opening("a", await ledger.claim_conductor(), rows, np.full(4, 900, np.int64))]
    )
    assert opened.opened[0].all()
    ends = [RowState.DELIVERED, RowState.BOUNCED, RowState.RENDER_ERROR]
    await ledger.advance("e", epoch, [Outcome("a", row, state, 1000.0, Stage.DOT) for row, state in enumerate(ends)])
    assert await ledger.available_codes("shop", "p", "b") == 1, "the job is open"
    await ledger.claim_sender("e")  # the sender has crashed: row 3 was in doubt and is skipped, but may have arrived
    await ledger.move_job("a", JobState.CANCELLED)
    states = await ledger.row_states("a", 0, 5)
    assert states.tolist() == [*ends, RowState.SKIPPED, RowState.CANCELLED]
    assert await ledger.available_codes("shop", "p", "b") == 3
    assert await claim(ledger, "b", [0, 1, 2]) == ["C2", "C4", "C5"]
    assert await ledger.available_codes("shop", "p", "b") == 3, "what was sent is gone"
