"""The delivery dialogue against friendly, sloppy and hostile receivers, without a socket."""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.model.states import Stage
from actors.sender.dialogue import Dialogue
from actors.sender.messages import End, Event, Features, Message
from actors.sender.transaction import BODY_PIECE
from tests.examples import examples

PIPE = Features(pipelining=True, eight_bit=True, utf8=True, size=0)
PLAIN = Features()
BDAT = Features(pipelining=True, chunking=True, size=0)


def message(n: int, size: int = 0, **options: bool) -> Message:
    body = b"Subject: %d\r\n\r\n" % n + b"x" * size + b"\r\n"
    return Message("from@a.test", f"to{n}@b.test", memoryview(body), **options)


def said(dialogue: Dialogue) -> bytes:
    out = b""
    while parts := dialogue.output():
        out += b"".join(parts)
    return out


def envelope(n: int, size: int | None = None) -> bytes:
    param = b" SIZE=%d" % len(message(n).body) if size is None else b""
    return b"MAIL FROM:<from@a.test>%b\r\nRCPT TO:<to%d@b.test>\r\nDATA\r\n" % (param, n)


def ends(events: list[Event]) -> list[tuple[str, str, str, int]]:
    return [(e.message.recipient[:3], e.end.value, e.stage.value, e.reply.code) for e in events]


def body(n: int) -> bytes:
    return bytes(message(n).body)


def test_pipelined_messages_join_the_dot_and_the_next_envelope() -> None:
    d = Dialogue(PIPE)
    d.send(message(1))
    assert said(d) == envelope(1)
    assert not d.wants
    assert d.receive(b"250 ok\r\n250 ok\r\n354 go\r\n") == []
    assert d.wants
    d.send(message(2))
    assert d.output() == [message(1).body, b".\r\n", envelope(2)]
    assert ends(d.receive(b"250 2.0.0 queued\r\n250 ok\r\n250 ok\r\n354 go\r\n")) == [("to1", "delivered", "dot", 250)]
    assert said(d) == body(2) + b".\r\n"
    assert ends(d.receive(b"250-2.0.0 two\r\n250 2.0.0 lines\r\n")) == [("to2", "delivered", "dot", 250)]
    assert d.idle
    d.quit()
    assert said(d) == b"QUIT\r\n"
    d.receive(b"221 bye\r\n")
    assert d.done


def test_without_pipelining_one_command_at_a_time() -> None:
    d = Dialogue(PLAIN)
    d.send(message(1))
    steps = [
        (b"MAIL FROM:<from@a.test>\r\n", b"250 ok\r\n"),
        (b"RCPT TO:<to1@b.test>\r\n", b"250 ok\r\n"),
        (b"DATA\r\n", b"354 go\r\n"),
    ]
    for command, reply in steps:
        assert said(d) == command
        assert not d.wants
        assert d.receive(reply) == []
    assert said(d) == body(1) + b".\r\n"
    assert not d.wants
    assert ends(d.receive(b"250 ok\r\n")) == [("to1", "delivered", "dot", 250)]
    assert d.wants


def test_refusals_without_pipelining_reset_first() -> None:
    d = Dialogue(PLAIN)
    d.send(message(1))
    said(d)
    d.receive(b"250 ok\r\n")
    said(d)
    assert ends(d.receive(b"550 5.1.1 no\r\n")) == [("to1", "refused", "rcpt", 550)]
    d.send(message(2))
    assert said(d) == b"RSET\r\n"
    d.receive(b"250 ok\r\n")
    assert said(d).startswith(b"MAIL")


def test_rset_is_pipelined_with_the_next_envelope() -> None:
    d = Dialogue(PIPE)
    d.send(message(1))
    said(d)
    assert ends(d.receive(b"250 ok\r\n450 4.2.0 later\r\n503 no recipient\r\n")) == [("to1", "deferred", "rcpt", 450)]
    d.send(message(2))
    assert said(d) == b"RSET\r\n" + envelope(2)


