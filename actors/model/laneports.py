"""How the other roles see reputation, and where it keeps what lanes have learned. See `ports`."""

from collections.abc import Sequence
from typing import Any, Protocol

from actors.model.forecast import LaneSpeed
from actors.model.lanes import ClosedSpan, LaneLimits, LaneReport


class LaneDecision(Protocol):
    """Limits of a lane that a rule has changed, and the numbers that it was made on in a sentence."""

    at: float
    site: str
    egress: str
    rule: str
    why: str
    old: LaneLimits
    new: LaneLimits


class Reputation(Protocol):
    """What each lane may do."""

    async def report(self, egress: str, reports: Sequence[LaneReport]) -> dict[str, LaneLimits]:
        """Takes what the egress's lanes saw, gives the limits of those sites."""
        ...

    async def speeds(self) -> list[LaneSpeed]:
        """What each lane that is known is expected to deliver."""
        ...

    async def lanes(self, site: str = "", egress: str = "") -> list[dict[str, Any]]:
        """What the lanes that match have learned (numbers by name) and may do (`limits`: LaneLimits), by site and egress;
        empty matches all."""
        ...

    async def decisions(self, site: str = "", egress: str = "", limit: int = 100) -> Sequence[LaneDecision]:
        """The newest decisions about the lanes that match, oldest first."""
        ...

    async def circuits(self, since: float, until: float) -> list[ClosedSpan]:
        """When lanes were closed or half-open between two times, as far as the newest decisions tell."""
        ...

    async def replies(self, site: str = "") -> list[dict[str, Any]]:
        """Replies whose words nobody knows, the commonest first: site, code, enhanced, words, count, seen, egresses, jobs, and
        what was found: blame (empty: nothing), of (the egress or job it follows), confidence, why."""
        ...


class LaneLedger(Protocol):
    """Where reputation keeps what lanes have learned; texts are JSON that only reputation reads."""

    async def load_lanes(self) -> list[tuple[str, str, str]]:
        """(egress, site, text) of every lane; site "" is the egress itself."""
        ...

    async def save_lanes(
        self,
        found: Sequence[tuple[str, str, str]],
        gone: Sequence[tuple[str, str]] = (),
        decisions: Sequence[tuple[str, str, float, str]] = (),
    ) -> None:
        """Writes these lanes, takes those `gone` away, adds decisions (site, egress, time, text); the oldest of very many
        are dropped. Again is harmless for lanes."""
        ...

    async def lane_decisions(self, site: str = "", egress: str = "", limit: int = 100) -> list[str]:
        """The newest decisions, oldest first; empty matches all."""
        ...
