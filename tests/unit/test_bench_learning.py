"""The learning bench in a tiny world: its figures add up, its schedulers keep to the world's rules."""

from dataclasses import replace

import pytest

from bench.learning import CASES, WHO, result, run
from bench.simulation.cases import Case
from bench.simulation.engine import Engine
from bench.simulation.figures import UNAVOIDABLE, Tally, Watch, fairness, heal_seconds, leave_seconds
from bench.simulation.rivals import AdditiveIncrease, Fixed
from bench.simulation.run import all_knowing, figures, simulate

TINY = replace(CASES["tight_rates"], seconds=60.0, rows={"gmail": 700, "hinet": 300, "pchome": 150})


def test_the_all_knowing_is_never_refused_for_what_it_does() -> None:
    tally = all_knowing(TINY, 1)
    assert set(tally.refused) <= {"unknown"}
    assert tally.delivered["gmail"] <= 4 * (2 * 60 + 10)
    assert tally.delivered["gmail"] >= 4 * (2 * 58)


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_it_is_refused_nowhere_for_what_it_does(case: Case) -> None:
    tally = all_knowing(replace(case, seconds=400.0), 2)
    assert set(tally.refused) <= UNAVOIDABLE | {"greylist"}
    assert tally.delivered.total() == tally.attempts - tally.refused.total() > 100


@pytest.mark.parametrize("rival", [Fixed, AdditiveIncrease])
def test_nobody_delivers_more_than_the_all_knowing(rival: type[Fixed] | type[AdditiveIncrease]) -> None:
    best = all_knowing(TINY, 1)
    found = figures(TINY, simulate(TINY, 1, Engine(), rival()), best)
    assert 0.1 < found.ratio <= 1.01
    assert found.wrongly_suppressed == 0


def test_the_same_seed_gives_the_same_run() -> None:
    runs = [simulate(TINY, 3, Engine(), AdditiveIncrease()) for _ in range(2)]
    assert runs[0] == runs[1]


def test_a_result_has_what_it_promises() -> None:
    best = all_knowing(TINY, 1)
    one = figures(TINY, simulate(TINY, 1, Engine(), Fixed(1)), best)
    line = result(TINY, {who: [one, one] for who in WHO})
    assert line["ratio"] == line["fixed"] == round(one.ratio, 3)
    assert (line["leave_s"], line["heal_s"], line["wrongly_suppressed"]) == (None, None, 0)


def test_a_whole_run_of_one_tiny_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CASES, "tight_rates", TINY)
    said: list[str] = []
    found = run(["tight_rates"], True, said.append)
    (line,) = found["results"]
    assert (found["bench"], found["seeds"], said) == ("learning", 1, ["tight_rates"])
    assert line["case"] == "tight_rates"
    assert line["simulated_s"] == TINY.seconds / 2
    assert 0.2 < line["ratio"] <= 1.01
    assert {"ratio", "wasted", "leave_s", "heal_s", "wrongly_suppressed", "fairness"} <= line.keys()
    assert "fixed" not in line, "a quick run has no time for the rivals"


def test_leaving_is_the_last_attempt_before_only_probes() -> None:
    watch = Watch("e", "s", 100.0, 400.0)
    tally = Tally()
    tally.watch([watch])
    tally.sent_at["e", "s"] += [90.0, 101.0, 102.0, 103.0, 104.0, 110.0, 140.0, 170.0, 390.0]
    assert leave_seconds(tally, watch) == 3.0  # 104 and 110 are two within 30 s: probes
    tally.sent_at["e", "s"][:] = [100.0 + i for i in range(300)]
    assert leave_seconds(tally, watch) > 260.0


def test_healing_is_half_of_the_former_speed() -> None:
    watch = Watch("e", "s", 100.0, 200.0)
    tally = Tally()
    tally.watch([watch])
    tally.passed_at["e", "s"] += [i / 2 for i in range(200)] + [210.0] + [250.0 + i for i in range(20)]
    assert heal_seconds(tally, watch, 300.0) == 50.0
    del tally.passed_at["e", "s"][200:]
    assert heal_seconds(tally, watch, 300.0) is None


def test_fairness_is_one_for_equals() -> None:
    assert fairness([0.5, 0.5, 0.5]) == pytest.approx(1.0)
    assert fairness([1.0, 0.0]) == pytest.approx(0.5)