def test_354_after_a_refused_recipient_gets_a_lone_dot() -> None:
    d = Dialogue(PIPE)
    d.send(message(1))
    said(d)
    assert ends(d.receive(b"250 ok\r\n550 no\r\n354 go\r\n")) == [("to1", "refused", "rcpt", 550)]
    d.send(message(2))
    assert said(d) == b".\r\n" + envelope(2)
    assert d.receive(b"250 took nothing\r\n250 ok\r\n250 ok\r\n354 go\r\n") == []
    said(d)
    assert ends(d.receive(b"250 ok\r\n")) == [("to2", "delivered", "dot", 250)]


def test_354_after_a_refused_sender_and_a_taken_recipient_ends_the_connection() -> None:
    d = Dialogue(PIPE)
    d.send(message(1))
    said(d)
    assert ends(d.receive(b"550 no\r\n250 ok\r\n354 go\r\n")) == [("to1", "refused", "mail", 550)]
    assert d.done
    assert said(d) == b""


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
def test_421_at_every_verb(stage: str) -> None:
    d = Dialogue(PIPE)
    d.send(message(1))
    said(d)
    before = {"mail": b"", "rcpt": b"250 ok\r\n", "data": b"250 ok\r\n" * 2, "dot": b"250 ok\r\n" * 2 + b"354 go\r\n"}[stage]
    d.receive(before)
    if stage == "dot":
        d.send(message(2))
        said(d)
    events = d.receive(b"421 4.3.2 closing\r\n")
    assert d.done
    expected = [("to1", "deferred", stage, 421)] + ([("to2", "not_sent", "mail", 421)] if stage == "dot" else [])
    assert ends(events) == expected


def test_421_that_meets_the_next_envelope_is_not_its_refusal() -> None:
    d = Dialogue(PIPE)
    d.send(message(1))
    said(d)
    d.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    d.send(message(2))
    said(d)
    events = d.receive(b"250 ok\r\n421 too many messages\r\n")
    assert ends(events) == [("to1", "delivered", "dot", 250), ("to2", "not_sent", "mail", 421)]


def test_421_after_a_refused_recipient_is_not_the_next_envelopes_refusal() -> None:
    """Exim counts each MAIL of a connection, and says goodbye at the next one."""
    replies = (b"250 ok\r\n", b"451 4.7.1 later\r\n", b"503 5.5.1 no\r\n")
    for features, answered in ((PIPE, replies), (PLAIN, replies[:2])):
        d = Dialogue(features)
        d.send(message(1))
        said(d)
        for reply in answered:
            d.receive(reply)
            said(d)
        d.send(message(2))
        said(d)
        d.receive(b"250 reset\r\n")
        said(d)
        assert ends(d.receive(b"421 too many messages in this connection\r\n")) == [("to2", "not_sent", "mail", 421)]
        assert d.done


def test_a_lost_connection_is_a_doubt_only_after_the_dot() -> None:
    d = Dialogue(PIPE)
    d.send(message(1))
    said(d)
    d.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    d.send(message(2))
    said(d)
    assert ends(d.lost()) == [("to1", "doubt", "dot", 0), ("to2", "not_sent", "mail", 0)]
    assert d.lost() == []


def test_the_dot_of_a_big_message_stays_until_its_last_piece_is_asked_for() -> None:
    d = Dialogue(PIPE)
    d.send(message(1, size=3 * BODY_PIECE))
    said(d)
    d.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    first = d.output()
    assert sum(map(len, first)) == BODY_PIECE
    assert not d.wants
    assert ends(d.lost()) == [("to1", "not_sent", "data", 0)]


