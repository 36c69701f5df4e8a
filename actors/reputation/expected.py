"""What a lane is expected to deliver under its limits, for the planner. Pure."""

from actors.model.forecast import LaneSpeed
from actors.model.lanes import LaneLimits

PER_CONNECTION = 5.0  # mails a second that one connection does where no rate is known: 0.2 s a mail


def speed(egress: str, site: str, limits: LaneLimits, top: float = 0.0) -> LaneSpeed:
    """The lane's speed from the rate that it may do, else from the most that it did lately (`top`, mails a second), else from
    its connections."""
    rate = limits.rate or top or limits.concurrency * PER_CONNECTION
    return LaneSpeed(egress, site, rate, True, limits.quota, limits.quota_until, limits.closed_until, limits.why)
