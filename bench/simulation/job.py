"""The rows of one simulated job and who may take them: the conductor's side, with the ledger's and the retry curve's rules.

Rows are numbers; row r is bound for site r % (weights' sum) as the list is mixed, and has one address at one of its domains.
"""

import heapq
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.conductor.halts import PROBE_ROWS, Halts
from actors.model.delivery import ONLY
from actors.model.reasons import Reason
from actors.model.replies import Judgement
from actors.model.states import Blame, Verdict
from actors.sender.outcomes import GREY_MORE
from actors.sender.retry import chance, next_attempt
from sandbox.world import World
from sandbox.world.recipients import kind_of

JOB, ACCOUNT = "bench", "bench"


@dataclass(slots=True)
class SiteQueue:
    """Rows that wait for one site."""

    rows: list[int]  # never tried, in the list's order
    next: int = 0
    returned: deque[int] = field(default_factory=deque)
    retries: dict[str, deque[int]] = field(default_factory=dict)  # by the egress to avoid
    bound: dict[str, deque[int]] = field(default_factory=dict)  # by the egress that must carry them

    @property
    def waiting(self) -> int:
        there = sum(len(queue) for queues in (self.retries, self.bound) for queue in queues.values())
        return len(self.rows) - self.next + len(self.returned) + there

    def take(self, egress: str, others: bool, count: int) -> list[int]:
        """Up to `count` rows that the egress may carry: what came back first."""
        taken: list[int] = []
        mine = self.bound.get(egress)
        while mine and len(taken) < count:
            taken.append(mine.popleft())
        for avoid, queue in self.retries.items():
            while queue and len(taken) < count and not (others and avoid == egress):
                taken.append(queue.popleft())
        while self.returned and len(taken) < count:
            taken.append(self.returned.popleft())
        more = self.rows[self.next : self.next + count - len(taken)]
        self.next += len(more)
        return taken + more


class Job:
    """All rows of a job in a world. `rows`: how many for each site, by name."""

    def __init__(self, world: World, rows: dict[str, int], retry_for: float):
        self.world = world
        self.retry_for = retry_for
        self.site_of: list[str] = []
        self.addresses: list[str] = []
        self._lay_out(rows)
        count = len(self.site_of)
        self.attempts = [0] * count
        self.first_at = [0.0] * count
        self.bound = [False] * count  # greylisted, so it goes through the same egress again
        self.queues = {site: SiteQueue([]) for site in rows}
        for row, site in enumerate(self.site_of):
            self.queues[site].rows.append(row)
        self.states: Counter[str] = Counter()
        self.halts = Halts()
        self._due: list[tuple[float, int, str]] = []

    def _lay_out(self, rows: dict[str, int]) -> None:
        """A mixed list: each site's rows are spread over all of it."""
        place = sorted(((i + 0.5) / n, site, i) for site, n in rows.items() for i in range(n))
        for _, site, i in place:
            domains = self.world.sites[site].spec.domains
            self.site_of.append(site)
            self.addresses.append(f"user{i}@{domains[i % len(domains)].replace('*', 'any')}")

    def good(self, row: int) -> bool:
        """Whether the recipient takes mail at all."""
        spec = self.world.sites[self.site_of[row]].spec
        return not kind_of(spec.recipients, self.world.seed, self.addresses[row])

    def waiting(self, site: str, now: float) -> int:
        """How many rows of a site could be taken by somebody."""
        self._fetch_due(now)
        return self.queues[site].waiting

    def take(self, egress: str, site: str, count: int, now: float, others: bool) -> list[int]:
        """Rows of a site for an egress. `now`: seconds since the epoch."""
        self._fetch_due(now)
        if site in self.halts.closed(JOB, ACCOUNT, now):
            return []
        if site in self.halts.lapsed(JOB, ACCOUNT, now):
            self.halts.probing(JOB, ACCOUNT, (site,), now)
            count = min(count, PROBE_ROWS)
        return self.queues[site].take(egress, others, count)

    def _fetch_due(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            _, row, egress = heapq.heappop(self._due)
            queue = self.queues[self.site_of[row]]
            if egress.startswith(ONLY):
                queue.bound.setdefault(egress.removeprefix(ONLY), deque()).append(row)
            else:
                queue.retries.setdefault(egress, deque()).append(row)

    def give_back(self, rows: Sequence[int]) -> None:
        """Rows that were not tried."""
        for row in rows:
            self.queues[self.site_of[row]].returned.append(row)

    def hold_early(self, rows: Sequence[int], egress: str, now: float, grey_wait: float) -> list[int]:
        """The rows without those that greylisting would turn away, as is known by now: they wait on, untried."""
        go = []
        for row in rows:
            if grey_wait and self.bound[row] and now < self.first_at[row] + grey_wait:
                heapq.heappush(self._due, (self.first_at[row] + grey_wait, row, ONLY + egress))
            else:
                go.append(row)
        return go

    def settle(self, row: int, judgement: Judgement, egress: str, now: float, grey_wait: float = 0.0) -> None:
        """An attempt has ended. `grey_wait`: after so long a greylisted row goes again through the egress; 0 = not known."""
        self.attempts[row] += 1
        first = self.first_at[row] = self.first_at[row] or now
        verdict, blame = judgement.verdict, judgement.blame
        if verdict is not Verdict.DEFERRED:
            self.states["delivered" if verdict is Verdict.DELIVERED else "bounced"] += 1
            return
        greylisted = judgement.reason is Reason.GREYLIST
        if greylisted and grey_wait:
            at = first + max(grey_wait, GREY_MORE * (now - first)) if self.bound[row] else now + grey_wait
        else:
            attempt = self.attempts[row]
            at = next_attempt(now, first, attempt, blame, chance(JOB, row, attempt), self.retry_for, 0.0)
        if not at:
            self.states["expired"] += 1
            return
        self.bound[row] = greylisted
        heapq.heappush(self._due, (at, row, ONLY + egress if greylisted else egress if blame is Blame.EGRESS else ""))
