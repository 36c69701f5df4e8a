"""Which lanes the gauges show, and what they tell of each. Pure; the gauges are `metrics`."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

STATES = ("open", "half-open", "closed")
MOST_LANES = 200  # a list may have a site a row, and each label's value is kept by whoever collects the gauges


def counts(lanes: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Lanes by circuit state; a state that none has is 0."""
    return dict.fromkeys(STATES, 0) | Counter(str(lane["circuit"]) for lane in lanes)


def shown(lanes: Iterable[Mapping[str, Any]], now: float) -> dict[tuple[str, str], dict[str, float]]:
    """Figures by (egress, site), of the lanes that are not open and then of those that do most. `circuit`: 0 open, 1 half-open,
    2 closed; `rate` 0: no limit is known."""
    order = sorted(lanes, key=lambda lane: (lane["circuit"] == "open", -lane["flow"], lane["site"], lane["egress"]))
    return {
        (lane["egress"], lane["site"]): {
            "concurrency": float(lane["limits"].concurrency),
            "closed_seconds": max(0.0, lane["limits"].closed_until - now),
            "circuit": float(STATES.index(lane["circuit"])),
            "rate": float(lane["limits"].rate),
            "accepted_per_second": float(lane["flow"]),
        }
        for lane in order[:MOST_LANES]
    }