def test_big_messages_are_given_out_without_a_copy() -> None:
    d = Dialogue(PIPE)
    big = message(1, size=3 * BODY_PIECE)
    d.send(big)
    said(d)
    d.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    pieces = []
    while parts := d.output():
        pieces += parts
    assert all(isinstance(p, memoryview) and p.obj is big.body.obj for p in pieces[:-1])
    assert b"".join(pieces) == bytes(big.body) + b".\r\n"


def test_chunking_sends_all_in_one_flight() -> None:
    d = Dialogue(BDAT)
    d.send(message(1))
    n = len(message(1).body)
    head = b"MAIL FROM:<from@a.test> SIZE=%d\r\nRCPT TO:<to%d@b.test>\r\nBDAT %d LAST\r\n"
    assert said(d) == head % (n, 1, n) + body(1)
    assert d.wants
    d.send(message(2))
    assert said(d) == b"RSET\r\n" + head % (n, 2, n) + body(2)
    events = d.receive(b"250 ok\r\n550 no\r\n554 no recipient\r\n250 reset\r\n250 ok\r\n250 ok\r\n250 taken\r\n")
    assert ends(events) == [("to1", "refused", "rcpt", 550), ("to2", "delivered", "dot", 250)]
    assert d.idle


def test_chunking_in_doubt_and_not_sent() -> None:
    d = Dialogue(BDAT)
    d.send(message(1))
    said(d)
    d.send(message(2, size=2 * BODY_PIECE))
    d.output()
    assert ends(d.lost()) == [("to1", "doubt", "dot", 0), ("to2", "not_sent", "mail", 0)]


@pytest.mark.parametrize(
    "junk",
    [
        b"hello\r\n",
        b"\x00\xff\xfe\r\n",
        b"25\r\n",
        b"999 no\r\n",
        b"150 no\r\n",
        b"250+ok\r\n",
        b"250-a\r\n550 b\r\n",
        b"x" * 5000,
        b"250-y\r\n" * 500,
    ],
    ids=range(9),
)
def test_malformed_replies_end_the_connection(junk: bytes) -> None:
    d = Dialogue(PIPE)
    d.send(message(1))
    said(d)
    events = d.receive(junk)
    assert d.done
    assert ends(events) == [("to1", "not_sent", "mail", 0)]
    assert said(d) == b""


@pytest.mark.parametrize("reply", [b"250 hello\r\n", b"421 idle too long\r\n", b"354 go\r\n", b"2"])
def test_unsolicited_replies_end_the_connection(reply: bytes) -> None:
    d = Dialogue(PIPE)
    assert d.receive(reply) == []
    assert d.done


def test_a_reply_to_a_command_that_was_not_written_is_never_used() -> None:
    d = Dialogue(PLAIN)
    d.send(message(1))
    said(d)
    events = d.receive(b"250 ok\r\n250 ok\r\n354 go\r\n250 delivered, honestly\r\n")
    assert ends(events) == [("to1", "not_sent", "rcpt", 0)]
    assert d.done


@pytest.mark.parametrize("reply", [b"354 go\r\n", b"220 x\r\n", b"334 x\r\n", b"221 bye\r\n"])
def test_a_reply_that_cannot_answer_the_dot_leaves_it_in_doubt(reply: bytes) -> None:
    d = Dialogue(PIPE)
    d.send(message(1))
    said(d)
    d.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    said(d)
    assert ends(d.receive(reply)) == [("to1", "doubt", "dot", 0)]


INJECTIONS = [
    "a@b.test>\r\nRCPT TO:<x@y.test",
    "a@b.test> SIZE=1",
    "a b@c.test",
    "a@b.test\r\nDATA",
    "a@b.test\n",
    "a@b.test\x00",
    "a\x7f@b.test",
    "<a@b.test>",
    "a@b.test>",
    "@r.test:a@b.test",
    "a@b@c.test",
    '"a\r\nDATA"@b.test',
    '"a"b"@c.test',
    "a@[127.0.0.1>\r\n]",
    "no-domain",
    "",
    "a\u0085b@c.test",
    "a\u00a0b@c.test",
    "x" * 400 + "@b.test",
]


