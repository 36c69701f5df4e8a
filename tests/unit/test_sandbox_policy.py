"""Scripted answers: which rule speaks, at which stage, to whom, how often."""

import random
from collections import Counter

import pytest

from sandbox.policy import YES, Policy, Stage
from sandbox.script import parse_script
from tests.fakes.smtpclient import ENVELOPE, HELLO, Talk

UNTIL_DATA = HELLO + ENVELOPE + b"DATA\r\n"
CONTENT = b"Subject: x\r\n\r\nx\r\n.\r\n"


def rules(*items: dict[str, object]) -> dict[str, object]:
    return {"rules": list(items)}


@pytest.mark.parametrize(
    ("stage", "codes"),
    [
        ("mail", [250, 451, 503, 503]),
        ("rcpt", [250, 250, 451, 554]),
        ("data", [250, 250, 250, 451]),
    ],
)
def test_a_reply_at_each_stage_before_the_message(stage: str, codes: list[int]) -> None:
    talk = Talk(rules({"at": stage, "reply": "451 4.3.0 later"}))
    assert talk.codes(UNTIL_DATA) == codes
    assert talk.counts.replies == {"451 4.3.0 later": 1}


def test_a_reply_at_connect() -> None:
    talk = Talk(rules({"at": "connect", "reply": "554 5.7.1 go away"}))
    assert talk.greeting == b"554 5.7.1 go away\r\n"


def test_a_reply_at_the_dot() -> None:
    talk = Talk(rules({"at": "dot", "domain": "to.test", "reply": "552 5.2.2 full"}))
    assert talk.codes(UNTIL_DATA + CONTENT)[-1] == 552
    assert talk.messages == []
    assert talk.counts.domains == {"to.test": [0, 0, 1]}
    assert talk.codes(b"MAIL FROM:<a@b.test>\r\n") == [250], "the transaction is over"


def test_bdat_meets_the_rules_of_data_and_dot() -> None:
    for stage in ("data", "dot"):
        talk = Talk(rules({"at": stage, "reply": "451 4.3.0 later"}))
        assert talk.codes(HELLO + ENVELOPE + b"BDAT 3 LAST\r\nx\r\nNOOP\r\n") == [250, 250, 250, 451, 250]
        assert talk.messages == []


def test_421_closes() -> None:
    talk = Talk(rules({"reply": "421 4.3.2 shutting down"}))
    assert talk.codes(UNTIL_DATA) == [250, 250, 421]
    assert talk.closed


@pytest.mark.parametrize("stage", list(Stage))
def test_a_drop_says_nothing(stage: Stage) -> None:
    talk = Talk(rules({"at": str(stage), "drop": True}))
    if stage is Stage.CONNECT:
        assert talk.greeting == b""
    else:
        replies = talk.codes(UNTIL_DATA)
        replies += [] if talk.closed else talk.codes(CONTENT[:5])
        replies += [] if talk.closed else talk.codes(CONTENT[5:])
        before = {Stage.MAIL: 1, Stage.RCPT: 2, Stage.DATA: 3, Stage.BODY: 4, Stage.DOT: 4}
        assert len(replies) == before[stage]
    assert talk.closed
    assert talk.counts.dropped == 1
    assert talk.messages == []


def test_keep_loses_the_reply_but_not_the_message() -> None:
    talk = Talk(rules({"at": "dot", "drop": True, "keep": True}))
    assert talk.codes(UNTIL_DATA + CONTENT) == [250, 250, 250, 354]
    assert talk.closed
    assert len(talk.messages) == 1


def test_delays_add_up_and_the_reply_comes_after_them() -> None:
    talk = Talk(rules({"delay": 0.5}, {"delay": "200ms"}, {"reply": "550 5.1.1 no"}))
    assert talk.codes(UNTIL_DATA) == [250, 250]
    assert talk.dialogue.wait == pytest.approx(0.7)
    assert talk.wait() == b"550 5.1.1 no\r\n554 5.5.1 no valid recipients\r\n"
    assert talk.dialogue.wait == 0


@pytest.mark.parametrize("stage", list(Stage))
def test_a_delay_anywhere_changes_nothing_else(stage: Stage) -> None:
    quick, slow = Talk(), Talk(rules({"at": str(stage), "delay": 2}))
    expected = quick.greeting + quick.say(UNTIL_DATA + CONTENT + ENVELOPE)
    found = slow.greeting + (slow.wait() if stage is Stage.CONNECT else b"") + slow.say(UNTIL_DATA + CONTENT + ENVELOPE)
    waits = 0
    while slow.dialogue.wait:
        found += slow.wait()
        waits += 1
    assert found == expected
    assert waits == (0 if stage is Stage.CONNECT else 2 if stage in (Stage.MAIL, Stage.RCPT) else 1)
    assert [m.data for m in slow.messages] == [m.data for m in quick.messages]


