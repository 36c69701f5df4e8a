"""The sender delivers to Postfix, Exim and OpenSMTPD: every message arrives once, byte for byte."""

import re
from collections import Counter

import pytest

from actors.model.spec import ContentSpec
from actors.model.states import RowState
from tests.e2e.receivers.base import Receiver
from tests.e2e.receivers.delivery import as_stored, deliver, make_message
from tests.fakes.mailing import Mailing

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


SMUGGLED = "MAIL FROM:<evil@x.test>{0}RCPT TO:<evil@to.test>{0}DATA{0}Subject: smuggled{0}{0}x{0}.{0}"
ENDS = [
    "\n.\n",
    "\r.\r",
    "\r\n.\r\n",
    "\n.\r\n",
    "\r\n.\n",
    "\r.\r\n",
    "\r\n.\r",
    "\n.\r",
    "\r.\n",
    "\n..\n",
    "\r\n.",
    ".",
    "\x85.\x85",
]


@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
async def test_s2_no_value_becomes_a_second_message(receiver: Receiver, chunking: bool) -> None:
    """Values with every mix of line ends around a dot, rendered and sent: as many messages arrive as were rendered."""
    ends = ["\r\n", "\n", "\r"]
    values = [f"text{end}{SMUGGLED.format(line)}" for end in ENDS for line in ends] + ["y" * 2000 + "\n.\n", ".", "..", "\n.\n"]
    content = ContentSpec("Hi", text="b.txt", html="b.html")
    with Mailing(content, {"b.txt": "{{ v }}", "b.html": "<html><body>{{ v }}\n.\n</body></html>"}, {"v": values}) as mailing:
        rendered = mailing.messages()
    assert list(rendered) == list(range(len(values)))
    outcomes = await deliver(receiver, range(len(values)), chunking=chunking, body=rendered.__getitem__)
    assert Counter(o.state for o in outcomes.values()) == {RowState.DELIVERED: len(values)}
    stored = receiver.wait_for(len(values))
    assert len(stored) == len(values)
    for row, message in rendered.items():
        assert sum(as_stored(message) in one for one in stored) == 1, f"row {row}"
    assert not any(re.search(rb"(?im)^subject: smuggled", one.partition(b"\n\n")[0]) for one in stored)


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
