"""Drains the senders of a node that is about to leave: `python -m cluster.leave ADDRESS...`, called by its supervisor.

On the head the launcher does this for all senders. A drained sender has nothing on the wire and nothing uncommitted; it stays
idle until its node is gone, and starts again where its address is announced next.
"""

import asyncio
import logging
import sys

from cluster.launch import DRAIN_SECONDS, drain
from cluster.remote import connected

log = logging.getLogger(__name__)


async def leave(addresses: list[str]) -> None:
    """What does not end in time is left to the ledger's recovery."""
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await drain(addresses)
    except TimeoutError:
        log.warning("drain did not end in time")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    with connected():
        asyncio.run(leave(sys.argv[1:]))
