"""`hongyan bench NAME`: measures, with the machine's limit or a peer taken in the same run."""

import json
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

import typer

from gateway.cli.output import AsJson

Say = Callable[[str], None]


class _Bench(NamedTuple):
    cases: Sequence[str]
    run: Callable[[list[str], bool, Say], dict[str, Any]]
    tell: Callable[[dict[str, Any]], None]


def _benches() -> dict[str, _Bench]:
    from bench import columns, latency, learning, memory, pipeline, render, start

    return {
        "pipeline": _Bench(tuple(pipeline.CASES), pipeline.run, _tell_pipeline),
        "render": _Bench(render.CASES, render.run, _tell_render),
        "columns": _Bench((), lambda cases, quick, say: columns.run(quick), _tell_json),
        "learning": _Bench(tuple(learning.CASES), learning.run, _tell_learning),
        "latency": _Bench(tuple(latency.CASES), latency.run, _tell_latency),
        "memory": _Bench((), lambda cases, quick, say: memory.run(quick, say), _tell_json),
        "start": _Bench(start.CASES, start.run, _tell_start),
    }


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def bench(
        name: Annotated[
            str, typer.Argument(help="Which: pipeline, render, columns, learning, latency, memory, start.")
        ] = "pipeline",
        case: Annotated[list[str] | None, typer.Option(help="Only this case; may be repeated.")] = None,
        quick: Annotated[bool, typer.Option(help="Fewer mails: ends within 50 s.")] = False,
        json_: AsJson = False,
    ) -> None:
        """Measure the whole way of a mailing (pipeline), or a part: generation, lanes, a long line, memory, its start."""
        benches = _benches()
        found = benches.get(name)
        if found is None or not set(case or ()) <= set(found.cases):
            for known, of in benches.items():
                cases = f" with the cases {', '.join(of.cases)}" if of.cases else ""
                typer.echo(f"there is: {known}{cases}", err=True)
            raise typer.Exit(2)
        result = found.run(case or list(found.cases), quick, lambda text: typer.echo(text, err=True))
        if json_:
            _tell_json(result)
        else:
            found.tell(result)


def _tell_json(result: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")


def _tell_pipeline(result: dict[str, Any]) -> None:
    for case in result["results"]:
        head = f"{case['case']:>6}: {case['rate']:,.0f} {case['unit']} to {case['receiver']}"
        typer.echo(f"{head}; limit {case['limit']:,.0f}; ratio {case['ratio']:.2f}; peak {case['peak_memory_mb']} MB")
        for process, cpu in case["cpu_us_per_mail"].items():
            typer.echo(f"        {process:<24} {cpu:>8,.0f} us of CPU a mail")


def _tell_render(result: dict[str, Any]) -> None:
    for case in result["results"]:
        head = f"{case['case']:>10}: {case['rate']:>9,.0f} {case['unit']:<9}"
        if "limit" in case:
            typer.echo(f"{head} {case['ratio']:>6.2f} of {case['limit']:,.0f} {case['limit_is']}")
        else:
            typer.echo(f"{head} {case['ratio']:>6.1f} times {case['peer']} ({case['peer_rate']:,.0f})")


def _tell_latency(result: dict[str, Any]) -> None:
    for case in result["results"]:
        head = f"{case['case']:>11}: {case['rate']:>7,.1f} {case['unit']} at {case['round_trip_ms']:.0f} ms"
        typer.echo(f"{head}; {case['round_trips_a_mail']:.2f} round trips a mail")


def _tell_start(result: dict[str, Any]) -> None:
    for case in result["results"]:
        steps = f"uploaded after {case['upload_seconds']:.2f} s, accepted after {case['accepted_seconds']:.2f} s"
        size = f"{case['rows']:,} rows, {case['list_bytes'] / 1e6:.0f} MB"
        typer.echo(f"{case['case']} ({size}): first mail after {case['rate']:.2f} s; {steps}")


def _tell_learning(result: dict[str, Any]) -> None:
    rivals = [who for who in ("fixed", "additive") if who in result["results"][0]]
    typer.echo(
        f"{'':>16}  of the all-knowing     wasted  leave    heal   suppressed  fair  {''.join(map('{:>10}'.format, rivals))}"
    )
    for case in result["results"]:
        times = "".join(f"{'-' if case[key] is None else format(case[key], '.0f') + ' s':>8}" for key in ("leave_s", "heal_s"))
        typer.echo(
            f"{case['case']:>16}  {case['ratio']:.3f} (worst {case['ratio_worst']:.3f})  {case['wasted']:>6.2%} {times}"
            f"  {case['wrongly_suppressed']:>8}  {case['fairness']:>6.3f}{''.join(f'{case[who]:>10.3f}' for who in rivals)}"
        )
