"""S1, inbound smuggling: nothing but CRLF.CRLF ends a message after DATA, nothing but its octets ends a BDAT chunk."""

from itertools import product

import pytest

from tests.fakes.smtpclient import ENVELOPE, HELLO, Talk

TOKENS = {"CR": b"\r", "LF": b"\n", "CRLF": b"\r\n", "none": b"", "NUL": b"\0"}
LENGTH = 3  # tokens before and after the dot
SMUGGLED = b"MAIL FROM:<evil@from.test>\r\nRCPT TO:<victim@to.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"
MIXES = sorted({b"".join(mix) for mix in product(TOKENS.values(), repeat=LENGTH)})


def stream(before: bytes, after: bytes) -> bytes:
    return b"Subject: outer\r\n\r\ntext" + before + b"." + after + SMUGGLED


def true_messages(octets: bytes) -> int:
    """How many messages the octets hold by RFC 5321: the outer one, and what follows a CRLF.CRLF."""
    return (b"\r\n" + octets).count(b"\r\n.\r\n")


@pytest.mark.parametrize("before", MIXES, ids=repr)
def test_s1_no_mix_after_data_ends_a_message(before: bytes) -> None:
    for after in MIXES:
        octets = stream(before, after)
        talk = Talk()
        talk.say(HELLO + ENVELOPE + b"DATA\r\n")
        talk.say(octets)
        extra = [m for m in talk.messages if m.sender == "evil@from.test"]
        clean_end = b"text" + before + b"." + after
        if b"\r\n.\r\n" not in clean_end:
            assert extra == [], (before, after)
            assert len(talk.messages) <= 1
        else:  # a true end: what follows is the client's own next message
            assert true_messages(octets) == 2
        for message in talk.messages:
            bare = message.data.replace(b"\r\n", b"")
            assert b"\r" not in bare, "a bare CR was accepted"
            assert b"\n" not in bare, "a bare LF was accepted"
            assert b"\0" not in bare, "a NUL was accepted"


@pytest.mark.parametrize("before", MIXES, ids=repr)
def test_s1_no_mix_in_bdat_ends_a_chunk(before: bytes) -> None:
    for after in MIXES:
        octets = stream(before, after)
        talk = Talk()
        talk.say(HELLO + ENVELOPE)
        codes = talk.codes(b"BDAT %d LAST\r\n" % len(octets) + octets)
        assert len(codes) == 1, "the chunk's octets were read as commands"
        assert all(m.sender == "a@from.test" for m in talk.messages)
        clean = b"\0" not in octets and octets.count(b"\r\n") == octets.count(b"\n") == octets.count(b"\r")
        assert len(talk.messages) == int(clean)


@pytest.mark.parametrize("mix", MIXES, ids=repr)
def test_s1_no_mix_behind_a_chunk_smuggles(mix: bytes) -> None:
    """Octets between a chunk that is not the last and the next command."""
    text = b"Subject: outer\r\n\r\ntext\r\n"
    talk = Talk()
    talk.say(HELLO + ENVELOPE)
    talk.say(b"BDAT %d\r\n" % len(text) + text + mix + b"." + mix + SMUGGLED)
    assert [m for m in talk.messages if m.sender == "evil@from.test"] == []


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\r\n", b"\n\r", b"\0\r\n"], ids=repr)
def test_s1_commands_end_at_crlf_only(end: bytes) -> None:
    talk = Talk()
    talk.say(HELLO)
    talk.say(b"MAIL FROM:<a@from.test>" + end + b"RCPT TO:<b@to.test>" + end + b"DATA" + end + b"x\r\n.\r\n")
    assert talk.messages == []
