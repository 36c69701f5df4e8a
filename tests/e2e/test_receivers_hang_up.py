"""Postfix and Exim hang up on a connection that is idle for a second, in each state; what the sender makes of it, and how many
mails the receiver has. OpenSMTPD waits five minutes, whatever its configuration: there the relay hangs up, without a word."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from actors.model.delivery import Host, Outcome, Site
from actors.model.lanes import LaneLimits
from actors.model.states import Blame, RowState, Stage
from tests.e2e.receivers.base import Receiver
from tests.e2e.receivers.delivery import make_message
from tests.e2e.receivers.exim import start_exim
from tests.e2e.receivers.opensmtpd import start_opensmtpd
from tests.e2e.receivers.postfix import start_postfix
from tests.e2e.receivers.relay import Relay
from tests.e2e.sending import Bench, running, until
from tests.e2e.test_receivers_from_sender import numbers
from tests.fakes.ports import shard

DOT = b"\r\n.\r\n"
ROWS = 3
STATES = {  # which words the client does not say any more, and the stage at which the row then stands
    "greeting": (b"EHLO", Stage.EHLO),
    "ehlo": (b"MAIL FROM", Stage.MAIL),
    "mail": (b"RCPT TO", Stage.RCPT),
    "rcpt": (b"DATA\r\n", Stage.DATA),
    "data": (b"From: ", Stage.DOT),
    "body": (DOT, Stage.DOT),
}


FAR = 8.0  # the receiver hangs up after one second


@contextmanager
def impatient_postfix() -> Iterator[Receiver]:
    with start_postfix(tls=False, main="smtpd_timeout = 1s\n") as receiver:
        yield receiver


@contextmanager
def impatient_exim() -> Iterator[Receiver]:
    with start_exim(tls=False, main="smtp_receive_timeout = 1s") as receiver:
        yield receiver


async def sent(relay: Relay, rows: range, patience: float, *, rest: bool = False) -> dict[int, Outcome]:
    """The outcomes of rows, sent through the relay one at a time. `rest`: the last one after somebody has hung up meanwhile."""
    bench = Bench(first_limits=LaneLimits(1))
    bench.reputation.limits = LaneLimits(1)
    bench.renderer.body = make_message
    async with relay.listening(), running(bench):
        site = Site("to.test", (Host("127.0.0.1", relay.port),), tls="none")
        if rest:
            bench.conductor.shards.append(shard(site, rows[:-1]))
            await until(bench.settled(len(rows) - 1))
            assert (relay.connections, relay.open) == (1, 1)
            if patience:
                relay.hang_up()
            await until(lambda: relay.open == 0, FAR)
            rows = rows[-1:]
        bench.conductor.shards.append(shard(site, rows))
        await until(bench.settled(ROWS))
    return {row: outcome for (_, row), outcome in bench.ledger.outcomes.items()}


async def in_each_state(receiver: Receiver, patience: float = 0.0) -> tuple[dict[str, Relay], dict[str, list[Outcome]]]:
    """What became of three rows for each state, all at once; the state in which nothing is said to the dot is `dot`, the one
    between two mails `between`."""
    place = (receiver.host, receiver.port)
    relays = {state: Relay(*place, hold=words, patience=patience) for state, (words, _) in STATES.items()}
    relays |= {"dot": Relay(*place, mute=DOT), "between": Relay(*place)}
    runs = [
        sent(relay, range(10 * n, 10 * n + ROWS), patience, rest=state == "between")
        for n, (state, relay) in enumerate(relays.items())
    ]
    found = await asyncio.gather(*runs)
    return relays, {state: [outcomes[row] for row in sorted(outcomes)] for state, outcomes in zip(relays, found, strict=True)}


def stored(receiver: Receiver, ends: dict[str, list[Outcome]]) -> Counter[int]:
    """What arrived, once everything has that must: what was delivered, and the one mail whose reply was lost."""
    delivered = [o.row for outcomes in ends.values() for o in outcomes if o.state is RowState.DELIVERED]
    return numbers(receiver.wait_for(len(delivered) + 1)) - Counter([*delivered, ends["dot"][0].row])


def all_delivered(outcomes: list[Outcome]) -> bool:
    return all(outcome.state is RowState.DELIVERED for outcome in outcomes)


@pytest.mark.parametrize("start", [impatient_postfix, impatient_exim], ids=["postfix", "exim"])
async def test_an_idle_connection_that_the_receiver_ends(start: Callable[[], AbstractContextManager[Receiver]]) -> None:
    with start() as receiver:
        relays, ends = await in_each_state(receiver)
        assert not stored(receiver, ends)
    for state, (_, stage) in STATES.items():
        first, *others = ends[state]
        assert (first.state, first.stage, first.code) == (RowState.DEFERRED, stage, 421), state
        assert first.blame in (Blame.BUSY, Blame.NETWORK), state
        assert b"421 " in relays[state].last_words
        if state == "greeting":  # no row was opened: all wait for their next try
            assert {(o.state, o.code) for o in others} == {(RowState.DEFERRED, 421)}
        else:
            assert all_delivered(others), state
            assert relays[state].connections == 2, state
    check_lost_reply_and_rest(relays, ends)


async def test_an_idle_connection_that_is_ended_without_a_word() -> None:
    with start_opensmtpd() as receiver:
        relays, ends = await in_each_state(receiver, patience=0.2)
        assert not stored(receiver, ends)
    for state in ("ehlo", "mail", "rcpt"):  # no dot has left: another connection takes it at once
        assert all_delivered(ends[state]), state
        assert relays[state].connections == 2
    for state in ("data", "body"):  # the dot was written and came as far as the relay: who can know?
        first, *others = ends[state]
        assert (first.state, first.stage, first.code) == (RowState.IN_DOUBT, Stage.DOT, 0)
        assert all_delivered(others)
    first, *others = ends["greeting"]
    assert (first.state, first.stage, first.code) == (RowState.DEFERRED, Stage.EHLO, 0)
    assert {(o.state, o.stage) for o in others} == {(RowState.DEFERRED, Stage.HAND)}
    check_lost_reply_and_rest(relays, ends)


def check_lost_reply_and_rest(relays: dict[str, Relay], ends: dict[str, list[Outcome]]) -> None:
    first, *others = ends["dot"]
    assert (first.state, first.stage, first.code) == (RowState.IN_DOUBT, Stage.DOT, 0)
    assert all_delivered(others)
    assert all_delivered(ends["between"])
    assert relays["between"].connections == 2
