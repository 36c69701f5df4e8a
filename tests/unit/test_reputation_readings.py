"""What is learned of unknown replies: whom they follow, from what several egresses and jobs met; bounded, kept, taken back."""

import json
from collections.abc import Callable, Iterable
from itertools import product

import pytest

from actors.model.delivery import Reply
from actors.model.lanes import JobTally, LaneReport, Unread
from actors.model.readings import fold, read
from actors.model.states import Blame
from actors.reputation.actor import Reputation
from actors.reputation.experiment import FEWEST
from actors.reputation.followed import QUIET
from actors.reputation.readings import AGREED, MOST_HERE, MOST_SITES, Readings
from tests.fakes.clock import FakeClock

SITE = "mx.zorp.test"
TEXT = "Zorp policy {n} applies to <user{n}@a{n}.example> and the gate is shut"
REPLY = Reply(550, TEXT.format(n=7), "5.7.1")
WORDS = fold(REPLY.text)


def report(job: str, good: int, bad: int, site: str = SITE, code: int = 550, again: tuple[int, int] = (0, 0)) -> LaneReport:
    """What a lane saw: of one job, so many delivered and so many refused in the unknown words. `again`: of both, those that
    were tried before."""
    unread = (Unread(job, code, "5.7.1", WORDS, bad, again[1]),) if bad else ()
    return LaneReport(site, delivered=good, jobs=(JobTally(job, good, 0, 0, again[0]),), unread=unread)


def feed(
    readings: Readings,
    refuses: Callable[[str, str], bool],
    egresses: str = "abc",
    jobs: Iterable[str] = ("j1", "j2"),
    code: int = 550,
    site: str = SITE,
    now: float = 1000.0,
) -> None:
    """Every egress brings every job; whoever is refused is so always."""
    for turn, egress, job in product(range(6), egresses, tuple(jobs)):
        bad = refuses(egress, job)
        readings.take(egress, report(job, 0 if bad else 4, 4 if bad else 0, site, code), now + turn)


def sense(readings: Readings, site: str = SITE, code: int = 550) -> Blame:
    return read(readings.of(site), Reply(code, enhanced="5.7.1"), WORDS)


@pytest.mark.parametrize("code", [451, 550])
def test_what_follows_one_egress_is_about_it(code: int) -> None:
    readings = Readings()
    feed(readings, lambda egress, _: egress == "b", code=code)
    assert sense(readings, code=code) is Blame.EGRESS
    (told,) = readings.told(SITE)
    assert (told["blame"], told["of"], told["egresses"], told["jobs"]) == ("egress", "b", ["b"], ["j1", "j2"])
    assert told["count"] == 48
    assert "100% refused through it, 0%" in told["why"]


def test_what_follows_a_job_over_all_egresses_is_about_its_content() -> None:
    readings = Readings()
    feed(readings, lambda _, job: job == "j2")
    assert sense(readings) is Blame.CONTENT
    assert readings.told()[0]["of"] == "j2"


@pytest.mark.parametrize(
    ("egresses", "jobs"),
    [("abc", ("j1", "j2")), ("a", ("j1", "j2")), ("abc", ("j1",)), ("a", ("j1",))],
)
def test_what_comes_to_everybody_stays_unknown(egresses: str, jobs: tuple[str, ...]) -> None:
    readings = Readings()
    feed(readings, lambda *_: True, egresses, jobs)
    assert sense(readings) is Blame.NONE
    assert readings.told()[0]["count"] == 6 * 4 * len(egresses) * len(jobs)


def test_one_job_through_one_egress_alone_stays_unknown() -> None:
    readings = Readings()
    feed(readings, lambda egress, job: (egress, job) == ("a", "j1"))
    assert sense(readings) is Blame.NONE


def test_a_few_refusals_say_nothing() -> None:
    readings = Readings()
    for _ in range(int(FEWEST) - 1):
        readings.take("a", report("j1", 0, 1), 1000.0)
        readings.take("b", report("j1", 10, 0), 1000.0)
    assert sense(readings) is Blame.NONE


def test_what_stays_with_an_address_is_about_the_recipient() -> None:
    readings = Readings()
    for turn in range(10):
        for egress in "ab":
            readings.take(egress, report("j1", 50, 2), 1000.0 + turn)  # four in a hundred are refused
            readings.take(egress, report("j1", 0, 2, again=(0, 2)), 1000.0 + turn)  # and again when they come back
    assert sense(readings) is Blame.RECIPIENT


