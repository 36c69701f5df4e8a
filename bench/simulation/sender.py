"""One egress in simulated time: lanes, leases by site, and a report every half second, as `actors.sender.actor` does it."""

from collections.abc import Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from actors.model.delivery import Reply
from actors.model.lanes import LaneLimits, LaneReport
from actors.model.replies import Judgement
from actors.model.states import Blame, Stage, Verdict
from actors.sender.refusals import Noted
from actors.sender.reporting import REPORT_SECONDS
from actors.sender.tally import CONGESTION
from bench.simulation.engine import Engine
from bench.simulation.figures import UNAVOIDABLE, Tally
from bench.simulation.job import ACCOUNT, JOB, Job
from bench.simulation.lane import Lane
from sandbox.world import World

T = TypeVar("T")
IDLE_SECONDS = 5.0
FIRST_LIMITS = LaneLimits(concurrency=2)  # what a sender starts a lane with before its first report


class Reputation(Protocol):
    """Who sets the limits: the real actor, or a rival."""

    async def report(self, egress: str, reports: Sequence[LaneReport]) -> dict[str, LaneLimits]: ...


class Sender:
    """Delivers a job's rows from one address. `others`: there are more egresses in the pool."""

    def __init__(
        self,
        engine: Engine,
        address: str,
        world: World,
        job: Job,
        reputation: Reputation,
        tally: Tally,
        others: bool,
        first_limits: LaneLimits = FIRST_LIMITS,
    ):
        self.engine, self.address = engine, address
        self._world, self._job, self._reputation, self._tally, self._others = world, job, reputation, tally, others
        self._first_limits = first_limits
        self._noted = Noted()
        self.lanes: dict[str, Lane] = {}

    def tick(self) -> None:
        """Half a second has passed: report, follow the limits, take rows, go on."""
        for lane in self.lanes.values():
            lane.measure(REPORT_SECONDS)
        reports = [lane.report() for lane in self.lanes.values() if not lane.quiet]
        if reports:
            for site, limits in at_once(self._reputation.report(self.address, reports)).items():
                self._job.give_back(self.lanes[site].follow(limits))
        for told in self._noted.take():
            self._job.halts.tell(ACCOUNT, told, self.engine.clock(), self.address, self._others)
        self._take_rows()
        for lane in self.lanes.values():
            if lane.ready or lane.open:
                lane.wake(waited=True)
        self.engine.at(self.engine.now + self._pause(), self.tick)

    def _pause(self) -> float:
        """A sender with nothing at all looks less often, so that days pass quickly; a lane that opens again is seen at once."""
        if any(not lane.quiet for lane in self.lanes.values()):
            return REPORT_SECONDS
        now = self.engine.clock()
        opens = [lane.limits.closed_until - now for lane in self.lanes.values() if lane.closed]
        return max(REPORT_SECONDS, min([IDLE_SECONDS, *opens]))

    def _take_rows(self) -> None:
        for site in self._job.queues:
            lane = self.lanes.get(site)
            wants = lane.wants if lane is not None else 1
            if not wants:
                continue
            if lane is None:
                if not self._job.waiting(site, self.engine.clock()):
                    continue
                lane = self.lanes[site] = Lane(self._world.sites[site], self, self._first_limits)
                wants = lane.wants
            rows = self._job.take(self.address, site, wants, self.engine.clock(), self._others)
            lane.ready.extend(self._job.hold_early(rows, self.address, self.engine.clock(), lane.limits.grey_wait))

    # -- lanes tell ------------------------------------------------------------------------------------------------------

    def address_of(self, row: int) -> str:
        return self._job.addresses[row]

    def connecting(self, lane: Lane, refused: bool) -> None:
        self._tally.connects += 1
        self._tally.connects_refused += refused
        watched = self._tally.sent_at.get((self.address, lane.name))
        if watched is not None:
            watched.append(self.engine.now)

    def settled(self, lane: Lane, row: int, stage: Stage, reply: Reply, judgement: Judgement, rule: str) -> None:
        """A row's attempt has ended; `rule`: what the receiver's refusal was about."""
        tally, now = self._tally, self.engine.now
        tally.attempts += 1
        if judgement.verdict is Verdict.DELIVERED:
            tally.delivered[lane.name] += 1
            passed = tally.passed_at.get((self.address, lane.name))
            if passed is not None:
                passed.append(now)
        else:
            tally.refused[rule] += 1
            if rule not in UNAVOIDABLE and not (rule == "greylist" and not self._job.attempts[row]):
                tally.wasted += judgement.blame in CONGESTION or self._job.good(row)
            if judgement[:2] == (Verdict.REFUSED, Blame.RECIPIENT) and self._job.good(row):
                tally.wrongly_suppressed += 1
        watched = tally.sent_at.get((self.address, lane.name))
        if watched is not None:
            watched.append(now)
        if rule != "unreachable":
            self._noted.note(JOB, lane.name, judgement, reply)
        clock = self.engine.clock()
        first = self._job.first_at[row]
        lane.seen.settled(JOB, judgement, reply, clock - first if first else 0.0, bound=self._job.bound[row])
        self._job.settle(row, judgement, self.address, clock, lane.limits.grey_wait)


def at_once(call: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        call.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    call.close()
    raise RuntimeError("the reputation code waited for something; simulated time cannot")
