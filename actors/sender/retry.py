"""When a deferred row is tried again, and when it was tried long enough. Pure; chance is a hash of job, row and attempt."""

import hashlib

from actors.model.states import Blame

MINUTE, HOUR = 60.0, 3600.0
# Seconds until the next attempt, by how many were made; the last figure stays. Greylisting wants some minutes.
CURVES: dict[Blame, tuple[float, ...]] = {
    Blame.BUSY: (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR),
    Blame.NETWORK: (2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR),
    Blame.EGRESS: (5 * MINUTE, 15 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR),  # when no other egress is left to ask at once
    Blame.RECIPIENT: (HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR),  # a full mailbox is not emptied within minutes
}
DEFAULT_CURVE = (10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR)
JITTER = 0.5  # up to this share is added, so that what failed together does not come back together


def chance(job: str, row: int, attempt: int) -> float:
    """A number in [0, 1) that only depends on its arguments."""
    digest = hashlib.blake2b(f"{job}/{row}/{attempt}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def delay(attempt: int, blame: Blame, spread: float) -> float:
    """Seconds from failed attempt number `attempt` (from 1) to the next. `spread`: chance in [0, 1)."""
    curve = CURVES.get(blame, DEFAULT_CURVE)
    return curve[min(attempt, len(curve)) - 1] * (1 + JITTER * spread)


def next_attempt(
    now: float,
    first_at: float,
    attempt: int,
    blame: Blame,
    spread: float,
    retry_for: float,
    deadline: float,
    scale: float = 1.0,
) -> float:
    """When to try again, 0 when that would be after `first_at + retry_for` or the deadline (0 = none): the row has expired.

    `scale` stretches the pause."""
    return in_time(now + scale * delay(attempt, blame, spread), now, first_at, retry_for, deadline)


def in_time(at: float, now: float, first_at: float, retry_for: float, deadline: float) -> float:
    """`at` again, 0 when that is too late for the row."""
    late = at > (first_at or now) + retry_for or (deadline and at > deadline)
    return 0.0 if late else at
