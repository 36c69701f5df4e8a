"""What operators, tests of order and filters of Jinja2 do with each kind of operand: tried on samples with the very functions
that rows run, so that the table cannot tell another story than the rows.

A kind is a type of list column (int, float, decimal, text, bool, date, timestamp) or `list`. `None` means not known.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from itertools import product
from typing import Any, Final

from jinja2 import nodes
from markupsafe import Markup

from actors.renderer.functions.decimals import COMPARE
from actors.renderer.functions.guards import binop, unop
from actors.renderer.functions.kinds import Kinds

SIGNS: Final[dict[type[nodes.BinExpr], str]] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
    nodes.Pow: "**",
}
ORDERED: Final = frozenset(("lt", "lteq", "gt", "gteq", "in", "notin"))  # == and != take anything
# Texts with and without a place for `%`; a list of nothing goes with more than one of something.
SAMPLES: Final[dict[str, tuple[Any, ...]]] = {
    "int": (0, 1, -1, 2, 3),
    "float": (0.0, 1.0, -1.0, 2.5),
    "decimal": (Decimal(0), Decimal(1), Decimal("-1.50")),
    "text": ("", "a", "%s", "%d", "%(a)s", "2024-05-01", Markup("a"), Markup("%s")),
    "bool": (True, False),
    "date": (date(2024, 2, 29), date(1990, 1, 1)),
    "timestamp": (datetime(2024, 2, 29, tzinfo=UTC), datetime(1990, 1, 1)),  # with and without a zone
    "list": ([], [1], ["a"], [{"a": 1}]),
}
_KIND_OF: Final[dict[type, str]] = {type(v): kind for kind, values in SAMPLES.items() for v in values}

NUMBERS: Final = frozenset(("int", "float", "decimal", "bool"))
ITEMS: Final = frozenset(("text", "list"))  # what can be gone through
# What the filtered value of Jinja2's filters has to be.
FILTER_KINDS: Final[dict[str, Kinds]] = {
    "abs": NUMBERS,
    "round": NUMBERS,
    **dict.fromkeys(["count", "first", "join", "last", "length", "list", "max", "min", "reverse", "sort", "sum"], ITEMS),
}
FILTER_RESULTS: Final[dict[str, Kinds]] = {
    **dict.fromkeys(["capitalize", "lower", "string", "title", "trim", "upper"], frozenset(("text",))),
    **dict.fromkeys(["count", "length", "wordcount"], frozenset(("int",))),
}


@cache
def binary(op: str, left: str, right: str) -> tuple[bool, Kinds | None]:
    """Whether `left op right` can do, and the kinds that it gives."""
    return _tried(lambda a, b: binop(op, a, b), (left, right))


@cache
def unary(op: str, kind: str) -> tuple[bool, Kinds | None]:
    """The same for a sign."""
    return _tried(lambda a: unop(op, a), (kind,))


@cache
def ordered(op: str, left: str, right: str) -> bool:
    """Whether the comparison (a name of Jinja2's tree) can do."""
    return op not in ORDERED or _tried(COMPARE[op], (left, right))[0]


def _tried(function: Callable[..., Any], kinds: Sequence[str]) -> tuple[bool, Kinds | None]:
    """It cannot do where every choice of samples is a TypeError."""
    found: set[str | None] = set()
    can = False
    for values in product(*(SAMPLES[kind] for kind in kinds)):
        try:
            found.add(_KIND_OF.get(type(function(*values))))
        except TypeError:
            continue
        except Exception:  # the values are to blame: a division by zero
            can = True
            continue
        can = True
    known = frozenset(kind for kind in found if kind is not None)
    return can, known if known and len(known) == len(found) else None
