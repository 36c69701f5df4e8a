"""The contract of Suppressions, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from actors.ledger.actor import Ledger
from actors.model.errors import InvalidInput
from tests.fakes.clock import FakeClock

BOB = "bob@" + "鴻雁.test".encode("idna").decode()


@pytest.fixture
async def ledger(ledger_url: str) -> AsyncIterator[Ledger]:
    made = Ledger(ledger_url, FakeClock(1000.0))
    yield made
    await made.close()


async def test_added_once_and_removed(ledger: Ledger) -> None:
    assert await ledger.suppress("bank", "global", ["Ann@Example.TEST", " ann@example.test ", "bob@鴻雁.test"], "asked") == 2
    assert await ledger.suppress("bank", "global", ["ann@example.test", "eve@example.test"], "bounced") == 1
    found = await ledger.suppressed("bank", ["global"])
    assert found == [
        ("ann@example.test", "global", "asked", 1000.0),
        (BOB, "global", "asked", 1000.0),
        ("eve@example.test", "global", "bounced", 1000.0),
    ]
    assert await ledger.unsuppress("bank", "global", ["ANN@example.test", "none@example.test"]) == 1
    assert [f[0] for f in await ledger.suppressed("bank", ["global"])] == [BOB, "eve@example.test"]


async def test_s33_scopes_and_accounts_are_apart(ledger: Ledger) -> None:
    await ledger.suppress("bank", "global", ["ann@example.test"], "")
    await ledger.suppress("shop", "global", ["ann@example.test"], "")
    await ledger.suppress("bank", "marketing", ["ann@example.test"], "")
    assert await ledger.unsuppress("shop", "marketing", ["ann@example.test"]) == 0
    assert await ledger.unsuppress("shop", "global", ["ann@example.test"]) == 1
    assert await ledger.suppressed("shop", ["global", "marketing"]) == []
    assert [f[1] for f in await ledger.suppressed("bank", ["global", "marketing"])] == ["global", "marketing"]
    assert await ledger.suppressed("bank", []) == []


async def test_pages_tear_no_address_apart(ledger: Ledger) -> None:
    addresses = [f"r{number:03d}@example.test" for number in range(50)]
    for scope in ("a", "b", "c"):
        assert await ledger.suppress("bank", scope, addresses, "") == 50
    seen: list[tuple[str, str]] = []
    while page := await ledger.suppressed("bank", ["a", "b", "c"], seen[-1][0] if seen else "", 40):
        assert len(page) <= 42
        seen += [(address, scope) for address, scope, _, _ in page]
    assert seen == [(address, scope) for address in addresses for scope in "abc"]


async def test_what_is_no_address_is_named(ledger: Ledger) -> None:
    wrong = [
        "ann@example.test",
        "bob",
        "@example.test",
        "eve@",
        "x\n@example.test",
        "a" * 260 + "@example.test",
        "i@-.\u2024.test",
    ]
    with pytest.raises(InvalidInput) as refused:
        await ledger.suppress("bank", "global", wrong, "")
    assert [problem.line for problem in refused.value.problems] == [2, 3, 4, 5, 6, 7]
    assert "bob" not in str(refused.value)
    assert await ledger.suppressed("bank", ["global"]) == []


async def test_many_at_once(ledger: Ledger) -> None:
    addresses = [f"r{number}@example.test" for number in range(25_000)]
    assert await ledger.suppress("bank", "global", addresses, "import") == 25_000
    assert await ledger.suppress("bank", "global", addresses, "import") == 0
    assert len(await ledger.suppressed("bank", ["global"])) == 25_000
