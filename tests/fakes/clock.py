"""A clock that stands still until a test moves it."""


class FakeClock:
    """Seconds since the epoch; `advance` moves it."""

    def __init__(self, now: float = 1_764_547_200.0):  # 2025-12-01T00:00:00Z
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
