"""What the ledger says of rows, as result files and the API show it: one line a row, a page of lines as columns."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, overload

from actors.model.states import RowState


@dataclass(slots=True)
class RowLine:
    """One row's last outcome. Times in seconds since the epoch, 0 = never."""

    row: int
    state: RowState
    attempts: int = 0
    stage: str = ""
    blame: str = ""
    code: int = 0
    enhanced: str = ""
    reply: str = ""
    site: str = ""
    host: str = ""
    egress: str = ""
    reason: str = ""
    tls: str = ""
    first_at: float = 0.0
    last_at: float = 0.0
    in_doubt: int = 0  # how many times the row was in doubt


NAMES = tuple(field.name for field in fields(RowLine))
_INDEX = {name: i for i, name in enumerate(NAMES)}
_values = attrgetter(*NAMES)


class RowLines(Sequence[RowLine]):
    """A page of lines, by row number. Held and sent as columns in the order of `NAMES`, which takes a tenth of the time of an
    object a row; a line is made when somebody looks at it."""

    __slots__ = ("_columns",)

    def __init__(self, columns: Sequence[Sequence[Any]] = ()):
        self._columns = tuple(columns) or ((),) * len(NAMES)

    @classmethod
    def of(cls, lines: Iterable[RowLine]) -> "RowLines":
        return cls(tuple(zip(*map(_values, lines), strict=True)))

    def column(self, name: str) -> Sequence[Any]:
        """One value a line."""
        return self._columns[_INDEX[name]]

    def __len__(self) -> int:
        return len(self._columns[0])

    def __iter__(self) -> Iterator[RowLine]:
        return map(RowLine, *self._columns)

    @overload
    def __getitem__(self, index: int) -> RowLine: ...
    @overload
    def __getitem__(self, index: slice) -> "RowLines": ...
    def __getitem__(self, index: int | slice) -> "RowLine | RowLines":
        picked: list[Any] = [column[index] for column in self._columns]
        return RowLines(picked) if isinstance(index, slice) else RowLine(*picked)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as a list's

    def __repr__(self) -> str:
        return f"RowLines({len(self)} lines)"
