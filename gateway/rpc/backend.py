"""What the gateway needs of the system behind it: ports, and the patience with which it calls them.

A call that meets `Unavailable` is tried again for a few seconds (all ports are idempotent), because actors that restart are
everyday life; what lasts longer becomes the client's to repeat.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from actors.model.errors import Unavailable
from actors.model.laneports import Reputation
from actors.model.ports import Clock, Conductor, Intake, JobLedger, Results, Suppressions, Vault
from actors.model.renderports import Renderer

T = TypeVar("T")

# 3.1 s in all: an actor comes back within about two; a client that waits longer should see why.
PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)


class GatewayLedger(JobLedger, Suppressions, Protocol):
    """The ledger as the gateway sees it."""


@dataclass(frozen=True, slots=True)
class Backend:
    """The ports. Any renderer can render any row."""

    ledger: GatewayLedger
    intake: Intake
    conductor: Conductor
    reputation: Reputation
    renderers: Sequence[Renderer]
    results: Results
    vault: Vault
    clock: Clock


async def patiently(call: Callable[[], Awaitable[T]], pauses: Sequence[float] = PAUSES) -> T:
    """The call's answer; Unavailable only after all pauses."""
    for pause in pauses:
        try:
            return await call()
        except Unavailable:
            await asyncio.sleep(pause)
    return await call()
