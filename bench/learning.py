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
from bench.simulation.rivals import AdditiveIncrease, Fixed
from bench.simulation.run import Figures, all_knowing, figures, simulate
from bench.simulation.sender import Reputation as Limiter

CASES = {case.name: case for case in ALL}
WHO = ("learned", "fixed", "additive")
SEEDS, QUICK_SEEDS = 5, 1


def run(cases: Sequence[str], quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """The result object; `say` gets a line of progress now and then. A quick run leaves the rivals out: most of what they do
    is in vain, and dear."""
    seeds = range(1, 1 + (QUICK_SEEDS if quick else SEEDS))
    whose = WHO[:1] if quick else WHO
    given = {name: CASES[name].quick() if quick else CASES[name] for name in cases}
    results = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        runs = {(n, w, s): pool.submit(_one, case, s, w) for n, case in given.items() for w in whose for s in seeds}
        for name in cases:
            say(name)
            found = {who: [runs[name, who, seed].result() for seed in seeds] for who in whose}
            results.append(result(given[name], found))
    return {"bench": "learning", "machine": machine(), "seeds": len(seeds), "results": results}


def _one(case: Case, seed: int, who: str) -> Figures:
    """One run beside the all-knowing scheduler's."""
    engine = Engine()
    makers: dict[str, Callable[[], Limiter]] = {
        "learned": lambda: Reputation(engine.clock),
        "fixed": Fixed,
        "additive": AdditiveIncrease,
    }
    return figures(case, simulate(case, seed, engine, makers[who]()), all_knowing(case, seed))


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
        **{who: round(mean(f.ratio for f in found[who]), 3) for who in found if who != WHO[0]},
        **{f"{who}_wasted": round(mean(f.wasted for f in found[who]), 4) for who in found if who != WHO[0]},
        "deliveries": sum(f.deliveries for f in mine),
        "best": sum(f.best for f in mine),
        "refused": mine[0].refused,
        "connects_refused": round(mean(f.connects_refused for f in mine), 3),
        "simulated_s": case.seconds,
    }
