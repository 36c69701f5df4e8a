"""The sender delivers to Postfix, Exim and OpenSMTPD: every message arrives once, byte for byte."""

import re
from collections import Counter

import pytest

from actors.model.states import RowState
from tests.e2e.receivers.base import Receiver
from tests.e2e.receivers.delivery import as_stored, deliver, make_message

ROWS = range(200)
MESSAGE_ID = re.compile(rb"(?im)^message-id: <(\d+)@from\.test>")


def numbers(stored: list[bytes]) -> Counter[int]:
    found = [MESSAGE_ID.search(message) for message in stored]
    return Counter(int(one[1]) for one in found if one)


def check(stored: list[bytes], rows: range) -> None:
    """Every row once, and unchanged below the receiver's own trace lines."""
    assert numbers(stored) == Counter(rows)
    for message in stored:
        row = next(iter(numbers([message])))
        assert message.endswith(as_stored(make_message(row))), f"row {row} was changed on its way"


async def test_every_message_arrives_once_and_unchanged(receiver: Receiver) -> None:
    outcomes = await deliver(receiver, ROWS)
    assert Counter(o.state for o in outcomes.values()) == {RowState.DELIVERED: 200}
    check(receiver.wait_for(200), ROWS)


@pytest.mark.parametrize("name", ["postfix", "exim"])
async def test_chunking(name: str, request: pytest.FixtureRequest) -> None:
    receiver: Receiver = request.getfixturevalue(name)
    outcomes = await deliver(receiver, range(50), chunking=True)
    assert Counter(o.state for o in outcomes.values()) == {RowState.DELIVERED: 50}
    check(receiver.wait_for(50), range(50))


@pytest.mark.parametrize("name", ["postfix", "exim"])
async def test_verified_tls(name: str, request: pytest.FixtureRequest) -> None:
    receiver: Receiver = request.getfixturevalue(name)
    outcomes = await deliver(receiver, range(20), tls="verify")
    assert Counter(o.state for o in outcomes.values()) == {RowState.DELIVERED: 20}
    stored = receiver.wait_for(20)
    check(stored, range(20))
    assert all(b"with esmtps" in message.lower() for message in stored)


@pytest.mark.parametrize("name", ["plain_postfix", "plain_exim"])
async def test_s7_without_starttls_nothing_goes_to_a_site_that_needs_it(name: str, request: pytest.FixtureRequest) -> None:
    receiver: Receiver = request.getfixturevalue(name)
    outcomes = await deliver(receiver, range(5), tls="required")
    assert Counter(o.state for o in outcomes.values()) == {RowState.DEFERRED: 5}
    assert receiver.messages() == []


async def test_a_receiver_whose_tls_is_broken_gets_its_mail_in_the_clear(broken_tls: Receiver) -> None:
    outcomes = await deliver(broken_tls, range(20))
    assert Counter(o.state for o in outcomes.values()) == {RowState.DELIVERED: 20}
    check(broken_tls.wait_for(20), range(20))


async def test_s7_broken_tls_stops_mail_for_a_site_that_needs_it(broken_tls: Receiver) -> None:
    outcomes = await deliver(broken_tls, range(5), tls="verify")
    assert Counter(o.state for o in outcomes.values()) == {RowState.DEFERRED: 5}
    assert broken_tls.messages() == []
