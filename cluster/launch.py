"""Creates the actors and keeps them there: `python -m cluster.launch`, a child of the supervisor.

The only place where `ray.remote` is applied. Ray restarts an actor whose process dies; this loop creates one anew that Ray
has given up (its constructor failed). Creating waits for nobody: a sender starts when a node announces its egress. On SIGTERM
it drains the senders and closes the ledger, so that nothing is left on the wire.
"""

import asyncio
import logging
import signal
from collections.abc import Sequence
from typing import Any

import ray
from ray.util import list_named_actors

from actors.model.errors import HongyanError
from actors.model.waiting import set_within
from cluster import face, names
from cluster.build import Parts, arguments, role, roles
from cluster.config import Config, load
from cluster.facade import facade
from cluster.metrics import Metrics
from cluster.nodes import present
from cluster.options import options
from cluster.remote import Remote, connected

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
DRAIN_SECONDS = 20.0
METRICS_SECONDS = 5.0  # Ray tells them every ten


def create(parts: Parts, name: str) -> Any:
    """The actor `name`, made if it is not there. Its description shows in the dashboard."""
    actor = ray.remote(facade(face.read(role(name)), name)).options(**options(name, parts.config))
    return actor.remote(**arguments(parts, name))


class Launcher:
    """Creates what is missing, again and again, until told to stop."""

    def __init__(self, config: Config):
        self._config = config
        self._parts = Parts(config, Remote)
        self._metrics = Metrics(self._parts)
        self._stop = asyncio.Event()
        self._waiting: set[str] = set()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        metrics = loop.create_task(self._metrics.run(METRICS_SECONDS))
        handles: dict[str, Any] = {}
        while not self._stop.is_set():
            there = set(list_named_actors())  # one question a second, not one for each actor
            for name in roles(self._config):
                if name not in there:
                    self._ensure(handles, name)
            self._tell_waiting()
            await set_within(self._stop, LOOK_SECONDS)
        metrics.cancel()
        await self._drain()

    def _ensure(self, handles: dict[str, Any], name: str) -> None:
        """Keeps the handle: a detached actor lives on without it, and Ray answers for its state by name."""
        try:
            handles[name] = ray.get_actor(name, namespace=names.NAMESPACE)
        except ValueError:
            handles[name] = create(self._parts, name)
            log.info("created %s", name)

    def _tell_waiting(self) -> None:
        """Once for each change: which senders wait for the node that owns their address."""
        waiting = {e.address for e in self._config.egresses} - set(present(self._config))
        if waiting != self._waiting:
            log.info("egresses without a node: %s", ", ".join(sorted(waiting)) or "none")
            self._waiting = waiting

    async def _drain(self) -> None:
        """Senders finish and commit, then the ledger closes its files."""
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await drain(present(self._config))
                await Remote(names.REPUTATION).close()
                await Remote(names.LEDGER).close()
        except (TimeoutError, HongyanError) as error:
            log.warning("drain did not end in time: %s", type(error).__name__)


async def drain(addresses: Sequence[str]) -> None:
    """The senders of these egresses finish what is on the wire and commit, all at once."""
    for outcome in await asyncio.gather(*(Remote(names.sender(a)).drain() for a in addresses), return_exceptions=True):
        if isinstance(outcome, Exception):
            log.warning("drain: %s", outcome)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    config = load()
    with connected():
        asyncio.run(Launcher(config).run())


if __name__ == "__main__":
    main()
