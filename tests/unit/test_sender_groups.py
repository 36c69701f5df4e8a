"""What goes to the ledger together, and how many rows are open meanwhile."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from actors.model.delivery import MAX_OPEN_ROWS, Advanced, Lease, Outcome
from actors.model.states import RowState, Stage
from actors.sender.groups import SLOW_ROWS, Groups
from actors.sender.hand import Mail, Row, Work


@dataclass(eq=False)
class StubLane:
    """As much of a lane as `Groups` looks at."""

    rate: float = -1.0
    most: int = 1000
    open: int = 0
    ready: list[Mail] = field(default_factory=list)
    queue: list[Mail] = field(default_factory=list)

    @property
    def openable(self) -> int:
        return max(0, min(len(self.ready), self.most - self.open))


class Ready(list):  # type: ignore[type-arg]
    def popleft(self) -> Mail:
        return self.pop(0)


def lane(rows: range, rate: float = -1.0, job: str = "J") -> StubLane:
    work = Work(Lease(1, 7, job, 0, (), 1.0, 0.0), len(rows))
    made = StubLane(rate)
    made.ready = Ready(Mail(made, Row(work, r, 1, 0.0), 99, "a@b", "c@d", memoryview(b""), False, False) for r in rows)  # type: ignore[arg-type]
    return made


def result(mail: Mail) -> Outcome:
    return Outcome("J", mail.row.row, RowState.DELIVERED, 0.0, Stage.DOT)


def all_opened(group) -> Advanced:  # type: ignore[no-untyped-def]
    return Advanced(tuple(np.ones(len(o.rows), np.bool_) for o in group.openings), 1.0)


@given(
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from([-1.0, 5.0, 5000.0])), min_size=1, max_size=6),
    st.lists(st.integers(0, 300), min_size=1, max_size=12),
)
def test_never_more_open_than_allowed(sizes: list[tuple[int, float]], settle: list[int]) -> None:
    lanes = [lane(range(n * 1000, n * 1000 + size), rate) for n, (size, rate) in enumerate(sizes)]
    groups, in_ledger = Groups(), 0
    for count in settle:
        group = groups.plan(lanes, opening=True)  # type: ignore[arg-type]
        in_ledger += sum(len(o.rows) for o in group.openings) - len(group.closing)
        assert in_ledger <= MAX_OPEN_ROWS
        assert groups.done(group, all_opened(group)) == ([], set())
        assert groups.open == in_ledger
        for one in lanes:
            for _ in range(min(count, len(one.queue))):
                mail = one.queue.pop(0)
                one.open -= 1
                groups.add(mail.row.work, result(mail), was_open=True)


def test_slow_lanes_leave_room_for_fast_ones() -> None:
    slow = [lane(range(n * 1000, n * 1000 + 200), rate=1.0) for n in range(5)]
    groups = Groups()
    groups.done(group := groups.plan(slow, opening=True), all_opened(group))  # type: ignore[arg-type]
    assert groups.open == SLOW_ROWS
    fast = lane(range(9000, 9200), rate=1000.0)
    groups.plan([*slow, fast], opening=True)  # type: ignore[list-item]
    assert fast.open == MAX_OPEN_ROWS - SLOW_ROWS


def test_a_job_and_conductor_epoch_is_one_opening_over_all_lanes() -> None:
    lanes = [lane(range(3)), lane(range(10, 12)), lane(range(20, 21), job="K")]
    group = Groups().plan(lanes, opening=True)  # type: ignore[arg-type]
    assert sorted((o.job, o.conductor_epoch, sorted(o.rows.tolist())) for o in group.openings) == [
        ("J", 7, [0, 1, 2, 10, 11]),
        ("K", 7, [20]),
    ]
    assert all((o.stamps == 99).all() for o in group.openings)


def test_what_the_ledger_does_not_open_is_not_open_here() -> None:
    one, groups = lane(range(4)), Groups()
    group = groups.plan([one], opening=True)  # type: ignore[list-item]
    refused, halted = groups.done(group, Advanced((np.array([True, False, True, False]),), 1.0))
    assert [m.row.row for m in refused] == [1, 3]
    assert (groups.open, one.open, len(one.queue), halted) == (2, 2, 2, set())


def test_a_lease_of_which_nothing_is_opened_is_told() -> None:
    one, other, groups = lane(range(4)), lane(range(4), job="K"), Groups()
    works = {m.row.work.lease.job: m.row.work for m in (*one.ready, *other.ready)}
    group = groups.plan([one, other], opening=True)  # type: ignore[list-item]
    masks = tuple(np.full(len(o.rows), o.job == "K") for o in group.openings)
    refused, halted = groups.done(group, Advanced(masks, 1.0))
    assert [m.row.row for m in refused] == [0, 1, 2, 3]
    assert halted == {works["J"]}


def test_a_row_that_is_open_is_not_opened_again() -> None:
    one, twin, groups = lane(range(4)), lane(range(2, 6)), Groups()
    groups.done(first := groups.plan([one], opening=True), all_opened(first))  # type: ignore[list-item]
    second = groups.plan([one, twin], opening=True)  # type: ignore[list-item]
    assert [o.rows.tolist() for o in second.openings] == [[4, 5]]
    assert [m.row.row for m in groups.done(second, all_opened(second))[0]] == [2, 3]
    assert (groups.open, one.open, twin.open) == (6, 4, 2)
    groups.add(one.queue[2].row.work, result(one.queue[2]), was_open=True)
    groups.done(groups.plan([], opening=True), Advanced((), 1.0))
    later = lane(range(2, 4))
    third = groups.plan([later], opening=True)  # type: ignore[list-item]
    assert [o.rows.tolist() for o in third.openings] == [[2]]


def test_results_settle_their_lease_only_when_the_ledger_has_them() -> None:
    one, groups = lane(range(1)), Groups()
    work = one.ready[0].row.work
    groups.add(work, result(one.ready[0]), was_open=False)
    group = groups.plan([], opening=True)
    assert work.left == 1
    groups.done(group, Advanced((), 1.0))
    assert (work.left, groups.open) == (0, 0)
