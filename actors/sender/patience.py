"""Calling another part that may be away: the same call again, after growing pauses, until it is there.

Sound because all calls between the roles are idempotent.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from actors.model.errors import Unavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """The call's answer, however long it takes; every error but Unavailable comes through."""
    tries = 0
    while True:
        try:
            return await call()
        except Unavailable as error:
            if tries == 0:
                log.warning("waiting: %s", error)
            await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1
