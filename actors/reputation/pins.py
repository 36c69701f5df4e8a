"""Limits that the operator has pinned by the config. Pure: the first pin that matches a lane counts."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pin:
    """`site`, `egress`: whom it is about, "" = all; a site also by a suffix of its name that begins with a dot. What is None is
    learned."""

    site: str = ""
    egress: str = ""
    concurrency: int | None = None
    rate: float | None = None
    messages_per_connection: int | None = None


def pin_of(pins: Sequence[Pin], site: str, egress: str) -> Pin | None:
    """The pin of a lane."""
    return next((p for p in pins if p.egress in ("", egress) and _matches(p.site, site)), None)


def _matches(pattern: str, site: str) -> bool:
    return pattern in ("", site) or (pattern.startswith(".") and site.partition("+")[0].endswith(pattern))
