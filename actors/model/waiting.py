"""Waiting for what may not come: an event, or another part that is away. Nothing is decided here."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from actors.model.errors import Unavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event is set before so many seconds are over."""
    try:  # not wait_for: before Python 3.12 it can swallow a cancellation
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """The call's answer, however long it takes: the same call again after growing pauses, which is sound because all calls
    between the roles are idempotent. Every error but Unavailable comes through."""
    tries = 0
    while True:
        try:
            return await call()
        except Unavailable as error:
            if tries == 0:
                log.warning("waiting: %s", error)
            await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1
