"""What a template may name: columns, functions, filters, tests, files. Finds every problem of a tree at once, with its line.

Only reads trees. An unknown name is a problem unless the template itself asks whether it is there (`is defined`, `default`).
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from jinja2 import TemplateAssertionError, nodes, pass_context
from jinja2.meta import TrackingCodeGenerator
from jinja2.sandbox import SandboxedEnvironment

from actors.model.errors import InvalidInput, Problem
from actors.renderer.functions import REGISTRY
from actors.renderer.functions.guards import INT_MAX, INT_MIN, OPERATORS
from actors.renderer.functions.limits import MAX_INCLUDE_DEPTH
from actors.renderer.template.inherited import FILTER_NAMES, TEST_NAMES
from actors.renderer.template.metering import set_names
from actors.renderer.template.syntax import Source
from actors.renderer.template.walking import below, find_all

GLOBALS = frozenset(("cycler", "dict", "joiner", "namespace", "range"))
_SPECIAL = frozenset(("caller", "kwargs", "loop", "self", "super", "varargs"))
_ASKS = frozenset(("defined", "undefined"))
_GIVES = frozenset(("d", "default"))


class _Anything(dict[str, Any]):
    """Has every key: the probe below must not stop at a name that is reported on its own."""

    def get(self, key: str, default: Any = None) -> Any:
        return str


class _Probe(SandboxedEnvironment):
    """For the tracker of free names, which is a compiler: it must neither work out nor rewrite a constant of the template."""

    intercepted_binops = frozenset(OPERATORS)


_probe = _Probe(finalize=pass_context(lambda context, value: value))
_probe.filters, _probe.tests, _probe.globals = _Anything(), _Anything(), {}


def check(main: Source, columns: Mapping[str, str], files: Mapping[str, str], taken: dict[str, Source]) -> list[Problem]:
    """Every problem of the template and of the files that it names; those are read into `taken`."""
    checker = _Checker(columns, files, taken)
    checker.template(main.tree, main.name, frozenset(), ())
    unique = {(p.file, p.line, p.message): p for p in checker.problems}
    return sorted(unique.values(), key=lambda p: (p.file, p.line))


def nearest(name: str, known: Iterator[str] | frozenset[str] | set[str]) -> str:
    """` (did you mean X?)`, or nothing where no known name is close."""
    close = difflib.get_close_matches(name, sorted(known), 1, 0.6)
    return f" (did you mean {close[0]}?)" if close else ""


class _Checker:
    def __init__(self, columns: Mapping[str, str], files: Mapping[str, str], taken: dict[str, Source]):
        self.columns, self.files, self.taken = columns, files, taken
        self.problems: list[Problem] = []
        self._seen: set[tuple[str, frozenset[str]]] = set()

    def template(self, tree: nodes.Template, name: str, outer: frozenset[str], path: tuple[str, ...]) -> None:
        """Checks one tree; `outer` are the names that templates around it set, `path` the files that led here."""
        whole = below(tree)
        own = outer | _assigned(whole) | self._lent(tree, MAX_INCLUDE_DEPTH)
        self._names(tree, whole, name, own)
        for node in whole:
            self._node(node, name, own)
        for node in whole:
            if isinstance(node, nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends):
                self._file(node, name, own, path)

    def _lent(self, tree: nodes.Template, depth: int) -> frozenset[str]:
        """Names that statements around scoped blocks give them, in this file and in those that it extends."""
        around = find_all(tree, (nodes.For, nodes.With, nodes.Extends))
        lending = [node for node in around if any(block.scoped for block in find_all(node, nodes.Block))]
        found = frozenset(name for node in lending for name in set_names(node))
        for base in around if depth else ():
            if not isinstance(base, nodes.Extends):
                continue
            target = base.template.value if isinstance(base.template, nodes.Const) else None
            if isinstance(target, str) and target in self.files:
                try:
                    source = self.taken.get(target) or Source.read(target, self.files[target])
                except InvalidInput:
                    continue  # told when the file itself is checked
                found |= self._lent(source.tree, depth - 1)
        return found

    def _add(self, name: str, line: int, message: str) -> None:
        self.problems.append(Problem(name, message, line))

    def _names(self, tree: nodes.Template, whole: Sequence[nodes.Node], name: str, own: frozenset[str]) -> None:
        tracker = TrackingCodeGenerator(_probe)
        tracker.optimizer = None
        try:
            tracker.visit(tree)
        except TemplateAssertionError as error:
            self._add(name, error.lineno, error.message or "not allowed here")
            return
        free = tracker.undeclared_identifiers - own - _SPECIAL
        called = {id(node.node) for node in whole if isinstance(node, nodes.Call)}
        asked = set(_asked(whole))
        functions = REGISTRY.keys() | GLOBALS
        for node in whole:
            if not isinstance(node, nodes.Name) or node.ctx != "load" or node.name not in free or node.name in self.columns:
                continue
            if node.name in functions:
                if id(node) not in called:
                    self._add(name, node.lineno, f"{node.name} is a function: write {node.name}(...)")
            elif id(node) in called:
                self._add(name, node.lineno, f"no function {node.name!r}{nearest(node.name, set(functions))}")
            elif id(node) not in asked:
                known = set(self.columns) | own
                self._add(name, node.lineno, f"no column {node.name!r}{nearest(node.name, known)}")

    def _node(self, node: nodes.Node, name: str, own: frozenset[str]) -> None:
        if isinstance(node, nodes.Const):
            if isinstance(node.value, int) and not INT_MIN <= node.value <= INT_MAX:
                self._add(name, node.lineno, "a whole number that needs more than 64 bits")
            elif isinstance(node.value, float) and not isfinite(node.value):
                self._add(name, node.lineno, "a number that is too large")
        elif isinstance(node, nodes.Filter):
            if node.name in REGISTRY:
                self._arguments(node, name, REGISTRY[node.name], 1)
            elif node.name not in FILTER_NAMES:
                known = FILTER_NAMES | REGISTRY.keys()
                self._add(name, node.lineno, f"no filter {node.name!r}{nearest(node.name, known)}")
        elif isinstance(node, nodes.Test):
            if node.name not in TEST_NAMES:
                self._add(name, node.lineno, f"no test {node.name!r}{nearest(node.name, TEST_NAMES)}")
        elif isinstance(node, nodes.Getattr):
            if node.attr.startswith("_"):
                self._add(name, node.lineno, f"attribute {node.attr!r} is not available")
        elif isinstance(node, nodes.Call):
            called = node.node.name if isinstance(node.node, nodes.Name) else ""
            if called in REGISTRY and called not in own:
                self._arguments(node, name, REGISTRY[called], 0)

    def _arguments(self, node: nodes.Filter | nodes.Call, name: str, function: Any, given: int) -> None:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            return
        named = {str(pair.key): None for pair in node.kwargs}
        try:
            function.signature.bind(*[None] * (given + len(node.args)), **named)
        except TypeError as error:
            self._add(name, node.lineno, f"{function.usage}: {error}")

    def _file(self, node: Any, name: str, own: frozenset[str], path: tuple[str, ...]) -> None:
        target = node.template
        if not isinstance(target, nodes.Const) or not isinstance(target.value, str):
            return
        if target.value not in self.files:
            if not getattr(node, "ignore_missing", False):
                self._add(name, node.lineno, f"no file {target.value!r}{nearest(target.value, set(self.files))}")
        elif target.value in path or len(path) >= MAX_INCLUDE_DEPTH:
            self._add(name, node.lineno, f"files take each other in, or more than {MAX_INCLUDE_DEPTH} deep")
        elif (target.value, own) not in self._seen:
            self._seen.add((target.value, own))
            self._taken(target.value, own, (*path, target.value))

    def _taken(self, name: str, own: frozenset[str], path: tuple[str, ...]) -> None:
        try:
            source = self.taken.get(name) or Source.read(name, self.files[name])
        except InvalidInput as error:
            self.problems.extend(error.problems)
            return
        self.taken[name] = source
        self.template(source.tree, name, own, path)


def _assigned(found: Iterable[nodes.Node]) -> frozenset[str]:
    """Names that the statements among these nodes set for what follows them (not loop targets: those end with their loop)."""
    kinds = (nodes.Assign, nodes.AssignBlock, nodes.Macro, nodes.Import, nodes.FromImport)
    return frozenset(name for node in found if isinstance(node, kinds) for name in set_names(nodes.Template([_head(node)])))


def _head(node: nodes.Node) -> nodes.Node:
    """The statement without its body, whose own names end with it."""
    if isinstance(node, nodes.Macro):
        return nodes.Name(node.name, "store")
    if isinstance(node, nodes.AssignBlock):
        return nodes.Output([node.target])
    return node


def _asked(found: Iterable[nodes.Node]) -> Iterator[int]:
    """Of these nodes the names that stand where an undefined value is asked about."""
    for node in found:
        asks = isinstance(node, nodes.Test) and node.name in _ASKS
        gives = isinstance(node, nodes.Filter) and node.name in _GIVES and node.node is not None
        if asks or gives:
            yield id(node.node)  # type: ignore[attr-defined]
