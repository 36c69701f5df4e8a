"""When the sender calls the ledger next: with a full group, or when a lane runs short of opened mail, or when results are old.

A call costs as much as the rows of a tenth of a second: results wait for company while every lane has opened mail to go on.
"""

import asyncio

from actors.model.waiting import set_within
from actors.sender.groups import FULL_GROUP, Groups
from actors.sender.hand import Hand

LINGER = 0.05  # results wait so long in any case,
LOOKS = 8  # and so many times as long at most
RENEW_SECONDS = 1.0  # with rows open the lease is renewed at least so often


class Due:
    """Wakes the loop that calls the ledger, for one epoch."""

    def __init__(self, groups: Groups, hand: Hand):
        self._groups, self._hand = groups, hand
        self._now = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._looks = 0  # since the oldest result came

    def now(self) -> None:
        """There is something to do at once."""
        self._now.set()

    def look(self) -> None:
        """Something may have changed for the lanes."""
        if self._short:
            self._now.set()

    def result(self) -> None:
        """A result came."""
        if self._groups.results >= FULL_GROUP:
            self._now.set()
        elif self._timer is None:
            self._later()

    async def wait(self) -> None:
        """Until a call is due, or the lease wants to be renewed."""
        await set_within(self._now, RENEW_SECONDS)
        self._now.clear()
        self._looks = 0

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    @property
    def _short(self) -> bool:
        return any(lane.short for lane in self._hand.lanes.values())

    def _later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LINGER, self._waited)

    def _waited(self) -> None:
        self._timer = None
        self._looks += 1
        if not self._groups.results:
            return
        if self._looks >= LOOKS or not self._groups.on_the_wire or self._short:
            self._now.set()
        else:
            self._later()
