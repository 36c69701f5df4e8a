"""`hongyan sandbox`: simulated receivers on loopback, with a live view or JSON lines of what they see."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actors.model.waiting import set_within
from gateway.cli.output import AsJson, Output

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sandbox.store import Counts
    from sandbox.view import Meter
    from sandbox.workers import Plan

EVERY = 1.0  # seconds between two looks
MOST_DOMAINS = 15  # that fit a screen
TOTALS = ("messages", "recipients", "deferred", "refused", "dropped", "connections", "open", "tls", "signed_good", "signed_bad")

Ask = Callable[[], Awaitable["Counts"]]


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def sandbox(
        listen: Annotated[list[str] | None, typer.Option(help="Loopback address:port (port 0: any); may be repeated.")] = None,
        script: Annotated[Path | None, typer.Option(help="YAML: who is refused, greylisted, dropped, slow.")] = None,
        world: Annotated[Path | None, typer.Option(help="YAML: sites with limits, greylisting, reputation, outages.")] = None,
        port: Annotated[int | None, typer.Option(help="Port of the world's sites, instead of its own.", min=1)] = None,
        routes: Annotated[bool, typer.Option(help="Print the world as routes for hongyan.yaml, and end.")] = False,
        record: Annotated[Path | None, typer.Option(help="Append a JSON line a recipient before the 250 goes out.")] = None,
        maildir: Annotated[Path | None, typer.Option(help="Store messages: a Maildir a recipient.")] = None,
        verify_dkim: Annotated[Path | None, typer.Option(help="Check signatures with the keys of this YAML or folder.")] = None,
        share: Annotated[float, typer.Option(help="Share of the messages whose signature is checked.", min=0, max=1)] = 1.0,
        workers: Annotated[int, typer.Option(help="Processes that share the ports.", min=1, max=64)] = 1,
        stats: Annotated[str, typer.Option(help="Loopback address:port that answers HTTP with the counts.")] = "",
        json_: AsJson = False,
    ) -> None:
        """Run simulated receivers that accept, record, or answer by a script or as a world of large receivers does."""
        from sandbox.loop import run
        from sandbox.reading import ScriptError
        from sandbox.workers import Plan

        out = Output(json_)
        if record and maildir:
            raise typer.BadParameter("either --record or --maildir")
        if world and (script or listen):
            raise typer.BadParameter("a world says itself where it listens and what it answers: no --script, no --listen")
        if (port or routes) and not world:
            raise typer.BadParameter("--port and --routes go with --world")
        names = ["" if path is None else str(path) for path in (script, record, maildir, verify_dkim, world)]
        try:
            if routes:
                return _print_routes(names[4], port, out)
            where = _places(names[4], port) if world else [_place(text) for text in listen or ["127.0.0.1:2525"]]
            plan = Plan(where, names[0], names[1], names[2], names[3], share, names[4])
            run(_serve(plan, workers, _place(stats) if stats else None, out))
        except ScriptError as error:
            for problem in error.problems:
                out.fail("INVALID_ARGUMENT", f"{script or world}: {problem}")
            raise typer.Exit(2) from None
        except (OSError, ValueError) as error:
            out.fail("INVALID_ARGUMENT", str(error))
            raise typer.Exit(2) from None
        except RuntimeError as error:
            out.fail("INTERNAL", str(error))
            raise typer.Exit(1) from None
        return None


def _places(world: str, port: int | None) -> list[tuple[str, int]]:
    from sandbox.world import load_world
    from sandbox.world.smtp import places

    return places(load_world(world), port)


def _print_routes(world: str, port: int | None, out: Output) -> None:
    import yaml

    from sandbox.world import load_world
    from sandbox.world.smtp import routes

    found = {"routes": routes(load_world(world), port)}
    if out.as_json:
        out.json(found)
    else:
        for line in yaml.safe_dump(found, sort_keys=False).splitlines():
            out.say(line)


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise typer.BadParameter(f"{text!r} is no address:port, as 127.0.0.1:2525")
    return host.strip("[]"), int(port)


@asynccontextmanager
async def _receivers(plan: "Plan", workers: int) -> AsyncIterator[tuple[list[tuple[str, int]], Ask]]:
    """The receivers, in this process when one is enough: where they listen, and how to ask for their counts."""
    from sandbox.worker import open_sandbox
    from sandbox.workers import Workers

    if workers > 1:
        async with Workers(plan, workers) as crew:
            yield crew.listening, crew.counts
        return
    async with open_sandbox(plan) as alone:

        async def counts() -> "Counts":
            if alone.flusher.problem:
                raise RuntimeError(alone.flusher.problem)
            return alone.counts

        yield alone.listening, counts


async def _serve(plan: "Plan", workers: int, stats: tuple[str, int] | None, out: Output) -> None:
    """Until SIGINT or SIGTERM."""
    from sandbox.view import Meter, serve

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with _receivers(plan, workers) as (listening, ask):
        places = [f"{host}:{port}" for host, port in listening]
        meter = Meter(time.monotonic())

        async def look() -> dict[str, Any]:
            return meter.view(await ask(), time.monotonic())

        server = await serve(*stats, look) if stats else None
        page = "{}:{}".format(*server.sockets[0].getsockname()[:2]) if server else ""
        if out.as_json:
            out.json({"listening": places, "stats": page, "workers": workers})
        else:
            out.say(f"receiving on {', '.join(places)}" + (f", counts on http://{page}/" if page else "") + "; Ctrl-C ends")
        await (_print_lines if out.as_json else _show)(ask, meter, stop, out)
        if server:
            server.close()


async def _print_lines(ask: Ask, meter: "Meter", stop: asyncio.Event, out: Output) -> None:
    """A line of JSON a second, and the last one at the end."""
    while True:
        await set_within(stop, EVERY)
        out.json(meter.view(await ask(), time.monotonic(), MOST_DOMAINS))
        if stop.is_set():
            return


async def _show(ask: Ask, meter: "Meter", stop: asyncio.Event, out: Output) -> None:
    """A table that stays in its place; without a terminal only the last one."""
    from rich.live import Live

    console = out.console()
    live = Live(console=console, auto_refresh=False)
    with live:
        while True:
            await set_within(stop, EVERY)
            if console.is_terminal or stop.is_set():
                live.update(_table(meter.view(await ask(), time.monotonic(), MOST_DOMAINS)), refresh=True)
            if stop.is_set():
                return


def _table(view: dict[str, Any]) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table

    totals = ", ".join(f"{name} {view[name]:,}" for name in TOTALS if view[name])
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("domain")
    for name in ("accepted", "deferred", "refused"):
        table.add_column(name, justify="right")
    for domain, numbers in view["domains"].items():
        table.add_row(domain, *(f"{n:,}" for n in numbers.values()))
    return Group(f"{view['rate']:,.0f} mails/s   {totals}", table)
