"""Types of a template's expressions, from those of the list's and the tables' columns, and what cannot work for them.

Told is only what fails in every row that works it out, whatever its values are; what is not known is never told. Nothing is
told under a question about types (`is string`, `is none`, `is defined`) or under `default`: the template has seen to it.
Nulls, which end a row in most places too, are left to the rows.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import product

from jinja2 import nodes

from actors.model.errors import Problem
from actors.renderer.functions import REGISTRY
from actors.renderer.functions.context import Context
from actors.renderer.functions.kinds import ARGUMENT_KINDS, RESULT_KINDS, Kinds
from actors.renderer.template.metering import set_names
from actors.renderer.template.operands import (
    FILTER_KINDS,
    FILTER_RESULTS,
    ITEMS,
    NUMBERS,
    SAMPLES,
    SIGNS,
    binary,
    ordered,
    unary,
)
from actors.renderer.template.places import Places
from actors.renderer.template.syntax import Source
from actors.renderer.template.walking import find_all

_ORDER = {"lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in"}
_TYPES = {kind: frozenset((kind,)) for kind in SAMPLES}
_OF_PYTHON = {int: "int", float: "float", str: "text", bool: "bool"}
_WORDS = "divisibleby eq equalto even ge greaterthan gt in le lessthan lower lt ne odd upper == != < <= > >="
_PLAIN_TESTS = frozenset(_WORDS.split())  # those that do not ask what a value is
_GIVES = frozenset(("d", "default"))


def kind_problems(sources: Iterable[Source], context: Context, own: frozenset[str]) -> list[Problem]:
    """What cannot work in any row. `own`: names that the templates give a meaning of their own."""
    found = []
    files = list(sources)
    stores: list[str] = [node.name for source in files for node in find_all(source.tree, nodes.Name) if node.ctx != "load"]
    stores += [name for source in files for name in set_names(source.tree)]  # of macros and imports, too
    once = {name for name, times in Counter(stores).items() if times == 2}  # as a name of the tree, and as one that is set
    for i, source in enumerate(files):
        reader = _Reader(source, context, own, once, library=i > 0)
        reader.statement(source.tree)
        found += reader.problems
    return found


class _Reader:
    """Goes through one file. `once`: names that are set in one place of all files. `library`: its macros may be for others."""

    def __init__(self, source: Source, context: Context, own: frozenset[str], once: set[str], library: bool):
        self.problems: list[Problem] = []
        self._source, self._context, self._own, self._once, self._library = source, context, own, once, library
        self._known: dict[str, Kinds] = {}  # names that are set once
        self._rows: dict[str, str] = {}  # loop targets that are rows: the table's name
        self._slot: nodes.Node = source.tree
        self._quiet = 0
        self._places: Places | None = None

    def statement(self, node: nodes.Node) -> None:
        """A statement or anything with expressions in it."""
        if isinstance(node, nodes.Template):
            for child in node.body:
                self.statement(child)
                if isinstance(child, nodes.Assign) and isinstance(child.target, nodes.Name):
                    self._set(child.target.name, self.kinds(child.node, quiet=True))
        elif isinstance(node, nodes.Output):
            for part in node.nodes:
                self._slot = part
                self.kinds(part)
        elif isinstance(node, nodes.For):
            self._for(node)
        elif isinstance(node, nodes.If):
            self._slot = node
            self._under(node.test, node.iter_child_nodes())
        elif isinstance(node, nodes.Expr):
            self.kinds(node)
        elif not (self._library and isinstance(node, nodes.Macro)):
            self._slot = node
            for child in node.iter_child_nodes():
                self.statement(child)

    def _set(self, name: str, kinds: Kinds | None) -> None:
        if kinds is not None and name in self._once and name not in self._context.types:
            self._known[name] = kinds

    def _for(self, node: nodes.For) -> None:
        self._slot = node
        kinds = self.kinds(node.iter)
        if kinds is not None and not kinds & ITEMS:
            self._tell(f"a loop cannot go through {_said(kinds)}", node.iter)
        target, table = node.target, self._table(node.iter)
        rows = isinstance(target, nodes.Name) and target.name in self._once and bool(table)
        if rows:
            self._rows[target.name] = table  # type: ignore[attr-defined]
        body = [*([] if node.test is None else [node.test]), *node.body]
        if node.test is None:
            for child in body:
                self.statement(child)
        else:
            self._under(node.test, body)
        if rows:
            del self._rows[target.name]  # type: ignore[attr-defined]
        for child in node.else_:
            self.statement(child)

    def _under(self, test: nodes.Node, children: Iterable[nodes.Node]) -> None:
        quiet = _asks(test)
        self._quiet += quiet
        for child in children:
            self.statement(child)
        self._quiet -= quiet

    def _table(self, node: nodes.Node) -> str:
        """The table whose rows a call gives, if that is written down."""
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name not in self._own:
            first = node.args[0] if node.args else None
            if node.node.name in ("lookup_rows", "nearest") and isinstance(first, nodes.Const):
                return str(first.value) if first.value in self._context.tables else ""
        return ""

    def kinds(self, node: nodes.Node, quiet: bool = False) -> Kinds | None:
        """The kinds that an expression may have; tells what cannot work in it."""
        self._quiet += quiet
        try:
            read = getattr(self, "_" + type(node).__name__.lower(), None)
            if read is not None:
                known: Kinds | None = read(node)
                return known
            if type(node) in SIGNS and isinstance(node, nodes.BinExpr):
                return self._arithmetic(node)
            for child in node.iter_child_nodes():
                self.kinds(child)
            return None
        finally:
            self._quiet -= quiet

    def _const(self, node: nodes.Const) -> Kinds | None:
        return _TYPES.get(_OF_PYTHON.get(type(node.value), ""))

    def _name(self, node: nodes.Name) -> Kinds | None:
        if node.name in self._own:
            return self._known.get(node.name)
        return _TYPES.get(self._context.types.get(node.name, ""))

    def _getattr(self, node: nodes.Getattr) -> Kinds | None:
        self.kinds(node.node)
        return None if hasattr(dict, node.attr) else self._field(node.node, node.attr)

    def _getitem(self, node: nodes.Getitem) -> Kinds | None:
        self.kinds(node.node)
        self.kinds(node.arg)
        return self._field(node.node, node.arg.value) if isinstance(node.arg, nodes.Const) else None

    def _field(self, row: nodes.Node, name: object) -> Kinds | None:
        table = self._rows.get(row.name, "") if isinstance(row, nodes.Name) else ""
        if not table or not isinstance(name, str):
            return None
        return _TYPES.get(self._context.tables[table].shape.types.get(name, ""))

    def _list(self, node: nodes.List) -> Kinds | None:
        for item in node.items:
            self.kinds(item)
        return _TYPES["list"]

    def _arithmetic(self, node: nodes.BinExpr) -> Kinds | None:
        op, left, right = SIGNS[type(node)], self.kinds(node.left), self.kinds(node.right)
        if left is None or right is None:
            return None
        tried = [binary(op, a, b) for a, b in product(left, right)]
        if not any(can for can, _ in tried):
            self._tell(f"{_said(left)} {op} {_said(right)} cannot be worked out{_remedy(left | right)}", node.left, node.right)
        return _union([kinds for can, kinds in tried if can])

    def _neg(self, node: nodes.Neg | nodes.Pos) -> Kinds | None:
        op, kinds = "-" if isinstance(node, nodes.Neg) else "+", self.kinds(node.node)
        if kinds is None:
            return None
        tried = [unary(op, kind) for kind in kinds]
        if not any(can for can, _ in tried):
            self._tell(f"{_said(kinds)} has no sign", node.node)
        return _union([given for can, given in tried if can])

    _pos = _neg

    def _compare(self, node: nodes.Compare) -> Kinds | None:
        before, left = node.expr, self.kinds(node.expr)
        for operand in node.ops:
            right = self.kinds(operand.expr)
            if left is not None and right is not None:
                self._compared(operand.op, left, right, before, operand.expr)
            before, left = operand.expr, right
        return _TYPES["bool"] if len(node.ops) == 1 else None

    def _compared(self, op: str, left: Kinds, right: Kinds, *operands: nodes.Node) -> None:
        if not any(ordered(op, a, b) for a, b in product(left, right)):
            said = f"{_said(left)} {_ORDER[op]} {_said(right)} cannot be compared"
            self._tell(said + _remedy(left | right), *operands)

    def _concat(self, node: nodes.Concat) -> Kinds | None:
        for part in node.nodes:
            self.kinds(part)
        return _TYPES["text"]

    def _condexpr(self, node: nodes.CondExpr) -> Kinds | None:
        self.kinds(node.test)
        quiet = _asks(node.test)
        yes = self.kinds(node.expr1, quiet)
        return _union([yes, None if node.expr2 is None else self.kinds(node.expr2, quiet)])

    def _and(self, node: nodes.And | nodes.Or) -> Kinds | None:
        return _union([self.kinds(node.left), self.kinds(node.right, _asks(node.left))])

    _or = _and

    def _test(self, node: nodes.Test) -> Kinds | None:
        for child in node.iter_child_nodes():
            self.kinds(child, node.name not in _PLAIN_TESTS)
        return None

    def _filter(self, node: nodes.Filter) -> Kinds | None:
        if node.node is None:
            return None
        if node.name in REGISTRY:
            return self._function(node.name, node, [node.node])
        kinds = self.kinds(node.node, node.name in _GIVES)
        for child in [*node.args, *(pair.value for pair in node.kwargs)]:
            self.kinds(child)
        wanted = FILTER_KINDS.get(node.name)
        if wanted is not None and kinds is not None and not kinds & wanted:
            self._tell(f"{node.name} cannot take {_said(kinds)}", node.node)
        return FILTER_RESULTS.get(node.name)

    def _call(self, node: nodes.Call) -> Kinds | None:
        if isinstance(node.node, nodes.Name) and node.node.name in REGISTRY and node.node.name not in self._own:
            return self._function(node.node.name, node, [])
        for child in node.iter_child_nodes():
            self.kinds(child.value if isinstance(child, nodes.Keyword) else child)
        return None

    def _function(self, name: str, node: nodes.Call | nodes.Filter, before: list[nodes.Expr]) -> Kinds | None:
        given = [(arg, self.kinds(arg)) for arg in [*before, *node.args]]
        named = {str(pair.key): (pair.value, self.kinds(pair.value)) for pair in node.kwargs}
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            return None
        try:
            bound = REGISTRY[name].signature.bind(*given, **named).arguments
        except TypeError:
            return None  # reported on its own
        for parameter, accepted in ARGUMENT_KINDS.get(name, {}).items():
            argument, kinds = bound.get(parameter, (node, None))
            if kinds is not None and not kinds & accepted:
                self._tell(f"{name}: {parameter} cannot be {_said(kinds)}", argument)
        return RESULT_KINDS.get(name)

    def _tell(self, message: str, *nodes_: nodes.Node) -> None:
        if self._quiet:
            return
        if self._places is None:
            self._places = Places(self._source)
        line, column = self._places.of(self._slot, *nodes_)
        self.problems.append(Problem(self._source.name, message, line, str(column) if column else ""))


def _asks(test: nodes.Node) -> bool:
    """Whether a condition asks what a value is, or is none."""
    asked = [*find_all(test, nodes.Test), *([test] if isinstance(test, nodes.Test) else [])]
    return isinstance(test, nodes.Const) or any(one.name not in _PLAIN_TESTS for one in asked)


def _union(kinds: list[Kinds | None]) -> Kinds | None:
    known = [one for one in kinds if one is not None]
    return frozenset().union(*known) if known and len(known) == len(kinds) else None


def _said(kinds: Kinds) -> str:
    return " or ".join(sorted(kinds))


def _remedy(kinds: Kinds) -> str:
    if "text" in kinds and kinds & NUMBERS:
        return ": make a number of the text with to_number, or join texts with ~"
    return ": make a date of the text with parse_date" if "text" in kinds and kinds & {"date", "timestamp"} else ""
