"""The rows that a statement runs for: a shard, or the rows of it that took a branch, with the names that are set there.

A branch sees the names around it; what it sets is merged back for its rows only. Columns are loaded from Arrow when first used.
In a loop the rows of a frame are the items of many rows of the shard; a mistake in one item ends its whole row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.renderer.functions import Function
from actors.renderer.functions.choosing import select, spread
from actors.renderer.functions.limits import MAX_OUTPUT_CHARS
from actors.renderer.functions.values import MARKUP, TEXT, Col, Index, Lit, Mask, Value, list_of
from actors.renderer.template.columns import Piece
from actors.renderer.template.itemtexts import Texts, joined
from actors.renderer.template.printing import printed
from actors.renderer.template.shard import Shard
from actors.renderer.template.space import Space
from actors.renderer.template.timelimit import GRAIN


def _same(value: Value) -> Any:
    """What two equal arguments have in common."""
    if isinstance(value, Lit) and isinstance(value.value, int | str | float | None):
        return type(value.value), repr(value.value)
    return id(value)


def _call(function: Function, args: list[Value]) -> tuple[Any, ...]:
    return function.name, *map(_same, args)


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
        self.space = space or Space(shard)
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
        call = _call(function, args)
        made = self._known(function, args, call)
        if made is None:
            made = function.run(self, args)
            self._made[call] = args, made
        return made

    def _known(self, function: Function, args: list[Value], call: tuple[Any, ...]) -> Value | None:
        """What the call has given here, or for more rows in a frame around this one."""
        made = self._made.get(call)
        if made is not None:
            return made[1]
        if self._parent is None:
            return None
        if self.within is None:
            return self._parent._known(function, args, call)
        origins = [(arg, arg) if isinstance(arg, Lit) else self._origins.get(id(arg)) for arg in args]
        if not all(origins):
            return None
        there = [found[1] for found in origins if found]
        known = self._parent._known(function, there, _call(function, there))
        return None if known is None else known.take(self.within)

    def printed(self, value: Value, escape: bool) -> Texts:
        """The texts of a slot, made once for the same value."""
        key = id(value), escape
        made = self._printed.get(key)
        if made is None:
            made = self._printed[key] = value, printed(self, self._fitting(value), escape)
        return made[1]

    def _fitting(self, value: Value) -> Value:
        """The value; null for rows that have more to write than a row may, before their texts are escaped and copied."""
        if not isinstance(value, Col) or value.kind not in (TEXT, MARKUP) or not value.in_python:
            return value
        if self.shard.held.sum() <= MAX_OUTPUT_CHARS:
            return value
        chars = value.chars()
        owners = np.arange(self.n) if self.owners is None else self.owners
        self.shard.limit_written(self.shard.sums(owners, chars))
        alive = self.alive()
        return value if alive is None else select(alive, value, Lit(None))

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
        frame = Frame(self.shard, Space(self.shard, owners, most), None, owners, self, within)
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
        self.shard.fail(self.owner(i), error, place)

    def spend(self, i: int, values: Sequence[Any]) -> None:
        """Charges row i for lists that a column step touches. Raises Limit."""
        self.shard.spend(self.owner(i), values)

    def charge(self, steps: NDArray[np.int64] | int) -> None:
        """Charges each row of the frame these steps; the rows that have no more left fail."""
        self.shard.charge(self.owners, steps)

    def late(self, least: float = GRAIN) -> bool:
        """Charges the living rows the time since the last count, if it is this long at least, and ends those that have taken
        too much; whether none is left."""
        return self.shard.take_time(self.owners, self.n, least)

    def hold(self, values: list[Any], start: int) -> None:
        """Counts the texts among the values of rows from `start` on. Where they are too much to hold, the rows that have most
        fail. The values of rows that have failed become null: nobody needs them."""
        owners = np.arange(len(values)) if self.owners is None else self.owners[: len(values)]
        failed = self.shard.failed
        for i in range(start, len(values)):
            if failed and owners[i] in failed:
                values[i] = None
        sizes = [len(value) if isinstance(value, str) else 0 for value in values[start:]]
        if self.shard.hold(owners[start:], np.array(sizes, np.int64)):
            for i, at in enumerate(owners.tolist()):
                if at in failed:
                    values[i] = None

    def alive(self) -> Mask | None:
        """Which rows have not failed; None: all."""
        return self.shard.alive(self.owners)

    def emit(self, pieces: list[Piece], texts: Texts, closed: bool = False) -> None:
        """Adds a slot's texts of these rows; a row whose slots grow too long fails. `closed`: a literal follows at once."""
        self.space.write(pieces, texts, self.index, closed)

    def looped(self, pieces: list[Piece], items: "Frame", written: list[Piece], counts: NDArray[np.int64]) -> None:
        """Adds what a loop wrote for these rows, each of which has so many of the items."""
        if written:
            self.space.write_items(pieces, items.space, written, counts, self.index)

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


Step = Callable[[Frame], Value]  # gives an expression's values for the rows of a frame
Act = Callable[[Frame, list[Piece]], None]  # adds what a statement writes for them
