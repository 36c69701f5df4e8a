"""The balanced equation of a job and the pace of its rows. Pure: values in, text and numbers out."""

from collections import deque
from collections.abc import Mapping

OPEN = ("pending", "deferred", "transmitting")
WINDOW_SECONDS = 15.0  # long enough to smooth groups of rows, short enough to follow a change


def equation(rows: int, counts: Mapping[str, int]) -> str:
    """`1,000 rows = 980 delivered + 20 bounced`; a sum that does not fit is said as such."""
    parts = [f"{n:,} {state}" for state, n in counts.items() if n]
    total = sum(counts.values())
    told = f"{rows:,} rows = {' + '.join(parts) or '0'}"
    return told if total == rows else f"{told}  NOT BALANCED: the states add up to {total:,}"


def settled(counts: Mapping[str, int]) -> int:
    """Rows in a final state."""
    return sum(n for state, n in counts.items() if state not in OPEN)


class Pace:
    """Rows a second over the last seconds, and when it will be over."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, now: float, done: int) -> None:
        """So many rows were done at that time."""
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW_SECONDS:
            self._seen.popleft()

    @property
    def rate(self) -> float:
        """Rows a second; 0 before it is known."""
        if len(self._seen) < 2:
            return 0.0
        (start, before), (end, after) = self._seen[0], self._seen[-1]
        return max(0.0, (after - before) / (end - start)) if end > start else 0.0

    def seconds_left(self, rows: int) -> float | None:
        """For so many more rows; None when nothing moves."""
        rate = self.rate
        return rows / rate if rate > 0 else None


def duration(seconds: float | None) -> str:
    """`1:02:03`, `4:05`, or `-` for unknown."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
