"""Replies as real receivers word them, against what they mean; a part of them was held back while the phrases were written."""

from pathlib import Path
from typing import NamedTuple

import pytest

from actors.model.delivery import Reply
from actors.model.reasons import REASONS, Reason
from actors.model.replies import Judgement, judge
from actors.model.states import Blame, Stage, Verdict
from actors.sender.replyreader import ReplyReader, to_reply

FILE = Path(__file__).parents[1] / "data" / "replies.txt"
HELD_RIGHT = 0.90  # verdict and blame of replies that no phrase was written for
HELD_REASON = 0.85


class Case(NamedTuple):
    held: bool
    receiver: str
    stage: Stage
    expected: Judgement
    reply: Reply


def read_cases() -> list[Case]:
    cases = []
    for line in FILE.read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        part, receiver, stage, expected, text = line.split("|", 4)
        verdict, blame, reason = expected.split()
        meant = Judgement(Verdict(verdict), Blame(blame), Reason("" if reason == "-" else reason))
        reader = ReplyReader()
        (raw,) = reader.feed("".join(f"{piece}\r\n" for piece in text.split(" / ")).encode())
        assert not reader.broken
        cases.append(Case(part == "held", receiver, Stage(stage), meant, to_reply(raw)))
    return cases


CASES = read_cases()
KNOWN = [c for c in CASES if not c.held]
HELD = [c for c in CASES if c.held]


def test_the_corpus_is_large_and_says_nothing_impossible() -> None:
    assert len(CASES) >= 300
    assert len(HELD) >= 100
    assert len({c.receiver for c in CASES}) >= 25
    for case in CASES:
        assert case.expected.reason in REASONS[case.expected.blame], case


@pytest.mark.parametrize("case", KNOWN, ids=lambda c: f"{c.receiver}-{c.reply.code}-{c.reply.text[:40]}")
def test_known_replies(case: Case) -> None:
    assert judge(case.stage, case.reply) == case.expected


def wrong(cases: list[Case], fields: int) -> list[str]:
    return [
        f"{c.receiver}: {c.reply.code} {c.reply.enhanced} {c.reply.text[:80]} -> {judge(c.stage, c.reply)}"
        for c in cases
        if judge(c.stage, c.reply)[:fields] != c.expected[:fields]
    ]


def test_held_back_replies_are_read_right_mostly() -> None:
    blames, reasons = wrong(HELD, 2), wrong(HELD, 3)
    assert len(blames) <= (1 - HELD_RIGHT) * len(HELD), "\n".join(blames)
    assert len(reasons) <= (1 - HELD_REASON) * len(HELD), "\n".join(reasons)


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DOT])
def test_no_reply_kills_a_recipient_that_does_not_speak_of_one(stage: Stage) -> None:
    """Wherever it is said: only replies that mean a dead mailbox may end as one."""
    dead = 0
    for case in CASES:
        found = judge(stage, case.reply)
        if found[:2] == (Verdict.REFUSED, Blame.RECIPIENT):
            dead += 1
            assert case.expected[:2] == (Verdict.REFUSED, Blame.RECIPIENT), case
    assert dead > (50 if stage is Stage.RCPT else -1)
