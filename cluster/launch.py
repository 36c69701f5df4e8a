"""Creates the actors and keeps them there: `python -m cluster.launch`, a child of the supervisor.

The only place where `ray.remote` is applied. Ray restarts an actor whose process dies; this loop creates one anew that Ray
has given up (its constructor failed). Creating waits for nobody: a sender starts when a node announces its egress. On SIGTERM
it drains the senders and closes the ledger, so that nothing is left on the wire.
"""

import asyncio
import gc
import logging
import os
import signal
import time
from collections.abc import Sequence
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util import list_named_actors

from actors.model.errors import HongyanError
from cluster import names
from cluster.build import Parts, arguments, role, roles
from cluster.config import Config, load
from cluster.metrics import Metrics
from cluster.nodes import present
from cluster.options import options
from cluster.remote import Remote

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
START_SECONDS = 60.0  # for Ray to come up
DRAIN_SECONDS = 20.0
METRICS_SECONDS = 5.0  # Ray tells them every ten
# Of Python's collector. What an actor's process has imported, some hundred thousand objects, is never garbage and is not looked
# through again; what it makes for mails is freed by reference counts.
YOUNG, OLDER = 20_000, 50


def described(role_class: type, name: str) -> type:
    """The class whose instances show in the dashboard with their name and what they do."""
    text = f"{name}: {(role_class.__doc__ or '').strip().partition(chr(10))[0]}"
    return type(role_class.__name__, (role_class,), {"__repr__": lambda _: text, "__module__": role_class.__module__})


def settled(role_class: type) -> type:
    """The class whose constructor leaves the collector little to do: looking through all that is imported costs a sender a
    fifth of its time."""

    class Settled(role_class):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs)
            gc.collect()
            gc.freeze()
            gc.set_threshold(YOUNG, OLDER, OLDER)

    Settled.__name__ = Settled.__qualname__ = role_class.__name__
    Settled.__doc__ = role_class.__doc__
    return Settled


def looping(role_class: type) -> type:
    """The class with its `run()` started by the constructor, so that a restart by Ray starts it too.

    When `run()` fails the process ends, and Ray starts it anew.
    """

    class Looping(role_class):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs)
            self._main = asyncio.get_running_loop().create_task(self.run())
            self._main.add_done_callback(_end_process)

    Looping.__name__ = Looping.__qualname__ = role_class.__name__
    return Looping


def _end_process(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("the main loop failed", exc_info=task.exception())
        logging.shutdown()
        os._exit(1)


def connect(address: str | None = None) -> None:
    """Joins the cluster as a driver; waits for it to come up."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            ray.init(address=address or os.environ.get("RAY_ADDRESS", "auto"), namespace=names.NAMESPACE, log_to_driver=False)
            return
        except (ConnectionError, RuntimeError, RayError):
            if time.monotonic() > until:
                raise
            time.sleep(LOOK_SECONDS)


def create(parts: Parts, name: str) -> Any:
    """The actor `name`, made if it is not there. Its description shows in the dashboard."""
    role_class = described(settled(role(name)), name)
    target = looping(role_class) if hasattr(role_class, "run") else role_class
    actor = ray.remote(target).options(**options(name, parts.config))
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
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._stop.wait()
            except TimeoutError:
                continue
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
    connect()
    asyncio.run(Launcher(config).run())


if __name__ == "__main__":
    main()