@pytest.mark.parametrize("bad", INJECTIONS, ids=range(len(INJECTIONS)))
def test_s4_envelope_injection(bad: str) -> None:
    for sender, to in [("from@a.test", bad), *([(bad, "to@b.test")] if bad else [])]:
        d = Dialogue(PIPE)
        event = d.send(Message(sender, to, memoryview(b"x\r\n")))
        assert event is not None
        assert event.end is End.REFUSED
        assert said(d) == b""


@given(st.text(max_size=40), st.text(max_size=40))
def test_s4_no_text_becomes_another_command(sender: str, to: str) -> None:
    d = Dialogue(PIPE)
    event = d.send(Message(sender, to, memoryview(b"x\r\n")))
    out = said(d)
    if event is None:
        assert re.fullmatch(rb"MAIL FROM:<[^\x00-\x1f]*>[ A-Z0-9=]*\r\nRCPT TO:<[^\x00-\x1f]*>\r\nDATA\r\n", out)
        assert out.count(b"\n") == 3
    else:
        assert out == b""


@pytest.mark.parametrize(
    "good", ["a@b.test", "o'neil+x=y@b.test", '"a b"@c.test', '"a\\"b"@c.test', "a@[127.0.0.1]", "a@[IPv6:::1]", "鴻雁@例.test"]
)
def test_good_addresses_go_out_as_they_are(good: str) -> None:
    d = Dialogue(PIPE)
    assert d.send(Message("", good, memoryview(b"x\r\n"))) is None
    assert f"RCPT TO:<{good}>\r\n".encode() in said(d)


def test_what_the_receiver_does_not_offer_is_refused_here() -> None:
    small = Features(pipelining=True, size=100)
    cases = [
        (Dialogue(small), message(1, size=200), "5.3.4"),
        (Dialogue(small), Message("a@b.test", "鴻@b.test", memoryview(b"x\r\n")), "5.6.7"),
        (Dialogue(small), message(1, utf8=True), "5.6.7"),
        (Dialogue(small), message(1, eight_bit=True), "5.6.3"),
    ]
    for d, m, code in cases:
        event = d.send(m)
        assert event is not None
        assert (event.end, event.reply.enhanced) == (End.REFUSED, code)
        assert said(d) == b""
        assert d.wants


def test_mail_parameters_as_offered_and_needed() -> None:
    n = len(message(1).body)
    for features, parameters in [
        (PIPE, b" SIZE=%d BODY=8BITMIME SMTPUTF8" % n),
        (Features(pipelining=True, utf8=True), b" SMTPUTF8"),  # SMTPUTF8 implies 8BITMIME, but what is not offered is not said
    ]:
        d = Dialogue(features)
        assert d.send(message(1, utf8=True, eight_bit=True)) is None
        assert said(d).startswith(b"MAIL FROM:<from@a.test>%b\r\n" % parameters)


class Wire:
    """A strict reading of what the client wrote: commands in order, bodies where DATA was answered by 354."""

    def __init__(self) -> None:
        self.buffer = b""
        self.commands: list[tuple[str, str]] = []  # (verb, recipient for RCPT/., else '')
        self.in_body = False
        self.skip = 0
        self.recipient = ""
        self.bodies: Counter[bytes] = Counter()

    def feed(self, data: bytes) -> None:
        self.buffer += data
        while self.buffer:
            if self.skip:
                self.buffer, self.skip = self.buffer[self.skip :], max(0, self.skip - len(self.buffer))
                continue
            line, mark, rest = self.buffer.partition(b"\r\n")
            if not mark:
                return
            self.buffer = rest
            if self.in_body:
                if line == b".":
                    self.in_body = False
                    self.commands.append((".", self.recipient))
                elif line.startswith(b"Subject"):
                    self.bodies[line] += 1
                continue
            verb = line.split(b" ")[0].decode()
            assert verb in ("MAIL", "RCPT", "DATA", "RSET", "QUIT", "BDAT", "."), line
            if verb == "RCPT":
                self.recipient = line[9:-1].decode()
            if verb == "BDAT":
                self.skip = int(line.split()[1])
            self.commands.append((verb, self.recipient if verb in ("RCPT", "BDAT", ".") else ""))


