"""How many mails a second a lane may begin. Pure: counts and times in, the state's numbers changed.

A lane has no limit until it is refused for going too fast. What the receiver accepted at that moment is the wall: its rate, as
far as is known. Below the wall the limit climbs by time, near it and beyond by every acceptance, first hardly and then, the
longer nothing is refused, faster and faster; each refusal takes a step down. So it settles just at the receiver's rate at a
cost of a few refusals in a thousand mails, wherever that rate moves. Many refusals at once move the wall itself.

Some refusals are no matter of pace (a full mailbox among many). When there are more than the limit itself costs, the lane is
slowed down on purpose for a while: refusals that come all the same are noise, whose share is taken off from then on.
"""

import math

from actors.reputation.state import BUSY, LaneState, View

STEP = 0.04  # a refusal lowers the rate by this share
DRIFT = 0.00008  # an acceptance raises it by so much at least
CLEAN_RUN = 80.0  # acceptances after which the climb is twice as fast; it grows with the square
MOST_GAIN = 40.0
SEEK = 0.01  # an acceptance raises a limit that was just found by so much more, each refusal makes it
SEEK_LESS = 3.0  # times less
CREEP = 0.01  # of the rate in a second, at most; so much more for each CREEP_SECONDS without a refusal
CREEP_SECONDS = 20.0
AHEAD = 1.1  # of what is accepted: a limit that is not used up is not raised
HALF_LIFE = 48.0  # answers after which the weight of older ones is halved
FEWEST = 4.0  # refusals among the latest answers that are many at once,
FEWEST_NEW = 2.0  # or so many on a lane that has no limit yet,
SHARE = 0.15  # if they have this share of them, over the noise; fewer move the limit by steps
# Of what was accepted is taken for the wall at first, and later: bursts are let pass for a while.
MODEST, MODEST_CUT = 0.65, 0.85
FIRST = 0.5  # of the first wall: what is refused there is measured, what is not is soon climbed
FEW_ANSWERS = 5.0  # a lane that has more of them and no refusal is not like one that was refused
YOUNG = 20.0  # seconds after the first limit in which the site's lanes take over from each other
FLOOR = 0.9  # of what is being accepted; nothing is gained below it
SLOWEST = 1 / 120  # mails a second; a lane that is worth less is closed by the circuit
HOLD = 1.0  # seconds after a cut in which what was under way is answered
FLOW_SECONDS = 2.0  # over which acceptance is measured, or the time of FLOW_MAILS
FLOW_MAILS = 10.0
NEAR = 0.92  # of the wall: below it the limit climbs by time
DOUBLE_SECONDS = 2.0  # or the time of DOUBLE_MAILS, whatever is longer
DOUBLE_MAILS = 4.0
WALL_STEP = 0.2  # how far one refusal moves the wall to what is being accepted
SUSTAINED = 5.0  # times the time of `flow`
TOP_SECONDS, TOP_MAILS = 120.0, 1500.0  # half-life of the top
ODD_SHARE = 0.025  # refusals among all answers that are looked into: the limit itself costs fewer;
ODD_AND_SLOW, SLOW = 0.008, 0.6  # or so many when they have brought the limit down to this part of the top
LONG = 400.0  # answers after which the weight of older ones is halved there
DIP = 0.6  # of the limit, for
DIP_ANSWERS, DIP_SECONDS = 300.0, 5.0  # so many answers, or as many as come in so long; a quarter of them
DIP_BAD = 12.0  # is enough with so many refusals
DIP_EXPECTED = 5.0  # or until so many refusals would have come, were it noise
DIP_SURE = 2.5  # refusals that are no accident
FIRST_DIP = 180.0  # seconds after the first limit: to find it costs refusals as well
DIP_AGAIN = 60.0  # seconds, or the time of 600 answers, before the next one; twice as long each time
MOST_NOISE = 0.5
LONGEST_START = 60.0  # seconds a mail
EGRESS = "egress"  # `kind` of a lane whose receiver speaks of our address when it is sent too much
SLOW_START = 0.1  # of what was accepted before a closing for their load, where no limit is known


def measure(lane: LaneState, accepted: int, busy: float, egress: float, seconds: float) -> None:
    """Takes a report's answers into the lane's measures."""
    bad = busy + egress
    answers = accepted + bad
    if seconds > 0 and (accepted or lane.flow):  # a lane that greylists has accepted nothing yet
        over = min(max(FLOW_SECONDS, FLOW_MAILS / lane.flow if lane.flow > 0 else 0.0), 120.0)
        lane.measured += seconds
        weight = max(1 - math.exp(-seconds / over), seconds / lane.measured)  # at first the mean
        lane.flow += weight * (accepted / seconds - lane.flow)
        lane.sustained += (1 - math.exp(-seconds / (SUSTAINED * over))) * (accepted / seconds - lane.sustained)
        half = max(TOP_SECONDS, TOP_MAILS / lane.top if lane.top > 0 else 0.0)
        lane.top = max(lane.top * 0.5 ** (seconds / half), lane.sustained)
    kept = 0.5 ** (answers / HALF_LIFE)
    lane.recent = lane.recent * kept + answers
    lane.recent_bad = lane.recent_bad * kept + bad
    lane.recent_busy = lane.recent_busy * kept + busy


