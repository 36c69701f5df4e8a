"""Who is blocked at a site now: by the calendar, or because of what it did. One `Record` a (site, source)."""

import ipaddress
from functools import lru_cache

from sandbox.world.counters import Window
from sandbox.world.spec import Block

FEWEST = 50  # mails before a share of unknown recipients means anything


@lru_cache(65_536)
def within(source: str, network: str) -> bool:
    """Whether an address is in a network; "" is every network."""
    return not network or ipaddress.ip_address(source) in ipaddress.ip_network(network)


class Record:
    """What one source did at one site, as far as its blocks ask for it."""

    def __init__(self, blocks: tuple[Block, ...], source: str):
        mine = [b for b in blocks if within(source, b.source)]
        self._calendar = [b for b in mine if b.period is not None]
        self._caused = [
            (b, Window(b.over), Window(b.over)) for b in mine if b.period is None
        ]  # (block, what counts, out of how many)
        self._until: dict[Block, float] = {}

    def blocked(self, now: float) -> Block | None:
        """The block that holds now."""
        for block in self._calendar:
            if block.period is not None and block.period.holds(now):
                return block
        for block, until in self._until.items():
            if now < until:
                return block
        return None

    def message(self, now: float) -> None:
        """A message was begun."""
        for block, counted, seen in self._caused:
            if block.above and counted.add(now) > block.above * block.over:
                self._start(block, counted, now)
            elif block.unknown:
                seen.add(now)

    def refused(self, now: float) -> None:
        """A message was refused because of what the source does."""
        for block, counted, _ in self._caused:
            if block.refusals and counted.add(now) >= block.refusals:
                self._start(block, counted, now)

    def unknown(self, now: float) -> None:
        """A recipient was unknown."""
        for block, counted, seen in self._caused:
            if block.unknown and counted.add(now) > block.unknown * max(seen.total(now), FEWEST):
                self._start(block, counted, now)

    def room(self, now: float) -> float:
        """How many messages may be begun before one too many of them starts a block."""
        fast = [block.above * block.over - counted.total(now) for block, counted, _ in self._caused if block.above]
        return min(fast, default=float("inf"))

    def _start(self, block: Block, counted: Window, now: float) -> None:
        counted.clear()
        self._until[block] = now + block.lasts
