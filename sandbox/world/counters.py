"""Counters that policies are made of. Time is an argument and never goes back: an earlier one counts as the latest seen."""

from sandbox.world.spec import DAY
from sandbox.world.spec import Standing as StandingSpec

CELLS = 10  # a window moves on in tenths of its span


class Bucket:
    """A token bucket: `rate` a second, `burst` at most (at least 1)."""

    __slots__ = ("_at", "_level", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float):
        self.rate = rate
        self.burst = max(burst or rate, 1.0)
        self._level = self.burst
        self._at = now

    def room(self, now: float) -> float:
        """How many fit now."""
        if now > self._at:
            self._level = min(self.burst, self._level + self.rate * (now - self._at))
            self._at = now
        return self._level

    def take(self) -> None:
        self._level -= 1.0

    def give_back(self) -> None:
        self._level = min(self.burst, self._level + 1.0)


class Day:
    """A count that starts anew each day. `ceiling` may grow from day to day by `growth` when the day was used."""

    __slots__ = ("_day", "_growth", "_most", "ceiling", "used")

    def __init__(self, ceiling: float, growth: float = 1.0, most: float = float("inf")):
        self.ceiling = ceiling
        self.used = 0
        self._growth, self._most = growth, most
        self._day = 0

    def room(self, now: float) -> float:
        day = int(now // DAY)
        if day > self._day:
            if 2 * self.used >= self.ceiling:
                self.ceiling = min(self.ceiling * self._growth, self._most)
            self.used, self._day = 0, day
        return self.ceiling - self.used

    def take(self) -> None:
        self.used += 1

    def give_back(self) -> None:
        self.used = max(0, self.used - 1)


class Window:
    """How many happened within the last `span` seconds, to a tenth of it."""

    __slots__ = ("_cells", "_last", "_total", "_width")

    def __init__(self, span: float):
        self._width = span / CELLS
        self._cells = [0] * CELLS
        self._last = 0
        self._total = 0

    def add(self, now: float) -> int:
        """Counts one; gives the total with it."""
        self._move(now)
        self._cells[self._last % CELLS] += 1
        self._total += 1
        return self._total

    def total(self, now: float) -> int:
        self._move(now)
        return self._total

    def clear(self) -> None:
        self._cells, self._total = [0] * CELLS, 0

    def _move(self, now: float) -> None:
        cell = int(now / self._width)
        for passed in range(self._last + 1, min(cell, self._last + CELLS) + 1):
            self._total -= self._cells[passed % CELLS]
            self._cells[passed % CELLS] = 0
        self._last = max(self._last, cell)


class Standing:
    """A reputation that scales a bucket's rate. See `spec.Standing`."""

    __slots__ = ("_at", "_bucket", "_spec", "score")

    def __init__(self, spec: StandingSpec, now: float):
        self._spec = spec
        self.score = spec.start
        self._bucket = Bucket(spec.rate, spec.burst, now)
        self._at = now

    def room(self, now: float) -> float:
        spec = self._spec
        if now > self._at:
            if self.score < spec.start:
                self.score = min(spec.start, self.score + spec.recover * (now - self._at) / 3600.0)
            self._at = now
        self._bucket.rate = spec.rate * max(self.score, spec.floor)
        return self._bucket.room(now)

    def take(self) -> None:
        self._bucket.take()

    def give_back(self) -> None:
        self._bucket.give_back()

    def good(self) -> None:
        self.score = min(1.0, self.score + self._spec.good)

    def bad(self) -> None:
        self.score = max(0.0, self.score - self._spec.unknown)
