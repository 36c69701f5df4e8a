"""The ends of rows: whatever ends one, tried or not, becomes a result that goes to the ledger with the next call.

What an end means for the row is said in `outcomes`, what it means for its lane in `tally`; here both are told.
"""

from collections.abc import Iterable

from actors.model.delivery import ONLY, Outcome, Reply, RowFailure
from actors.model.ports import Clock
from actors.model.replies import Judgement, judge
from actors.model.states import Blame, Stage, Verdict
from actors.sender.due import Due
from actors.sender.groups import Groups
from actors.sender.hand import Chunk, Mail, Row, Work
from actors.sender.lane import Lane
from actors.sender.messages import Event
from actors.sender.outcomes import EARLY, Place, early, heard, judged, outcome, render_failure
from actors.sender.reporting import Reporting

TOO_EARLY = Reply(0, "the site greylists, and asks for more time than was known")
IN_HAND = Judgement(Verdict.DEFERRED, Blame.NONE)


class Settling:
    """For one epoch of a sender."""

    def __init__(self, egress: str, groups: Groups, due: Due, reporting: Reporting, clock: Clock):
        self._egress, self._groups, self._due, self._reporting, self._clock = egress, groups, due, reporting, clock

    def mail(self, lane: Lane, mail: Mail, event: Event, host: str, tls: str) -> None:
        """A mail that was open has its end."""
        judgement, words = heard(event, judged(event), lane.limits.readings)
        row, lease, now = mail.row, mail.row.work.lease, self._clock()
        again = row.first_at and row.attempt > 1
        waited = (now - row.first_at) / lease.retry_scale if again else 0.0  # as the pauses are counted
        lane.tally.settled(lease.job, judgement, event.reply, waited, words, bound=row.avoid == ONLY + self._egress)
        if self._reporting.note(lease.job, lane.site.name, judgement, event.reply):
            lane.give_back(row.work)
        place = Place(self._egress, lane.site.name, host, tls)
        self._add(row.work, outcome(row, event.stage, event.reply, judgement, place, now, lane.limits.grey_wait), was_open=True)

    def failed(self, work: Work, failures: Iterable[RowFailure]) -> None:
        """Rows that have no message."""
        now = self._clock()
        for failure in failures:
            self._add(work, render_failure(work.lease.job, failure, self._egress, now))

    def hold_early(self, lane: Lane, chunk: Chunk) -> Chunk:
        """The rows without those that greylisting would turn away, as is known by now: they wait on, untried."""
        now, wait = self._clock(), lane.limits.grey_wait
        if not wait or chunk.avoid != ONLY + self._egress:
            return chunk
        soon, chunk = chunk.split(early(chunk.first_at, now, wait, chunk.work.lease.retry_scale))
        place = Place(self._egress, lane.site.name)
        for row in soon.each():
            self._add(row.work, outcome(row, Stage.HAND, TOO_EARLY, EARLY, place, now, wait))
        return chunk

    def unreachable(self, lane: Lane, stage: Stage, reply: Reply) -> None:
        """One row has tried it for all that are here: to the others it is no attempt."""
        site, judgement = lane.site.name, judge(stage, reply)
        opened, waiting = lane.take_queue(), lane.take_unopened()
        self._alike(opened[:1], stage, reply, judgement, site, was_open=True)
        self._alike(opened[1:], Stage.HAND, reply, judgement, site, was_open=True)
        first = 0 if opened else 1
        self._alike(waiting[:first], stage, reply, judgement, site)
        self._alike(waiting[first:], Stage.HAND, reply, judgement, site)

    def unopened(self, rows: Iterable[Row], stage: Stage, reply: Reply, site: str) -> None:
        """Rows that end the same way before they were opened."""
        self._alike(rows, stage, reply, judge(stage, reply), site)

    def put_back(self, rows: Iterable[Row], why: str, site: str) -> None:
        """Rows that were opened and not begun: another sender may have them at once."""
        self._alike(rows, Stage.HAND, Reply(0, why), IN_HAND, site, was_open=True)

    def _alike(
        self, rows: Iterable[Row], stage: Stage, reply: Reply, judgement: Judgement, site: str, was_open: bool = False
    ) -> None:
        now, place = self._clock(), Place(self._egress, site)
        for row in rows:
            self._add(row.work, outcome(row, stage, reply, judgement, place, now), was_open)

    def _add(self, work: Work, entry: Outcome, was_open: bool = False) -> None:
        self._groups.add(work, entry, was_open)
        self._due.result()
