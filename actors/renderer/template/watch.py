"""Watching a plan: what reached each slot, which arm each `if` took, where a default stood in. For a look over a whole list.

A watched compilation wraps expressions of the syntax tree in a filter that gives its value back unchanged and notes it; a plan
that nobody watches has none of this. Notes are kept until `take`; nothing here adds them up.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from actors.renderer.functions import REGISTRY
from actors.renderer.functions.values import Index, Value, column_of

if TYPE_CHECKING:
    from actors.renderer.template.frame import Frame
    from actors.renderer.template.syntax import Source

FILTER = "hongyan watched"  # no template can write this name
SLOT, TEST, NUMBER, DEFAULT, ALT = "slot", "test", "number", "default", "alt"
_ALL = -1  # place of what a row-by-row program notes outside of any row
_UNDEFINED_ONLY = frozenset(("default", "d"))
_SILENT = frozenset(("require", "skip_recipient"))  # print nothing by design
_DEFAULTS = _UNDEFINED_ONLY | {"coalesce", "if_blank"}
_NUMBERS = frozenset(("zh_number", "zh_money_upper"))  # besides the family Formats: what they print was a number


@dataclass(frozen=True, slots=True)
class Point:
    """One watched expression. `of` links a number to the slot that prints it, and an `elif` to the first `if`, by their place
    among the file's points (-1: none); `word` is the function that gives a default, or `if`, `elif`; `alt` what a function
    gives where it finds nothing."""

    kind: str
    file: str
    line: int
    source: str
    of: int = -1
    word: str = ""
    alt: Any = None
    has_else: bool = False  # of the last test of an `if`


class Note(NamedTuple):
    """Values that one point saw. `places`: their rows in the shard, which may repeat in a loop; None: all rows in order."""

    point: int
    places: Index | None
    value: Value
    n: int


class Watch:
    """The points of one plan and what they have seen since the last `take`. `hidden`: lines that print one of the `private`
    columns as it is."""

    def __init__(self, private: frozenset[str] = frozenset()) -> None:
        self.private = private
        self.hidden: frozenset[tuple[str, int]] = frozenset()  # file and line
        self.points: list[Point] = []
        self.at = _ALL  # the row that a row-by-row program works on
        self._known: dict[tuple[str, int], int] = {}
        self._notes: list[Note] = []
        self._single: dict[int, tuple[list[int], list[Any]]] = {}

    def attach(self, source: "Source") -> None:
        """Wraps the expressions of a file's tree, in place. The same file again gets the same points."""
        _Wrapper(self, source).visit(source.tree)

    @property
    def places(self) -> list[tuple[str, int]]:
        """File and number there of each point, the same in every process."""
        return list(self._known)

    def point(self, file: str, ordinal: int, make: Callable[[], Point]) -> int:
        """The number of the file's n-th point."""
        key = (file, ordinal)
        if key not in self._known:
            self._known[key] = len(self.points)
            self.points.append(make())
        return self._known[key]

    def step(self, node: nodes.Filter, inner: "Callable[[Frame], Value]") -> "Callable[[Frame], Value]":
        """The column step of a wrapped expression."""
        point = _number(node)

        def run(frame: "Frame") -> Value:
            value = inner(frame)
            self._notes.append(Note(point, frame.owners, value, frame.n))
            return value

        return run

    def seen(self, value: Any, point: int) -> Any:
        """The filter in the sandbox."""
        places, values = self._single.setdefault(point, ([], []))
        places.append(self.at)
        values.append(value)
        return value

    def take(self) -> list[Note]:
        """Everything noted since the last call."""
        notes, single = self._notes, self._single
        self._notes, self._single = [], {}
        for point, (places, values) in single.items():
            notes.append(Note(point, np.array(places, np.int64), column_of(values), len(values)))
        return notes


def _number(node: nodes.Filter) -> int:
    given = node.args[0]
    assert isinstance(given, nodes.Const)
    return int(given.value)


