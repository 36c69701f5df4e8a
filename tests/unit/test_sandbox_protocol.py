"""The receiver's dialogue: commands, message ends in every cut, BDAT, limits, STARTTLS."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.content import unstuff
from tests.fakes.smtpclient import ENVELOPE, HELLO, Talk

BODY = b"Subject: x\r\nMessage-ID: <1@from.test>\r\n\r\n..stuffed\r\ntext\r\n"
WHOLE = HELLO + ENVELOPE + b"DATA\r\n" + BODY + b".\r\nQUIT\r\n"


def test_a_message_comes_in() -> None:
    talk = Talk()
    assert talk.greeting == b"220 mx.test ESMTP sandbox\r\n"
    assert talk.codes(HELLO) == [250]
    assert talk.codes(ENVELOPE + b"DATA\r\n") == [250, 250, 354]
    assert talk.codes(BODY + b".\r\n") == [250]
    (message,) = talk.messages
    assert message.data == BODY.replace(b"..stuffed", b".stuffed")
    assert (message.sender, message.recipients, message.message_id) == ("a@from.test", ("b@to.test",), "<1@from.test>")
    assert talk.counts.domains == {"to.test": [1, 0, 0]}
    assert talk.codes(b"QUIT\r\n") == [221]
    assert talk.closed


def test_ehlo_offers() -> None:
    lines = Talk().say(HELLO).decode().split("\r\n")[:-1]
    assert [line[4:] for line in lines] == [
        "mx.test",
        "SIZE 52428800",
        "PIPELINING",
        "8BITMIME",
        "SMTPUTF8",
        "CHUNKING",
        "ENHANCEDSTATUSCODES",
        "STARTTLS",
    ]
    assert [line[3] for line in lines] == ["-"] * 7 + [" "]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 64])
def test_pieces_of_any_size_make_the_same_message(size: int) -> None:
    talk = Talk()
    replies = b"".join(talk.say(WHOLE[i : i + size]) for i in range(0, len(WHOLE), size))
    assert replies == Talk().say(WHOLE)
    assert [m.data for m in talk.messages] == [unstuff(BODY)]
    assert talk.closed


@given(cuts=st.lists(st.integers(0, len(WHOLE)), max_size=6))
def test_cuts_anywhere_make_the_same_replies(cuts: list[int]) -> None:
    whole, pieces = Talk(), Talk()
    expected = whole.say(WHOLE)
    edges = [0, *sorted(cuts), len(WHOLE)]
    found = b"".join(pieces.say(WHOLE[a:b]) for a, b in pairwise(edges))
    assert found == expected
    assert pieces.messages == whole.messages


def test_dot_as_the_first_line_is_an_empty_message() -> None:
    talk = Talk()
    talk.say(HELLO + ENVELOPE)
    assert talk.codes(b"DATA\r\n.\r\n") == [354, 250]
    assert talk.messages[0].data == b""


def test_pipelined_messages_in_one_flight() -> None:
    talk = Talk()
    flight = (ENVELOPE + b"DATA\r\n" + BODY + b".\r\n") * 3
    assert talk.codes(HELLO + flight) == [250] + [250, 250, 354, 250] * 3
    assert len(talk.messages) == 3


def test_bdat() -> None:
    talk = Talk()
    assert talk.codes(HELLO + ENVELOPE + b"BDAT 10\r\n" + BODY[:10]) == [250, 250, 250, 250]
    rest = BODY[10:]
    assert talk.codes(b"BDAT %d LAST\r\n" % len(rest) + rest + b"RSET\r\n") == [250, 250]
    assert talk.messages[0].data == BODY, "BDAT content is not stuffed"
    assert talk.messages[0].chunked


def test_bdat_without_recipients_reads_over_its_octets() -> None:
    talk = Talk({"rules": [{"recipient": "b@*", "reply": "550 5.1.1 no"}]})
    smuggled = b"RSET\r\n" + ENVELOPE
    assert talk.codes(HELLO + ENVELOPE + b"BDAT %d LAST\r\n" % len(smuggled) + smuggled + b"NOOP\r\n") == [
        250,
        250,
        550,
        554,
        250,
    ]
    assert talk.messages == []


def test_bdat_after_a_refused_chunk_stays_refused_until_rset() -> None:
    talk = Talk({"features": {"size": 20}})
    talk.say(HELLO + ENVELOPE)
    assert talk.codes(b"BDAT 30\r\n" + b"x" * 30) == [552]
    assert talk.codes(b"BDAT 2 LAST\r\n\r\n") == [552]
    assert talk.codes(ENVELOPE + b"BDAT 3 LAST\r\nx\r\n") == [250, 250, 250]


def test_s10_a_chunk_size_that_lies_keeps_nothing() -> None:
    talk = Talk()
    talk.say(HELLO + ENVELOPE)
    talk.say(b"BDAT 99999999999 LAST\r\n" + b"x" * 100_000)
    assert talk.dialogue._transaction.content._pieces == []
    assert talk.messages == []


def test_a_message_that_is_too_large_is_refused_at_its_end() -> None:
    talk = Talk({"features": {"size": 1000}})
    talk.say(HELLO + ENVELOPE + b"DATA\r\n")
    assert talk.say(b"x" * 998 + b"\r\n" + b"y" * 998) == b""
    assert talk.dialogue._transaction.content._pieces == []
    assert talk.codes(b"\r\n.\r\n") == [552]
    assert talk.codes(ENVELOPE + b"DATA\r\n" + b"z" * 998 + b"\r\n.\r\n") == [250, 250, 354, 250]


def test_size_parameter() -> None:
    talk = Talk({"features": {"size": 1000}})
    assert talk.codes(HELLO + b"MAIL FROM:<a@b.test> SIZE=1001\r\nMAIL FROM:<a@b.test> SIZE=1000 BODY=8BITMIME\r\n") == [
        250,
        552,
        250,
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"MAIL FROM:<>", 250),
        (b'MAIL FROM:<"a b>"@c.test>', 250),
        (b"MAIL FROM: <a@c.test>", 250),
        (b"mail from:<a@c.test> body=7bit", 250),
        (b"MAIL FROM:a@c.test", 501),
        (b"MAIL FROM:<a@c.test", 501),
        (b"MAIL FROM:<a@c.test>x", 501),
        (b"MAIL FROM:<a@c.test> AUTH=<>", 555),
        (b"MAIL FROM:<a@c.test> BODY=BINARYMIME", 555),
        ("MAIL FROM:<中@c.test>".encode(), 553),
        ("MAIL FROM:<中@c.test> SMTPUTF8".encode(), 250),
        (b"MAIL FROM:<\xff@c.test> SMTPUTF8", 553),
        (b"MAIL FROM:<a@c.test>\n", 500),
        (b"MAIL FROM:<a@c.test>\0", 500),
        (b"MAILFROM:<a@c.test>", 500),
        (b"DATAX", 500),
    ],
)
def test_mail_lines(line: bytes, code: int) -> None:
    assert Talk().codes(HELLO + line + b"\r\n") == [250, code]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"RCPT TO:<a@c.test>", 250),
        (b"RCPT TO:<postmaster>", 250),
        (b'RCPT TO:<"a@b"@c.test>', 250),
        (b"RCPT TO:<a>", 501),
        (b"RCPT TO:<@x.test:a@c.test>", 501),
        (b"RCPT TO:<a@b@c.test>", 501),
        (b"RCPT TO:<a@c.test> NOTIFY=NEVER", 555),
        (b"RCPT TO:<a@c.test>\rRCPT TO:<d@c.test>", 500),
    ],
)
def test_rcpt_lines(line: bytes, code: int) -> None:
    assert Talk().codes(HELLO + b"MAIL FROM:<>\r\n" + line + b"\r\n") == [250, 250, code]


def test_order_of_commands() -> None:
    talk = Talk()
    assert talk.codes(b"MAIL FROM:<a@b.test>\r\n") == [503]
    assert talk.codes(HELLO + b"RCPT TO:<a@b.test>\r\nDATA\r\n") == [250, 503, 503]
    assert talk.codes(b"MAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\nRSET\r\nDATA\r\n") == [250, 503, 554, 250, 503]
    assert talk.codes(b"NOOP\r\nVRFY a\r\nFOO\r\nHELO x\r\nEHLO\r\n") == [250, 252, 500, 250, 501]


def test_a_client_that_only_errs_is_sent_away() -> None:
    talk = Talk()
    codes = talk.codes(b"FOO\r\n" * 30)
    assert codes == [500] * 20 + [421]
    assert talk.closed


def test_s10_a_line_that_never_ends() -> None:
    talk = Talk()
    assert talk.codes(b"x" * 5000) == [500]
    assert talk.closed


def test_features_that_are_left_out() -> None:
    script = {
        "features": {"starttls": False, "chunking": False, "smtputf8": False, "8bitmime": False, "enhancedstatuscodes": False}
    }
    talk = Talk(script)
    assert talk.say(HELLO).split(b"\r\n")[1:] == [b"250-SIZE 52428800", b"250 PIPELINING", b""]
    assert talk.codes(b"STARTTLS\r\nMAIL FROM:<a@b.test> BODY=8BITMIME\r\nMAIL FROM:<a@b.test> SMTPUTF8\r\n") == [502, 555, 555]
    assert talk.say(b"MAIL FROM:<a@b.test>\r\n") == b"250 ok\r\n"
    assert talk.codes(b"BDAT 5 LAST\r\nhello") == [502]
    assert talk.closed


def test_pipelining_where_it_was_not_offered_ends_the_connection() -> None:
    talk = Talk({"features": {"pipelining": False}})
    talk.say(HELLO)
    assert talk.codes(b"MAIL FROM:<a@b.test>\r\n") == [250]
    assert talk.codes(b"RCPT TO:<a@b.test>\r\nDATA\r\n") == [503]
    assert talk.closed


def test_s6_what_was_said_before_tls_is_forgotten() -> None:
    talk = Talk()
    talk.say(HELLO + b"MAIL FROM:<a@b.test>\r\n")
    assert talk.codes(b"STARTTLS\r\n") == [220]
    assert talk.dialogue.starttls
    talk.dialogue.secured()
    assert talk.codes(b"RCPT TO:<a@b.test>\r\n") == [503]
    assert talk.codes(b"MAIL FROM:<a@b.test>\r\n") == [503], "EHLO has to come again"
    assert b"STARTTLS" not in talk.say(HELLO)


def test_s6_commands_behind_starttls_end_the_connection() -> None:
    talk = Talk()
    talk.say(HELLO)
    assert talk.codes(b"STARTTLS\r\nMAIL FROM:<evil@b.test>\r\n") == [503]
    assert talk.closed
    assert not talk.dialogue.starttls
