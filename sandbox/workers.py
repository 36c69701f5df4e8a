"""Several processes that share the ports of one sandbox, so that it is not the bottleneck of a bench.

The parent starts `python -m sandbox.worker` and talks to each over its standard streams: the first line is the plan, each
further line asks for the counts, the end of the stream ends the worker. So no worker outlives its parent.
"""

import asyncio
import datetime
import json
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

from sandbox.certificate import make_certificate
from sandbox.policy import Script
from sandbox.reading import ScriptError
from sandbox.script import load_script
from sandbox.server import open_listener
from sandbox.store import Counts
from sandbox.world import WorldSpec, load_world

MAX_LINE = 64 << 20  # a counts line holds every domain that was seen


@dataclass(frozen=True, slots=True)
class Plan:
    """What every worker is to be. Paths, not objects: it crosses a pipe as JSON."""

    listen: list[tuple[str, int]]
    script: str = ""
    record: str = ""
    maildir: str = ""
    keys: str = ""
    share: float = 1.0
    world: str = ""

    def load_world(self) -> WorldSpec | None:
        """The world. ScriptError, OSError."""
        return load_world(self.world) if self.world else None

    def load(self) -> Script:
        """The script. ScriptError, OSError."""
        return load_script(self.script) if self.script else Script()


class Workers:
    """`count` receivers on the same ports. A world is shared out by sites: each worker has its own, whole, as what a site
    remembers cannot be in two processes."""

    def __init__(self, plan: Plan, count: int):
        self.script = plan.load()
        if count > 1 and any(rule.remembers for rule in self.script.rules):
            places = [f"rules[{i}]" for i, rule in enumerate(self.script.rules) if rule.remembers]
            raise ScriptError(
                (f"{', '.join(places)}: attempt, greylist and connections are remembered by one process: use 1 worker",)
            )
        world = plan.load_world()
        self._sites = [frozenset(site.hosts) for site in world.sites] if world else []
        self._plan = plan
        self._count = min(count, len(self._sites)) if world else count
        self._processes: list[asyncio.subprocess.Process] = []
        self._holders: list[socket.socket] = []
        self.listening: list[tuple[str, int]] = []

    async def __aenter__(self) -> Self:
        try:
            # Bound but not listening: they only keep the ports until the workers have them.
            for host, port in self._plan.listen:
                holder = open_listener(host, port, shared=True)
                self._holders.append(holder)
                self.listening.append((host, holder.getsockname()[1]))
            plan = asdict(self._plan) | {"listen": self.listening, "certificate": self._certificate()}
            for number in range(self._count):
                await self._start(plan | {"listen": self._share(number)})
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def counts(self) -> Counts:
        """What all workers counted together. RuntimeError when one of them has died."""
        total = Counts()
        for process in self._processes:
            total.add(await self._ask(process, "counts"))
        return total

    def _share(self, number: int) -> list[tuple[str, int]]:
        """Where one of the workers listens."""
        if not self._sites:
            return self.listening
        hosts = frozenset().union(*self._sites[number :: self._count])
        return [place for place in self.listening if place[0] in hosts]

    def _certificate(self) -> dict[str, str] | None:
        if not self.script.features.starttls:
            return None
        hosts = tuple(dict.fromkeys(host for host, _ in self.listening))
        made = make_certificate(self.script.hostname, hosts, datetime.datetime.now(datetime.UTC))
        return {name: text.decode() for name, text in asdict(made).items()}

    async def _start(self, plan: Mapping[str, Any]) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "sandbox.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=MAX_LINE,
        )
        self._processes.append(process)
        started = await self._ask(process, json.dumps(plan))
        if "error" in started:
            raise RuntimeError(started["error"])

    async def _ask(self, process: asyncio.subprocess.Process, line: str) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(line.encode() + b"\n")
            await process.stdin.drain()
            answer = await process.stdout.readline()
        except OSError:
            answer = b""
        if not answer:
            raise RuntimeError("a worker of the sandbox has died")
        found: dict[str, Any] = json.loads(answer)
        return found

    async def _end(self) -> None:
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.close()
        for process in self._processes:
            await process.wait()
        for holder in self._holders:
            holder.close()
