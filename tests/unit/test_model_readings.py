"""Unknown replies: no address stays in what is told of them, and nothing that was learned bounces a row."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from actors.model.delivery import Reply
from actors.model.lanes import Reading
from actors.model.readings import WILD, fits, fold, learned, read
from actors.model.reasons import REASONS, Reason
from actors.model.replies import Judgement, judge, unread
from actors.model.states import Blame, Stage, Verdict
from actors.sender.tally import Tally

LOCALS = st.from_regex(r"[a-z][a-z0-9.+_-]{0,14}[a-z0-9]", fullmatch=True)
DOMAINS = st.from_regex(r"[a-z]{2,10}(\.[a-z]{2,8}){1,3}", fullmatch=True)
AROUND = st.sampled_from(
    [
        *("{0}@{1}", "<{0}@{1}>", "'{0}' at {1}", "mailto:{0}@{1};", "rcpt={0}@{1}", "({0}@{1}):", "{0} @ {1}", "{0}@{1}..."),
        *("user={0},host={1}", '"{0}"@{1}', "[{0}/{1}]", "SRS0=x={1}={0}@relay.test", "Account {0} of {1} said no"),
    ]
)
STAGES = st.sampled_from(list(Stage))


@given(LOCALS, DOMAINS, AROUND, st.text(max_size=60), st.booleans())
def test_no_part_of_the_recipient_stays(local: str, domain: str, around: str, other: str, shout: bool) -> None:
    assume(local not in around and domain not in around)
    address = f"{local}@{domain}"
    text = f"zorp {around.format(local, domain)} {other}"
    words = fold(text.upper() if shout else text, address)
    assert not [word for word in words if "@" in word or word in (local, domain)]
    joined = " ".join(words)
    own = fold(f"zorp {around.format('', '')} {other}")
    if len(local) > 3 and not any(local in word for word in own):
        assert local not in joined
    if not any(domain in word for word in own):
        assert domain not in joined


@given(LOCALS, DOMAINS, LOCALS, DOMAINS)
def test_no_other_address_stays_and_none_is_told(local: str, domain: str, mine: str, here: str) -> None:
    words = fold(f"<{local}@{domain}> is not {mine}@{here}, {local}@{domain}")
    assert [word for word in words if word != WILD] == ["is", "not"]
    tally = Tally("mx.test")
    reply = Reply(550, f"zorp for {local}@{domain} of {mine}@{here}", "")
    tally.settled("j", judge(Stage.RCPT, reply), reply, 0.0, fold(reply.text, f"{mine}@{here}"))
    told = repr(tally.report(1, 0))
    assert f"{local}@" not in told
    assert f"@{here}" not in told


@pytest.mark.parametrize(
    ("code", "enhanced", "text", "expected"),
    [
        (550, "", "zorp the gate is shut", True),
        (451, "4.7.1", "zorp the gate is shut", True),
        (550, "5.7.1", "zorp the gate is shut", True),
        (554, "", "zorp", True),
        (421, "", "zorp", True),
        (550, "5.1.1", "zorp", False),  # the code says it
        (550, "", "no such user here", False),  # the words do
        (452, "", "zorp", False),
        (502, "", "zorp", False),
        (556, "", "zorp", False),
        (550, "", "", False),  # there is nothing to learn from
        (250, "", "zorp", False),
        (0, "", "connection lost", False),
    ],
)
def test_what_nobody_can_read(code: int, enhanced: str, text: str, expected: bool) -> None:
    assert unread(Reply(code, text, enhanced)) is expected


@given(st.integers(400, 599), STAGES, st.sampled_from([Blame.EGRESS, Blame.CONTENT, Blame.RECIPIENT, Blame.NONE]))
def test_what_was_learned_bounces_nobody(code: int, stage: Stage, blame: Blame) -> None:
    said = judge(stage, Reply(code, "zorp the gate is shut"))
    found = learned(said, blame)
    if found.verdict is Verdict.REFUSED:
        assert found == said
    else:
        assert found == said or found == Judgement(Verdict.DEFERRED, blame, Reason.LEARNED)
    assert found.reason in REASONS[found.blame]
    assert learned(said, Blame.RECIPIENT) == Judgement(Verdict.DEFERRED, Blame.RECIPIENT, Reason.LEARNED)


def test_a_reading_is_for_its_codes_and_words() -> None:
    readings = [
        Reading(550, "", ("zorp", WILD, "shut"), Blame.EGRESS),
        Reading(550, "", ("zorp", "gate", "shut"), Blame.CONTENT),
    ]
    assert read(readings, Reply(550), ("zorp", "gate", "shut")) is Blame.EGRESS
    assert read(readings, Reply(451), ("zorp", "gate", "shut")) is Blame.NONE
    assert read(readings, Reply(550, enhanced="5.7.1"), ("zorp", "gate", "shut")) is Blame.NONE
    assert read(readings, Reply(550), ("zorp", "gate")) is Blame.NONE
    assert not fits(("zorp",), (WILD,))
