"""What the control file says about days, rate and priority, as the numbers that a job's record holds. Pure."""

import re
from collections.abc import Iterable

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PRIORITIES = {"low": -1, "normal": 0, "high": 1, "urgent": 2}
FASTEST = 1_000_000.0  # mails a second; more is no limit that anybody could reach
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*/\s*(s|m|h|d)", re.ASCII)


def weekdays(words: Iterable[str]) -> tuple[int, ...]:
    """`["mon-wed", "sat"]` -> (0, 1, 2, 5), Monday = 0; a range may pass Sunday. ValueError names what is no day."""
    found: set[int] = set()
    for word in words:
        first, dash, last = (part.strip().lower() for part in word.partition("-"))
        begin, end = _day(first), _day(last if dash else first)
        found.update(day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))
    return tuple(sorted(found))


def _day(word: str) -> int:
    if word not in DAYS:
        raise ValueError(f"{word!r} is no day: {', '.join(DAYS)}, or a range such as mon-fri")
    return DAYS.index(word)


def rate_of(text: str) -> float:
    """`"20000/h"` -> mails a second, 0 for an empty text (no limit); ValueError if it is nothing like that."""
    if not text:
        return 0.0
    found = _RATE.fullmatch(text.strip().lower())
    rate = float(found[1]) / _SECONDS[found[2]] if found else 0.0
    if not 0 < rate <= FASTEST:
        raise ValueError("must be a number of mails such as 50/s, 20000/h or 100000/d")
    return rate
