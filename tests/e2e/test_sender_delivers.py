"""A sender delivers its leases over loopback: every row once, from the egress's own address, opened before it leaves."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from actors.model.delivery import ONLY, Dsn, Reply, Site
from actors.model.lanes import LaneLimits
from actors.model.reasons import Reason
from actors.model.states import Blame, RowState, Stage
from actors.sender.pool import MOST_CONNECTIONS
from tests.e2e.sending import EGRESS, Bench, running, site, until
from tests.fakes.ports import shard
from tests.fakes.smtp import FakeSmtp, Script


@pytest.mark.parametrize(
    "extensions",
    [("PIPELINING", "8BITMIME", "SIZE"), (), ("PIPELINING", "CHUNKING", "SIZE 100000")],
    ids=["pipelining", "plain", "chunking"],
)
async def test_every_row_is_delivered_once(extensions: tuple[str, ...]) -> None:
    bench = Bench()
    async with FakeSmtp(Script(extensions=extensions)) as server, running(bench):
        bench.conductor.shards.append(shard(site(server, chunking=True), range(1500)))
        await until(lambda: len(bench.ledger.outcomes) == 1500)
    assert sorted(server.recipients) == sorted(f"r{n}@to.test" for n in range(1500))
    assert bench.ledger.states() == {RowState.DELIVERED: 1500}
    assert bench.ledger.most_open <= 256
    assert {r.peer for r in server.received} == {"127.0.0.2"}
    assert all(r.data == bench.renderer.message(int(r.recipient[1 : r.recipient.index("@")])) for r in server.received)
    assert not server.unplanned
    assert bench.conductor.unsent == []
    entry = bench.ledger.outcomes["J", 7]
    assert (entry.code, entry.enhanced, entry.stage, entry.site, entry.egress) == (
        250,
        "2.0.0",
        Stage.DOT,
        "one.test",
        "127.0.0.2",
    )


async def test_render_failures_refused_rows_and_dead_domains_settle_without_opening() -> None:
    bench = Bench()
    bench.renderer.failures = {3: RowState.RENDER_ERROR, 5: RowState.SKIPPED}
    bench.ledger.refuse = {8, 9}
    async with FakeSmtp() as server, running(bench):
        dead = Site("none:5.1.10", refusal=Reply(556, "the domain accepts no mail", "5.1.10"))
        away = Site("none:4.4.3", refusal=Reply(451, "the name servers give no answer", "4.4.3"))
        bench.conductor.shards += [shard(site(server), range(10)), shard(dead, [10, 11]), shard(away, [12])]
        await until(lambda: bool(bench.conductor.finished))
    states = {row: outcome.state for (_, row), outcome in bench.ledger.outcomes.items()}
    assert [states[r] for r in (3, 5, 10, 11, 12)] == [
        RowState.RENDER_ERROR,
        RowState.SKIPPED,
        RowState.BOUNCED,
        RowState.BOUNCED,
        RowState.DEFERRED,
    ]
    assert bench.ledger.outcomes["J", 10].blame is Blame.RECIPIENT
    assert bench.conductor.unsent == [8, 9]
    assert len(server.received) == 6
    assert not {("J", r) for r in (3, 5, 10, 11, 12)} & bench.ledger.ever_opened


async def test_a_job_that_halts_leaves_the_hand_at_once() -> None:
    bench = Bench()
    bench.ledger.refuse = set(range(10, 1000))
    async with FakeSmtp() as server, running(bench):
        one = site(server)
        bench.conductor.shards.append(shard(one, range(10)))
        await until(lambda: len(bench.reputation.reports) > 2)  # the lane is known to be slow, and opens little at once
        bench.conductor.shards.append(shard(one, range(10, 1000)))
        await until(lambda: len(bench.conductor.unsent) == 990, 10.0)
    assert sorted(bench.conductor.unsent) == list(range(10, 1000))


async def test_replies_become_outcomes() -> None:
    replies = {
        0: b"550 5.1.1 no such user\r\n",
        1: b"450 4.7.1 greylisted\r\n",
        2: b"554 5.7.1 listed at spamhaus\r\n",
        3: b"552 5.2.2 mailbox full\r\n",
    }

    def hook(_: object, verb: str, line: str) -> bytes | None:
        return replies.get(int(line[len("RCPT TO:<r") : line.index("@")])) if verb == "RCPT" else None

    bench = Bench()
    for lax in (False, True):
        bench = Bench()
        async with FakeSmtp(Script(hook=hook, lax_data=lax)) as server, running(bench):
            bench.conductor.shards.append(shard(site(server), range(20), attempts=1, first_at=time.time()))
            await until(lambda b=bench: len(b.ledger.outcomes) == 20)
        told = {row: (o.state, o.blame, o.stage, o.avoid) for (_, row), o in bench.ledger.outcomes.items()}
        assert told[0] == (RowState.BOUNCED, Blame.RECIPIENT, Stage.RCPT, "")
        assert told[1] == (RowState.DEFERRED, Blame.BUSY, Stage.RCPT, f"{ONLY}{EGRESS}")
        assert told[2] == (RowState.DEFERRED, Blame.EGRESS, Stage.RCPT, "127.0.0.2")
        assert told[3] == (RowState.DEFERRED, Blame.RECIPIENT, Stage.RCPT, "")
        assert len(server.received) == 16
        assert bench.ledger.outcomes["J", 1].next_at > time.time() + 200
        assert bool(server.empty) == lax


async def test_stamp_of_a_row_in_doubt_is_kept() -> None:
    bench = Bench()
    seen: list[int] = []
    inner = bench.renderer.render

    async def render(job: str, segment: int, rows: Any, stamps: Any) -> Any:
        seen.extend(stamps.tolist())
        return await inner(job, segment, rows, stamps)

    bench.renderer.render = render  # type: ignore[method-assign]
    async with FakeSmtp() as server, running(bench):
        bench.conductor.shards.append(shard(site(server), [1, 2], stamp=1234567))
        await until(lambda: len(bench.ledger.outcomes) == 2)
    assert seen == [1234567, 1234567]


async def test_greylisted_rows_that_would_be_early_are_held_back_without_an_attempt() -> None:
    known = LaneLimits(2, grey_wait=400.0)
    async with FakeSmtp() as server, running(Bench(first_limits=known)) as bench:
        bench.reputation.limits = known
        now = time.time()
        bound = shard(site(server), [1, 2, 3], attempts=1, first_at=now - 300.0)
        bound.first_at[1] = now - 500.0
        fresh = shard(site(server), [4])
        bench.conductor.shards += [replace(bound, avoid=f"{ONLY}{EGRESS}"), fresh]
        await until(bench.settled(4))
    ends = {row: outcome for (_, row), outcome in bench.ledger.outcomes.items()}
    assert {row for row, end in ends.items() if end.state is RowState.DELIVERED} == {2, 4}
    for row in (1, 3):
        assert (ends[row].state, ends[row].stage, ends[row].reason) == (RowState.DEFERRED, Stage.HAND, Reason.GREYLIST)
        assert 400.0 <= ends[row].next_at - (now - 300.0) <= 420.0
        assert ends[row].avoid == f"{ONLY}{EGRESS}"
    assert len(server.received) == 2


async def test_several_sites_at_once_a_slow_one_blocks_nobody() -> None:
    bench = Bench()

    async with FakeSmtp(Script(read_pause=0.2)) as slow, FakeSmtp() as fast, running(bench):
        bench.conductor.shards.append(shard(site(slow, "slow.test"), range(400)))
        bench.conductor.shards.append(shard(site(fast, "fast.test"), range(1000, 5000)))
        await until(lambda: len(fast.received) == 4000)
        assert len(slow.received) < 200
        assert bench.ledger.most_open <= 256
        slow.script.read_pause = 0.0


async def test_a_lane_that_rested_longer_than_the_lease_goes_on() -> None:
    bench = Bench()
    bench.ledger.lease_seconds = 0.2
    async with FakeSmtp() as server, running(bench):
        bench.conductor.shards.append(shard(site(server), [1]))
        await until(bench.settled(1))
        await asyncio.sleep(0.5)
        bench.conductor.shards.append(shard(site(server), [2]))
        await until(bench.settled(2))
    assert len(server.received) == 2


async def test_connections_are_reused_and_closed_after_their_share() -> None:
    bench = Bench(first_limits=LaneLimits(1, messages_per_connection=10))
    bench.reputation.limits = LaneLimits(1, messages_per_connection=10)
    async with FakeSmtp() as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(100)))
        await until(bench.settled(100))
    assert len(server.sessions) == 10
    assert {s.accepted for s in server.sessions} == {10}
    assert all(s.commands[-1] == "QUIT" for s in server.sessions)


@pytest.mark.parametrize("size", [200_000, 3_000_000])
async def test_big_messages_arrive_whole(size: int) -> None:
    bench = Bench()
    bench.renderer.size = size
    async with FakeSmtp(Script(read_pause=0.001)) as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(12)))
        await until(bench.settled(12))
    assert {r.recipient: r.data for r in server.received} == {f"r{n}@to.test": bench.renderer.message(n) for n in range(12)}
    assert bench.ledger.states() == {RowState.DELIVERED: 12}


async def test_smtputf8_and_eight_bit() -> None:
    bench = Bench()
    bench.renderer.address = lambda row: f"鴻雁{row}@to.test" if row % 2 else f"r{row}@to.test"
    bench.renderer.body = lambda row: f"Subject: {'é' if row == 2 else 'e'}\r\n\r\nx\r\n".encode()
    async with FakeSmtp() as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(4)))
        await until(bench.settled(4))
    params = {r.recipient: r.mail_params for r in server.received}
    assert "SMTPUTF8" in params["鴻雁1@to.test"]
    assert "SMTPUTF8" not in params["r0@to.test"]
    assert "BODY=8BITMIME" in params["r2@to.test"]
    assert "BODY=8BITMIME" not in params["r0@to.test"]


async def test_return_paths_of_rows_and_what_receivers_are_asked_for() -> None:
    for offered in (True, False):
        bench = Bench()
        bench.renderer.row_path = lambda row: f"bounce+{row}@from.test"
        bench.renderer.dsn = Dsn("FAILURE,DELAY", "HDRS")
        extensions = ("PIPELINING", "SIZE", *(["DSN"] if offered else []))
        async with FakeSmtp(Script(extensions=extensions)) as server, running(bench):
            bench.conductor.shards.append(shard(site(server), range(4)))
            await until(bench.settled(4))
        assert bench.ledger.states() == {RowState.DELIVERED: 4}
        for one in server.received:
            row = one.recipient.removeprefix("r").removesuffix("@to.test")
            assert one.sender == f"bounce+{row}@from.test"
            assert (f" RET=HDRS ENVID=J.{row}" in one.mail_params) is offered
            assert one.rcpt_params == (f" NOTIFY=FAILURE,DELAY ORCPT=rfc822;{one.recipient}" if offered else "")


@pytest.mark.parametrize(
    ("extensions", "address", "subject", "code"),
    [
        (("PIPELINING", "8BITMIME"), "鴻雁@to.test", "e", "5.6.7"),  # a local part needs SMTPUTF8, and 8BITMIME is not enough
        (("PIPELINING", "SMTPUTF8"), "鴻雁@to.test", "é", ""),  # SMTPUTF8 implies 8BITMIME
        (("PIPELINING", "SMTPUTF8"), "a@to.test", "é", "5.6.3"),  # eight bits of unknown meaning
    ],
)
async def test_what_a_receiver_lacks_is_told_at_once_and_blames_no_recipient(
    extensions: tuple[str, ...], address: str, subject: str, code: str
) -> None:
    bench = Bench()
    bench.renderer.address = lambda row: address
    bench.renderer.body = lambda row: f"Subject: {subject}\r\n\r\nx\r\n".encode()
    async with FakeSmtp(Script(extensions=extensions)) as server, running(bench):
        bench.conductor.shards.append(shard(site(server), [1]))
        await until(bench.settled(1))
    found = bench.ledger.outcomes["J", 1]
    if code:
        assert (found.state, found.blame, found.reason, found.enhanced) == (RowState.BOUNCED, Blame.US, Reason.ENCODING, code)
        assert not [c for c in server.commands if c.startswith("MAIL")]
    else:
        assert found.state is RowState.DELIVERED
        assert "BODY=" not in server.received[0].mail_params


async def test_small_size_limit_refuses_here() -> None:
    bench = Bench()
    bench.renderer.size = 5000
    async with FakeSmtp(Script(extensions=("PIPELINING", "SIZE 1000"))) as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(5)))
        await until(bench.settled(5))
    assert {(o.state, o.blame, o.enhanced) for o in bench.ledger.outcomes.values()} == {
        (RowState.BOUNCED, Blame.CONTENT, "5.3.4")
    }
    assert not [c for c in server.commands if c.startswith("MAIL")]


async def test_s4_a_poisoned_address_never_reaches_the_wire() -> None:
    bench = Bench()
    bench.renderer.address = lambda row: "a@b.test>\r\nRCPT TO:<x@y.test" if row == 1 else f"r{row}@to.test"
    async with FakeSmtp() as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(3)))
        await until(bench.settled(3))
    assert sorted(server.recipients) == ["r0@to.test", "r2@to.test"]
    assert not server.unplanned
    assert not [c for c in server.commands if "x@y" in c]
    assert bench.ledger.outcomes["J", 1].state is RowState.BOUNCED
    assert bench.ledger.outcomes["J", 1].blame is Blame.US


async def test_reports_reach_reputation_and_its_limits_are_followed() -> None:
    bench = Bench(first_limits=LaneLimits(2))
    bench.reputation.limits = LaneLimits(6)

    def hook(_: object, verb: str, line: str) -> bytes | None:
        return b"550 5.7.1 <r5@to.test> client host blocked\r\n" if verb == "RCPT" and "<r5@" in line else None

    async with FakeSmtp(Script(hook=hook, read_pause=0.02)) as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(150)))
        await until(lambda: len(server.sessions) == 6)
        await until(bench.settled(150))
        await until(lambda: sum(r.delivered for r in bench.reputation.reports) == 149)
    assert sum(r.egress for r in bench.reputation.reports) == 1
    assert sum(r.started for r in bench.reputation.reports) == sum(r.settled for r in bench.reputation.reports) == 150
    assert max(r.connections for r in bench.reputation.reports) == 6
    assert not [r for r in bench.reputation.reports if "r5@" in r.last_reply]
    assert [r for r in bench.reputation.reports if "blocked" in r.last_reply]


async def test_a_domain_a_row() -> None:
    bench = Bench(first_limits=LaneLimits(concurrency=1))
    bench.reputation.limits = LaneLimits(concurrency=1)  # a busy machine is no reason for a second connection
    async with FakeSmtp() as server, running(bench):
        bench.conductor.shards += [shard(site(server, f"site{n}.test"), range(n * 2, n * 2 + 2)) for n in range(500)]
        await until(bench.settled(1000))
        assert bench.sender.pool.taken <= MOST_CONNECTIONS
    assert bench.sender.pool.taken == 0
    assert len(server.sessions) == 500, "one connection a site"
    assert bench.ledger.states() == {RowState.DELIVERED: 1000}
    assert bench.ledger.most_open <= 256
