"""Delivery status notifications: what is asked for, where, and that nothing asked for can end a command."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.delivery import Dsn, Envelopes, Lease, Site
from actors.model.spec import ContentSpec, DeliverySpec, DsnSpec
from actors.sender.dialogue import Dialogue
from actors.sender.dsn import MAX_ORCPT, rcpt_parameters, utf8_xtext, xtext
from actors.sender.hand import Chunk, RenderOrder, Work
from actors.sender.messages import Features, Message
from tests.fakes.mailing import Mailing
from tests.fakes.ports import shard
from tests.fakes.snapshot import JOB

OFFERED = Features(pipelining=True, dsn=True, utf8=True, eight_bit=True)
ASKED = Dsn("FAILURE,DELAY", "HDRS")


def envelope(features: Features, dsn: Dsn | None = ASKED, to: str = "a+b=c@x.test") -> list[str]:
    message = Message("bounce@from.test", to, memoryview(b"x\r\n"))
    message.dsn, message.envid = dsn, "01J0.7"
    dialogue = Dialogue(features)
    assert dialogue.send(message) is None
    return b"".join(dialogue.output()).decode().split("\r\n")[:2]


def test_asked_for_where_it_is_offered() -> None:
    assert envelope(OFFERED) == [
        "MAIL FROM:<bounce@from.test> RET=HDRS ENVID=01J0.7",
        "RCPT TO:<a+b=c@x.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb+3Dc@x.test",
    ]


@pytest.mark.parametrize(
    ("features", "dsn"),
    [(Features(pipelining=True), ASKED), (OFFERED, None)],
    ids=["not offered", "not asked for"],
)
def test_not_a_word_of_it_elsewhere(features: Features, dsn: Dsn | None) -> None:
    assert envelope(features, dsn) == ["MAIL FROM:<bounce@from.test>", "RCPT TO:<a+b=c@x.test>"]


def test_an_internationalised_address_goes_in_ascii() -> None:
    asked = envelope(OFFERED, to="鴻雁@x.test")
    assert asked[1] == r"RCPT TO:<鴻雁@x.test> NOTIFY=FAILURE,DELAY ORCPT=utf-8;\x{9D3B}\x{96C1}@x.test"


def test_an_address_too_long_for_orcpt_goes_without() -> None:
    assert rcpt_parameters(ASKED, "+" * 300 + "@x.test") == " NOTIFY=FAILURE,DELAY"


@given(st.text(max_size=200))
def test_no_text_can_end_the_parameter(text: str) -> None:
    assert re.fullmatch(r"[!-~]*", utf8_xtext(text))
    assert re.fullmatch(r"[!-*,-<>-~]*", re.sub(r"\+[0-9A-F]{2}", "", xtext(text.encode("ascii", "ignore").decode())))
    assert len(rcpt_parameters(ASKED, text)) <= MAX_ORCPT + 40
    decoded = re.sub(r"\\x\{([0-9A-F]+)\}", lambda found: chr(int(found[1], 16)), utf8_xtext(text))
    assert decoded == text


@given(st.text(st.characters(max_codepoint=127)))
def test_xtext_comes_back_as_receivers_decode_it(text: str) -> None:
    assert re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), xtext(text)) == text


@pytest.mark.parametrize(
    ("spec", "asked"),
    [
        (DsnSpec(), None),
        (DsnSpec(("never",)), Dsn("NEVER", "HDRS")),
        (DsnSpec(("success", "failure"), "full"), Dsn("SUCCESS,FAILURE", "FULL")),
    ],
)
def test_from_the_control_file_to_the_mail(spec: DsnSpec, asked: Dsn | None) -> None:
    content = ContentSpec("Hi", text="b.txt")
    with Mailing(content, {"b.txt": "x"}, {"name": ["a", "b"]}, delivery=DeliverySpec(dsn=spec)) as mailing:
        envelopes = mailing.envelopes()
        shown = mailing.renderer.preview(JOB, 1, mailing.stamp)
    assert envelopes.dsn == asked
    assert shown.dsn == ("" if asked is None else f"{asked.notify} {asked.ret}")
    mails = ordered(envelopes)
    assert [(mail.dsn, mail.envid) for mail in mails] == [(asked, f"{JOB}.{row}" if asked else "") for row in (0, 1)]
    assert [mail.return_path for mail in mails] == ["service@bank.test"] * 2


def ordered(envelopes: Envelopes):
    """The mails of a render order of these rows; the lane is not asked."""
    part = shard(Site("x.test"), envelopes.rows.tolist())
    work = Work(Lease(1, 1, envelopes.job, 0, (part,), 60.0, 0.0), len(envelopes))
    order = RenderOrder(work, [(None, Chunk.of(work, part))])  # type: ignore[list-item]
    return order.mails(envelopes, np.ones(len(envelopes), np.int64))
