"""Whether a lane may begin one more mail now: rate, quota and probe of its limits, counted. Pure; the time is an argument.

Limits count from the report that they answer. What was begun between that report and the answer is taken off here, so that a
quota holds to the mail although news travels.
"""

from actors.model.lanes import NO_QUOTA, LaneLimits

BURST_SECONDS = 1.0  # a lane that was idle may begin so much of its rate at once, and one mail at least
SLACK = 1e-3  # of a mail: seconds since the epoch are exact to a quarter of a microsecond only
SHORTEST_WAIT = 1e-3


class Pace:
    """A token bucket with counts. `now`: seconds since the epoch, never going back."""

    def __init__(self, limits: LaneLimits, now: float):
        self.limits = limits
        self._tokens, self._at = 1.0, now
        self._used = 0  # begun since the report that the limits answer
        self._since = 0  # begun since the last report
        self._begun = 0  # begun and not reported

    def may_begin(self, now: float) -> bool:
        """Whether a mail may be begun; `begin` must follow at once when it is."""
        limits = self.limits
        if limits.closed_until > now or (limits.probe and self._used >= limits.probe):
            return False
        if limits.quota != NO_QUOTA and self._used >= limits.quota and (now < limits.quota_until or not limits.quota_until):
            return False
        if not limits.rate:
            return True
        self._refill(now)
        return self._tokens >= 1.0 - SLACK

    def begin(self) -> None:
        """One mail has begun."""
        if self.limits.rate:  # what was begun while there was no rate is no debt to one that comes later
            self._tokens -= 1.0
        self._used += 1
        self._since += 1
        self._begun += 1

    def wait(self, now: float) -> float:
        """Seconds until the rate lets the next mail begin; 0 when it is not the rate that holds it."""
        if not self.limits.rate:
            return 0.0
        self._refill(now)
        missing = 1.0 - SLACK - self._tokens
        return max(missing / self.limits.rate, SHORTEST_WAIT) if missing > 0 else 0.0

    def allowed(self, now: float) -> float:
        """How many mails may be begun at most until newer limits come, were the rate no hindrance."""
        limits = self.limits
        most = float("inf")
        if limits.closed_until > now:
            return 0.0
        if limits.probe:
            most = limits.probe - self._used
        if limits.quota != NO_QUOTA and (now < limits.quota_until or not limits.quota_until):
            most = min(most, limits.quota - self._used)
        return max(0.0, most)

    def report(self) -> int:
        """Mails begun since they were last reported."""
        begun, self._begun, self._since = self._begun, 0, 0
        return begun

    def unreported(self, begun: int) -> None:
        """The report reached nobody."""
        self._begun += begun

    def follow(self, limits: LaneLimits, now: float) -> None:
        """Takes the limits that answer the last report."""
        self._refill(now)
        self.limits, self._used = limits, self._since
        self._refill(now)

    def _refill(self, now: float) -> None:
        most = max(1.0, self.limits.rate * BURST_SECONDS)
        self._tokens = min(self._tokens + max(0.0, now - self._at) * self.limits.rate, most)
        self._at = max(self._at, now)
