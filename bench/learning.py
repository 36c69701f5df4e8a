"""`hongyan bench learning`: what the lanes learn, in worlds of simulated time, beside a scheduler that knows everything.

The reputation code is the real one; senders, job and time are simulated (`bench.simulation`), receivers are the sandbox's
worlds in `bench/worlds`. Fixed limits and plain additive increase run in the same worlds, so that the gain is seen.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from statistics import mean
from typing import Any

from actors.reputation.actor import Reputation
from bench.machine import machine
from bench.simulation.cases import CASES as ALL
from bench.simulation.cases import Case
from bench.simulation.engine import Engine
from bench.simulation.figures import Tally
from bench.simulation.rivals import AdditiveIncrease, Fixed
from bench.simulation.run import Figures, all_knowing, figures, simulate
from bench.simulation.sender import Reputation as Limiter

CASES = {case.name: case for case in ALL}
WHO = ("learned", "fixed", "additive")
SEEDS, QUICK_SEEDS = 5, 1


def run(cases: Sequence[str], quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """The result object; `say` gets a line of progress now and then."""
    seeds = range(1, 1 + (QUICK_SEEDS if quick else SEEDS))
    results = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        given = [CASES[name].quick() if quick else CASES[name] for name in cases]
        best = {(case.name, seed): pool.submit(all_knowing, case, seed) for case in given for seed in seeds}
        runs = {(case.name, seed, who): pool.submit(_one, case, seed, who) for case in given for seed in seeds for who in WHO}
        for case in given:
            say(case.name)
            found = {
                who: [figures(case, runs[case.name, s, who].result(), best[case.name, s].result()) for s in seeds]
                for who in WHO
            }
            results.append(result(case, found))
    return {"bench": "learning", "machine": machine(), "seeds": len(seeds), "results": results}


def _one(case: Case, seed: int, who: str) -> Tally:
    engine = Engine()
    makers: dict[str, Callable[[], Limiter]] = {
        "learned": lambda: Reputation(engine.clock),
        "fixed": Fixed,
        "additive": AdditiveIncrease,
    }
    limits = makers[who]()
    return simulate(case, seed, engine, limits)


def result(case: Case, found: dict[str, list[Figures]]) -> dict[str, Any]:
    """One world's line. `leave_s` is the worst of all seeds and blocks, `heal_s` the mean of those that healed within the run;
    null where there was no block, or nothing healed."""
    mine = found["learned"]
    left = [seconds for f in mine for seconds in f.leave]
    healed = [seconds for f in mine for seconds in f.heal if seconds is not None]
    return {
        "case": case.name,
        "ratio": round(mean(f.ratio for f in mine), 3),
        "ratio_worst": round(min(f.ratio for f in mine), 3),
        "wasted": round(mean(f.wasted for f in mine), 4),
        "leave_s": round(max(left), 1) if left else None,
        "heal_s": round(mean(healed), 1) if healed else None,
        "wrongly_suppressed": sum(f.wrongly_suppressed for f in mine),
        "fairness": round(mean(f.fairness for f in mine), 3),
        "fixed": round(mean(f.ratio for f in found["fixed"]), 3),
        "additive": round(mean(f.ratio for f in found["additive"]), 3),
        "fixed_wasted": round(mean(f.wasted for f in found["fixed"]), 4),
        "additive_wasted": round(mean(f.wasted for f in found["additive"]), 4),
        "deliveries": sum(f.deliveries for f in mine),
        "best": sum(f.best for f in mine),
        "refused": mine[0].refused,
        "connects_refused": round(mean(f.connects_refused for f in mine), 3),
        "simulated_s": case.seconds,
    }
