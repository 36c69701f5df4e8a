"""Functions of a whole column in the syntax tree: what they may be called with, and the column's name written into the call.

The only argument is the plain name of a list column that the template itself gives no other meaning.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from jinja2 import nodes

from actors.model.errors import Problem
from actors.model.job import code_column
from actors.renderer.functions import REGISTRY, Function
from actors.renderer.functions.claims import CODES, ClaimFunction
from actors.renderer.functions.percentiles import COLUMN, ColumnFunction
from actors.renderer.functions.ranks import RANKED_TYPES
from actors.renderer.template.syntax import Source
from actors.renderer.template.walking import find_all

_OF_JINJA = frozenset(("caller", "kwargs", "loop", "self", "super", "varargs"))  # names that it sets itself in some places


def _argument(node: nodes.Filter | nodes.Call) -> nodes.Node | None:
    """The call's only argument."""
    given: list[nodes.Node | None] = [*node.args, *(pair.value for pair in node.kwargs)]
    if isinstance(node, nodes.Filter):
        given.insert(0, node.node)
    return given[0] if len(given) == 1 and node.dyn_args is None and node.dyn_kwargs is None else None


def column_problems(sources: Iterable[Source], columns: Mapping[str, str], own: Set[str]) -> list[Problem]:
    """The calls whose argument is something else. `own`: names that the templates give a meaning. An unknown name is left to
    the check of names."""
    found = []
    for source in sources:
        for node, function in calls_of(source.tree, own, ColumnFunction):
            argument = _argument(node)
            name = argument.name if isinstance(argument, nodes.Name) else ""
            if not name or name in own or name in _OF_JINJA:
                found.append(Problem(source.name, f"{function} wants the name of a column", node.lineno))
            elif name in columns and columns[name] not in RANKED_TYPES:
                found.append(Problem(source.name, f"{function} wants a column of numbers or dates", node.lineno))
    return found


def name_columns(tree: nodes.Node, own: Set[str]) -> frozenset[str]:
    """Writes the column's name into each call, in place; gives the columns. A call that names none is left as it is."""
    found = set()
    for node, _ in calls_of(tree, own, ColumnFunction):
        argument = _argument(node)
        if isinstance(argument, nodes.Name) and argument.name not in own:
            line = node.lineno
            kwargs: list[Any] = node.kwargs  # the parser puts Keywords there, for filters too
            kwargs.append(nodes.Keyword(COLUMN, nodes.Const(argument.name, lineno=line), lineno=line))
            found.add(argument.name)
    return frozenset(found)


def name_codes(tree: nodes.Node, own: Set[str]) -> None:
    """Writes the column of the pool's codes into each call of `claim_code`, in place."""
    for node, _ in calls_of(tree, own, ClaimFunction):
        pools = [pair.value for pair in node.kwargs if str(pair.key) == "pool"]
        given = [*([node.node] if isinstance(node, nodes.Filter) else []), *node.args]
        pool = (pools or given or [None])[0]
        kwargs: list[Any] = node.kwargs
        if isinstance(pool, nodes.Const) and isinstance(pool.value, str) and all(str(pair.key) != CODES for pair in kwargs):
            name = nodes.Name(code_column(pool.value), "load", lineno=node.lineno)
            kwargs.append(nodes.Keyword(CODES, name, lineno=node.lineno))


def calls_of(tree: nodes.Node, own: Set[str], kind: type[Function]) -> Iterator[tuple[nodes.Filter | nodes.Call, str]]:
    """Calls of functions of one kind, as a filter or by name, with the function's name."""
    found = find_all(tree, (nodes.Filter, nodes.Call))
    for node in found:
        if isinstance(node, nodes.Filter) and isinstance(REGISTRY.get(node.name), kind):
            yield node, node.name
    for call in found:
        if not isinstance(call, nodes.Call):
            continue
        called = call.node.name if isinstance(call.node, nodes.Name) else ""
        if called not in own and isinstance(REGISTRY.get(called), kind):
            yield call, called
