"""What the conductor is told of refusals: counts by job and site, without addresses, nothing lost when it is away."""

from actors.model.delivery import Reply
from actors.model.lanes import Refusals
from actors.model.reasons import Reason
from actors.model.replies import Judgement
from actors.model.states import Blame, Verdict
from actors.sender.refusals import Noted

SPF = Judgement(Verdict.DEFERRED, Blame.SENDER_DOMAIN, Reason.SPF)
SPAM = Judgement(Verdict.REFUSED, Blame.CONTENT, Reason.SPAM)
SENT = Judgement(Verdict.DELIVERED, Blame.NONE)
REPLY = Reply(550, "<joe@a.test>: SPF fail", "5.7.23")


def test_refusals_are_counted_with_what_was_delivered_beside_them() -> None:
    noted = Noted()
    noted.note("J", "a.test", SENT, Reply(250))
    noted.note("J", "a.test", SPF, REPLY)
    noted.note("J", "a.test", SPF, REPLY)
    noted.note("J", "b.test", SENT, Reply(250))
    noted.note("J", "b.test", Judgement(Verdict.REFUSED, Blame.RECIPIENT, Reason.UNKNOWN), REPLY)
    words = "550 5.7.23 <address> SPF fail"
    assert noted.take() == [Refusals("J", "a.test", Blame.SENDER_DOMAIN, Reason.SPF, 2, 1, words)]
    assert noted.take() == []


def test_deliveries_are_told_only_of_sites_that_refused_before() -> None:
    noted = Noted()
    noted.note("J", "a.test", SPF, REPLY)
    noted.take()
    noted.note("J", "a.test", SENT, Reply(250))
    noted.note("J", "b.test", SENT, Reply(250))
    assert noted.take() == [Refusals("J", "a.test", Blame.NONE, delivered=1)]
    noted.forget(set())
    noted.note("J", "a.test", SENT, Reply(250))
    assert noted.take() == []


def test_what_could_not_be_told_is_told_later() -> None:
    noted = Noted()
    noted.note("J", "a.test", SPF, REPLY)
    noted.note("J", "a.test", SPAM, REPLY)
    noted.note("J", "a.test", SENT, Reply(250))
    noted.again(noted.take())
    noted.note("J", "a.test", SPF, REPLY)
    noted.note("J", "a.test", SENT, Reply(250))
    assert [(told.refused, told.reason, told.delivered) for told in noted.take()] == [(2, Reason.SPF, 2), (1, Reason.SPAM, 2)]
