"""Ports over Ray: values and errors come through, a dead actor is Unavailable and comes back."""

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress

import pytest

from actors.model.errors import Conflict, Unavailable
from cluster import face
from cluster.build import role
from cluster.facade import facade
from cluster.names import LEDGER
from cluster.options import options
from cluster.remote import Remote

pytestmark = [pytest.mark.usefixtures("cluster"), pytest.mark.filterwarnings("ignore")]

PATIENCE_SECONDS = 120.0  # an actor is a process that imports Ray: seconds, on a busy machine many


class Counter:
    """Counts in its main loop; dies on request."""

    def __init__(self) -> None:
        self.rounds = 0
        self.fail = False

    async def run(self) -> None:
        while not self.fail:
            self.rounds += 1
            await asyncio.sleep(0.01)
        raise RuntimeError("asked to")

    async def count(self) -> int:
        return self.rounds

    async def pid(self) -> int:
        return os.getpid()

    async def break_loop(self) -> None:
        self.fail = True

    async def refuse(self) -> None:
        raise Conflict("job", "already done")


COUNTER = face.read(f"{__name__}:Counter")


def start(name: str) -> Remote:
    import ray

    kind = {"name": name, "resources": {}, "max_concurrency": 4}
    from cluster.config import Config

    ray.remote(facade(COUNTER, name)).options(**options("reputation", Config()) | kind).remote()
    return Remote(name)


@pytest.fixture
def remote() -> Iterator[Remote]:
    import ray

    name = f"counter-{uuid.uuid4().hex}"
    yield start(name)
    ray.kill(ray.get_actor(name))


async def eventually(remote: Remote, method: str) -> int:
    """The call's answer, once the actor is there (again)."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return int(await getattr(remote, method)())
            except Unavailable:
                await asyncio.sleep(0.1)


async def test_the_main_loop_runs_by_itself(remote: Remote) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await eventually(remote, "count") < 3:
            await asyncio.sleep(0.05)


async def test_an_actor_says_who_it_is() -> None:
    assert repr(facade(COUNTER, "counter")()) == "counter: Counts in its main loop; dies on request."


async def test_a_caller_imports_nothing_of_the_role() -> None:
    import ray.cloudpickle

    sent = ray.cloudpickle.dumps(facade(face.read(role(LEDGER)), LEDGER))
    code = "import sys, ray.cloudpickle as c; print(c.load(sys.stdin.buffer).__name__, {n.split('.')[0] for n in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True)
    name, _, modules = done.stdout.decode().partition(" ")
    assert name == "Ledger"
    assert "'cluster'" in modules
    assert "'actors'" not in modules


async def test_an_error_of_ours_comes_back_as_itself(remote: Remote) -> None:
    await eventually(remote, "count")
    with pytest.raises(Conflict, match="already done") as caught:
        await remote.refuse()
    assert (caught.value.what, caught.value.why) == ("job", "already done")


async def test_an_actor_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await Remote("nobody").count()


async def test_a_killed_actor_comes_back_with_its_loop(remote: Remote) -> None:
    pid = await eventually(remote, "pid")
    os.kill(pid, 9)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await eventually(remote, "pid") == pid:
            await asyncio.sleep(0.1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await eventually(remote, "count") < 3:
            await asyncio.sleep(0.05)


async def test_a_failed_loop_ends_the_process_and_ray_starts_it_anew(remote: Remote) -> None:
    pid = await eventually(remote, "pid")
    with suppress(Unavailable):  # its process may end before the reply is out
        await remote.break_loop()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await eventually(remote, "pid") == pid:
            await asyncio.sleep(0.1)
