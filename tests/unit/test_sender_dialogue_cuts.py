"""A connection that is cut after each byte that the receiver says: one end a message, and the right one."""

from collections import Counter

import pytest

from actors.sender.dialogue import Dialogue
from actors.sender.messages import End, Event, Features, Message
from tests.unit.test_sender_dialogue import BDAT, GOOD, PIPE, PLAIN, Wire, message, said

MAILS = 3


def cut_after(features: Features, octets: int) -> tuple[list[Message], list[Event], Wire, int, bool]:
    """Speaks with a friendly receiver that is gone after so many octets: what was sent, how it ended, what it saw, how many
    whole replies to a message's end had been said, and whether it had more to say."""
    dialogue, wire = Dialogue(features), Wire()
    sent: list[Message] = []
    events: list[Event] = []
    answered = finals = 0
    while True:
        while dialogue.wants and len(sent) < MAILS:
            sent.append(message(len(sent)))
            assert dialogue.send(sent[-1]) is None
        wire.feed(said(dialogue))
        if answered == len(wire.commands):
            return sent, events + dialogue.lost(), wire, finals, False
        verb = wire.commands[answered][0]
        wire.in_body = verb == "DATA"
        for at in range(len(GOOD[verb])):
            if not octets:
                return sent, events + dialogue.lost(), wire, finals, True
            octets -= 1
            events += dialogue.receive(GOOD[verb][at : at + 1])
        answered += 1
        finals += verb in (".", "BDAT")


@pytest.mark.parametrize("features", [PIPE, PLAIN, BDAT], ids=["pipelining", "plain", "chunking"])
def test_cut_after_each_byte(features: Features) -> None:
    octets, more, kinds = 0, True, set()
    while more:
        sent, events, wire, finals, more = cut_after(features, octets)
        assert Counter(id(e.message) for e in events) == Counter(id(m) for m in sent), octets
        ends = Counter(e.end for e in events)
        assert ends[End.DELIVERED] == finals, octets
        ended = Counter(to for verb, to in wire.commands if verb in (".", "BDAT"))
        assert all(n == 1 for n in ended.values())
        for event in events:
            assert (event.end is End.NOT_SENT) == (not ended[event.message.recipient]), octets
        kinds |= set(ends)
        octets += 1
    assert octets > 60
    in_one_flight = features.chunking  # the end of the message goes out with its envelope
    assert kinds == {End.DELIVERED, End.DOUBT} | (set() if in_one_flight else {End.NOT_SENT})
    assert (len(sent), finals) == (MAILS, MAILS)
