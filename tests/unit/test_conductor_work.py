"""Rows on their way from segments to leases: none lost, none in two places, whatever order things happen in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from actors.conductor.leases import HOLDER_GONE_SECONDS, LeaseBook, lease_rows
from actors.conductor.work import AVOIDED_SECONDS, Chunk, MayTake, Queues, cut_segment, fresh_chunk, split_due
from actors.model.delivery import DueRows, Lease, Shard, Site
from actors.model.states import RowState

FREE = MayTake("127.0.0.2")


def site(name: object) -> Site:
    return Site(str(name))


@given(st.lists(st.tuples(st.integers(-1, 5), st.sampled_from([RowState.PENDING, RowState.DELIVERED, RowState.DEFERRED]))))
def test_a_cut_gives_each_pending_row_once(rows: list[tuple[int, RowState]]) -> None:
    codes = np.array([c for c, _ in rows], np.int32)
    states = np.array([s for _, s in rows], np.uint8)
    parts = list(cut_segment(codes, states, 1000))
    got = {int(r): code for code, part in parts for r in part}
    want = {1000 + i: c for i, (c, s) in enumerate(rows) if c >= 0 and s == RowState.PENDING}
    assert got == want
    assert sum(len(p) for _, p in parts) == len(want)
    assert len({c for c, _ in parts}) == len(parts)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(1, 60)), max_size=12),
    st.lists(st.tuples(st.integers(1, 64), st.frozensets(st.integers(0, 4), max_size=2)), max_size=40),
)
def test_leases_take_every_row_once(adds: list[tuple[int, int, int]], takes: list[tuple[int, frozenset[int]]]) -> None:
    queues, next_row, waiting = Queues(), 0, {}
    for segment, name, count in adds:
        rows = np.arange(next_row, next_row + count)
        next_row += count
        queues.add(segment, fresh_chunk(site(name), rows))
        waiting |= {int(r): (segment, str(name)) for r in rows}
    for most, busy_numbers in [*takes, *[(64, frozenset[int]())] * (next_row + 1)]:
        busy = frozenset(map(str, busy_numbers))
        segment, chunks = queues.take(busy, most, FREE)
        assert sum(len(c.rows) for c in chunks) <= most
        if not chunks:
            assert all(name in busy for _, name in waiting.values())
        for chunk in chunks:
            for row in chunk.rows.tolist():
                assert waiting.pop(row) == (segment, chunk.site.name)
    assert not waiting
    assert queues.rows == 0
    assert not queues


def test_a_lease_is_shared_by_sites() -> None:
    queues = Queues()
    for name in "abc":
        queues.add(0, fresh_chunk(site(name), np.arange(1000) + ord(name) * 1000))
    _, chunks = queues.take(frozenset(), 256, FREE)
    assert {c.site.name for c in chunks} == {"a", "b", "c"}
    assert sum(len(c.rows) for c in chunks) == 256


def test_rows_that_avoid_an_egress_wait_for_another() -> None:
    queues = Queues()
    chunk = fresh_chunk(site("a"), np.arange(5))
    chunk.avoid = "127.0.0.2"
    queues.add(0, chunk)
    assert queues.take(frozenset(), 10, MayTake("127.0.0.2", frozenset({"127.0.0.3"})))[1] == []
    assert sum(len(c.rows) for c in queues.take(frozenset(), 10, MayTake("127.0.0.3", frozenset({"127.0.0.2"})))[1]) == 5


def test_rows_keep_away_from_all_egresses_that_were_refused_but_not_for_ever() -> None:
    def takes(egress: str, alive: str, now: float = 1000.0) -> bool:
        chunk = fresh_chunk(site("a"), np.arange(5))
        chunk.avoid, chunk.queued_at = "a b", 1000.0
        return MayTake(egress, frozenset(alive), now)(chunk)

    assert [takes(egress, "abc") for egress in "abc"] == [False, False, True]
    assert [takes(egress, "ab") for egress in "ab"] == [True, True]  # nobody else is there
    assert not takes("a", "abc", 1000.0 + AVOIDED_SECONDS - 1)
    assert takes("a", "abc", 1000.0 + AVOIDED_SECONDS)


def test_what_a_chunk_knows_goes_with_its_parts() -> None:
    queues = Queues()
    for first in (0, 100):
        chunk = fresh_chunk(site("a"), np.arange(first, first + 50))
        chunk.avoid, chunk.queued_at = "a", 77.0
        queues.add(0, chunk)
    rows = 0
    while queues:
        for chunk in queues.take(frozenset(), 70, FREE)[1]:
            rows += len(chunk.rows)
            assert (chunk.avoid, chunk.queued_at, chunk.shard().avoid) == ("a", 77.0, "a")
    assert rows == 100


def test_due_rows_are_grouped_by_domain_and_avoided_egress() -> None:
    due = DueRows(np.arange(4), np.ones(4, np.int16), np.zeros(4, np.int64), np.zeros(4), ["", "x", "", "x"], 0.0)
    groups = {(c, a): i.tolist() for c, a, i in split_due(due, np.array([True, True, True, False]), np.array([7, 7, 8, 7]))}
    assert groups == {(7, ""): [0], (7, "x"): [1], (8, ""): [2]}


def a_lease(number: int) -> Lease:
    n = np.arange(3) + number * 10
    shard = Shard(site("a"), n, np.zeros(3, np.int16), np.zeros(3, np.int64), np.zeros(3))
    return Lease(number, 1, "job", 0, (shard,), 60.0, 0.0)


def test_a_new_epoch_voids_the_leases_of_the_old_one() -> None:
    book = LeaseBook()
    assert book.seen("e", 1, (), 0.0) == []
    book.add("e", a_lease(1))
    assert book.seen("e", 1, (1,), 1.0) == []
    assert [x.id for x in book.seen("e", 2, (), 2.0)] == [1]
    assert book.finish("e", 1, {}) is None
    assert not book.current("e", 1)


def test_a_lease_that_never_arrived_is_void_unless_somebody_asks_under_an_old_epoch() -> None:
    book = LeaseBook()
    book.seen("e", 2, (), 0.0)
    book.add("e", a_lease(1))
    book.add("e", a_lease(2))
    assert book.seen("e", 1, (), 1.0) == []
    assert [x.id for x in book.seen("e", 2, (2, 7), 2.0)] == [1]
    assert book.seen("e", 2, (2,), 3.0) == []


def test_a_holder_that_is_gone_gives_its_rows_back_once() -> None:
    book = LeaseBook()
    book.seen("e", 1, (), 0.0)
    book.add("e", a_lease(1))
    assert book.gone(HOLDER_GONE_SECONDS) == []
    assert [lease_rows(x).tolist() for x in book.gone(HOLDER_GONE_SECONDS + 1)] == [[10, 11, 12]]
    assert book.gone(HOLDER_GONE_SECONDS + 2) == []


def test_a_closed_site_opens_again() -> None:
    book = LeaseBook()
    book.seen("e", 1, (), 0.0)
    book.finish("e", 99, {"a": 10.0})
    assert book.closed_sites("e", 5.0) == {"a"}
    assert book.closed_sites("e", 10.0) == set()


def test_others_count_only_in_the_same_pool_and_when_seen_lately() -> None:
    book = LeaseBook()
    book.seen("a", 1, (), 0.0)
    book.seen("b", 1, (), 0.0)
    assert book.alive(frozenset({"a", "b"}), 1.0) == {"a", "b"}
    assert book.alive(frozenset({"a", "c"}), 1.0) == {"a"}
    assert not book.alive(frozenset({"a", "b"}), HOLDER_GONE_SECONDS + 1)


def test_late_retries_leave_the_queue_and_fresh_rows_stay() -> None:
    site = Site("a.test")
    queues = Queues()
    queues.add(0, fresh_chunk(site, np.arange(3)))
    retries = Chunk(site, np.arange(10, 14), np.ones(4, np.int16), np.zeros(4, np.int64), np.array([50.0, 150.0, 99.9, 0.0]))
    queues.add(0, retries)
    queues.add(1, Chunk(site, np.array([20]), np.ones(1, np.int16), np.zeros(1, np.int64), np.array([1.0])))
    assert queues.pop_late(100.0).tolist() == [10, 12, 20]
    assert queues.rows == 5
    assert queues.pop_late(100.0).tolist() == []
    _, chunks = queues.take(frozenset(), 100, FREE)
    assert sorted(np.concatenate([c.rows for c in chunks]).tolist()) == [0, 1, 2, 11, 13]
