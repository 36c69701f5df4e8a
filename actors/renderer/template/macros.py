"""Macros, imports, blocks and layouts as column steps: what they stand for is known when the template is compiled.

A macro is compiled once and called with values; a block is the most derived one of its name. What they may read are the names
of their own file's top level, never those of the loop that they are called in. All else raises WholeByRow: then the whole
template runs row by row.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from jinja2 import nodes

from actors.renderer.functions.values import Lit, Value
from actors.renderer.template.acts import markup
from actors.renderer.template.columns import Piece
from actors.renderer.template.expressions import Expressions
from actors.renderer.template.frame import Act, Frame, Step
from actors.renderer.template.metering import body_steps
from actors.renderer.template.syntax import Source
from actors.renderer.template.walking import below, defined_names, find_all

_OF_JINJA = ("caller", "kwargs", "self", "super", "varargs")
NOWHERE = -1  # a module's macros see no names of the template that imports them


class WholeByRow(Exception):
    """The template cannot be taken apart."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


@dataclass
class Macro:
    """One macro of a file. `body` is compiled when it is first called; `level` counts the files taken in around it."""

    node: nodes.Macro
    source: Source
    namespace: "Namespace"
    level: int
    body: Act | None = None
    defaults: dict[str, Step] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Its parameters."""
        return [argument.name for argument in self.node.args]


@dataclass
class Namespace:
    """What the top level of a file has defined so far."""

    macros: dict[str, Macro] = field(default_factory=dict)
    modules: dict[str, "Namespace"] = field(default_factory=dict)
    is_module: bool = False

    def copy(self) -> "Namespace":
        """For a file that is taken in: what it defines stays in it."""
        return Namespace(dict(self.macros), dict(self.modules), self.is_module)

    def find(self, callee: nodes.Node) -> Macro | None:
        """The macro that a call means."""
        if isinstance(callee, nodes.Name):
            return self.macros.get(callee.name)
        if isinstance(callee, nodes.Getattr) and isinstance(callee.node, nodes.Name) and callee.node.name in self.modules:
            return self.modules[callee.node.name].macros.get(callee.attr)
        return None


def template_names(trees: Iterable[nodes.Template]) -> frozenset[str]:
    """Names that stand for macros, modules and the like: a statement that reads one cannot run on its own."""
    found: set[str] = set()
    for tree in trees:
        whole = below(tree)
        found |= defined_names(whole)
        found.update(name.name for name in whole if isinstance(name, nodes.Name) and name.name in _OF_JINJA)
    return frozenset(found)


def stored_names(trees: Iterable[nodes.Template]) -> frozenset[str]:
    """Names that are set, or that loops and macros bind."""
    return frozenset(name.name for tree in trees for name in find_all(tree, nodes.Name) if name.ctx != "load")


def chain_of(source: Source, sources: Mapping[str, Source]) -> list[Source]:
    """The file and the layouts that it extends, one after the other. Raises WholeByRow."""
    chain = [source]
    while True:
        tree = chain[-1].tree
        extends = [node for node in tree.body if isinstance(node, nodes.Extends)]
        anywhere = find_all(tree, nodes.Extends)
        if len(extends) != len(anywhere) or len(extends) > 1:
            raise WholeByRow(f"extends under a condition, line {anywhere[0].lineno}")
        if not extends:
            return chain
        target = extends[0].template
        layout = sources.get(target.value) if isinstance(target, nodes.Const) else None
        if layout is None or layout in chain:
            raise WholeByRow(f"extends a file that only a row names, line {extends[0].lineno}")
        chain.append(layout)


def blocks_of(chain: Iterable[Source]) -> dict[str, list[tuple[Source, nodes.Block]]]:
    """Blocks by name, the most derived one first."""
    blocks: dict[str, list[tuple[Source, nodes.Block]]] = {}
    for source in chain:
        for block in find_all(source.tree, nodes.Block):
            if block.required:
                raise WholeByRow(f"required block, line {block.lineno}")
            blocks.setdefault(block.name, []).append((source, block))
    return blocks


def call_step(macro: Macro, given: dict[str, Step], expressions: Expressions, escape: bool) -> Step:
    """A call of the macro with these arguments."""
    environment, cost = expressions.environment, body_steps(macro.node.body)
    missing = {name: Lit(environment.undefined(f"parameter {name!r} was not provided", name=name)) for name in macro.names}

    def run(frame: Frame) -> Value:
        values = {name: step(frame) for name, step in given.items()}

        def act(inner: Frame, pieces: list[Piece]) -> None:
            scope = inner.scoped(NOWHERE if macro.namespace.is_module else inner.base)
            scope.charge(cost)
            for name in macro.names:
                value = values.get(name)
                if value is None:
                    default = macro.defaults.get(name)
                    value = missing[name] if default is None else default(scope)
                scope.names[name] = value
            assert macro.body is not None
            alive = scope.alive()
            if alive is None:
                macro.body(scope, pieces)
            elif alive.any():
                macro.body(scope.among(alive), pieces)

        return markup(frame.captured(act), escape)

    return run


def arguments(macro: Macro, node: nodes.Call) -> Iterator[tuple[str, nodes.Expr]]:
    """Parameters that the call gives, with the expressions. Raises WholeByRow where Jinja2 must judge the call."""
    names = macro.names
    if node.dyn_args is not None or node.dyn_kwargs is not None or len(node.args) > len(names):
        raise WholeByRow(f"call of {macro.node.name} with * or too many arguments, line {node.lineno}")
    yield from zip(names, node.args, strict=False)
    for pair in node.kwargs:
        if pair.key not in names[len(node.args) :]:
            raise WholeByRow(f"call of {macro.node.name} with an argument that it has not, line {node.lineno}")
        yield pair.key, pair.value
