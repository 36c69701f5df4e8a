"""Which of a site's lanes deserve the traffic. Pure; chance is a hash of site, egress and time.

Senders pull, so choosing an egress means limiting the others: a lane that delivers worse than another of its site is held to
a trickle, and the rows go where they are delivered. Worse is judged by Thompson sampling: each lane draws a success rate from
what is known of it (a Beta distribution, decayed), anew every PERIOD, so a lane of which little is known gets its chance, and
one that was bad long ago gets it again.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import replace
from statistics import NormalDist

from actors.reputation.pace import YOUNG
from actors.reputation.state import CLOSED, DEAD, HALF_OPEN, OPEN, LaneState, View

PERIOD = 20.0
MARGIN = 0.1  # lanes this close together are equally good: their difference is paid for by what they carry
HALF_LIFE_ANSWERS = 300.0
HALF_LIFE_SECONDS = 600.0
TRICKLE_SHARE = 0.01  # of what the others deliver: so much is risked to see whether the lane is better now
SLOWEST_TRICKLE = 1 / 60
ENOUGH = 30.0  # answers before a lane's share says something about the site
SILENT = 120.0  # a lane that has not reported for so long says nothing about now
PROBE_SHARE = 0.002  # of the site's deliveries may be spent on tries of a closed lane

NORMAL = NormalDist()


def learn(lane: LaneState, accepted: int, seconds: float) -> None:
    """Takes a report's acceptances into what is known of the lane; refusals count when the pace is not their reason, and that
    is what dips find out."""
    lane.good = lane.good * 0.5 ** (accepted / HALF_LIFE_ANSWERS + seconds / HALF_LIFE_SECONDS) + accepted
    kept = 0.5 ** (seconds / HALF_LIFE_SECONDS)
    lane.calm, lane.calm_bad = lane.calm * kept, lane.calm_bad * kept


def draw(lane: LaneState, now: float, seed: int) -> float:
    """A success rate from the lane's distribution, the same throughout a period. The Beta distribution is taken as normal on
    the logit scale, which is close enough for a choice and needs no numeric library."""
    a, b = (lane.calm - lane.calm_bad if lane.calm else lane.good) + 1.0, lane.calm_bad + 0.5
    middle = math.log(a / b)
    spread = math.sqrt(1 / a + 1 / b)
    z = NORMAL.inv_cdf(_chance(lane, now, seed))
    return 1 / (1 + math.exp(-max(min(middle + spread * z, 30.0), -30.0)))


def _chance(lane: LaneState, now: float, seed: int) -> float:
    key = f"{lane.site}/{lane.egress}/{int(now // PERIOD)}/{seed}".encode()
    number = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big")
    return (number + 0.5) / 2**64


def trickle(lane: LaneState, others: Iterable[LaneState], now: float, seed: int) -> float:
    """Mails a second to hold the lane to; 0 = as many as it can."""
    better = [o for o in others if o.circuit == OPEN and now - o.at < SILENT and o.good >= ENOUGH]
    if lane.circuit != OPEN or not better or not lane.calm_bad:  # nothing is known against it
        return 0.0
    best = max(draw(o, now, seed) for o in better)
    if draw(lane, now, seed) >= best - MARGIN:
        return 0.0
    return max(TRICKLE_SHARE * sum(o.flow for o in better), SLOWEST_TRICKLE)


def probe_gap(lane: LaneState, others: Iterable[LaneState], now: float) -> float:
    """Seconds between tries that cost PROBE_SHARE of what the others deliver; 0 = there are no others."""
    flow = sum(o.flow for o in others if o.circuit == OPEN and now - o.at < SILENT)
    return 1 / (PROBE_SHARE * flow) if flow > 0 else 0.0


def outage(lane: LaneState, others: list[LaneState], now: float) -> tuple[bool, bool]:
    """(no lane of the site gets through, this one is the prober). A site's outage shows on all lanes that were used lately; one
    lane alone is only itself."""
    lately = [o for o in others if now - o.at < SILENT or o.circuit != OPEN]
    if lane.cause != DEAD or not lately or any(o.circuit == OPEN or o.cause != DEAD for o in lately):
        return False, True
    first = min([*lately, lane], key=lambda o: (o.circuit != HALF_OPEN, o.closed_until, o.egress))
    return True, first is lane


def healed(lane: LaneState, others: Iterable[LaneState], now: float) -> bool:
    """Whether another lane, closed for the same outage, has found it over."""
    waits = lane.circuit == CLOSED and lane.cause == DEAD
    return waits and any(o.circuit == OPEN and o.opened_at > lane.closed_at and now - o.at < SILENT for o in others)


def found(others: Iterable[LaneState], now: float) -> LaneState | None:
    """The one of the lanes that have met their wall within the last seconds whose wall is lowest."""
    just = [o for o in others if o.circuit == OPEN and o.wall and now - o.found_at < YOUNG and now - o.at < SILENT]
    return min(just, key=lambda o: o.wall, default=None)


def view_of(base: View, lane: LaneState, others: list[LaneState], now: float, seed: int) -> View:
    """What the lane's decision leans on: `base`, and what is seen of its site's other lanes."""
    if not others:
        return base
    first = found(others, now)
    none_through, prober = outage(lane, others, now)
    return replace(
        base,
        dip_after=max(o.dip_after for o in others),
        found=first.wall if first else 0.0,
        found_kind=first.kind if first else "",
        slowed=not lane.dip_rate and any(o.dip_rate and now - o.at < SILENT for o in others),
        trickle=trickle(lane, others, now, seed),
        outage=none_through,
        prober=prober,
        healed=healed(lane, others, now),
        probe_gap=probe_gap(lane, others, now),
        grey_wait=max((o.grey_wait for o in others), default=0.0),
    )
