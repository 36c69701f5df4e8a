"""Refusals whose words speak of one thing and whose counts speak of another: the counts are believed."""

from actors.model.lanes import JobTally, LaneReport
from actors.reputation.content import Experiment
from actors.reputation.lanes import step
from actors.reputation.state import CLOSED, OPEN, LaneState, View


def report(delivered: int, content: int = 0) -> LaneReport:
    tally = JobTally("job", delivered=delivered, content=content)
    return LaneReport("s.test", delivered=delivered, refused=content, connections=4, jobs=(tally,))


def test_words_about_content_that_follow_one_egress_are_about_it_within_seconds() -> None:
    experiment = Experiment()
    for _ in range(300):  # five minutes in which all of it passed from both
        experiment.take("a", report(4))
        experiment.take("b", report(4))
    found = []
    for _ in range(10):
        experiment.take("b", report(4))
        experiment.take("a", report(0, 4))
        found.append(experiment.misnamed("a", report(0, 4)))
    assert found[0] == 0
    assert found[-1] == 4
    assert experiment.misnamed("b", report(0, 1)) == 0


def test_content_that_everybody_refuses_is_nobodys_egress() -> None:
    experiment = Experiment()
    for _ in range(50):
        experiment.take("a", report(2, 2))
        experiment.take("b", report(2, 2))
        assert experiment.misnamed("a", report(2, 2)) == 0


def test_such_refusals_close_the_lane_as_a_block_does() -> None:
    lane, now = LaneState("s.test", "192.0.2.1", 4), 1000.0
    for _ in range(10):
        now += 0.5
        step(lane, report(0, 4), now, View())
    assert lane.circuit == OPEN
    for _ in range(10):
        now += 0.5
        step(lane, report(0, 4), now, View(misnamed=4))
    assert lane.circuit == CLOSED
