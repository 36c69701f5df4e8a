"""A world behind the sandbox's dialogue, without sockets."""

from typing import Any

import pytest

from sandbox.world import parse_world
from sandbox.world.smtp import WorldPolicy
from tests.fakes.smtpclient import HELLO, Talk

MAIL = b"MAIL FROM:<a@from.test>\r\n"
RCPT = b"RCPT TO:<ann@a.test>\r\n"
BODY = b"DATA\r\nSubject: casino\r\n\r\nx\r\n.\r\n"


def talk(source: str = "127.0.0.2", policy: WorldPolicy | None = None, **site: Any) -> Talk:
    one = {"name": "a", "domains": ["a.test"], "hosts": ["127.0.0.9"], "service": 0, "connect": 0} | site
    return Talk(policy=policy or WorldPolicy(parse_world({"sites": [one]}), 1000.0), source=source)


def test_a_message_goes_through() -> None:
    client = talk()
    assert client.greeting.startswith(b"220 ")
    assert client.say(HELLO + MAIL + RCPT + BODY).endswith(b"250 2.0.0 accepted\r\n")
    assert client.messages[0].recipients == ("ann@a.test",)


def test_a_message_takes_its_time() -> None:
    client = talk(service=0.5)
    assert b"250 2.1.0" not in client.say(HELLO + MAIL + RCPT + BODY)
    assert client.dialogue.wait == 0.5
    assert b"250 2.0.0 accepted" in client.wait()


def test_domains_of_other_sites_are_refused() -> None:
    assert talk().say(HELLO + MAIL + b"RCPT TO:<x@b.test>\r\n").endswith(b"550 5.1.2 no such domain here\r\n")


def test_a_rate_that_is_told_at_the_dot_closes_the_connection() -> None:
    client = talk(texts="gmail", limits=[{"rate": "1/h", "burst": 1}])
    client.say(HELLO + MAIL + RCPT + BODY)
    said = client.say(MAIL + RCPT + BODY)
    assert said.splitlines()[-1].startswith(b"421 4.7.28 ")
    assert said.count(b"421-4.7.28 ") == 3
    assert client.dialogue.closing
    assert len(client.messages) == 1


def test_what_is_in_the_message_counts() -> None:
    client = talk(content=[{"contains": "casino"}])
    assert client.say(HELLO + MAIL + RCPT + BODY).splitlines()[-1].startswith(b"554 5.7.1 ")
    assert client.messages == []


def test_the_connection_ends_in_the_middle_of_a_message() -> None:
    client = talk(drops=1)
    assert client.say(HELLO + MAIL + RCPT + BODY).splitlines()[-1].startswith(b"354 ")
    assert client.dialogue.closing
    assert client.messages == []


@pytest.mark.parametrize(("site", "greeting"), [({"limits": [{"connections": 1}]}, b"421 4.7.0 "), ({}, b"220 ")])
def test_connections_are_counted_over_all_dialogues(site: dict[str, Any], greeting: bytes) -> None:
    first = talk(**site)
    assert talk(policy=first.policy).greeting.startswith(greeting)  # type: ignore[arg-type]
    first.dialogue.reception.closed()
    assert talk(policy=first.policy).greeting.startswith(b"220 ")  # type: ignore[arg-type]


def test_an_outage_closes_without_a_word() -> None:
    client = talk(outages=[{"until": "1h"}])
    assert (client.greeting, client.dialogue.closing) == (b"", True)


def test_nobody_listens_elsewhere() -> None:
    policy = talk().policy
    with pytest.raises(KeyError):
        policy.reception("127.0.0.2", "127.0.0.8", 1000.0)


def test_two_messages_in_one_flight() -> None:
    client = talk(limits=[{"rate": "1/h", "burst": 1}])
    said = client.say(HELLO + MAIL + RCPT + b"RSET\r\n" + MAIL + RCPT + BODY)
    assert said.endswith(b"250 2.0.0 accepted\r\n")  # what was reset cost nothing
