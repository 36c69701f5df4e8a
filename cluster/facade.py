"""What Ray knows of a role: the names of its methods, and where it is found.

Whoever calls an actor is given the actor's class first. Were that the role itself, every process would import what each other
one works with: the senders the renderer's templates, intake the ledger's database. So the class is a facade, and the role is
imported in its own process alone.
"""

import asyncio
import gc
import logging
import os
import pkgutil
from collections.abc import Callable
from typing import Any

from cluster.face import Face

log = logging.getLogger(__name__)

# Of Python's collector. What an actor's process has imported, some hundred thousand objects, is never garbage and is not looked
# through again; what it makes for mails is freed by reference counts.
YOUNG, OLDER = 20_000, 50


def facade(face: Face, name: str) -> type:
    """The class of the actor `name`: the role's public methods; `run()`, where there is one, is started by the constructor, so
    that a restart by Ray starts it too. When `run()` fails the process ends, and Ray starts it anew. Instances show in the
    dashboard with their name and what they do."""
    text, place, loops = f"{name}: {face.says.partition(chr(10))[0]}", face.place, face.loops

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        self._role = made(place, args, kwargs)
        if loops:
            self._main = asyncio.get_running_loop().create_task(self._role.run())
            self._main.add_done_callback(end_process)

    members: dict[str, Any] = {method: _forwarded(method, waits) for method, waits in face.methods.items()}
    members |= {"__init__": __init__, "__repr__": lambda _: text, "__doc__": face.says, "__module__": __name__}
    return type(face.name, (), members)


def _forwarded(method: str, waits: bool) -> Callable[..., Any]:
    """A coroutine function stays one: Ray tells by it how an actor's calls are run."""
    if not waits:
        return lambda self, *args, **kwargs: getattr(self._role, method)(*args, **kwargs)

    async def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await getattr(self._role, method)(*args, **kwargs)

    return forward


def made(place: str, args: Any, kwargs: Any) -> Any:
    """The role itself, in this process. The collector is left little to do: looking through all that is imported costs a sender
    a fifth of its time."""
    found = pkgutil.resolve_name(place)(*args, **kwargs)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDER)
    return found


def end_process(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("the main loop failed", exc_info=task.exception())
        logging.shutdown()
        os._exit(1)
