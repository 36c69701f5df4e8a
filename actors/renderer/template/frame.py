"""The rows that a statement runs for: a shard, or the rows of it that took a branch, with the names that are set there.

A branch sees the names around it; what it sets is merged back for its rows only. Columns are loaded from Arrow when first used.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from actors.model.states import RowState
from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Limit, reason_of, state_of
from actors.renderer.functions.guards import weigh_lists
from actors.renderer.functions.limits import ITEMS_A_STEP, MAX_OUTPUT_CHARS, MAX_STEPS
from actors.renderer.functions.values import Col, Index, Lit, Mask, Value, from_arrow, list_of, select, spread
from actors.renderer.template.columns import Failure, Piece
from actors.renderer.template.sandbox import RowEnvironment


class Shard:
    """One run of a plan: the rows, the columns loaded so far, the rows that failed."""

    __slots__ = ("chars", "columns", "environment", "failed", "job", "n", "place", "steps", "table", "zone")

    def __init__(self, table: pa.Table | pa.RecordBatch, n: int, job: Context, environment: RowEnvironment, zone: ZoneInfo):
        self.table, self.n, self.job, self.environment, self.zone = table, n, job, environment, zone
        self.columns: dict[str, Col] = {}
        self.failed: dict[int, Failure] = {}
        self.place = ""  # file and line of what is being worked out
        self.steps = [0] * n  # what each row has used of MAX_STEPS
        self.chars = 0  # characters in the slots of all rows so far

    def column(self, name: str) -> Col:
        """A list column."""
        column = self.columns.get(name)
        if column is None:
            column = self.columns[name] = from_arrow(self.table.column(name), self.zone)
        return column


class Frame:
    """A scope of some rows; `index` gives their places in the shard (None: all rows)."""

    __slots__ = ("_loaded", "_parent", "index", "job", "n", "names", "shard", "within")

    def __init__(self, shard: Shard, index: Index | None = None, parent: "Frame | None" = None, within: Index | None = None):
        self.shard, self.job, self.index = shard, shard.job, index
        self.n = shard.n if index is None else len(index)
        self._parent, self.within = parent, within  # places of these rows in the parent; None: the same rows
        self.names: dict[str, Value] = {}  # what statements of this frame have set
        self._loaded: dict[str, Value] = {}

    def load(self, name: str) -> Value | None:
        """The name's values for these rows; None where nothing has that name."""
        value = self.names.get(name)
        if value is None:
            value = self._loaded.get(name)
        if value is None:
            if self._parent is not None:
                value = self._parent.load(name)
                if value is not None and self.within is not None:
                    value = value.take(self.within)
            elif name in self.job.types:
                value = self.shard.column(name)
            if value is not None:
                self._loaded[name] = value
        return value

    def among(self, mask: Mask) -> "Frame":
        """The rows of this frame where the mask is true."""
        within = np.flatnonzero(mask)
        return Frame(self.shard, within if self.index is None else self.index[within], self, within)

    def scoped(self) -> "Frame":
        """The same rows; what is set there does not come back."""
        return Frame(self.shard, self.index, self)

    def merge(self, mask: Mask, branch: "Frame") -> None:
        """Takes over what a branch (made by `among(mask)`) has set, for its rows."""
        for name, value in branch.names.items():
            before = self.load(name)
            if before is None:
                before = Lit(self.shard.environment.undefined(name=name))
            self.names[name] = select(mask, value, before) if isinstance(value, Lit) else spread(mask, value, before)

    def fail(self, i: int, error: BaseException, place: str = "") -> None:
        """Row i of the frame gives no text; the first reason stays. `place`: where, if not in what is being worked out."""
        at = i if self.index is None else int(self.index[i])
        if at not in self.shard.failed:
            self.shard.failed[at] = Failure(state_of(error), f"{place or self.shard.place}: {reason_of(error)}")

    def spend(self, i: int, values: Sequence[Any]) -> None:
        """Charges row i for lists that a column step touches."""
        weight = weigh_lists(values)
        if weight:
            at = i if self.index is None else int(self.index[i])
            self.shard.steps[at] += 1 + weight // ITEMS_A_STEP
            if self.shard.steps[at] > MAX_STEPS:
                raise Limit("takes too many steps")

    def alive(self) -> Mask | None:
        """Which rows have not failed; None: all."""
        failed = self.shard.failed
        if not failed:
            return None
        mask = np.ones(self.shard.n, np.bool_)
        mask[list(failed)] = False
        if self.index is not None:
            mask = mask[self.index]
        return None if mask.all() else mask

    def emit(self, pieces: list[Piece], texts: list[str]) -> None:
        """Adds a slot's texts of these rows; a row whose slots grow too long fails."""
        shard = self.shard
        if self.index is not None:
            full = [""] * shard.n
            for i, text in zip(self.index.tolist(), texts, strict=True):
                full[i] = text
            texts = full
        pieces.append(Piece(values=texts))
        shard.chars += sum(map(len, texts))
        if shard.chars > MAX_OUTPUT_CHARS:  # all rows together: no single one could be over it before
            for i, text in enumerate(texts):
                if i not in shard.failed and text and sum(len(p.values[i]) for p in pieces if p.values) > MAX_OUTPUT_CHARS:
                    shard.failed[i] = Failure(RowState.RENDER_ERROR, f"{shard.place}: writes a text that is too long")
                    texts[i] = ""

    def mask(self) -> Mask | None:
        """These rows as a mask over the shard; None: all."""
        if self.index is None:
            return None
        mask = np.zeros(self.shard.n, np.bool_)
        mask[self.index] = True
        return mask

    def visible(self) -> set[str]:
        """Every name that has a value here."""
        around = set(self.job.types) if self._parent is None else self._parent.visible()
        return around | self.names.keys()

    def rows(self, names: Iterable[str]) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The known ones of these names, and their values row by row."""
        found: Mapping[str, Value] = {name: value for name in names if (value := self.load(name)) is not None}
        lists = [list_of(value, self.n) for value in found.values()]
        return list(found), list(zip(*lists, strict=True)) if lists else [()] * self.n
