"""The scheduler that knows everything: the limit that a learner is measured against.

It reads the world's own counters, blocks and times, so it sends at every moment from every egress exactly what is accepted at
that moment, is never refused for what it does, and retries a greylisted mail from the same egress in the second in which it
passes. It does not know the recipients: an address that nobody has costs it an attempt like everybody else. It is greedy: where
sending less now would allow more later (reputation) slower paces are tried too, and a better one can be thought of. Its
connections are those that the receiver allows, `most` a lane at most, kept for as many messages as the receiver takes.
"""

import heapq

from bench.simulation.figures import Tally
from bench.simulation.job import Job
from sandbox.world import ReceivingSite, Session
from sandbox.world.blocks import within
from sandbox.world.counters import Bucket

STEP = 0.5  # seconds
LONGEST_PAUSE = 8.0  # while nothing can be sent, so that days pass quickly
AGAIN = 60.0  # after a failure of chance


class Feed:
    """One site's rows in the order in which they may go."""

    def __init__(self, job: Job, site: str):
        self._queue = job.queues[site]
        self._due: dict[str, list[tuple[float, int]]] = {}  # by the egress that they are bound to, "" = any

    @property
    def empty(self) -> bool:
        return self._queue.next >= len(self._queue.rows) and not any(self._due.values())

    def next(self, now: float, egress: str) -> int | None:
        for source in (egress, ""):
            due = self._due.get(source)
            if due and due[0][0] <= now:
                return heapq.heappop(due)[1]
        if self._queue.next < len(self._queue.rows):
            self._queue.next += 1
            return self._queue.rows[self._queue.next - 1]
        return None

    def later(self, at: float, row: int, egress: str) -> None:
        heapq.heappush(self._due.setdefault(egress, []), (at, row))


def deliver(job: Job, egresses: list[str], seconds: float, most: int, pace: float = 1.0) -> Tally:
    """What can be delivered within `seconds`. `pace`: the share of each site's room that is used."""
    tally = Tally()
    for site in job.queues:
        _deliver_site(job, job.world.sites[site], egresses, seconds, most, pace, tally)
    return tally


def _deliver_site(
    job: Job, site: ReceivingSite, egresses: list[str], seconds: float, most: int, pace: float, tally: Tally
) -> None:
    name, feed = site.spec.name, Feed(job, site.spec.name)
    speeds = {egress: _speed(site, egress, most, len(egresses)) for egress in egresses}
    shared = _opening(site, "site", "")
    opening = {egress: [*_opening(site, "source", egress), *shared] for egress in egresses}
    credit = dict.fromkeys(egresses, 0.0)
    greylist = site.spec.greylist.after if site.spec.greylist else 0.0
    now, pause, turn = 0.0, STEP, 0
    while now < seconds and not feed.empty:
        turn += 1
        rooms = 0
        for egress in egresses[turn % len(egresses) :] + egresses[: turn % len(egresses)]:
            credit[egress] = min(credit[egress], 1.0) + speeds[egress] * STEP
            room = min([site.room(now, egress), *(bucket.room(now) for bucket in opening[egress])])
            rooms += room >= 1.0
            count = int(min(credit[egress], pace * room))
            session = Session(site.client(egress, now))
            for _ in range(count):
                row = feed.next(now, egress)
                if row is None:
                    break
                credit[egress] -= 1.0
                for bucket in opening[egress]:
                    bucket.take()
                tally.attempts += 1
                session.messages = 0
                answer = site.message(now, session, job.addresses[row])
                if answer.yes:
                    tally.delivered[name] += 1
                    continue
                tally.refused[answer.rule] += 1
                if answer.rule == "greylist":
                    feed.later(now + greylist, row, egress)
                elif answer.rule in ("trouble", "drop"):
                    feed.later(now + AGAIN, row, "")
        pause = STEP if rooms else min(2 * pause, LONGEST_PAUSE)
        now += pause


def _speed(site: ReceivingSite, egress: str, most: int, egresses: int) -> float:
    """Messages a second that the connections of one egress carry."""
    spec = site.spec
    connections = float(most)
    for limit in spec.limits:
        if limit.per == "source" and not within(egress, limit.source):
            continue
        share = egresses if limit.per == "site" else 1
        if limit.connections:
            connections = min(connections, limit.connections / share)
    setup = spec.connect / spec.messages if spec.messages else 0.0
    return connections / (spec.service + setup)


def _opening(site: ReceivingSite, per: str, egress: str) -> list[Bucket]:
    """What new connections carry, where their number a minute is limited and each takes only so many messages."""
    each = site.spec.messages
    limits = [x for x in site.spec.limits if each and x.connects and x.per == per and (not egress or within(egress, x.source))]
    return [Bucket(x.connects * each, (x.burst or x.connects) * each, 0.0) for x in limits]
