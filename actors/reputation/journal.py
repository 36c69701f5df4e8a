"""Decisions, the newest ones: what `hongyan lanes` shows and what is replayed. Bounded; JSON for the ledger."""

import json
from collections import deque
from dataclasses import asdict
from typing import Any

from actors.model.delivery import LaneLimits
from actors.model.sitenames import means
from actors.reputation.lanes import Decision

MOST_KEPT = 5_000
MOST_WAITING = 2_000  # for the ledger; while it is away the oldest go


class Journal:
    """What was decided lately."""

    def __init__(self) -> None:
        self._kept: deque[Decision] = deque(maxlen=MOST_KEPT)
        self._waiting: deque[Decision] = deque(maxlen=MOST_WAITING)

    def add(self, decision: Decision) -> None:
        self._kept.append(decision)
        self._waiting.append(decision)

    def of(self, site: str = "", egress: str = "", limit: int = 100) -> list[Decision]:
        """The newest decisions of the lanes that match, oldest first; empty matches all."""
        found = [d for d in self._kept if means(site, d.site) and egress in ("", d.egress)]
        return found[-limit:]

    def waiting(self) -> list[Decision]:
        """Those that the ledger has not got; they are taken out."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    def back(self, decisions: list[Decision]) -> None:
        """The ledger was away."""
        self._waiting.extendleft(reversed(decisions[-MOST_WAITING + len(self._waiting) :]))


def to_json(decision: Decision) -> str:
    """One line for the ledger."""
    return json.dumps(asdict(decision), ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> Decision:
    """The decision of a line. ValueError or TypeError if it is none."""
    data: dict[str, Any] = json.loads(text)
    for which in ("old", "new"):
        data[which] = LaneLimits(**(data[which] | {"readings": ()}))
    return Decision(**data)
