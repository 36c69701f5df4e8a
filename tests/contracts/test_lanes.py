"""What reputation keeps in the ledger: lanes that come back after a restart, decisions that stay bounded."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.ledger import lanes
from actors.ledger.actor import Ledger
from actors.model.lanes import JobTally, LaneReport, Reading, Unread
from actors.model.states import Blame
from actors.reputation.actor import Reputation
from actors.reputation.lanes import replay
from tests.fakes.clock import FakeClock


@pytest.fixture
async def ledger(ledger_url: str) -> AsyncIterator[Ledger]:
    made = Ledger(ledger_url, FakeClock(1000.0))
    yield made
    await made.close()


async def test_lanes_are_written_replaced_and_taken_away(ledger: Ledger) -> None:
    await ledger.save_lanes([("192.0.2.1", "a.test", "1"), ("192.0.2.1", "", "2"), ("192.0.2.2", "a.test", "3")])
    await ledger.save_lanes([("192.0.2.1", "a.test", "4")], gone=[("192.0.2.2", "a.test"), ("192.0.2.9", "no.test")])
    assert sorted(await ledger.load_lanes()) == [("192.0.2.1", "", "2"), ("192.0.2.1", "a.test", "4")]


async def test_decisions_are_found_by_lane_and_the_oldest_go(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MOST_DECISIONS", 4)
    await ledger.save_lanes([], decisions=[("a.test", "192.0.2.1", float(n), f"a{n}") for n in range(3)])
    await ledger.save_lanes([], decisions=[("b.test", "192.0.2.1", float(n), f"b{n}") for n in range(3)])
    assert await ledger.lane_decisions() == ["a2", "b0", "b1", "b2"]
    assert await ledger.lane_decisions("b.test", "192.0.2.1", 2) == ["b1", "b2"]
    assert await ledger.lane_decisions(egress="192.0.2.2") == []


async def test_decisions_of_a_site_are_found_whatever_its_connections_must_hold_to(ledger: Ledger) -> None:
    for site in ("a.test", "a.test!dane!sts2", "a_test!sts", "a.testing"):
        await ledger.save_lanes([], decisions=[(site, "192.0.2.1", 1.0, site)])
    assert await ledger.lane_decisions("a.test") == ["a.test", "a.test!dane!sts2"]
    assert await ledger.lane_decisions("a.test!dane!sts2") == ["a.test!dane!sts2"]
    assert await ledger.lane_decisions("a_test") == ["a_test!sts"]


async def test_a_new_reputation_knows_what_the_former_had_learned(tmp_path: Path) -> None:
    clock = FakeClock()
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", clock)
    former = Reputation(clock, ledger=ledger)
    blocked = LaneReport("a.test", egress=9, connections=2, last_reply="550 5.7.1 blocked")
    for _ in range(4):
        limits = await former.report("192.0.2.1", [blocked])
        clock.advance(0.5)
    assert limits["a.test"].closed_until > clock.now
    told = await former.decisions("a.test")
    assert [replay(d) for d in told] == [d.new for d in told]
    await former.close()
    later = Reputation(clock, ledger=ledger)
    again = (await later.report("192.0.2.1", [LaneReport("a.test")]))["a.test"]
    assert (again.closed_until, again.probe) == (limits["a.test"].closed_until, 1)
    assert [d.rule for d in await later.decisions("a.test")] == [d.rule for d in told]
    await ledger.close()


async def test_what_unknown_replies_mean_outlives_a_restart(ledger_url: str) -> None:
    clock = FakeClock()
    ledger = Ledger(ledger_url, clock)
    former = Reputation(clock, ledger=ledger)
    words = ("zorp", "<*>", "applies")
    for _ in range(4):
        for egress in ("192.0.2.1", "192.0.2.2"):
            bad = egress == "192.0.2.1"
            unread = (Unread("j1", 550, "5.7.1", words, 4),) if bad else ()
            good = 0 if bad else 4
            await former.report(egress, [LaneReport("a.test", delivered=good, jobs=(JobTally("j1", good),), unread=unread)])
        clock.advance(0.5)
    await former.close()
    later = Reputation(clock, ledger=ledger)
    assert await later.replies() == await former.replies()
    assert (await later.replies("a.test"))[0]["of"] == "192.0.2.1"
    limits = (await later.report("192.0.2.2", [LaneReport("a.test", delivered=1)]))["a.test"]
    assert limits.readings == (Reading(550, "5.7.1", words, Blame.EGRESS),)
    await ledger.close()