class _Wrapper(NodeTransformer):
    """Wraps one tree; points are numbered in the order of the tree."""

    def __init__(self, watch: Watch, source: "Source"):
        self._watch, self._source = watch, source
        self._ordinal = 0
        self._within = ""  # the slot or tag that is being wrapped
        self._tests = iter(source.tests)

    def _add(self, kind: str, line: int, text: str, **more: Any) -> int:
        ordinal, self._ordinal = self._ordinal, self._ordinal + 1
        return self._watch.point(self._source.name, ordinal, lambda: Point(kind, self._source.name, line, text, **more))

    def visit_Output(self, node: nodes.Output) -> nodes.Node:
        """Its slots."""
        node.nodes = [self._slot(part) for part in node.nodes]
        return node

    def _slot(self, node: nodes.Expr) -> nodes.Expr:
        if isinstance(node, nodes.TemplateData | nodes.Const):
            return node
        if _function(node) in _SILENT:
            return self.visit(node)  # type: ignore[no-any-return]
        line, text = self._source.slots.get(id(node), (node.lineno, ""))
        place = self._ordinal
        point = self._add(SLOT, line, text)
        name = _function(node)
        self._within = text
        inner = self.visit(node)
        self._within = ""
        if name in _NUMBERS or (name in REGISTRY and REGISTRY[name].family == "Formats"):
            number = self._add(NUMBER, line, text, of=place)
            _replace_first(node, lambda first: _wrapped(first, number))
        return _wrapped(inner, point)

    def visit_If(self, node: nodes.If) -> nodes.Node:
        """Its tests; an `elif` is another `If` in the tree."""
        clauses = [node, *node.elif_]
        first = -1
        for number, clause in enumerate(clauses):
            last = number + 1 == len(clauses)
            text = self._within = next(self._tests, "")
            word = "elif" if number else "if"
            place = self._ordinal
            point = self._add(TEST, clause.lineno, text, of=first, word=word, has_else=last and bool(node.else_))
            first = place if first < 0 else first
            clause.test = _wrapped(self.visit(clause.test), point)
            self._within = ""
            clause.body = self._visited(clause.body)
        node.else_ = self._visited(node.else_)
        return node

    def _visited(self, body: list[nodes.Node]) -> list[nodes.Node]:
        return [self.visit(child) for child in body]

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:
        """The call itself must stay a call."""
        self.generic_visit(node.call)
        node.body = self._visited(node.body)
        return node

    def visit_FilterBlock(self, node: nodes.FilterBlock) -> nodes.Node:
        """The filter itself has nothing that it stands on."""
        node.body = self._visited(node.body)
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        """A filter that may give a default."""
        self.generic_visit(node)
        return self._fallback(node)

    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        """A call that may give a default."""
        self.generic_visit(node)
        return self._fallback(node)

    def _fallback(self, node: nodes.Filter | nodes.Call) -> nodes.Node:
        name = _function(node)
        text = self._within or self._source.block(node.lineno) or name
        if name in _DEFAULTS:
            point = self._add(DEFAULT, node.lineno, text, word=_word(node, name))
            _replace_first(node, lambda first: _wrapped(first, point))
        alt = _alt(node, name)
        if alt is None:
            return node
        return _wrapped(node, self._add(ALT, node.lineno, text, word=name, alt=alt))


def _alt(node: nodes.Filter | nodes.Call, name: str) -> Any:
    """The literal that the function gives where it finds nothing; None: there is none."""
    if name not in REGISTRY or "alt" not in REGISTRY[name].signature.parameters:
        return None
    parameters = REGISTRY[name].signature.parameters
    at = list(parameters).index("alt") - isinstance(node, nodes.Filter)
    placed = [] if parameters["alt"].kind is inspect.Parameter.KEYWORD_ONLY else node.args[at : at + 1]
    given = [*placed, *(pair.value for pair in node.kwargs if str(pair.key) == "alt")]
    return given[0].value if given and isinstance(given[0], nodes.Const) else None


def _word(node: nodes.Filter | nodes.Call, name: str) -> str:
    """`default` with a true second argument also stands in for what is false."""
    given = [*node.args[1:2], *(pair.value for pair in node.kwargs if str(pair.key) == "boolean")]
    if name in _UNDEFINED_ONLY:
        return "default false" if any(isinstance(g, nodes.Const) and g.value for g in given) else "default"
    return name


def _function(node: nodes.Node) -> str:
    """The name of the function or filter that this expression calls, or nothing."""
    if isinstance(node, nodes.Filter):
        return node.name
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
        return node.node.name
    return ""


def _replace_first(node: nodes.Node, wrap: Callable[[nodes.Expr], nodes.Expr]) -> None:
    """Wraps the first argument of a call, or what a filter is applied to."""
    if isinstance(node, nodes.Filter) and node.node is not None:
        node.node = wrap(node.node)
    elif isinstance(node, nodes.Call) and node.args:
        node.args = [wrap(node.args[0]), *node.args[1:]]


def _wrapped(node: nodes.Expr, point: int) -> nodes.Expr:
    line = node.lineno
    return nodes.Filter(node, FILTER, [nodes.Const(point, lineno=line)], [], None, None, lineno=line)
