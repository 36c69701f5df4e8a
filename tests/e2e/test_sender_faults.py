"""Receivers that break off, stall, lie or refuse: every row still gets exactly one end, and only a written dot is a doubt."""

import asyncio
import time
from collections import Counter

import pytest

from actors.model.delivery import Host, Site
from actors.model.lanes import LaneLimits
from actors.model.states import Blame, RowState, Stage
from tests.e2e.sending import Bench, limits, running, site, until
from tests.fakes.ports import shard
from tests.fakes.smtp import DROP, SILENT, FakeSmtp, Script, Session

PIPE = ("PIPELINING", "8BITMIME", "SIZE")
ONE = LaneLimits(1)


def only_first(verb_wanted: str, reply: bytes) -> Script:
    """The first connection answers one verb this way."""
    first: list[Session] = []

    def hook(session: Session, verb: str, _: str) -> bytes | None:
        first.append(session)
        return reply if verb == verb_wanted and session is first[0] else None

    return Script(hook=hook)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelining", "plain"])
async def test_dropped_before_the_dot_goes_out_on_another_connection(verb: str, pipelining: bool) -> None:
    script = only_first(verb, DROP)
    script.extensions = PIPE if pipelining else ()
    bench = Bench(first_limits=ONE)
    async with FakeSmtp(script) as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(5)))
        await until(bench.settled(5))
    assert bench.ledger.states() == {RowState.DELIVERED: 5}
    assert sorted(server.recipients) == [f"r{n}@to.test" for n in range(5)]


@pytest.mark.parametrize(("reply", "taken"), [(DROP, 0), (DROP + b"+", 1)], ids=["lost", "taken"])
async def test_dropped_after_the_dot_is_in_doubt_and_not_sent_again(reply: bytes, taken: int) -> None:
    script = Script(after_data=lambda session, data: reply if b"row 2\r\n" in data else None)
    bench = Bench(first_limits=ONE)
    bench.reputation.limits = ONE
    async with FakeSmtp(script) as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(5)))
        await until(bench.settled(5))
    assert {row: o.state for (_, row), o in bench.ledger.outcomes.items() if o.state is not RowState.DELIVERED} == {
        2: RowState.IN_DOUBT
    }
    doubt = bench.ledger.outcomes["J", 2]
    assert (doubt.stage, doubt.blame, doubt.code) == (Stage.DOT, Blame.NETWORK, 0)
    assert len(server.received) == 4 + taken


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelining", "plain"])
async def test_421_at_every_verb(verb: str, pipelining: bool) -> None:
    script = Script(extensions=PIPE if pipelining else ())
    if verb == ".":
        script.after_data = lambda session, data: b"421 4.3.2 closing\r\n" if b"row 1\r\n" in data else None
    else:
        script = only_first(verb, b"421 4.3.2 closing\r\n")
    bench = Bench(first_limits=ONE)
    bench.reputation.limits = ONE
    async with FakeSmtp(script) as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(4)))
        await until(bench.settled(4))
    assert bench.ledger.states() == {RowState.DELIVERED: 3, RowState.DEFERRED: 1}
    deferred = next(o for o in bench.ledger.outcomes.values() if o.state is RowState.DEFERRED)
    assert (deferred.code, deferred.blame) == (421, Blame.BUSY)
    assert len(server.received) == 3


async def test_a_receiver_that_closes_after_every_other_message_gets_all() -> None:
    def hook(session: Session, verb: str, _: str) -> bytes | None:
        return b"421 4.7.0 too many messages here\r\n" if verb == "MAIL" and session.accepted == 2 else None

    bench = Bench()
    async with FakeSmtp(Script(hook=hook)) as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(40)))
        await until(bench.settled(40))
    assert bench.ledger.states() == {RowState.DELIVERED: 40}
    assert len(server.received) == 40


async def test_a_receiver_that_takes_so_many_mails_a_connection_and_keeps_it_open_gets_all() -> None:
    """OpenSMTPD's `max-mails`: every MAIL of the connection is refused from then on, and it is ours to hang up."""

    def hook(session: Session, verb: str, _: str) -> bytes | None:
        enough = verb == "MAIL" and session.accepted >= 5
        return b"452 4.5.3 Too many recipients: Too many messages sent\r\n" if enough else None

    for pipelining in (True, False):
        bench = Bench(first_limits=ONE)
        bench.reputation.limits = ONE
        async with FakeSmtp(Script(hook=hook, extensions=PIPE if pipelining else ())) as server, running(bench):
            bench.conductor.shards.append(shard(site(server), range(20)))
            await until(bench.settled(20))
            await until(lambda: sum(report.closes for report in bench.reputation.reports) == 3)  # noqa: B023
        assert [o.state for o in bench.ledger.history] == [RowState.DELIVERED] * 20
        assert sorted(server.recipients) == sorted(f"r{n}@to.test" for n in range(20))
        assert [session.accepted for session in server.sessions] == [5, 5, 5, 5]
        assert {report.closed_after for report in bench.reputation.reports if report.closes} == {5}
        assert sum(report.busy for report in bench.reputation.reports) == 0


