"""How many rows of a job may be leased now, where its control file caps the rate: a token bucket. Pure."""

from dataclasses import dataclass

BURST_SECONDS = 2.0  # what a job may catch up with after it could not send; senders look for work about so often


@dataclass(slots=True)
class Pace:
    """`rate` in attempts a second. Rows that come back unsent are given back to the bucket."""

    rate: float
    tokens: float = 0.0
    at: float = 0.0  # when the tokens were counted last; 0 = never

    @property
    def most(self) -> float:
        return max(1.0, self.rate * BURST_SECONDS)

    def allowed(self, now: float) -> int:
        """Rows that may be leased at `now`, in seconds since the epoch."""
        passed = max(0.0, now - self.at) if self.at else 1.0 / self.rate  # the first row goes at once
        self.tokens, self.at = min(self.most, self.tokens + passed * self.rate), now
        return int(self.tokens + 1e-9)

    def took(self, rows: int) -> None:
        """`rows` were leased (below 0: came back)."""
        self.tokens = min(self.most, self.tokens - rows)
