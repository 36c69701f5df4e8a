"""A bundle of this machine as the argument of a command, accepted into a folder that is thrown away (cluster.workbench)."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.output import Output, report

if TYPE_CHECKING:
    from cluster.workbench import Workbench

Bundle = Annotated[Path, typer.Argument(help="A bundle: a folder or a zip file with job.yaml.")]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="Write it as one HTML page to this file.")]


def with_bundle(
    bundle: Path, config_file: Path | None, as_json: bool, look: "Callable[[Output, Workbench], Awaitable[None]]"
) -> None:
    """Runs `look` on the accepted bundle, with the real intake and renderer; errors are told."""
    with report(as_json) as out:
        from cluster.config import load
        from cluster.workbench import opened

        async def main() -> None:
            async with opened(bundle, load(config_file)) as bench:
                await look(out, bench)

        asyncio.run(main())
