"""`hongyan bench NAME`: measures, with the machine's limit taken in the same run."""

import json
import sys
from typing import Annotated, Any

import typer

from gateway.cli.output import AsJson


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def bench(
        name: Annotated[str, typer.Argument(help="Which: pipeline, columns, memory.")] = "pipeline",
        case: Annotated[list[str] | None, typer.Option(help="Only this case (10KB, 100KB); may be repeated.")] = None,
        quick: Annotated[bool, typer.Option(help="Fewer mails: ends within 50 s.")] = False,
        json_: AsJson = False,
    ) -> None:
        """Measure the whole way of a mailing on this machine."""
        from bench import columns, memory, pipeline

        if name == "columns":
            sys.stdout.write(json.dumps(columns.run(quick), ensure_ascii=False) + "\n")
            return
        if name == "memory":
            result = memory.run(quick, lambda text: typer.echo(text, err=True))
            sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
            return
        if name != "pipeline" or not set(case or ()) <= set(pipeline.CASES):
            typer.echo(f"there is: columns, memory, and pipeline with the cases {', '.join(pipeline.CASES)}", err=True)
            raise typer.Exit(2)
        result = pipeline.run(case or list(pipeline.CASES), quick, lambda text: typer.echo(text, err=True))
        if json_:
            sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
        else:
            _tell(result)


def _tell(result: dict[str, Any]) -> None:
    for case in result["results"]:
        head = f"{case['case']:>6}: {case['rate']:,.0f} {case['unit']} to {case['receiver']}"
        typer.echo(f"{head}; limit {case['limit']:,.0f}; ratio {case['ratio']:.2f}; peak {case['peak_memory_mb']} MB")
        for process, cpu in case["cpu_us_per_mail"].items():
            typer.echo(f"        {process:<24} {cpu:>8,.0f} us of CPU a mail")
