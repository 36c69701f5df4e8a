"""How many mails a day a receiver takes from a lane, learned from its refusals. Pure.

A lane that stays refused for longer than a rush or most blocks asks ever more rarely, and once when the day (UTC) begins. A
receiver that takes mail in the first hour of the day has shown that it counts by the day, as one does that says so: a lane that
has delivered today and is refused there waits for the next.
"""

from actors.reputation.state import LaneState

DAY = 86_400.0
WORDS = ("daily", "per day", "a day", "tomorrow", "24 hours", "每日", "明天", "今日")
FEWEST = 20  # mails of today: a lane that delivered less has met something else
LONG = 1800.0  # seconds that a rush or the pauses of a circuit do not take
PART = 0.5  # of the time that it has been closed a lane waits until it asks again
LONGEST = 3600.0
SETTLED = 30.0  # seconds after the day's beginning: clocks differ
FIRST_HOUR = 3600.0


def count(lane: LaneState, accepted: int, now: float) -> None:
    """Takes a report's acceptances."""
    day = int(now // DAY)
    if day != lane.day:
        lane.day, lane.today = day, 0
    lane.today += accepted


def pause(lane: LaneState, usual: float, again: bool, now: float) -> float:
    """Seconds for which a lane that is refused closes. `usual`: the circuit's; `again`: a try was refused."""
    next_day = DAY - now % DAY + SETTLED
    if lane.today >= FEWEST and (says_so(lane.last_reply) or (again and lane.by_day)):
        return next_day
    closed = now - lane.closed_at
    return min(max(usual, min(PART * closed, LONGEST)), next_day) if again and closed >= LONG else usual


def passed(lane: LaneState, now: float) -> None:
    """A try of the closed lane was taken."""
    if now - lane.closed_at >= LONG:
        lane.by_day = int(now % DAY < FIRST_HOUR)


def says_so(reply: str) -> bool:
    """Whether a refusal speaks of a quota of the day."""
    text = reply.lower()
    return any(word in text for word in WORDS)
