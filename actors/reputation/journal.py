"""Decisions, the newest ones: what `hongyan lanes` shows and what is replayed. Bounded; JSON for the ledger."""

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from actors.model.lanes import ClosedSpan, LaneLimits
from actors.model.sitenames import means
from actors.reputation.lanes import Decision
from actors.reputation.state import CLOSED, HALF_OPEN, OPEN

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


def circuits(decisions: Iterable[Decision], since: float, until: float) -> list[ClosedSpan]:
    """When lanes were closed or half-open between two times, by site, egress and time. `decisions`: oldest first."""
    now: dict[tuple[str, str], tuple[str, float, str]] = {}  # state, since, why
    found: list[ClosedSpan] = []

    def end(key: tuple[str, str], at: float) -> None:
        state, began, why = now.pop(key)
        if state != OPEN and at > since and began < until:
            found.append(ClosedSpan(*key, state, max(began, since), min(at, until), why))

    for one in decisions:
        rule, _, cause = one.rule.partition(": ")
        if rule not in (OPEN, CLOSED, HALF_OPEN):
            continue
        key = (one.site, one.egress)
        if key not in now:  # what the lane was before is in the limits that it had
            before = CLOSED if one.old.closed_until else HALF_OPEN if one.old.probe else OPEN
            now[key] = (before, since, "")
        if (rule, cause) != (now[key][0], now[key][2]) or rule == OPEN:
            end(key, one.at)
            now[key] = (rule, one.at, cause)
    for key in list(now):
        end(key, until)
    return sorted(found)