def test_greylisting_goes_by_source_and_recipient() -> None:
    script = rules({"domain": "grey.test", "greylist": 60})
    policy = Policy(parse_script(script), lambda: 0.0)
    one, other = policy.reception("127.0.0.2", "127.0.0.9"), policy.reception("127.0.0.3", "127.0.0.9")

    def code(reception: object, now: float, recipient: str) -> int:
        return policy.reception(reception, "127.0.0.9").answer(Stage.RCPT, now, recipient, recipient[2:]).code  # type: ignore[arg-type]

    assert one is not other
    assert code("127.0.0.2", 0, "a@grey.test") == 450
    assert code("127.0.0.2", 59, "a@grey.test") == 450
    assert code("127.0.0.2", 60, "a@grey.test") == 0
    assert code("127.0.0.3", 60, "a@grey.test") == 450, "another source starts anew"
    assert code("127.0.0.2", 60, "b@grey.test") == 450
    assert code("127.0.0.2", 60, "b@else.test") == 0


@pytest.mark.parametrize(("attempt", "refused"), [("1", [1]), (2, [2]), ("2-3", [2, 3]), ("3+", [3, 4, 5])])
def test_the_nth_attempt(attempt: object, refused: list[int]) -> None:
    policy = Policy(parse_script(rules({"attempt": attempt, "reply": "450 4.2.1 not yet"})), lambda: 0.0)
    reception = policy.reception("127.0.0.1", "127.0.0.9")
    codes = [reception.answer(Stage.RCPT, 0, "a@b.test", "b.test").code for _ in range(5)]
    assert [n for n, code in enumerate(codes, 1) if code] == refused
    assert reception.answer(Stage.RCPT, 0, "other@b.test", "b.test").code == (450 if 1 in refused else 0)


def test_conditions_are_all_needed() -> None:
    rule = {"recipient": "x*@*", "domain": "*.b.test", "source": "127.0.0.0/30", "host": "127.0.0.9", "reply": "550 no"}
    policy = Policy(parse_script(rules(rule)), lambda: 0.0)

    def code(source: str, host: str, recipient: str) -> int:
        return policy.reception(source, host).answer(Stage.RCPT, 0, recipient, recipient.partition("@")[2]).code

    assert code("127.0.0.1", "127.0.0.9", "x1@a.b.test") == 550
    assert code("127.0.0.5", "127.0.0.9", "x1@a.b.test") == 0
    assert code("127.0.0.1", "127.0.0.8", "x1@a.b.test") == 0
    assert code("127.0.0.1", "127.0.0.9", "y1@a.b.test") == 0
    assert code("127.0.0.1", "127.0.0.9", "x1@b.test") == 0


def test_the_first_rule_that_decides_wins() -> None:
    talk = Talk(rules({"recipient": "vip@*", "reply": "250 ok"}, {"domain": "to.test", "reply": "550 no"}))
    assert talk.codes(HELLO + b"MAIL FROM:<>\r\nRCPT TO:<vip@to.test>\r\nRCPT TO:<b@TO.test>\r\n") == [250, 250, 250, 550]


def test_a_share_is_the_same_recipients_always_and_about_as_large_as_said() -> None:
    def refused(seed: int) -> set[int]:
        policy = Policy(parse_script({"seed": seed, **rules({"share": 0.1, "reply": "550 no"})}), lambda: 0.0)
        reception = policy.reception("127.0.0.1", "127.0.0.9")
        return {n for n in range(20_000) if reception.answer(Stage.RCPT, 0, f"r{n}@b.test", "b.test").code}

    first = refused(1)
    assert first == refused(1)
    assert 1800 < len(first) < 2200
    assert 100 < len(first & refused(2)) < 320, "another seed chooses others"


def test_shares_of_two_rules_are_independent() -> None:
    policy = Policy(parse_script(rules({"share": 0.2, "reply": "550 a"}, {"share": 0.25, "reply": "550 b"})), lambda: 0.0)
    reception = policy.reception("127.0.0.1", "127.0.0.9")
    found = Counter(reception.answer(Stage.RCPT, 0, f"r{n}@b.test", "b.test").reply for n in range(20_000))
    assert 3700 < found[b"550 a"] < 4300
    assert 3700 < found[b"550 b"] < 4300  # a quarter of the four fifths that are left


def test_probability_asks_chance_each_time() -> None:
    policy = Policy(parse_script(rules({"probability": 0.3, "reply": "451 no"})), random.Random(1).random)
    reception = policy.reception("127.0.0.1", "127.0.0.9")
    codes = [reception.answer(Stage.RCPT, 0, "a@b.test", "b.test").code for _ in range(1000)]
    assert 250 < codes.count(451) < 350


def test_limits_and_features_by_source() -> None:
    script = rules({"source": "127.0.0.2", "connections": 2, "messages": 1, "without": ["pipelining", "8BITMIME"]})
    talk = Talk(script, source="127.0.0.2")
    assert talk.dialogue.reception.connections == 2
    assert b"PIPELINING" not in talk.say(HELLO)
    for line in (*ENVELOPE.splitlines(keepends=True), b"DATA\r\n"):
        talk.say(line)
    assert talk.codes(CONTENT) == [250]
    assert talk.codes(b"MAIL FROM:<a@b.test>\r\n") == [421]
    assert talk.closed
    free = Talk(script, source="127.0.0.3")
    assert free.dialogue.reception.connections == 0
    assert b"PIPELINING" in free.say(HELLO)


def test_without_rules_the_answer_is_yes() -> None:
    reception = Policy(parse_script(None), lambda: 0.0).reception("127.0.0.1", "127.0.0.9")
    assert all(reception.answer(stage, 0, "a@b.test", "b.test") is YES for stage in Stage)
