"""How fast each slot of a plan is: seconds, rows and kind of value of every step of a run, noted by whoever asks for it.

The clock is handed in; a run that nobody measures asks for none.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from jinja2 import nodes

from actors.renderer.functions import REGISTRY
from actors.renderer.functions.listcols import ListCol, RowCol
from actors.renderer.functions.values import Lit, Value, kind_of

_WORDS = {"N": "column kernel", "D": "once a distinct value", "R": "value by value", "J": "join"}
_TYPES = {"int": "int64", "float": "float64", "decimal": "decimal128", "datetime": "timestamp", "obj": "any"}
_KERNELS: tuple[tuple[type[nodes.Node], str], ...] = (
    (nodes.Const, "constant"),
    (nodes.EnvironmentAttribute, "constant"),
    (nodes.Name, "column"),
    (nodes.Compare, "comparison"),
    (nodes.BinExpr, "arithmetic"),
    (nodes.CondExpr, "choice by mask"),
    (nodes.Concat, "concatenation"),
    (nodes.Getattr, "field"),
    (nodes.Getitem, "entry"),
    (nodes.Test, "test"),
)


@dataclass
class Timing:
    """What the steps of one run took; keyed by their number among the plan's reports."""

    clock: Callable[[], float]
    seconds: dict[int, float] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)
    types: dict[int, str] = field(default_factory=dict)

    def note(self, number: int, rows: int, start: float, value: Value | None = None) -> None:
        """A step that began at `start` is done."""
        self.seconds[number] = self.seconds.get(number, 0.0) + self.clock() - start
        self.rows[number] = self.rows.get(number, 0) + rows
        if value is not None:
            self.types[number] = type_of(value)

    def rate(self, number: int) -> int:
        """Rows a second; 0 where the step did not run."""
        rows, seconds = self.rows.get(number, 0), self.seconds.get(number, 0.0)
        return round(rows / max(seconds, 1e-9)) if rows else 0


def type_of(value: Value) -> str:
    """The type of a column as users name it."""
    if isinstance(value, ListCol):
        return "rows of a table" if isinstance(value.items, RowCol) else "list"
    if isinstance(value, RowCol):
        return "row of a table"
    if isinstance(value, Lit) and value.value is None:
        return "null"
    if isinstance(value, Lit) and isinstance(value.value, list | tuple | range):
        return "list"
    kind = kind_of(value)
    return _TYPES.get(kind, kind)


def kernel_of(node: nodes.Node) -> str:
    """What works out the outermost part of an expression."""
    name = ""
    if isinstance(node, nodes.Filter):
        name = node.name
    elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
        name = node.node.name
    elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        name = f".{node.node.attr}()"
    if name:
        return f"{name}: {_WORDS.get(REGISTRY[name].kind, '') if name in REGISTRY else 'value by value'}"
    return next((word for kind, word in _KERNELS if isinstance(node, kind)), "logic")