def adjust(
    lane: LaneState, accepted: int, busy: float, egress: float, seconds: float, used: bool, now: float, view: View
) -> None:
    """Moves the limit. `used`: the lane begins about what the limit allows, so that its answers speak about the limit."""
    noise = lane.noise
    many = lane.recent_bad >= (FEWEST if lane.rate else FEWEST_NEW)
    many = many and lane.recent_bad - noise * lane.recent > SHARE * lane.recent
    bad = busy + egress if many else _about_pace(lane, busy, egress)
    answers = accepted + bad
    if _take_over(lane, now, view):
        return
    excess = _count_clean(lane, accepted, bad, noise, now)
    if not lane.rate:
        if many:
            _found(lane, now)
        return
    if _look_into(lane, answers, bad, many, now, view) or now < lane.held_until or view.slowed:
        return
    if many and bad:
        _cut(lane, now)
    elif bad > noise * answers:
        if excess:
            lane.wall += WALL_STEP * (min(lane.rate, lane.flow) - lane.wall)
        lane.rate = max(lane.rate * math.exp(-STEP * (bad - noise * answers)), min(lane.rate, FLOOR * lane.flow), SLOWEST)
    elif used:
        _climb(lane, accepted, noise * answers - bad, seconds, now)


def _about_pace(lane: LaneState, busy: float, egress: float) -> float:
    """Refusals in the words in which the receiver speaks of pace; single ones in others are trouble of its own."""
    return busy + egress if not lane.kind else busy if lane.kind == BUSY else egress


def _words(lane: LaneState) -> str:
    """What most of the latest refusals speak of."""
    return BUSY if 2 * lane.recent_busy > lane.recent_bad else EGRESS


def _take_over(lane: LaneState, now: float, view: View) -> bool:
    """Limits of sources are often equal at a site: what one lane has just found, the others need not find at the same cost."""
    known = lane.rate and (now - lane.found_at > YOUNG or lane.wall <= view.found)
    unlike = not lane.rate and not lane.recent_bad and lane.recent > FEW_ANSWERS  # it is not refused: it may have no limit
    if not view.found or known or unlike:
        return False
    lane.found_at, lane.met = lane.found_at or now, 0
    lane.wall, lane.rate, lane.kind = view.found, FLOOR * view.found, view.found_kind
    lane.rule, lane.why = "rate taken over", f"another egress has found that the site takes about {view.found:.2f} mails/s"
    lane.held_until = now + HOLD
    _anew(lane)
    return True


def _count_clean(lane: LaneState, accepted: int, bad: float, noise: float, now: float) -> bool:
    """Counts acceptances since there were more refusals than noise explains; whether there are now."""
    kept = 0.5 ** ((accepted + bad) / LONG)
    lane.since, lane.since_bad = lane.since * kept + accepted + bad, lane.since_bad * kept + bad
    expected = noise * lane.since
    if lane.since_bad > expected + 2.5 * math.sqrt(expected):
        lane.since = lane.since_bad = lane.clean = 0.0
        lane.met += now >= lane.held_until
        lane.clean_at = now
        return True
    lane.clean += accepted
    return False


def _found(lane: LaneState, now: float) -> None:
    """The first limit."""
    if lane.flow <= 0:
        return  # nothing gets through: the circuit's matter
    lane.why = f"{lane.recent_bad:.0f} of {lane.recent:.0f} answers were refusals while {lane.flow:.2f} mails/s were accepted"
    lane.wall = MODEST * lane.flow
    lane.rate = max(SLOWEST, FIRST * lane.wall)
    lane.dip_after, lane.found_at, lane.met = now + FIRST_DIP, now, 0
    lane.kind = _words(lane)
    lane.rule, lane.held_until = "rate found", now + HOLD
    _anew(lane)


def _anew(lane: LaneState) -> None:
    """The refusals so far have had their effect."""
    lane.recent = lane.recent_bad = lane.recent_busy = lane.long = lane.long_bad = lane.measured = 0.0


def _cut(lane: LaneState, now: float) -> None:
    """Many refusals: the receiver takes less than the wall."""
    one = 1 / lane.measured if 0 < lane.measured < FLOW_SECONDS else 0.0  # of a few mails it is one more or less
    before, took = lane.rate, max(lane.flow + one, SLOWEST)
    lane.why = f"{lane.recent_bad:.0f} of {lane.recent:.0f} were refusals at {before:.2f} mails/s, {took:.2f} were accepted"
    lane.wall = min(MODEST_CUT * took, before)
    lane.rate = max(min(FLOOR * lane.wall, 0.95 * before), 0.3 * before, SLOWEST)
    lane.rule, lane.held_until = "rate cut", now + HOLD
    lane.kind = _words(lane)
    _anew(lane)


