"""What the conductor is told of refusals that speak about the sender's domain or the content: counts by job and site. Pure."""

from dataclasses import replace

from actors.model.delivery import Reply
from actors.model.lanes import Refusals
from actors.model.replies import Judgement
from actors.model.states import Blame, Verdict
from actors.sender.replyreader import shown

TOLD = frozenset({Blame.SENDER_DOMAIN, Blame.CONTENT})
MOST_WORDS = 160
URGENT = 10  # refused since the last telling, and more than were delivered


class Noted:
    """Counts since they were last taken. Deliveries are counted for sites that refused something before, and only these."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, Blame], Refusals] = {}
        self._delivered: dict[tuple[str, str], int] = {}
        self._watched: set[tuple[str, str]] = set()

    def note(self, job: str, site: str, judgement: Judgement, reply: Reply) -> bool:
        """Takes one mail's end; whether the conductor should hear of it at once."""
        place = (job, site)
        if judgement.verdict is Verdict.DELIVERED:
            self._delivered[place] = self._delivered.get(place, 0) + 1
            return False
        if judgement.blame not in TOLD:
            return False
        self._watched.add(place)
        key = (job, site, judgement.blame)
        kept = self._counts.get(key) or Refusals(job, site, judgement.blame)
        words = shown(reply, MOST_WORDS)
        told = self._counts[key] = replace(kept, reason=judgement.reason, refused=kept.refused + 1, reply=words)
        return told.refused % URGENT == 0 and told.refused > self._delivered.get(place, 0)

    def take(self) -> list[Refusals]:
        """What was counted; it is counted anew from now."""
        told = [replace(r, delivered=self._delivered.get((r.job, r.site), 0)) for r in self._counts.values()]
        there = {(r.job, r.site) for r in told}
        told += [
            Refusals(job, site, Blame.NONE, delivered=n)
            for (job, site), n in self._delivered.items()
            if (job, site) in self._watched - there
        ]
        self._counts.clear()
        self._delivered.clear()
        return told

    def again(self, told: list[Refusals]) -> None:
        """What could not be told is counted with the rest."""
        for place, delivered in {(r.job, r.site): r.delivered for r in told}.items():
            if delivered:
                self._delivered[place] = self._delivered.get(place, 0) + delivered
        for r in told:
            if r.refused:
                kept = self._counts.get((r.job, r.site, r.blame)) or replace(r, refused=0)
                self._counts[r.job, r.site, r.blame] = replace(kept, refused=kept.refused + r.refused)

    def forget(self, jobs: set[str]) -> None:
        """Only these jobs are still in hand."""
        self._watched = {place for place in self._watched if place[0] in jobs}
