"""Whose rows are leased next: the account that has had the least of the pool, of its jobs the one that has had the least.

Weighted fair queueing by virtual time: what is leased counts by 1 / weight, and each step of a job's priority makes its weight
four times as large. Who comes new, or comes back, starts level with those who are served now, so nobody saves up a claim.
Pure; memory follows the jobs that are told of.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from actors.model.job import JobRecord

STEP = 4.0  # an urgent job has 16 times the share of a normal one beside it, and never all


def weight(record: JobRecord) -> float:
    return float(STEP**record.priority)


@dataclass(slots=True)
class _Turn:
    """Virtual times of those who share: rows had, by weight."""

    had: dict[str, float] = field(default_factory=dict)
    now: float = 0.0  # of who was served last; newcomers start here

    def of(self, name: str) -> float:
        return max(self.had.get(name, 0.0), self.now)

    def serve(self, name: str, cost: float) -> None:
        self.now = self.of(name)
        self.had[name] = self.now + cost

    def keep(self, names: frozenset[str]) -> None:
        for name in self.had.keys() - names:
            del self.had[name]


class Shares:
    """Turns of the accounts, and of each account's jobs."""

    def __init__(self) -> None:
        self._accounts = _Turn()
        self._jobs: dict[str, _Turn] = {}

    def order(self, records: Iterable[JobRecord]) -> list[JobRecord]:
        """Jobs that could send now, the one to be asked first in front. An account stands where its most favoured job is."""
        return sorted(records, key=lambda r: (self._accounts.of(r.account), self._turn(r.account).of(r.job), r.job))

    def took(self, record: JobRecord, rows: int) -> None:
        """`rows` rows of the job were leased."""
        cost = rows / weight(record)
        self._accounts.serve(record.account, cost)
        self._turn(record.account).serve(record.job, cost)

    def keep(self, records: Iterable[JobRecord]) -> None:
        """Forgets all other jobs and accounts."""
        jobs: dict[str, set[str]] = {}
        for record in records:
            jobs.setdefault(record.account, set()).add(record.job)
        self._accounts.keep(frozenset(jobs))
        for account in self._jobs.keys() - jobs.keys():
            del self._jobs[account]
        for account, turn in self._jobs.items():
            turn.keep(frozenset(jobs[account]))

    def _turn(self, account: str) -> _Turn:
        return self._jobs.setdefault(account, _Turn())