def _climb(lane: LaneState, accepted: int, spare: float, seconds: float, now: float) -> None:
    """Nothing too much was refused. `spare`: refusals that noise would have explained and that did not come."""
    below = NEAR * lane.wall
    if lane.rate < below or not lane.wall:
        double = max(DOUBLE_SECONDS, DOUBLE_MAILS / lane.rate)
        grown = lane.rate * 2 ** (min(seconds, double) / double)
        lane.rate = min(grown, below) if lane.wall else grown
    else:
        gain = min(1 + (lane.clean / CLEAN_RUN) ** 2, MOST_GAIN)
        most = CREEP * seconds * (1 + (now - lane.clean_at) / CREEP_SECONDS)
        seek = SEEK / SEEK_LESS**lane.met * accepted
        grown = lane.rate * math.exp(min(DRIFT * gain * accepted, most) + seek + min(STEP * spare, 0.1))
        lane.rate = max(lane.rate, min(grown, AHEAD * max(lane.flow, lane.wall)))
        if lane.clean > CLEAN_RUN and lane.rate > lane.wall:
            lane.wall += WALL_STEP * (min(lane.rate, lane.flow) - lane.wall) if lane.flow > lane.wall else 0.0


def _look_into(lane: LaneState, answers: float, bad: float, many: bool, now: float, view: View) -> bool:
    """Whether a dip is under way: it tells noise from a limit."""
    kept = 0.5 ** (answers / LONG)
    lane.long, lane.long_bad = lane.long * kept + answers, lane.long_bad * kept + bad
    share = lane.long_bad / lane.long if lane.long else 0.0
    if share < lane.noise and lane.long > LONG / 2:
        lane.noise += (share - lane.noise) * min(1.0, answers / LONG)
    if not lane.dip_rate:
        least = ODD_AND_SLOW if lane.rate < SLOW * lane.top else ODD_SHARE
        odd = share - lane.noise > least and lane.long_bad >= FEWEST and lane.long > LONG / 4
        if odd and not many and now >= max(lane.dip_after, view.dip_after) and not view.slowed:
            lane.dip_rate, lane.dip, lane.dip_bad = lane.rate, 0.0, 0.0
            lane.rate = max(DIP * min(lane.rate, lane.sustained), SLOWEST)
            lane.rule, lane.dip_share = "dip", share - lane.noise
            lane.why = f"{share:.1%} of the answers are refusals, whatever the pace: is it the pace at all?"
        return bool(lane.dip_rate)
    lane.dip += answers
    lane.dip_bad += bad
    enough = max(min(DIP_ANSWERS, DIP_EXPECTED / max(lane.dip_share, 1e-3)), DIP_SECONDS * lane.rate)
    if many or lane.dip >= enough or (lane.dip_bad >= DIP_BAD and lane.dip >= enough / 4):
        _end_dip(lane, many, now)
    return bool(lane.dip_rate)


def _end_dip(lane: LaneState, many: bool, now: float) -> None:
    lane.calm, lane.calm_bad = 0.7 * lane.calm + lane.dip, 0.7 * lane.calm_bad + lane.dip_bad
    seen = f"{lane.dip_bad:.0f} of {lane.dip:.0f} answers were refusals at {lane.rate:.2f} mails/s"
    if lane.calm_bad >= DIP_SURE and not many:
        lane.noise = min(lane.calm_bad / lane.calm, MOST_NOISE)
        lane.rate, lane.wall = max(lane.dip_rate, NEAR * lane.top), max(lane.wall, lane.top)
        lane.rule, lane.why = "noise", f"{seen}: not the pace"
    else:
        lane.rate, lane.top = lane.dip_rate, min(lane.top, lane.dip_rate)
        lane.rule, lane.why = "no noise", f"{seen}: the pace it is"
    lane.dip_after = now + max(DIP_AGAIN, 600 / max(lane.rate, SLOWEST)) * 2 ** min(lane.dips, 5)
    lane.dips += 1
    lane.dip_rate = lane.since = lane.since_bad = 0.0
    lane.long = lane.long_bad = 0.0


def restart(lane: LaneState, pause: float, through: int, seconds: float) -> None:
    """After a closing of `pause` seconds for their load, or for going too fast: from a slow start, unless a limit is known.
    `through`: mails that got through in the `seconds` since it was half-open."""
    pause = min(max(pause, 1.0), LONGEST_START)  # one that took a day says nothing about a second
    slow = max(SLOW_START * max(lane.flow, lane.wall), 1 / pause, through / seconds if seconds > 1 else 0.0)
    if not lane.rate or lane.rate > slow:
        lane.rate, lane.wall = slow, lane.wall if lane.wall < slow else 0.0
    lane.flow = min(lane.flow, slow)