async def test_too_many_connections_on_a_new_one_is_the_rows_own_deferral() -> None:
    def hook(session: Session, verb: str, _: str) -> bytes | None:
        return b"451 4.7.0 Too many connections\r\n" if verb == "MAIL" else None

    bench = Bench(first_limits=ONE)
    async with FakeSmtp(Script(hook=hook)) as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(3)))
        await until(bench.settled(3))
    assert bench.ledger.states() == {RowState.DEFERRED: 3}
    assert {(o.code, o.blame) for o in bench.ledger.outcomes.values()} == {(451, Blame.BUSY)}


async def test_replies_split_by_the_byte() -> None:
    bench = Bench()
    async with FakeSmtp(Script(piece=1)) as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(20)))
        await until(bench.settled(20))
    assert bench.ledger.states() == {RowState.DELIVERED: 20}
    assert len(server.received) == 20


async def test_two_replies_in_one_packet_are_never_taken_for_the_next_command() -> None:
    def hook(session: Session, verb: str, _: str) -> bytes | None:
        return b"250 ok\r\n250 ok\r\n354 go\r\n250 delivered\r\n" if verb == "MAIL" else None

    bench = Bench(first_limits=ONE)
    async with FakeSmtp(Script(hook=hook, extensions=())) as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(3)))
        await until(bench.settled(3))
    assert bench.ledger.states() == {RowState.DEFERRED: 3}
    assert {o.blame for o in bench.ledger.outcomes.values()} == {Blame.NETWORK}
    assert not server.received


@pytest.mark.parametrize(
    ("greeting", "code", "blame"),
    [
        (b"554 5.7.1 listed at zen.spamhaus.org\r\n", 554, Blame.EGRESS),
        (b"421 4.7.0 too busy\r\n", 421, Blame.BUSY),
        (b"550 no user of this server\r\n", 550, Blame.EGRESS),
        (b"\xff\xfe\x00 nonsense\r\n", 0, Blame.NETWORK),
        (DROP, 0, Blame.NETWORK),
    ],
    ids=["listed", "busy", "refused", "junk", "drop"],
)
async def test_a_bad_greeting_defers_all_rows_without_opening_one(greeting: bytes, code: int, blame: Blame) -> None:
    bench = Bench()
    async with FakeSmtp(Script(greeting=greeting)) as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(200)))
        await until(bench.settled(200))
    assert {(o.state, o.code, o.blame) for o in bench.ledger.outcomes.values()} == {(RowState.DEFERRED, code, blame)}
    stages = Counter(o.stage for o in bench.ledger.outcomes.values())
    assert stages == {Stage.GREETING: 1, Stage.HAND: 199}  # one has tried it for all
    assert not bench.ledger.ever_opened
    assert {o.avoid for o in bench.ledger.outcomes.values()} == {"127.0.0.2" if blame is Blame.EGRESS else ""}


async def test_nobody_listens_and_the_next_host_is_used() -> None:
    bench = Bench()
    async with FakeSmtp() as gone:
        dead_port = gone.port
    async with FakeSmtp() as server, running(bench):
        hosts = (Host("127.0.0.1", dead_port, 10), Host("127.0.0.1", server.port, 20))
        bench.conductor.shards.append(shard(Site("two.test", hosts), range(50)))
        bench.conductor.shards.append(shard(Site("dead.test", hosts[:1]), range(100, 110)))
        bench.conductor.shards.append(shard(Site("nowhere.test", (Host("no-address.test"),)), range(200, 203)))
        await until(bench.settled(63))
    assert bench.ledger.states() == {RowState.DELIVERED: 50, RowState.DEFERRED: 13}
    stages = Counter((o.site, o.stage) for o in bench.ledger.outcomes.values() if o.state is RowState.DEFERRED)
    assert {place: n for place, n in stages.items() if place[1] is Stage.CONNECT} == {
        ("dead.test", Stage.CONNECT): 1,
        ("nowhere.test", Stage.CONNECT): 1,
    }
    assert {stage for _, stage in stages} == {Stage.CONNECT, Stage.HAND}
    assert not {("J", n) for n in range(100, 203)} & bench.ledger.ever_opened


