"""What one account may ask of the gateway, and the meter that holds it to that. Pure: the clock is an argument.

The limits stop mistakes and abuse; a client that behaves never meets them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from actors.model.errors import HongyanError

MIB = 2**20


class LimitReached(HongyanError):
    """The account asks for more than it may; `retry_after` 0: asking again will not help."""

    def __init__(self, what: str, limit: str, retry_after: float = 0.0):
        super().__init__(what, limit, retry_after)
        self.what, self.limit, self.retry_after = what, limit, retry_after

    def __str__(self) -> str:
        return f"{self.what}: the limit is {self.limit}"


@dataclass(frozen=True, slots=True)
class Limits:
    """One set for all accounts."""

    message_bytes: int = 4 * MIB  # gRPC's own default; a chunk of 1 MiB is best
    reply_bytes: int = 64 * MIB  # a preview with its attachments
    metadata_bytes: int = 8192  # a key and a few trace headers are under 1 KB
    file_bytes: int = 64 * 1024 * MIB
    upload_bytes: int = 64 * 1024 * MIB
    upload_files: int = 100_000  # one statement a row, uploaded singly; a zip takes more
    streams: int = 64  # calls of one account under way together
    calls_per_second: float = 500.0  # an upload of many small files makes about 300
    burst: int = 1000
    import_addresses: int = 5_000_000  # held in memory until all are looked at: about 500 MB


class Meter:
    """Counts the calls of each account: so many together, so many a second with a burst."""

    def __init__(self, limits: Limits, clock: Callable[[], float]):
        self._limits, self._clock = limits, clock
        self._open: dict[str, int] = {}
        self._buckets: dict[str, tuple[float, float]] = {}  # account -> (tokens, when counted)

    @contextmanager
    def call(self, account: str) -> Iterator[None]:
        """Room for one call; LimitReached when there is none."""
        self._take_token(account)
        running = self._open.get(account, 0)
        if running >= self._limits.streams:
            raise LimitReached("calls under way", str(self._limits.streams), 1.0)
        self._open[account] = running + 1
        try:
            yield
        finally:
            left = self._open[account] - 1
            if left:
                self._open[account] = left
            else:
                del self._open[account]

    def _take_token(self, account: str) -> None:
        now = self._clock()
        tokens, counted = self._buckets.get(account, (float(self._limits.burst), now))
        tokens = min(float(self._limits.burst), tokens + (now - counted) * self._limits.calls_per_second)
        if tokens < 1.0:
            self._buckets[account] = (tokens, now)
            raise LimitReached("calls a second", f"{self._limits.calls_per_second:g}", 1.0 / self._limits.calls_per_second)
        self._buckets[account] = (tokens - 1.0, now)