def test_what_passes_when_it_comes_again_is_about_no_recipient() -> None:
    readings = Readings()
    for turn in range(10):
        for egress in "ab":
            readings.take(egress, report("j1", 0, 10), 1000.0 + turn)
            readings.take(egress, report("j1", 10, 0, again=(10, 0)), 1000.0 + turn)
    assert sense(readings) is Blame.NONE


def test_a_lane_that_is_too_fast_is_not_called_blocked() -> None:
    """Temporary refusals between acceptances are a matter of pace, however many they are."""
    readings = Readings()
    for turn in range(20):
        readings.take("a", report("j1", 1, 7, code=451), 1000.0 + turn)
        readings.take("b", report("j1", 8, 0), 1000.0 + turn)
    assert sense(readings, code=451) is Blame.NONE


def test_a_block_is_told_though_the_lane_delivered_much_before() -> None:
    readings = Readings()
    for turn in range(100):
        for egress in "ab":
            readings.take(egress, report("j1", 500, 0), 1000.0 + turn)
    readings.take("a", report("j1", 0, 8), 1100.0)
    readings.take("b", report("j1", 8, 0), 1100.0)
    readings.take("a", report("j1", 0, 1), 1100.5)
    assert sense(readings) is Blame.EGRESS


def test_a_finding_that_is_plainly_so_no_more_is_taken_back() -> None:
    readings = Readings()
    feed(readings, lambda egress, _: egress == "b")
    feed(readings, lambda *_: True, now=1000.0 + 2 * QUIET)
    assert sense(readings) is Blame.NONE
    feed(readings, lambda _, job: job == "j1", now=1000.0 + 4 * QUIET)
    assert sense(readings) is Blame.CONTENT


def test_sites_of_one_mind_speak_for_one_that_has_said_little() -> None:
    readings = Readings()
    for n in range(AGREED):
        readings.take("a", report("j1", 0, 1, "new.test"), 1000.0)
        assert sense(readings, "new.test") is Blame.NONE
        feed(readings, lambda egress, _: egress == "a", site=f"mx{n}.test")
    readings.take("a", report("j1", 0, 1, "new.test"), 1000.0)
    assert sense(readings, "new.test") is Blame.EGRESS
    feed(readings, lambda _, job: job == "j1", site="other.test")
    readings.take("a", report("j1", 0, 1, "new.test"), 1000.0)
    assert sense(readings, "new.test") is Blame.NONE  # they are not of one mind any more


def test_a_stream_of_strange_words_stays_small() -> None:
    readings = Readings()
    letters = "abcdefghijklmnopqrst"
    for n in range(4000):
        text = f"{letters[n % 20] * 4} {letters[n // 20 % 20] * 5} {letters[n // 400] * 6}"
        readings.take("a", LaneReport(SITE, unread=(Unread("j", 550, "", fold(text)),)), 1000.0 + n)
    assert len(readings.told(SITE)) <= MOST_HERE
    for n in range(MOST_SITES + 50):
        readings.take("a", report("j1", 0, 1, f"mx{n}.test"), 9000.0)
    assert len({line["site"] for line in readings.told()}) <= MOST_SITES
    assert readings.data(SITE) == []
    assert SITE in readings.changed


def test_what_is_kept_comes_back() -> None:
    readings = Readings()
    feed(readings, lambda egress, _: egress == "b")
    again = Readings()
    again.restore(SITE, json.loads(json.dumps(readings.data(SITE))))
    assert (sense(again), again.data(SITE)[0]["why"]) == (Blame.EGRESS, readings.data(SITE)[0]["why"])
    feed(again, lambda egress, _: egress == "c", now=1010.0)
    assert again.told()[0]["of"] == "c"
    assert again.told()[0]["count"] == 96


async def test_senders_are_told_and_decisions_stay_small() -> None:
    clock = FakeClock()
    reputation = Reputation(clock)
    limits = {}
    for _ in range(6):
        for egress in "abc":
            bad = egress == "b"
            found = report("j1", 0 if bad else 4, 4 if bad else 0)
            limits[egress] = (await reputation.report(egress, [found]))[SITE]
        clock.advance(0.5)
    assert all(read(one.readings, REPLY, WORDS) is Blame.EGRESS for one in limits.values())
    assert (await reputation.replies())[0]["blame"] == "egress"
    assert await reputation.replies("other.test") == []
    assert not (await reputation.limits())["a", SITE].readings
