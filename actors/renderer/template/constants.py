"""Expressions whose inputs are all written down are worked out once, when the template is compiled, and stand in the tree as
constants: columns and the sandbox both find them there.

A function is folded if it gives the same for the same arguments in every row and asks for nothing; what a row or the job's data
has a part in is left. Lists stay as they are written, as their size is charged to the row.
"""

import math
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from jinja2 import nodes
from markupsafe import Markup

from actors.model.errors import Problem
from actors.renderer.functions import REGISTRY
from actors.renderer.functions.context import Context
from actors.renderer.functions.guards import weigh
from actors.renderer.functions.values import list_of
from actors.renderer.template.expressions import METHODS, Expressions, RowByRow
from actors.renderer.template.frame import Frame
from actors.renderer.template.places import Places
from actors.renderer.template.sandbox import RowEnvironment
from actors.renderer.template.shard import Shard
from actors.renderer.template.syntax import Source

MOST_CHARS = 10_000  # of a folded text: a longer one would be kept in the plan and in the code of the sandbox
MOST_WORK = 1_000_000  # characters and items that all constants of a template come to; what is beyond is left to the rows
_WORDS = (  # they end rows, ask for files or draw on the job's data
    "agg_rows barcode claim_code content encrypt_field img_attach lookup lookup_rows nearest pdf_attach qr rank_pct require"
    " skip_recipient"
)
_ROWS_OWN: Final = frozenset(_WORDS.split())
_KINDS = (
    nodes.BinExpr,
    nodes.UnaryExpr,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.Concat,
    nodes.List,
    nodes.Tuple,
    nodes.Getitem,
    nodes.Slice,
    nodes.Filter,
    nodes.Test,
    nodes.Call,
    nodes.Keyword,
)
_PARTS = (nodes.Operand, nodes.Slice, nodes.Keyword)  # of an expression, and no value by themselves
_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)  # what they name was looked for when the tree was read
_LEFT = (*_FILES, nodes.ScopedEvalContextModifier)  # where escaping may change
_WRITABLE = (bool, int, float, str, type(None))
_HELD = (Decimal, date, datetime, time, timedelta)


class _Fails(Exception):
    """A constant that no row can be given: why."""


class Constants:
    """Folds the files of one plan. `problems`: constants that cannot be worked out."""

    def __init__(self, environment: RowEnvironment, context: Context, escape: bool, shadowed: frozenset[str]):
        self._environment, self._context, self._shadowed = environment, context, shadowed
        self._expressions = Expressions(environment, escape, shadowed)
        self._zone = ZoneInfo(context.timezone)
        self._work = self._held = 0
        self.problems: list[Problem] = []

    def fold(self, sources: Iterable[Source]) -> None:
        """Puts constants into the trees."""
        for source in sources:
            _Folding(self, source).run()

    def value(self, node: nodes.Expr) -> Any:
        """What the expression, whose parts are constants, gives. Raises _Fails, and RowByRow where it cannot be known here."""
        if self._work > MOST_WORK:
            raise RowByRow("too much to work out beforehand")
        try:
            step = self._expressions.step(node)
        except (TypeError, KeyError):  # what does not fit or is not there is told elsewhere
            raise RowByRow("does not fit") from None
        shard = Shard(pa.table({}), 1, self._context, self._environment, self._zone)
        with np.errstate(all="ignore"):
            value = list_of(step(Frame(shard)), 1)[0]
        if shard.failed:
            raise _Fails(shard.failed[0].reason.removeprefix(": "))
        self._work += 1 + weigh(value)
        return value

    def pure(self, node: nodes.Node) -> bool:
        """Whether the expression depends on its parts alone."""
        if isinstance(node, nodes.Call):
            called = node.node
            if isinstance(called, nodes.Getattr):
                return called.attr in METHODS and isinstance(called.node, nodes.Const)
            return isinstance(called, nodes.Name) and self._folds(called.name)
        if isinstance(node, nodes.Filter):
            return node.node is not None and (node.name not in REGISTRY or self._folds(node.name))
        return isinstance(node, _KINDS)

    def _folds(self, name: str) -> bool:
        if name in self._shadowed or name in _ROWS_OWN:
            return False
        return name in REGISTRY and not REGISTRY[name].source  # those of other packages may do what they like

    def stand_in(self, value: Any, line: int) -> nodes.Expr | None:
        """The constant for a value; None where the tree cannot hold it."""
        if type(value) in _WRITABLE or type(value) is Markup:
            if (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, str) and len(value) > MOST_CHARS):
                return None
            return nodes.Const(value, lineno=line)
        if type(value) not in _HELD:
            return None
        name = f"constant_{self._held}"
        self._held += 1
        setattr(self._environment, name, value)
        return nodes.EnvironmentAttribute(name, lineno=line)


