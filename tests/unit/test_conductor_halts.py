"""Halts: refused sender domains stop the account at a site, refused content the job there; probes lift them again."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.conductor.halts import FIRST_SECONDS, LONGEST_SECONDS, PROBE_SECONDS, Halts
from actors.model.lanes import Refusals
from actors.model.reasons import Reason
from actors.model.states import Blame

DMARC = Refusals("J1", "gmail.test", Blame.SENDER_DOMAIN, Reason.DMARC, refused=3, reply="550 5.7.26 unauthenticated")
SPAM = Refusals("J1", "gmail.test", Blame.CONTENT, Reason.SPAM, refused=12, reply="550 5.7.1 spam")


def delivered(n: int = 1, job: str = "J1", site: str = "gmail.test") -> Refusals:
    return Refusals(job, site, Blame.NONE, delivered=n)


def test_a_refused_domain_stops_the_account_there_and_nowhere_else() -> None:
    halts = Halts()
    assert halts.tell("shop", DMARC, 100.0)
    assert halts.closed("J1", "shop", 101.0) == {"gmail.test"}
    assert halts.closed("J2", "shop", 101.0) == {"gmail.test"}
    assert halts.closed("J3", "bank", 101.0) == frozenset()
    assert "_dmarc.DOMAIN" in halts.why("J2", "shop", 101.0)
    assert "550 5.7.26" in halts.why("J2", "shop", 101.0)
    assert halts.why("J3", "bank", 101.0) == ""


def test_refused_content_stops_the_job_only() -> None:
    halts = Halts()
    assert halts.tell("shop", SPAM, 100.0)
    assert halts.closed("J1", "shop", 101.0) == {"gmail.test"}
    assert halts.closed("J2", "shop", 101.0) == frozenset()
    assert "content (spam)" in halts.why("J1", "shop", 101.0)


def test_one_egress_of_several_halts_nobody() -> None:
    halts = Halts()
    assert not halts.tell("shop", SPAM, 100.0, "192.0.2.1", others=True)
    assert not halts.tell("shop", SPAM, 110.0, "192.0.2.1", others=True)
    assert halts.closed("J1", "shop", 111.0) == frozenset()
    assert halts.tell("shop", SPAM, 120.0, "192.0.2.2", others=True)
    assert halts.closed("J1", "shop", 121.0) == {"gmail.test"}


def test_a_few_refusals_among_deliveries_halt_nothing() -> None:
    halts = Halts()
    for _ in range(50):
        assert not halts.tell("shop", Refusals("J1", "a.test", Blame.CONTENT, Reason.SIZE, refused=1, delivered=9), 100.0)
    assert halts.closed("J1", "shop", 100.0) == frozenset()
    assert halts.why("J1", "shop", 100.0) == ""


def test_a_probe_lifts_the_halt_or_doubles_it() -> None:
    halts = Halts()
    halts.tell("shop", DMARC, 0.0)
    now = FIRST_SECONDS + 1
    assert halts.closed("J1", "shop", now) == frozenset()
    assert halts.lapsed("J1", "shop", now) == {"gmail.test"}
    halts.probing("J1", "shop", ["gmail.test"], now)
    assert halts.closed("J1", "shop", now + 1) == {"gmail.test"}  # nothing more before the probe has told
    assert halts.lapsed("J1", "shop", now + 1) == frozenset()
    assert halts.lapsed("J1", "shop", now + PROBE_SECONDS) == {"gmail.test"}  # it never told
    one = Refusals("J1", "gmail.test", Blame.SENDER_DOMAIN, Reason.SPF, refused=1, reply="550 SPF")
    assert halts.tell("shop", one, now + 2)
    assert halts.closed("J1", "shop", now + 2 * FIRST_SECONDS - 10) == {"gmail.test"}
    later = now + 2 + 2 * FIRST_SECONDS
    assert halts.lapsed("J1", "shop", later) == {"gmail.test"}
    assert halts.tell("shop", delivered(), later)
    assert halts.closed("J1", "shop", later) == halts.lapsed("J1", "shop", later) == frozenset()
    assert halts.why("J1", "shop", later) == ""


TOLD = st.builds(
    Refusals,
    st.sampled_from(["J1", "J2"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from([Blame.SENDER_DOMAIN, Blame.CONTENT, Blame.NONE]),
    refused=st.integers(0, 30),
    delivered=st.integers(0, 30),
)


@given(st.lists(st.tuples(TOLD, st.floats(0, 4000)), max_size=40))
def test_every_halt_ends_and_a_site_is_closed_or_lapsed_but_not_both(steps: list[tuple[Any, float]]) -> None:
    halts, now = Halts(), 0.0
    for told, pause in steps:
        now += pause
        halts.tell("shop", told, now)
        for job in ("J1", "J2"):
            assert not halts.closed(job, "shop", now) & halts.lapsed(job, "shop", now)
    assert halts.closed("J1", "shop", now + LONGEST_SECONDS + PROBE_SECONDS + 1) == frozenset()
