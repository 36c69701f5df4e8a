"""Reading replies: cut anywhere, joined anyhow, junk and floods."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from actors.model.delivery import MAX_REPLY_CHARS
from actors.sender.replyreader import MAX_LINE, MAX_LINES, ReplyReader, make_reply, to_reply

STREAM = b"220 hi\r\n250-first\r\n250-second\r\n250 last\r\n354\r\n550 5.1.1 no such user\r\n250 bare lf\n"
CODES = [220, 250, 354, 550, 250]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_replies_do_not_depend_on_how_they_are_cut(cuts: list[int]) -> None:
    reader, codes = ReplyReader(), []
    edges = [0, *sorted(cuts), len(STREAM)]
    for start, end in pairwise(edges):
        codes += [r.code for r in reader.feed(STREAM[start:end])]
    assert codes == CODES
    assert not reader.broken
    assert not reader.partial


@given(st.lists(st.binary(max_size=200), max_size=30))
def test_any_bytes_are_replies_or_break_the_reader(parts: list[bytes]) -> None:
    reader = ReplyReader()
    for part in parts:
        for raw in reader.feed(part):
            assert 200 <= raw.code <= 599
            reply = to_reply(raw)
            assert reply.text.isprintable()
            assert len(reply.text) <= MAX_REPLY_CHARS
    if reader.broken:
        assert reader.feed(b"250 ok\r\n") == []


def test_what_never_ends_is_cut_off() -> None:
    reader = ReplyReader()
    reader.feed(b"250 " + b"x" * (MAX_LINE + 1))
    assert reader.broken
    reader = ReplyReader()
    for _ in range(MAX_LINES + 1):
        reader.feed(b"250-x\r\n")
    assert reader.broken
    reader = ReplyReader()
    for _ in range(20):
        reader.feed(b"250-" + b"x" * 1000 + b"\r\n")
    assert reader.broken


def test_replies_before_the_junk_stand() -> None:
    reader = ReplyReader()
    assert [r.code for r in reader.feed(b"250 ok\r\njunk\r\n250 ok\r\n")] == [250]
    assert reader.broken


def test_texts_are_clean_and_enhanced_codes_cut_off() -> None:
    raw = ReplyReader().feed(b"550-5.1.1 The user\x1b[31m\r\n550-5.1.1 does\tnot\x00 exist\r\n550 5.1.1 \xff\xfe\r\n")[0]
    reply = to_reply(raw)
    assert (reply.code, reply.enhanced) == (550, "5.1.1")
    assert reply.text == "The user [31m does not exist \ufffd\ufffd"
    assert make_reply(250, "5.1.1 of another class").enhanced == ""
    assert make_reply(250, "2.0.0").enhanced == "2.0.0"
    assert make_reply(250, "2.0.0.1 no code").enhanced == ""
    assert len(make_reply(250, "x" * 5000).text) == MAX_REPLY_CHARS
