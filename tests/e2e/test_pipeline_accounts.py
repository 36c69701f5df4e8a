"""Two accounts with the same names, keys and addresses: neither sees, changes or mails anything of the other."""

from pathlib import Path

import pytest

from actors.model.errors import Conflict, NotFound
from sandbox import Sandbox
from tests.e2e.mailing_world import arrivals, bundle, people, routes_to, world

KEY = "november"


async def test_s33_accounts_with_the_same_names_and_keys(tmp_path: Path) -> None:
    both, ours, theirs = people("both.test", 5), people("ours.test", 5), people("theirs.test", 5)
    first = bundle(both + ours, body_txt="a letter of bank to {{ name }}\n")
    second = bundle(both + theirs, body_txt="a letter of shop to {{ name }}\n")
    async with Sandbox() as sandbox, world(tmp_path, routes_to(sandbox, "*")) as made:
        await made.ledger.suppress("bank", "global", ["user0@both.test"], "asked the bank")
        await made.ledger.suppress("shop", "global", ["user1@both.test"], "asked the shop")
        bank = (await made.submit(first, "bank", KEY)).record.job
        shop = (await made.submit(second, "shop", KEY)).record.job
        assert bank != shop
        # The key belongs to its account: again, it gives the account's own job; with the other's bundle it is refused.
        assert (await made.submit(first, "bank", KEY)).record.job == bank
        assert (await made.submit(second, "shop", KEY)).record.job == shop
        with pytest.raises(Conflict):
            await made.submit(second, "bank", KEY)
        for job in (bank, shop):
            await made.ended(job)
            await made.reconcile(job, sandbox.messages)
        for account, own, other in (("bank", bank, shop), ("shop", shop, bank)):
            assert [s.record.job for s in await made.ledger.list_jobs(account)] == [own]
            assert (await made.ledger.status(own, account)).record.account == account
            with pytest.raises(NotFound, match=other):
                await made.ledger.status(other, account)
        listed = {account: await made.ledger.suppressed(account, ["global"]) for account in ("bank", "shop", "nobody")}
        states = {job: await made.states(job) for job in (bank, shop)}
    assert [entry[0] for entry in listed["bank"]] == ["user0@both.test"]
    assert [entry[0] for entry in listed["shop"]] == ["user1@both.test"]
    assert listed["nobody"] == []
    assert [row for row, state in states[bank].items() if state == "suppressed"] == [0]
    assert [row for row, state in states[shop].items() if state == "suppressed"] == [1]
    assert set(arrivals(bank, sandbox.messages)) == set(range(10)) - {0}
    assert set(arrivals(shop, sandbox.messages)) == set(range(10)) - {1}
    for message in sandbox.messages:
        from_bank = message.message_id.startswith(f"<{bank}.")
        assert (b"a letter of bank" in message.data, b"a letter of shop" in message.data) == (from_bank, not from_bank)
        assert not message.recipients[0].endswith("theirs.test" if from_bank else "ours.test")
    assert {p.parts[-2] for p in (tmp_path / "data/vault/jobs").glob("*/snapshot")} == {bank, shop}
