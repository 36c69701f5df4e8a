"""Verdict and blame of replies, by a table of what receivers really say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.delivery import Reply
from actors.model.reasons import REASONS
from actors.model.replies import judge
from actors.model.states import Blame, Stage, Verdict

REFUSED, DEFERRED = Verdict.REFUSED, Verdict.DEFERRED
CASES = [
    # stage, code, enhanced, text, verdict, blame
    (Stage.DOT, 250, "2.0.0", "queued", Verdict.DELIVERED, Blame.NONE),
    (Stage.CONNECT, 0, "", "timed out", DEFERRED, Blame.NETWORK),
    (Stage.RESOLVE, 556, "5.1.10", "the domain accepts no mail", REFUSED, Blame.RECIPIENT),
    (Stage.RESOLVE, 550, "5.1.2", "no such domain", REFUSED, Blame.RECIPIENT),
    (Stage.RESOLVE, 451, "4.4.3", "the name servers give no answer", DEFERRED, Blame.NETWORK),
    (Stage.GREETING, 554, "", "no SMTP service here", DEFERRED, Blame.EGRESS),
    (Stage.GREETING, 554, "5.7.1", "Your IP is listed at zen.spamhaus.org", DEFERRED, Blame.EGRESS),
    (Stage.GREETING, 421, "", "too many connections", DEFERRED, Blame.BUSY),
    (Stage.GREETING, 550, "5.1.1", "no such user", DEFERRED, Blame.EGRESS),
    (Stage.EHLO, 501, "", "bad name", DEFERRED, Blame.US),
    (Stage.AUTH, 535, "5.7.8", "authentication failed", DEFERRED, Blame.US),
    (Stage.MAIL, 421, "4.7.0", "try again later", DEFERRED, Blame.BUSY),
    (Stage.MAIL, 550, "5.7.1", "blocked using b.barracudacentral.org", DEFERRED, Blame.EGRESS),
    (Stage.MAIL, 553, "", "unknown user", DEFERRED, Blame.EGRESS),
    (Stage.MAIL, 552, "5.3.4", "message too big", REFUSED, Blame.CONTENT),
    (Stage.MAIL, 552, "", "size exceeds fixed limit", REFUSED, Blame.CONTENT),
    (Stage.MAIL, 553, "5.1.8", "domain of sender does not exist", REFUSED, Blame.SENDER_DOMAIN),
    (Stage.MAIL, 451, "4.1.8", "domain of sender does not resolve", DEFERRED, Blame.SENDER_DOMAIN),
    (Stage.MAIL, 503, "5.5.1", "nested MAIL", DEFERRED, Blame.US),
    (Stage.RCPT, 550, "5.1.1", "user unknown", REFUSED, Blame.RECIPIENT),
    (Stage.RCPT, 550, "", "", REFUSED, Blame.RECIPIENT),
    (Stage.RCPT, 553, "", "sorry, no mailbox here by that name", REFUSED, Blame.RECIPIENT),
    (Stage.RCPT, 551, "5.1.6", "moved", REFUSED, Blame.RECIPIENT),
    (Stage.RCPT, 550, "5.2.1", "mailbox disabled", REFUSED, Blame.RECIPIENT),
    (Stage.RCPT, 550, "5.4.1", "Recipient address rejected: Access denied.", REFUSED, Blame.RECIPIENT),
    (Stage.RCPT, 550, "5.5.0", "Requested action not taken: mailbox unavailable", REFUSED, Blame.RECIPIENT),
    (Stage.RCPT, 552, "5.2.2", "mailbox full", DEFERRED, Blame.RECIPIENT),
    (Stage.RCPT, 552, "", "over quota", DEFERRED, Blame.RECIPIENT),
    (Stage.RCPT, 452, "4.2.2", "the email account is over quota", DEFERRED, Blame.RECIPIENT),
    (Stage.RCPT, 450, "4.2.0", "Recipient address rejected: Greylisted, see http://postgrey", DEFERRED, Blame.BUSY),
    (Stage.RCPT, 451, "4.7.1", "Greylisting in action, please come back later", DEFERRED, Blame.BUSY),
    (Stage.RCPT, 450, "", "graylisted", DEFERRED, Blame.BUSY),
    (Stage.RCPT, 450, "", "", DEFERRED, Blame.BUSY),
    (Stage.RCPT, 452, "4.5.3", "too many recipients", DEFERRED, Blame.BUSY),
    (Stage.RCPT, 554, "5.7.1", "Client host [192.0.2.1] blocked using zen.spamhaus.org", DEFERRED, Blame.EGRESS),
    (Stage.RCPT, 550, "", "rejected because 192.0.2.1 is in a DNSBL", DEFERRED, Blame.EGRESS),
    (Stage.RCPT, 550, "5.7.1", "messages weren't sent. part of their network is on our block list", DEFERRED, Blame.EGRESS),
    (Stage.RCPT, 550, "5.7.606", "Access denied, banned sending IP [192.0.2.1]", DEFERRED, Blame.EGRESS),
    (Stage.RCPT, 550, "5.7.25", "reverse DNS", DEFERRED, Blame.EGRESS),
    (Stage.RCPT, 550, "5.7.1", "", DEFERRED, Blame.EGRESS),
    (Stage.RCPT, 550, "5.7.99", "", DEFERRED, Blame.EGRESS),
    (Stage.RCPT, 550, "5.7.1", "this is spam", DEFERRED, Blame.EGRESS),
    (Stage.RCPT, 554, "", "transaction failed", DEFERRED, Blame.EGRESS),
    (Stage.RCPT, 554, "5.7.1", "Relay access denied", DEFERRED, Blame.NETWORK),
    (Stage.RCPT, 550, "5.7.23", "SPF fail", REFUSED, Blame.SENDER_DOMAIN),
    (Stage.RCPT, 550, "5.7.26", "unauthenticated mail", REFUSED, Blame.SENDER_DOMAIN),
    (Stage.RCPT, 501, "", "syntax error", DEFERRED, Blame.US),
    (Stage.DATA, 554, "5.5.1", "no valid recipients", DEFERRED, Blame.US),
    (Stage.DATA, 451, "", "local error", DEFERRED, Blame.BUSY),
    (Stage.DOT, 550, "5.7.1", "message looks like spam", REFUSED, Blame.CONTENT),
    (Stage.DOT, 554, "5.7.1", "", REFUSED, Blame.CONTENT),
    (Stage.DOT, 550, "5.7.1", "likely unsolicited mail due to the reputation of the sending IP", DEFERRED, Blame.EGRESS),
    (Stage.DOT, 550, "", "", REFUSED, Blame.CONTENT),
    (Stage.DOT, 550, "", "user unknown", REFUSED, Blame.CONTENT),
    (Stage.DOT, 550, "5.1.1", "user unknown", REFUSED, Blame.RECIPIENT),
    (Stage.DOT, 552, "5.2.2", "mailbox full", DEFERRED, Blame.RECIPIENT),
    (Stage.DOT, 552, "5.3.4", "too big", REFUSED, Blame.CONTENT),
    (Stage.DOT, 550, "5.6.0", "bad MIME", REFUSED, Blame.CONTENT),
    (Stage.DOT, 451, "4.3.0", "queue full", DEFERRED, Blame.BUSY),
    (Stage.DOT, 421, "4.7.28", "unusual rate of mail from your IP", DEFERRED, Blame.EGRESS),
    (Stage.DOT, 550, "5.7.26", "DMARC", REFUSED, Blame.SENDER_DOMAIN),
    (Stage.DOT, 599, "", "", DEFERRED, Blame.BUSY),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "code", "enhanced", "text", "verdict", "blame"), CASES)
def test_table(stage: Stage, code: int, enhanced: str, text: str, verdict: Verdict, blame: Blame) -> None:
    assert judge(stage, Reply(code, text, enhanced))[:2] == (verdict, blame)


WORDS = ["user unknown", "spam", "blocked", "mailbox full", "greylist", "dmarc", "relay denied", "", "content", "too many"]
ENHANCED = st.one_of(st.just(("", "")), st.tuples(st.integers(0, 8), st.integers(0, 40)))


@given(st.sampled_from(list(Stage)), st.integers(200, 599), ENHANCED, st.sampled_from(WORDS))
def test_bounds(stage: Stage, code: int, numbers: tuple[object, object], text: str) -> None:
    enhanced = "" if numbers[0] == "" else f"{code // 100}.{numbers[0]}.{numbers[1]}"
    verdict, blame, reason = judge(stage, Reply(code, text, enhanced))
    assert reason in REASONS[blame]
    if 400 <= code < 500:
        assert verdict is DEFERRED
    if verdict is Verdict.DELIVERED:
        assert stage is Stage.DOT
    if verdict is REFUSED and stage in (Stage.CONNECT, Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.AUTH):
        pytest.fail("nothing is proved before MAIL")
    if blame is Blame.RECIPIENT:
        mailbox = enhanced.split(".")[1:2] in (["1"], ["2"])
        assert stage in (Stage.RCPT, Stage.RESOLVE) or (stage in (Stage.DATA, Stage.DOT) and mailbox)
    if verdict is REFUSED:
        assert blame in (Blame.RECIPIENT, Blame.CONTENT, Blame.SENDER_DOMAIN, Blame.US)
