"""How the other roles see the renderer, and what a look at a row or a template shows. See `ports`."""

from typing import Any, Protocol

from actors.model.delivery import Envelopes
from actors.model.errors import Problem
from actors.model.job import RowArray, StampArray
from actors.model.states import RowState


class Renderer(Protocol):
    """Template and roster to envelopes."""

    async def check(self, job: str) -> list[Problem]:
        """Compiles the snapshot's templates: empty if every row could be rendered in principle."""
        ...

    async def render(self, job: str, segment: int, rows: RowArray, stamps: StampArray) -> Envelopes:
        """Messages for these rows (row numbers of the job, all in the segment). Pure over its arguments; stamps are never 0."""
        ...

    async def preview(self, job: str, row: int, stamp: int) -> "Preview":
        """One row's finished message and the values that went in."""
        ...

    async def look(self, job: str, segment: int, first: int, stop: int, stamp: int) -> Any:
        """What these rows of the segment come to, in sums that `merge`: nothing is kept or sent."""
        ...

    async def report(self, job: str, look: Any, stamp: int) -> dict[str, Any]:
        """The report of a look at all rows; docs/checking.md tells its shape."""
        ...

    async def explain(self, job: str) -> "list[ExplainedSlot]":
        """How each slot of the job's templates is worked out, part by part. InvalidInput if they cannot be compiled."""
        ...


class Preview(Protocol):
    """What a look at one row shows; renderer's `RowPreview` has these attributes."""

    row: int
    state: RowState
    reason: str
    message: bytes
    subject: str
    html: str
    text: str
    values: dict[str, str]
    return_path: str
    dsn: str  # "FAILURE,DELAY HDRS"; empty: none is asked for


class ExplainedSlot(Protocol):
    """One slot or statement of a template; renderer's `Slot` has these attributes."""

    part: str  # subject, preheader, html, text, "header X", "attachment 1 file", "attachment 1 name"
    file: str
    line: int
    source: str
    how: str  # "column" or "row by row"
    reason: str
    type: str
    kernel: str
    rate: int  # rows a second; 0 where it was not measured
