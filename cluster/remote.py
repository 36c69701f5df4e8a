"""Ports over Ray: a named actor looks like the plain object it is.

Ray's errors are translated here and nowhere else: an actor that is away becomes `Unavailable`, an error raised inside an actor
comes back as itself.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.exceptions import GetTimeoutError, RayActorError, RayError, RayTaskError

from actors.model.errors import HongyanError, Unavailable
from cluster.names import NAMESPACE

START_SECONDS, AGAIN_SECONDS = 60.0, 1.0  # for Ray to come up; between two tries


class Remote:
    """The actor `name`, found again after every restart. Any public method is a call: `await Remote("ledger").status(job)`."""

    def __init__(self, name: str):
        self._name = name
        self._handle: ActorHandle[Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_name": self._name, "_handle": None}

    def __repr__(self) -> str:
        return f"Remote({self._name!r})"

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_"):
            raise AttributeError(method)
        return partial(self._call, method)

    async def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._handle is None:
                self._handle = ray.get_actor(self._name, namespace=NAMESPACE)
            return await getattr(self._handle, method).remote(*args, **kwargs)
        except RayTaskError as error:
            cause = error.cause
            raise (cause if isinstance(cause, HongyanError | OSError | ValueError) else error) from None
        except (RayActorError, GetTimeoutError) as error:
            self._handle = None
            raise Unavailable(self._name, type(error).__name__) from None
        except RayError as error:
            raise Unavailable(self._name, type(error).__name__) from None
        except ValueError:  # Ray knows no actor of this name (yet)
            raise Unavailable(self._name, "it is not there yet") from None


@contextmanager
def connected(address: str | None = None) -> Iterator[None]:
    """In the cluster as a driver inside the block; waits for it to come up. It leaves by itself: at the interpreter's end Ray
    would first sleep half a second, for log lines that do not come."""
    _join(address)
    try:
        yield
    finally:
        ray.shutdown()


def _join(address: str | None) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            ray.init(address=address or os.environ.get("RAY_ADDRESS", "auto"), namespace=NAMESPACE, log_to_driver=False)
            return
        except (ConnectionError, RuntimeError, RayError):
            if time.monotonic() > until:
                raise
            time.sleep(AGAIN_SECONDS)
