"""Stores that the ledger's contract is tested on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.postgres import Server, server


@pytest.fixture(scope="package")
def postgres() -> Iterator[Server]:
    """One PostgreSQL server for all tests of this folder."""
    with server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once on each store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    database: Callable[[], str] = request.getfixturevalue("postgres").database
    return database()
