"""What Ray knows of a role: the names of its methods, and where it is found.

Whoever calls an actor is given the actor's class first. Were that the role itself, every process would import what each other
one works with: the senders the renderer's templates, intake the ledger's database. So the class is a facade, and the role is
imported in its own process alone.
"""

import asyncio
import gc
import importlib
import inspect
import logging
import os
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

# Of Python's collector. What an actor's process has imported, some hundred thousand objects, is never garbage and is not looked
# through again; what it makes for mails is freed by reference counts.
YOUNG, OLDER = 20_000, 50


def facade(role: type, name: str) -> type:
    """The class of the actor `name`: the role's public methods; `run()`, where there is one, is started by the constructor, so
    that a restart by Ray starts it too. When `run()` fails the process ends, and Ray starts it anew. Instances show in the
    dashboard with their name and what they do."""
    text = f"{name}: {(role.__doc__ or '').strip().partition(chr(10))[0]}"
    module, qualname, loops = role.__module__, role.__qualname__, hasattr(role, "run")

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        self._role = made(module, qualname, args, kwargs)
        if loops:
            self._main = asyncio.get_running_loop().create_task(self._role.run())
            self._main.add_done_callback(end_process)

    members: dict[str, Any] = {method: _forwarded(method, function) for method, function in _public(role)}
    members |= {"__init__": __init__, "__repr__": lambda _: text, "__doc__": role.__doc__, "__module__": __name__}
    return type(role.__name__, (), members)


def _public(role: type) -> list[tuple[str, Callable[..., Any]]]:
    found = inspect.getmembers(role, inspect.isfunction)
    return [(name, function) for name, function in found if not name.startswith("_") and name != "run"]


def _forwarded(method: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A coroutine function stays one: Ray tells by it how an actor's calls are run."""
    if not inspect.iscoroutinefunction(function):
        return lambda self, *args, **kwargs: getattr(self._role, method)(*args, **kwargs)

    async def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await getattr(self._role, method)(*args, **kwargs)

    return forward


def made(module: str, qualname: str, args: Any, kwargs: Any) -> Any:
    """The role itself, in this process. The collector is left little to do: looking through all that is imported costs a sender
    a fifth of its time."""
    role: Any = importlib.import_module(module)
    for part in qualname.split("."):
        role = getattr(role, part)
    found = role(*args, **kwargs)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDER)
    return found


def end_process(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("the main loop failed", exc_info=task.exception())
        logging.shutdown()
        os._exit(1)