class _Folding:
    """One file."""

    def __init__(self, constants: Constants, source: Source):
        self._constants, self._source = constants, source
        self._known: set[int] = set()  # constants that the tree cannot hold
        self._replaced: dict[
            int, tuple[nodes.Node, nodes.Node]
        ] = {}  # the old ones live on, so that no other has their identity
        self._places: Places | None = None

    def run(self) -> None:
        self._visit(self._source.tree, self._source.tree)
        slots = {id(self._replaced[at][1]) if at in self._replaced else at: said for at, said in self._source.slots.items()}
        self._source.slots.clear()
        self._source.slots.update(slots)

    def _visit(self, node: nodes.Node, slot: nodes.Node) -> nodes.Node:
        """The node, or what stands for it."""
        if isinstance(node, _LEFT):
            return node
        call = node.call if isinstance(node, nodes.CallBlock) else None
        for field, value in list(node.iter_fields()):
            if isinstance(value, nodes.Node):
                setattr(node, field, self._visit(value, self._slot(node, value, slot)))
            elif isinstance(value, list):
                value[:] = [self._visit(v, self._slot(node, v, slot)) if isinstance(v, nodes.Node) else v for v in value]
        if call is not None:
            node.call = call  # type: ignore[attr-defined]  # what a block is handed to must stay a call
        return self._folded(node, slot)

    @staticmethod
    def _slot(node: nodes.Node, child: nodes.Node, slot: nodes.Node) -> nodes.Node:
        """The slot or tag that the child stands in."""
        return child if isinstance(node, nodes.Output) else node if isinstance(node, nodes.Stmt) else slot

    def _folded(self, node: nodes.Node, slot: nodes.Node) -> nodes.Node:
        constants = self._constants
        if not constants.pure(node) or not all(self._constant(part) for part in _inputs(node)):
            return node
        if isinstance(node, _PARTS):
            self._known.add(id(node))
            return node
        assert isinstance(node, nodes.Expr)
        try:
            value = constants.value(node)
        except RowByRow:
            return node
        except _Fails as why:
            self._tell(str(why), slot, node)
            return node
        made = None if isinstance(node, nodes.List | nodes.Tuple) else constants.stand_in(value, node.lineno)
        if made is None:
            if isinstance(value, list | tuple | str | float):
                self._known.add(id(node))
            return node
        self._replaced[id(node)] = node, made
        return made

    def _constant(self, node: nodes.Node) -> bool:
        return isinstance(node, nodes.Const | nodes.EnvironmentAttribute) or id(node) in self._known

    def _tell(self, reason: str, slot: nodes.Node, node: nodes.Node) -> None:
        self._places = self._places or Places(self._source)
        line, column = self._places.of(slot, node)
        problem = f"cannot be worked out, whatever the row: {reason}"
        self._constants.problems.append(Problem(self._source.name, problem, line, str(column) if column else ""))


def _inputs(node: nodes.Node) -> Iterable[nodes.Node]:
    """What an expression is made of."""
    for part in node.iter_child_nodes():
        if isinstance(node, nodes.Call) and part is node.node:
            if isinstance(part, nodes.Getattr):
                yield part.node
        else:
            yield part
