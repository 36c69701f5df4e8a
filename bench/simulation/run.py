"""One case with one seed: the learner, its rivals and the all-knowing scheduler, each in a fresh copy of the same world."""

from dataclasses import dataclass

from bench.simulation import oracle
from bench.simulation.cases import Case
from bench.simulation.engine import Engine
from bench.simulation.figures import Tally, Watch, fairness, heal_seconds, leave_seconds
from bench.simulation.job import Job
from bench.simulation.sender import Reputation, Sender
from sandbox.world import World

PACES = (1.0, 0.8, 0.6)  # of what is accepted: sending less may keep a reputation up
MOST = 20  # connections a lane: the reputation actor's default


@dataclass(frozen=True)
class Figures:
    """What one run came to."""

    deliveries: int
    best: int  # the all-knowing scheduler's
    wasted: float
    leave: tuple[float, ...]
    heal: tuple[float | None, ...]
    wrongly_suppressed: int
    fairness: float
    connects_refused: float
    refused: dict[str, int]

    @property
    def ratio(self) -> float:
        return self.deliveries / self.best if self.best else 1.0


def simulate(case: Case, seed: int, engine: Engine, reputation: Reputation) -> Tally:
    """The case with somebody's limits. `engine`: a fresh one, whose clock the limits may be made by."""
    world = World(case.world(), seed)
    job = Job(world, case.rows, case.retry_for)
    tally = Tally()
    tally.watch(case.watches)
    for i, egress in enumerate(case.egresses):
        sender = Sender(engine, egress, world, job, reputation, tally, len(case.egresses) > 1)
        engine.at(i * 0.5 / len(case.egresses), sender.tick)
    engine.run(case.seconds)
    return tally


def all_knowing(case: Case, seed: int) -> Tally:
    """The same case by the scheduler that knows everything."""
    spec = case.world()
    paces = PACES if any(site.standing for site in spec.sites) else PACES[:1]
    runs = [
        oracle.deliver(Job(World(spec, seed), case.rows, case.retry_for), list(case.egresses), case.seconds, MOST, pace)
        for pace in paces
    ]
    return max(runs, key=lambda tally: tally.delivered.total())


def figures(case: Case, tally: Tally, best: Tally) -> Figures:
    """Figures of a run beside the all-knowing scheduler's."""
    shares = [tally.delivered[site] / best.delivered[site] for site in case.rows if best.delivered[site]]
    return Figures(
        deliveries=tally.delivered.total(),
        best=best.delivered.total(),
        wasted=tally.wasted / max(tally.attempts, 1),
        leave=tuple(leave_seconds(tally, watch) for watch in case.watches),
        heal=tuple(_heal(tally, watch, case.seconds) for watch in case.watches if watch.until < case.seconds),
        wrongly_suppressed=tally.wrongly_suppressed,
        fairness=fairness(shares),
        connects_refused=tally.connects_refused / max(tally.connects, 1),
        refused=dict(tally.refused.most_common()),
    )


def _heal(tally: Tally, watch: Watch, end: float) -> float | None:
    return heal_seconds(tally, watch, end)
