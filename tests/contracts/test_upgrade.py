"""A database of an older program is opened, keeps what it holds, and gets what it lacks; one of a newer program is refused."""

import pytest
import sqlalchemy as sa

from actors.ledger import schema
from actors.ledger.actor import Ledger
from actors.ledger.store import Store
from actors.model.errors import Unavailable
from actors.model.job import JobRecord
from actors.model.states import JobState


def record(name: str) -> JobRecord:
    return JobRecord(job=name, account="shop", name=name, state=JobState.ACCEPTING, rows=2)


async def filled(url: str) -> None:
    ledger = Ledger(url, lambda: 100.0)
    await ledger.create_job(record("old"))
    await ledger.begin_job(record("old"))
    await ledger.close()


def age(url: str) -> None:
    """Takes away what version 1 did not have."""
    store = Store(url)
    with store.transaction() as connection:
        for column in ("days", "rate", "priority"):
            connection.exec_driver_sql(f"ALTER TABLE jobs DROP COLUMN {column}")
        connection.exec_driver_sql("DROP TABLE codes")
        connection.execute(sa.update(schema.meta).where(schema.meta.c.name == "schema").values(value=1))
    store.close()


async def test_an_old_database_is_brought_up_and_keeps_its_jobs(ledger_url: str) -> None:
    await filled(ledger_url)
    age(ledger_url)
    ledger = Ledger(ledger_url, lambda: 200.0)
    (kept,) = await ledger.active_jobs()
    assert (kept.job, kept.days, kept.rate, kept.priority) == ("old", (), 0.0, 0)
    assert await ledger.stock_codes("shop", "pool", ["A"]) == 1
    await ledger.close()
    again = Ledger(ledger_url, lambda: 300.0)
    assert [r.job for r in await again.active_jobs()] == ["old"]
    await again.close()


async def test_a_database_of_a_newer_program_is_refused(ledger_url: str) -> None:
    await filled(ledger_url)
    store = Store(ledger_url)
    with store.transaction() as connection:
        newer = sa.update(schema.meta).where(schema.meta.c.name == "schema").values(value=schema.SCHEMA_VERSION + 1)
        connection.execute(newer)
    store.close()
    ledger = Ledger(ledger_url, lambda: 200.0)
    with pytest.raises(Unavailable, match="update the program"):
        await ledger.active_jobs()
    await ledger.close()