GOOD = dict.fromkeys(("MAIL", "RCPT", ".", "BDAT", "RSET"), b"250 ok\r\n") | {"DATA": b"354 go\r\n", "QUIT": b"221 bye\r\n"}
HOSTILE = [
    b"550 5.1.1 no\r\n",
    b"450 later\r\n",
    b"421 closing\r\n",
    b"354 go\r\n",
    b"250 ok\r\n",
    b"250-a\r\n250 b\r\n",
    b"junk\r\n",
    b"220 x\r\n",
    b"503 bad\r\n",
]


@settings(max_examples=examples(600), deadline=None)
@given(
    st.sampled_from([PIPE, PLAIN, BDAT]),
    st.lists(
        st.one_of(
            st.just("send"),
            st.tuples(st.just("good"), st.integers(1, 5)),
            st.tuples(st.just("bad"), st.sampled_from(HOSTILE)),
            st.tuples(st.just("bytes"), st.binary(max_size=12)),
            st.tuples(st.just("split"), st.sampled_from(HOSTILE), st.integers(1, 6)),
        ),
        max_size=40,
    ),
)
def test_hostile_replies(features: Features, actions: list) -> None:
    d, wire = Dialogue(features), Wire()
    sent: list[Message] = []
    events: list[Event] = []
    replied: list[bytes] = []  # complete good or hostile replies, in order
    exact = True  # no raw bytes yet: replies can be paired with commands by counting

    def flush() -> None:
        if replied and len(replied) <= len(wire.commands) and wire.commands[len(replied) - 1][0] == "DATA":
            wire.in_body = replied[-1] == b"354 go\r\n" and not d.done
        wire.feed(said(d))

    for action in actions:
        if action == "send":
            if d.wants:
                sent.append(message(len(sent)))
                d.send(sent[-1])
                flush()
            continue
        kind, value = action[0], action[1]
        if kind == "good":
            for _ in range(value):
                if len(replied) < len(wire.commands) and not d.done:
                    replied.append(GOOD[wire.commands[len(replied)][0]])
                    events += d.receive(replied[-1])
                    flush()
        elif kind == "bytes":
            exact = exact and not value
            events += d.receive(value)
            flush()
        else:
            pieces = [value] if kind == "bad" else [value[: action[2]], value[action[2] :]]
            if not d.done:
                replied.append(value)
            for piece in pieces:
                events += d.receive(piece)
            flush()
        live = len(sent) - len(events)
        assert d.done or not live or d.awaiting is not None, "nobody waits for anything: a hang"
    events += d.lost()
    assert Counter(id(e.message) for e in events) == Counter(id(m) for m in sent), "each message has exactly one event"
    dots = Counter(to for verb, to in wire.commands if verb in (".", "BDAT"))
    for event in events:
        to = event.message.recipient
        if event.end is End.DELIVERED:
            assert 250 <= event.reply.code <= 259
            assert dots[to] == 1
            assert event.stage is Stage.DOT
        if event.end is End.DOUBT:
            assert dots[to] == 1
        if event.end is End.NOT_SENT:
            assert not dots[to]
    assert all(n == 1 for n in wire.bodies.values()), "a message was written twice"
    if exact:
        answers = dict(zip(range(len(wire.commands)), replied, strict=False))
        for index, command in enumerate(wire.commands):
            mine = [e for e in events if e.message.recipient == command[1]]
            if command[0] in (".", "BDAT") and mine and mine[0].end is End.DELIVERED:
                assert answers[index].startswith(b"250"), "delivered without its own 250"
