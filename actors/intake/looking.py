"""A look at a whole list by many renderers at once: rows are handed out in pieces, what comes back is merged.

Knows nothing of what a look holds. Each piece is small, so that a renderer can go on with other jobs between two of them.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from actors.model.errors import Problem

PIECE_ROWS = 2048  # a second or so of a renderer
AT_ONCE = 2  # pieces a renderer has at a time: one under way, one waiting


def pieces(rows: int, segment_rows: int) -> Iterator[tuple[int, int, int]]:
    """(segment, first row, row after the last) of all rows; each piece lies in one segment."""
    for segment, start in enumerate(range(0, rows, segment_rows)):
        end = min(start + segment_rows, rows)
        for first in range(start, end, PIECE_ROWS):
            yield segment, first, min(first + PIECE_ROWS, end)


class Looker(Protocol):
    """The one method of a renderer that a look needs."""

    async def look(self, job: str, segment: int, first: int, stop: int, stamp: int, /) -> Any:
        """What these rows come to, in sums that `merge`."""
        ...


async def look_over(
    renderers: Sequence[Looker],
    job: str,
    rows: int,
    segment_rows: int,
    stamp: int,
    at_once: int = AT_ONCE,
    progress: Callable[[int], None] | None = None,
) -> Any:
    """The look at all rows of the job; None for a job without rows. `progress` is told how many rows were looked at so far."""
    left = pieces(rows, segment_rows)
    whole: Any = None
    done = 0

    async def work(renderer: Looker) -> None:
        nonlocal whole, done
        for segment, first, stop in left:
            look = await renderer.look(job, segment, first, stop, stamp)
            if whole is None:
                whole = look
            else:
                whole.merge(look)
            done += stop - first
            if progress is not None:
                progress(done)

    tasks = [asyncio.ensure_future(work(renderer)) for renderer in renderers for _ in range(at_once)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return whole


def shut_gates(report: Mapping[str, Any]) -> list[Problem]:
    """What keeps the list out, by the report of a look at all of it."""
    return [
        Problem("content.gates", f"{gate['name']}: the gate is {gate['limit']}, the list has {gate['found']}")
        for gate in report["gates"]
        if not gate["passed"]
    ]
