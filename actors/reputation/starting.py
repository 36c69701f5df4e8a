"""Starting values for large receivers, from `starting.toml`: what their own pages say, or what senders report. Data, not rules:
a lane learns from there on.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

from actors.model.sitenames import host_of


@dataclass(frozen=True, slots=True)
class Start:
    """Where a lane to a receiver begins. 0 = nothing is said. `source`, `date`: where and when it was read."""

    name: str
    suffixes: tuple[str, ...]
    concurrency: int = 0
    most: int = 0
    messages_per_connection: int = 0
    rate: float = 0.0
    grey_wait: float = 0.0
    source: str = ""
    date: str = ""


def load() -> tuple[Start, ...]:
    """The values that come with the program."""
    return parse(tomllib.loads(resources.files(__package__).joinpath("starting.toml").read_text("utf-8")))


def parse(data: dict[str, Any]) -> tuple[Start, ...]:
    """`[[receiver]]` tables as values. TypeError names a key that is none."""
    return tuple(Start(**{**entry, "suffixes": tuple(entry["suffixes"])}) for entry in data["receiver"])


def start_of(site: str, starts: Iterable[Start]) -> Start | None:
    """The values for a site by its first host, or by the domain that is its own."""
    name = host_of(site)
    return next((s for s in starts if any(name == x or name.endswith("." + x) for x in s.suffixes)), None)
