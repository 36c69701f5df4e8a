"""The rows that a statement runs for: a shard, or the rows of it that took a branch, with the names that are set there.

A branch sees the names around it; what it sets is merged back for its rows only. Columns are loaded from Arrow when first used.
In a loop the rows of a frame are the items of many rows of the shard; a mistake in one item ends its whole row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.model.states import RowState
from actors.renderer.functions import Function
from actors.renderer.functions.choosing import select, spread
from actors.renderer.functions.coded import Coded
from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Limit, reason_of, state_of
from actors.renderer.functions.guards import weigh_lists
from actors.renderer.functions.limits import ITEMS_A_STEP, MAX_HELD_CHARS, MAX_OUTPUT_CHARS, MAX_STEPS
from actors.renderer.functions.listcols import nested_from_arrow
from actors.renderer.functions.strings import longest_bytes
from actors.renderer.functions.values import Col, Index, Lit, Mask, Value, list_of
from actors.renderer.template.columns import Failure, Piece
from actors.renderer.template.itemtexts import LoopPiece, Texts, joined
from actors.renderer.template.printing import printed
from actors.renderer.template.sandbox import RowEnvironment
from actors.renderer.template.timelimit import GRAIN, Spent
from actors.renderer.template.timing import Timing

_EMPTY = pa.array([""])


def _same(value: Value) -> Any:
    """What two equal arguments have in common."""
    if isinstance(value, Lit) and isinstance(value.value, int | str | float | None):
        return type(value.value), repr(value.value)
    return id(value)


def _call(function: Function, args: list[Value]) -> tuple[Any, ...]:
    return function.name, *map(_same, args)


class Shard:
    """One run of a plan: the rows, the columns loaded so far, the rows that failed."""

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
        self.held: NDArray[np.int64] = np.zeros(n, np.int64)  # characters of texts that are kept for each row
        self.spent: Spent | None = None  # the time that the rows have taken
        self.columns: dict[str, Col] = {}
        self.failed: dict[int, Failure] = {}
        self.place = ""  # file and line of what is being worked out
        self.steps: NDArray[np.int64] = np.zeros(n, np.int64)  # what each row has used of MAX_STEPS

    def column(self, name: str) -> Col:
        """A list column."""
        column = self.columns.get(name)
        if column is None:
            column = self.columns[name] = nested_from_arrow(self.table.column(name), self.zone)
        return column


class Space:
    """What pieces stand for: the rows of a shard, or the items of a loop, at most `most` of them of one row. `owners`: the rows
    in the shard that they belong to (None: they are the rows)."""

    __slots__ = ("longest", "most", "n", "owners")

    def __init__(self, n: int, owners: Index | None = None, most: int = 1):
        self.n, self.owners, self.most = n, owners, most
        self.longest = 0  # no place of it has more characters than this so far


class Frame:
    """A scope of some rows of its space. `index`: their places there; `owners`: their rows in the shard (None: all of them)."""

    __slots__ = (
        "_loaded",
        "_made",
        "_origins",
        "_parent",
        "_printed",
        "_sees",
        "base",
        "depth",
        "index",
        "job",
        "n",
        "names",
        "owners",
        "shard",
        "space",
        "within",
    )

    def __init__(
        self,
        shard: Shard,
        space: Space | None = None,
        index: Index | None = None,
        owners: Index | None = None,
        parent: "Frame | None" = None,
        within: Index | None = None,
    ):
        self.shard, self.job, self.index, self.owners = shard, shard.job, index, owners
        self.space = space or Space(shard.n)
        self.n = self.space.n if index is None else len(index)
        self._parent, self.within = parent, within  # places of these rows in the parent; None: the same rows
        self.names: dict[str, Value] = {}  # what statements of this frame have set
        self._loaded: dict[str, Value] = {}
        self._origins: dict[int, tuple[Value, Value]] = {}  # of what was loaded for some rows of the parent: its value there
        self._made: dict[tuple[Any, ...], tuple[list[Value], Value]] = {}
        self._printed: dict[tuple[int, bool], tuple[Value, Texts]] = {}
        self.depth: int = 0 if parent is None else parent.depth  # scopes around this one
        self.base: int = 0 if parent is None else parent.base  # the depth of the file's own top level
        self._sees: int | None = None  # of the frames around it only the names of scopes down to this depth; None: all

    def load(self, name: str, depth: int | None = None) -> Value | None:
        """The name's values for these rows; None where nothing has that name. `depth`: not from scopes inside of that one."""
        if depth is not None and self.depth > depth:
            value = None if self._parent is None else self._parent.load(name, depth)
            return value if value is None or self.within is None else value.take(self.within)
        value = self.names.get(name)
        if value is None:
            value = self._loaded.get(name)
        if value is None:
            if self._parent is not None:
                value = self._parent.load(name, self._sees)
                if value is not None and self.within is not None:
                    whole, value = value, value.take(self.within)
                    self._origins[id(value)] = value, whole
            elif name in self.job.types or name in self.job.pools.values():
                value = self.shard.column(name)
            if value is not None:
                self._loaded[name] = value
        return value

    def once(self, function: Function, args: list[Value]) -> Value:
        """What the function gives: worked out once for the same values in the same rows. Values never change, so one is known
        by its identity; those in `_made` stay alive with the frame."""
        made = self._known(function, args)
        if made is None:
            made = function.run(self, args)
            self._made[_call(function, args)] = args, made
        return made

    def _known(self, function: Function, args: list[Value]) -> Value | None:
        """What the call has given here, or for more rows in a frame around this one."""
        made = self._made.get(_call(function, args))
        if made is not None:
            return made[1]
        if self._parent is None:
            return None
        if self.within is None:
            return self._parent._known(function, args)
        origins = [(arg, arg) if isinstance(arg, Lit) else self._origins.get(id(arg)) for arg in args]
        known = self._parent._known(function, [found[1] for found in origins if found]) if all(origins) else None
        return None if known is None else known.take(self.within)

    def printed(self, value: Value, escape: bool) -> Texts:
        """The texts of a slot, made once for the same value."""
        key = id(value), escape
        made = self._printed.get(key)
        if made is None:
            made = self._printed[key] = value, printed(self, value, escape)
        return made[1]

    def among(self, mask: Mask) -> "Frame":
        """The rows of this frame where the mask is true."""
        return self.chosen(np.flatnonzero(mask))

    def chosen(self, within: Index) -> "Frame":
        """These rows of the frame."""
        index = within if self.index is None else self.index[within]
        return Frame(self.shard, self.space, index, self._owners(within), self, within)

    def scoped(self, sees: int | None = None) -> "Frame":
        """The same rows; what is set there does not come back. `sees`: the depth of the scope whose names are seen there."""
        frame = Frame(self.shard, self.space, self.index, self.owners, self)
        frame.depth, frame._sees = self.depth + 1, sees
        return frame

    def items(self, within: Index, most: int = 1) -> "Frame":
        """A space of its own with one row for each item of a loop; `within` are the rows of this frame that they belong to."""
        owners = self._owners(within)
        frame = Frame(self.shard, Space(len(within), owners, most), None, owners, self, within)
        frame.depth = self.depth + 1
        return frame

    def captured(self, act: "Callable[[Frame, list[Piece]], None]") -> Texts:
        """The text that the act gives each row, which goes into no piece."""
        inner = self.items(np.arange(self.n))
        pieces: list[Piece] = []
        act(inner, pieces)
        return joined(pieces, self.shard.statics, np.ones(self.n, np.int64))

    def _owners(self, within: Index) -> Index:
        return within if self.owners is None else self.owners[within]

    def merge(self, mask: Mask, branch: "Frame") -> None:
        """Takes over what a branch (made by `among(mask)`) has set, for its rows."""
        for name, value in branch.names.items():
            before = self.load(name)
            if before is None:
                before = Lit(self.shard.environment.undefined(name=name))
            self.names[name] = select(mask, value, before) if isinstance(value, Lit) else spread(mask, value, before)

    def owner(self, i: int) -> int:
        """The shard's row that row i of the frame belongs to."""
        return i if self.owners is None else int(self.owners[i])

    def fail(self, i: int, error: BaseException, place: str = "") -> None:
        """Row i of the frame gives no text; the first reason stays. `place`: where, if not in what is being worked out."""
        at = self.owner(i)
        if at not in self.shard.failed:
            self.shard.failed[at] = Failure(state_of(error), f"{place or self.shard.place}: {reason_of(error)}")

    def spend(self, i: int, values: Sequence[Any]) -> None:
        """Charges row i for lists that a column step touches."""
        at = self.owner(i)
        if self.shard.steps[at] > MAX_STEPS:  # an item before this one has ended the row
            raise Limit("takes too many steps")
        weight = weigh_lists(values)
        if weight:
            self.shard.steps[at] += 1 + weight // ITEMS_A_STEP
            if self.shard.steps[at] > MAX_STEPS:
                raise Limit("takes too many steps")

    def charge(self, steps: NDArray[np.int64] | int) -> None:
        """Charges each row of the frame these steps; the rows that have no more left fail."""
        shard = self.shard
        if self.owners is None:
            shard.steps += steps
        else:
            shard.steps += _sums(self.owners, np.broadcast_to(np.int64(steps), self.n), shard.n)
        if self.n and shard.steps.max() > MAX_STEPS:
            for at in np.flatnonzero(shard.steps > MAX_STEPS).tolist():
                self._stop(at, "takes too many steps")

    def late(self, least: float = GRAIN) -> bool:
        """Charges the living rows of the frame the time since the last count, if it is this long at least, and ends those that
        have taken too much; whether none is left."""
        spent = self.shard.spent
        seconds = 0.0 if spent is None else spent.take(least)
        if spent is None or not seconds:
            return False
        alive = self.alive()
        paying = self.n if alive is None else np.count_nonzero(alive)
        if not paying:
            return True
        if self.owners is None:
            spent.rows[:] += seconds / paying
        else:
            spent.rows += np.bincount(self.owners if alive is None else self.owners[alive], minlength=len(spent.rows)) * (
                seconds / paying
            )
        over = spent.rows > spent.most
        if not over.any():
            return False
        for at in np.flatnonzero(over).tolist():
            self._stop(at, spent.reason(at))
        alive = self.alive()
        return alive is not None and not alive.any()

    def hold(self, values: list[Any], start: int) -> None:
        """Counts the texts among the values of rows from `start` on. Where they are too much to hold, the rows that have most
        fail, and their values become null."""
        places = range(start, min(len(values), self.n))
        sizes = np.fromiter((len(values[i]) if isinstance(values[i], str) else 0 for i in places), np.int64, len(places))
        owners = np.arange(start, places.stop) if self.owners is None else self.owners[start : places.stop]
        shard = self.shard
        shard.held = shard.held + _sums(owners, sizes, shard.n)
        if shard.held.sum() <= MAX_HELD_CHARS:
            return
        for at in np.flatnonzero(shard.held >= shard.held[shard.held > 0].mean()).tolist():
            self._stop(at, "makes texts that are too long together")
            shard.held[at] = 0
        for i, at in zip(places, owners.tolist(), strict=True):
            if at in shard.failed:
                values[i] = None

    def _stop(self, at: int, reason: str) -> None:
        """Ends a row of the shard."""
        self.shard.failed.setdefault(at, Failure(RowState.RENDER_ERROR, f"{self.shard.place}: {reason}"))

    def alive(self) -> Mask | None:
        """Which rows have not failed; None: all."""
        failed = self.shard.failed
        if not failed:
            return None
        mask = np.ones(self.shard.n, np.bool_)
        mask[list(failed)] = False
        if self.owners is not None:
            mask = mask[self.owners]
        return None if mask.all() else mask

    def emit(self, pieces: list[Piece], texts: Texts, closed: bool = False) -> None:
        """Adds a slot's texts of these rows; a row whose slots grow too long fails. `closed`: a literal follows at once."""
        space = self.space
        if isinstance(texts, Coded):
            pieces.append(Piece(coded=texts if self.index is None else texts.placed(self.index, space.n), closed=closed))
            self.wrote(pieces, texts.longest())
            return
        longest = max(map(len, texts), default=0) if isinstance(texts, list) else longest_bytes(texts)
        if self.index is None:
            placed = texts
        elif isinstance(texts, list):
            placed = [""] * space.n
            for i, text in zip(self.index.tolist(), texts, strict=True):
                placed[i] = text
        else:
            places = np.zeros(space.n, np.int64)
            places[self.index] = np.arange(1, self.n + 1)
            placed = pa.concat_arrays([_EMPTY, texts]).take(pa.array(places))
        pieces.append(Piece(values=placed, closed=closed) if isinstance(placed, list) else Piece(text=placed, closed=closed))
        self.wrote(pieces, longest)

    def looped(self, pieces: list[Piece], items: "Frame", written: list[Piece], counts: NDArray[np.int64]) -> None:
        """Adds what a loop wrote for these rows, each of which has so many of the items."""
        if not written:
            return
        if self.index is not None:
            placed = np.zeros(self.space.n, np.int64)
            placed[self.index] = counts
            counts = placed
        pieces.append(LoopPiece(written, self.shard.statics, counts))
        literals = sum(len(self.shard.statics[piece.static]) for piece in written if piece.static >= 0)
        self.wrote(pieces, int(counts.max(initial=0)) * (items.space.longest + literals))

    def wrote(self, pieces: list[Piece], chars: int) -> None:
        """Notes that the last of these pieces has at most so many characters in any place."""
        space = self.space
        space.longest += chars
        if space.longest * space.most > MAX_OUTPUT_CHARS:
            self._measure(pieces)

    def _measure(self, pieces: list[Piece]) -> None:
        """Counts what each row has written in this space, and stops those that wrote too much."""
        space, shard = self.space, self.shard
        chars = np.zeros(space.n, np.int64)
        for piece in pieces:
            if piece.static < 0:
                chars += piece.lengths()
            elif space.owners is not None:  # a literal outside of loops costs a row nothing
                chars += len(shard.statics[piece.static]) * (1 if piece.mask is None else piece.mask)
        total = chars if space.owners is None else _sums(space.owners, chars, shard.n)
        long = total > MAX_OUTPUT_CHARS
        if long.any():
            for at in np.flatnonzero(long).tolist():
                self._stop(at, "writes a text that is too long")
            last = pieces[-1]
            gone = long if space.owners is None else long[space.owners]
            if last.static < 0:
                pieces[-1] = Piece(values=["" if cut else text for text, cut in zip(last.values, gone.tolist(), strict=True)])
        space.longest = int(total[~long].max(initial=0)) // space.most

    def mask(self) -> Mask | None:
        """These rows as a mask over their space; None: all."""
        if self.index is None:
            return None
        mask = np.zeros(self.space.n, np.bool_)
        mask[self.index] = True
        return mask

    def visible(self) -> set[str]:
        """Every name that has a value here."""
        around = {*self.job.types, *self.job.pools.values()} if self._parent is None else self._parent.visible()
        return around | self.names.keys()

    def rows(self, names: Iterable[str]) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The known ones of these names, and their values row by row."""
        found: Mapping[str, Value] = {name: value for name in names if (value := self.load(name)) is not None}
        lists = [list_of(value, self.n) for value in found.values()]
        return list(found), list(zip(*lists, strict=True)) if lists else [()] * self.n


def _sums(owners: Index, amounts: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """The sum of the amounts of each owner."""
    sums: NDArray[np.int64] = np.bincount(owners, amounts, n).astype(np.int64)
    return sums
