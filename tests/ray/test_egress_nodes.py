"""Senders go where their address is: each waits for the node that announces its egress, and no address has two of them."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors.model.errors import Unavailable
from cluster import launch, names
from cluster.build import Parts, roles
from cluster.config import Config, EgressConfig
from cluster.nodes import present
from cluster.remote import Remote

pytestmark = [pytest.mark.filterwarnings("ignore")]

PATIENCE_SECONDS = 120.0  # an actor is a process that imports Ray: seconds, on a busy machine many
HELD = f"{__name__}:Held"
HERE, THERE = "127.0.0.21", "127.0.0.22"


class Held:
    """Stands for a sender: tells where it runs."""

    def __init__(self, **_: object) -> None:
        import ray

        self.node = ray.get_runtime_context().get_node_id()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def where(self) -> tuple[str, int]:
        return self.node, os.getpid()

    async def drain(self) -> None:
        pass

    async def close(self) -> None:
        pass


@pytest.fixture
def config(tmp_path: Path) -> Config:
    egresses = tuple(EgressConfig(address=a, ehlo="mx.bank.test") for a in (HERE, THERE))
    return Config(data=tmp_path, file=tmp_path / "hongyan.yaml", egresses=egresses, renderers=1)


@pytest.fixture
def node(cluster: Any, config: Config) -> Any:
    """A second node, which announces THERE."""
    made = cluster.add_node(num_cpus=0, resources={names.egress_resource(THERE): 1}, object_store_memory=80 * 2**20)
    yield made
    if made in cluster.worker_nodes:
        cluster.remove_node(made)
    kill(*roles(config))


def kill(*actors: str) -> None:
    import ray

    for name in actors:
        try:
            ray.kill(ray.get_actor(name, namespace=names.NAMESPACE))
        except ValueError:
            continue


async def until(true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.1)


async def asked(remote: Remote) -> tuple[str, int]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                found: tuple[str, int] = await remote.where()
                return found
            except Unavailable:
                await asyncio.sleep(0.1)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Senders are `Held`: the real ones would need the whole system."""
    monkeypatch.setattr(launch, "role", lambda name: HELD)


async def test_a_sender_runs_on_the_node_that_announces_its_egress(held: None, node: Any, config: Config) -> None:
    import ray

    launch.create(Parts(config, Remote), names.sender(THERE))
    home, pid = await asked(Remote(names.sender(THERE)))
    assert home == node.node_id
    assert home != ray.get_runtime_context().get_node_id()
    launch.create(Parts(config, Remote), names.sender(THERE))
    assert await asked(Remote(names.sender(THERE))) == (home, pid)
    assert present(config) == [THERE]


async def test_at_most_one_actor_holds_an_egress(held: None, node: Any, config: Config) -> None:
    import ray

    launch.create(Parts(config, Remote), names.sender(THERE))
    await asked(Remote(names.sender(THERE)))
    wish = launch.options(names.sender(THERE), config) | {"name": "second"}
    second = ray.remote(launch.facade(launch.face.read(HELD), "second")).options(**wish).remote()
    answer = second.where.remote()
    assert ray.wait([answer], timeout=3)[0] == []
    kill(names.sender(THERE))
    home, _ = await answer
    assert home == node.node_id
    kill("second")


async def test_an_egress_that_no_node_has_stops_neither_launcher_nor_drain(
    cluster: Any, config: Config, held: None, caplog: pytest.LogCaptureFixture
) -> None:
    launcher = launch.Launcher(config)
    caplog.set_level(logging.INFO, "cluster.launch")
    try:
        running = asyncio.create_task(launcher.run())
        await until(lambda: f"created {names.sender(THERE)}" in caplog.text)
        await until(lambda: "egresses without a node" in caplog.text)
        assert f"egresses without a node: {HERE}, {THERE}" in caplog.text
        for name in (names.REPUTATION, names.LEDGER):  # what is not up yet cannot close in time
            await asked(Remote(name))
        launcher._stop.set()
        async with asyncio.timeout(launch.DRAIN_SECONDS + 10):
            await running
        assert "drain did not end in time" not in caplog.text
    finally:
        kill(*roles(config))


async def test_a_sender_starts_as_soon_as_its_node_joins_and_again_when_it_comes_back(
    cluster: Any, config: Config, held: None
) -> None:
    launch.create(Parts(config, Remote), names.sender(THERE))
    waiting = asyncio.create_task(asked(Remote(names.sender(THERE))))
    assert (await asyncio.wait({waiting}, timeout=1))[0] == set()
    resources = {names.egress_resource(THERE): 1}
    nodes = []
    try:
        nodes.append(cluster.add_node(num_cpus=0, resources=resources, object_store_memory=80 * 2**20))
        home, _ = await waiting
        assert home == nodes[0].node_id
        cluster.remove_node(nodes.pop())
        await until(lambda: present(config) == [])
        nodes.append(cluster.add_node(num_cpus=0, resources=resources, object_store_memory=80 * 2**20))
        assert (await asked(Remote(names.sender(THERE))))[0] == nodes[0].node_id
    finally:
        kill(*roles(config))
        for node in nodes:
            cluster.remove_node(node)
