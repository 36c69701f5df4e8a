"""Turns of jobs and accounts: everybody gets its share, nobody saves up, a higher priority gets more and never all."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from actors.conductor.shares import STEP, Shares, weight
from actors.model.job import JobRecord
from actors.model.states import JobState


def record(job: str, account: str = "a", priority: int = 0) -> JobRecord:
    return JobRecord(job, account, job, JobState.RUNNING, priority=priority)


def serve(shares: Shares, records: list[JobRecord], rounds: int, rows: int = 100) -> Counter[str]:
    had: Counter[str] = Counter()
    for _ in range(rounds):
        first = shares.order(records)[0]
        shares.took(first, rows)
        had[first.job] += rows
    return had


def test_accounts_share_alike_whatever_the_number_of_their_jobs() -> None:
    many = [record(f"many{n}", "many") for n in range(9)]
    had = serve(Shares(), [*many, record("one", "one")], 900)
    assert had["one"] == 45_000
    assert {had[r.job] for r in many} == {5_000}


def test_a_step_of_priority_is_four_times_the_share_and_not_all() -> None:
    had = serve(Shares(), [record("high", priority=1), record("normal"), record("low", priority=-1)], 2100)
    assert had["normal"] > 0
    assert had["low"] > 0
    assert abs(had["high"] / had["normal"] - STEP) < 0.1
    assert abs(had["normal"] / had["low"] - STEP) < 0.2


def test_who_comes_back_starts_level() -> None:
    shares = Shares()
    here, away = record("here", "x"), record("away", "y")
    serve(shares, [here, away], 10)
    serve(shares, [here], 1000)
    had = serve(shares, [here, away], 100)
    assert abs(had["here"] - had["away"]) <= 200


def test_what_has_ended_is_forgotten() -> None:
    shares = Shares()
    serve(shares, [record("a", "x"), record("b", "y")], 10)
    shares.keep([record("b", "y")])
    assert "x" not in shares._jobs
    assert set(shares._accounts.had) == {"y"}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 2), st.integers(1, 1024)), min_size=1, max_size=60))
def test_nobody_waits_for_ever(steps: list[tuple[int, int, int]]) -> None:
    shares = Shares()
    records = [record(f"j{n}", f"a{n % 3}", priority) for n, (_, priority, _) in enumerate(steps[:8])]
    for pick, _, rows in steps:
        shares.took(records[pick % len(records)], rows)
    had = serve(shares, records, 40 * len(records), 1024)
    most = max(weight(r) for r in records) / min(weight(r) for r in records)
    assert most > 40 or set(had) == {r.job for r in records}
