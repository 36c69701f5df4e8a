"""Limits that the operator has pinned by the config. Pure: the first pin that matches a lane counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from actors.model.sitenames import host_of, means


@dataclass(frozen=True, slots=True)
class Pin:
    """`site`, `egress`: whom it is about, "" = all; a site by its name, with or without what its connections must hold to
    (`!dane`, `!sts`), or by a suffix of its first host that begins with a dot. What is None is learned."""

    site: str = ""
    egress: str = ""
    concurrency: int | None = None
    rate: float | None = None
    messages_per_connection: int | None = None


def pin_of(pins: Sequence[Pin], site: str, egress: str) -> Pin | None:
    """The pin of a lane."""
    return next((p for p in pins if p.egress in ("", egress) and _matches(p.site, site)), None)


def _matches(pattern: str, site: str) -> bool:
    return means(pattern, site) or (pattern.startswith(".") and host_of(site).endswith(pattern.lower()))
