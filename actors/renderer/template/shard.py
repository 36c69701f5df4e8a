"""One run of a plan: its rows, the columns loaded so far, what each row has used of its limits, and the rows that failed.

`owners` says for each row of a frame which row of the shard pays for it; None: they are the shard's rows, in order.
"""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.model.states import RowState
from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Limit, reason_of, state_of
from actors.renderer.functions.guards import weigh_lists
from actors.renderer.functions.limits import ITEMS_A_STEP, MAX_HELD_CHARS, MAX_OUTPUT_CHARS, MAX_STEPS
from actors.renderer.functions.listcols import nested_from_arrow
from actors.renderer.functions.values import Col, Index, Mask
from actors.renderer.template.columns import Failure
from actors.renderer.template.sandbox import RowEnvironment
from actors.renderer.template.timelimit import Spent
from actors.renderer.template.timing import Timing

Amounts = NDArray[np.int64]
_TOO_MANY = "takes too many steps"


class Shard:
    """The state that the frames of one run share."""

    __slots__ = (
        "columns",
        "environment",
        "failed",
        "held",
        "job",
        "n",
        "place",
        "spent",
        "statics",
        "steps",
        "table",
        "timing",
        "zone",
    )

    def __init__(
        self,
        table: pa.Table | pa.RecordBatch,
        n: int,
        job: Context,
        environment: RowEnvironment,
        zone: ZoneInfo,
        statics: Sequence[str] = (),
    ):
        self.table, self.n, self.job, self.environment, self.zone = table, n, job, environment, zone
        self.statics = statics  # the plan's literals
        self.timing: Timing | None = None
        self.held: Amounts = np.zeros(n, np.int64)  # characters of texts that are kept for each row
        self.spent: Spent | None = None  # the time that the rows have taken
        self.columns: dict[str, Col] = {}
        self.failed: dict[int, Failure] = {}
        self.place = ""  # file and line of what is being worked out
        self.steps: Amounts = np.zeros(n, np.int64)  # what each row has used of MAX_STEPS

    def column(self, name: str) -> Col:
        """A list column."""
        column = self.columns.get(name)
        if column is None:
            column = self.columns[name] = nested_from_arrow(self.table.column(name), self.zone)
        return column

    def fail(self, at: int, error: BaseException, place: str = "") -> None:
        """The row gives no text; its first reason stays. `place`: where, if not in what is being worked out."""
        if at not in self.failed:
            self.failed[at] = Failure(state_of(error), f"{place or self.place}: {reason_of(error)}")

    def stop(self, at: int, reason: str) -> None:
        """Ends a row that has used up what it may."""
        self.failed.setdefault(at, Failure(RowState.RENDER_ERROR, f"{self.place}: {reason}"))

    def alive(self, owners: Index | None) -> Mask | None:
        """Which rows have not failed; None: all."""
        if not self.failed:
            return None
        mask = np.ones(self.n, np.bool_)
        mask[list(self.failed)] = False
        if owners is not None:
            mask = mask[owners]
        return None if mask.all() else mask

    def spend(self, at: int, values: Sequence[Any]) -> None:
        """Charges the row for lists that a column step touches. Raises Limit."""
        if self.steps[at] > MAX_STEPS:  # an item before this one has ended the row
            raise Limit(_TOO_MANY)
        weight = weigh_lists(values)
        if weight:
            self.steps[at] += 1 + weight // ITEMS_A_STEP
            if self.steps[at] > MAX_STEPS:
                raise Limit(_TOO_MANY)

    def charge(self, owners: Index | None, steps: Amounts | int) -> None:
        """Charges the owners these steps; those that have no more left fail."""
        if owners is None:
            self.steps += steps
        else:
            self.steps += self.sums(owners, np.broadcast_to(np.int64(steps), len(owners)))
        if self.n and self.steps.max() > MAX_STEPS:
            for at in np.flatnonzero(self.steps > MAX_STEPS).tolist():
                self.stop(at, _TOO_MANY)

    def take_time(self, owners: Index | None, n: int, least: float) -> bool:
        """Charges the owners of `n` rows, those that live, the time since the last count, if it is this long at least, and
        ends those that have taken too much; whether none is left."""
        spent = self.spent
        seconds = 0.0 if spent is None else spent.take(least)
        if spent is None or not seconds:
            return False
        alive = self.alive(owners)
        paying = n if alive is None else np.count_nonzero(alive)
        if not paying:
            return True
        if owners is None:
            spent.rows[:] += seconds / paying
        else:
            spent.rows += np.bincount(owners if alive is None else owners[alive], minlength=len(spent.rows)) * (
                seconds / paying
            )
        over = spent.rows > spent.most
        if not over.any():
            return False
        for at in np.flatnonzero(over).tolist():
            self.stop(at, spent.reason(at))
        alive = self.alive(owners)
        return alive is not None and not alive.any()

    def hold(self, owners: Index, chars: Amounts) -> bool:
        """Counts texts that are kept for these rows. Where all rows keep too much, those that keep most fail; tells whether."""
        self.held = self.held + self.sums(owners, chars)
        if self.held.sum() <= MAX_HELD_CHARS:
            return False
        for at in np.flatnonzero(self.held >= self.held[self.held > 0].mean()).tolist():
            self.stop(at, "makes texts that are too long together")
            self.held[at] = 0
        return True

    def limit_written(self, chars: Amounts) -> Mask:
        """Ends the rows that write more characters than a row may; which they are."""
        long: Mask = chars > MAX_OUTPUT_CHARS
        for at in np.flatnonzero(long).tolist():
            self.stop(at, "writes a text that is too long")
        return long

    def sums(self, owners: Index, amounts: Amounts) -> Amounts:
        """The sum of the amounts of each row."""
        sums: Amounts = np.bincount(owners, amounts, self.n).astype(np.int64)
        return sums