async def test_tarpit_hits_the_time_limit_of_each_stage() -> None:
    for verb, state in (("EHLO", RowState.DEFERRED), ("MAIL", RowState.DEFERRED), (".", RowState.IN_DOUBT)):
        if verb == ".":
            script = Script(after_data=lambda session, data: SILENT)
        else:
            script = Script(hook=lambda session, v, _, wanted=verb: SILENT if v == wanted else None)
        bench = Bench(limits=limits(0.3), first_limits=ONE)
        bench.reputation.limits = ONE
        started = time.monotonic()
        async with FakeSmtp(script) as server, running(bench):
            bench.conductor.shards.append(shard(site(server), [1]))
            await until(bench.settled(1))
        assert 0.25 < time.monotonic() - started < 6
        assert bench.ledger.outcomes["J", 1].state is state
        assert bench.ledger.outcomes["J", 1].reply == "timed out"


async def test_a_slow_drip_does_not_move_the_time_limit() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        await reader.readline()
        writer.write(b"250 hi\r\n")
        await reader.readline()
        try:
            while True:
                writer.write(b"250-" if drip.first else b"x")  # type: ignore[attr-defined]
                drip.first = False  # type: ignore[attr-defined]
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    drip.first = True  # type: ignore[attr-defined]
    listener = await asyncio.start_server(drip, "127.0.0.1", 0)
    bench = Bench(limits=limits(0.4), first_limits=ONE)
    async with running(bench):
        port = listener.sockets[0].getsockname()[1]
        bench.conductor.shards.append(shard(Site("drip.test", (Host("127.0.0.1", port),)), [1]))
        await until(bench.settled(1), 8)
    listener.close()
    assert bench.ledger.outcomes["J", 1].reply == "timed out"


@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
async def test_disconnect_after_every_byte(chunking: bool) -> None:
    """The receiver goes away after n octets: before the dot was read the row is sent again or deferred, and nothing is lost."""
    whole = cut = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal whole
        budget, done = cut, False
        offers = b"250-x\r\n250-CHUNKING\r\n250 PIPELINING\r\n"
        seen = b""
        writer.write(b"220 x\r\n")
        try:
            while budget > 0:
                data = await reader.read(budget)
                if not data:
                    break
                budget -= len(data)
                seen += data
                replies = answers(seen, offers, chunking)
                if replies[1] and not done:
                    done, whole = True, whole + 1
                writer.write(replies[0][answered(writer) :])
                writer.sent = len(replies[0])  # type: ignore[attr-defined]
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    for octets in [*range(1, 60, 7), *range(60, 230, 11), 10_000]:
        whole, cut = 0, octets
        bench = Bench(first_limits=ONE, limits=limits(2.0))
        bench.renderer.body = lambda row: b"Subject: x\r\n\r\n" + b"y" * 40 + b"\r\n"
        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with running(bench):
            host = Host("127.0.0.1", listener.sockets[0].getsockname()[1])
            bench.conductor.shards.append(shard(Site("cut.test", (host,), chunking=chunking), [1]))
            await until(bench.settled(1))
        listener.close()
        state = bench.ledger.outcomes["J", 1].state
        assert whole <= 1, "two mails for one row"
        assert state in (RowState.DEFERRED, RowState.IN_DOUBT, RowState.DELIVERED)
        assert state is not RowState.DELIVERED or whole == 1
        assert state is not RowState.DEFERRED or whole == 0, "a row that was taken would be sent again"


def answered(writer: asyncio.StreamWriter) -> int:
    return getattr(writer, "sent", 0)


def answers(seen: bytes, offers: bytes, chunking: bool) -> tuple[bytes, bool]:
    """All replies to what a client has said so far, and whether a whole message was among it."""
    out, at, done = b"", 0, False
    while (end := seen.find(b"\r\n", at)) >= 0:
        line, at = seen[at:end], end + 2
        if line.startswith(b"EHLO"):
            out += offers
        elif line == b"DATA":
            out += b"354 go\r\n"
            dot = seen.find(b"\r\n.\r\n", at)
            if dot < 0:
                return out, done
            at, done, out = dot + 5, True, out + b"250 taken\r\n"
        elif line.startswith(b"BDAT"):
            at += int(line.split()[1])
            if at > len(seen):
                return out, done
            done, out = True, out + b"250 taken\r\n"
        else:
            out += b"250 ok\r\n"
    return out, done


async def test_mail_behind_a_stuck_connection_goes_out_on_another() -> None:
    script = Script(after_data=lambda session, data: SILENT if b"row 0\r\n" in data else None)
    bench = Bench(first_limits=LaneLimits(2), limits=limits(3.0))
    bench.reputation.limits = LaneLimits(2)
    async with FakeSmtp(script) as server, running(bench):
        bench.conductor.shards.append(shard(site(server), range(4)))
        await until(lambda: len(server.received) >= 2, 2.5)
        await until(bench.settled(4))
    assert bench.ledger.outcomes["J", 0].state is RowState.IN_DOUBT
    assert bench.ledger.states() == {RowState.DELIVERED: 3, RowState.IN_DOUBT: 1}
