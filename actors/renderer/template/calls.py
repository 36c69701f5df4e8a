"""Calls of functions as a template writes them: which there are, and settings that cannot be right whatever the row."""

from collections.abc import Iterable, Iterator
from typing import Any

from jinja2 import nodes

from actors.model.errors import Problem
from actors.renderer.functions.context import Context
from actors.renderer.functions.registry import LITERALS, REGISTRY, SETTINGS, Function
from actors.renderer.template.syntax import Source
from actors.renderer.template.walking import find_all

_COLUMN = object()  # stands for what only a row tells


def called(sources: Iterable[Source]) -> frozenset[str]:
    """The functions that these files call; those of the same name as a macro of theirs may be among them."""
    return frozenset(function.name for source in sources for function, _, _ in _calls(source))


def first_literals(sources: Iterable[Source], name: str) -> frozenset[str]:
    """The texts that stand as the first argument of a function's calls."""
    found = set()
    for source in sources:
        for function, node, before in _calls(source):
            first = next(iter([*before, *node.args, *(pair.value for pair in node.kwargs)]), None)
            if function.name == name and isinstance(first, nodes.Const) and isinstance(first.value, str):
                found.add(first.value)
    return frozenset(found)


def setting_problems(sources: Iterable[Source], context: Context, shadowed: frozenset[str]) -> list[Problem]:
    """What functions say about settings that are written down."""
    problems = []
    for source in sources:
        for function, node, before in _calls(source):
            asked = SETTINGS.get(function.name)
            if asked is None or function.name in shadowed:
                continue
            if node.dyn_args is not None or node.dyn_kwargs is not None:
                if function.name in LITERALS:
                    problems.append(Problem(source.name, f"{function.name}: takes no arguments with * or **", node.lineno))
                continue
            values = [_literal(arg) for arg in [*before, *node.args]]
            named = {str(pair.key): _literal(pair.value) for pair in node.kwargs}
            try:
                bound = function.signature.bind(*values, **named)
            except TypeError:
                continue  # reported on its own
            known = {name: value for name, value in bound.arguments.items() if value is not _COLUMN}
            unknown = (bound.arguments.keys() - known.keys()) & LITERALS.get(function.name, frozenset())
            wanted = f"{function.name}: {' and '.join(sorted(unknown))} must be a text in quotes"
            problem = wanted if unknown else asked(context, known)
            if problem:
                problems.append(Problem(source.name, problem, node.lineno))
    return problems


def _calls(source: Source) -> Iterator[tuple[Function, nodes.Call | nodes.Filter, list[nodes.Expr]]]:
    for node in find_all(source.tree, (nodes.Call, nodes.Filter)):
        if isinstance(node, nodes.Filter):
            if node.name in REGISTRY:
                yield REGISTRY[node.name], node, [] if node.node is None else [node.node]
        elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in REGISTRY:
            yield REGISTRY[node.node.name], node, []


def _literal(node: nodes.Expr) -> Any:
    return node.value if isinstance(node, nodes.Const) else _COLUMN
