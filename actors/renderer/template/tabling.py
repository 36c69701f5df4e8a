"""What a template says of tables: their names and those of their columns are literals, so they can be judged at once."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

from jinja2 import nodes

from actors.model.errors import Problem
from actors.renderer.functions import REGISTRY
from actors.renderer.functions.table import Table
from actors.renderer.functions.tables import TableFunction
from actors.renderer.template.check import nearest
from actors.renderer.template.naming import calls_of
from actors.renderer.template.syntax import Source

_LATER = frozenset(("key", "alt", "limit", "lat", "lon", "n"))  # may differ from row to row


def table_problems(sources: Iterable[Source], tables: Mapping[str, Table], own: Set[str]) -> list[Problem]:
    """Calls that name no table or column that is there. Wrong numbers of arguments are left to the check of names."""
    found = []
    for source in sources:
        for node, name in calls_of(source.tree, own, TableFunction):
            message = _fault(node, name, tables)
            if message:
                found.append(Problem(source.name, f"{name}: {message}", node.lineno))
    return found


def _fault(node: nodes.Filter | nodes.Call, name: str, tables: Mapping[str, Table]) -> str:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        return "takes no arguments with * or **"
    given = _arguments(node, name)
    if given is None:
        return ""
    settings = {}
    for argument, value in given.items():
        if isinstance(value, nodes.Const):
            settings[argument] = value.value
        elif argument not in _LATER:
            return f"{argument} must be a text in quotes"
    table = settings.pop("tbl")
    if table not in tables:
        return f"the bundle has no table {table!r}" + (nearest(str(table), set(tables)) or f" (put it at tables/{table}.csv)")
    function = REGISTRY[name]
    assert isinstance(function, TableFunction)
    fault = function.problem(tables[table], settings)
    return " ".join(fault) if fault else ""


def _arguments(node: nodes.Filter | nodes.Call, name: str) -> Mapping[str, Any] | None:
    """The call's arguments by parameter; None where they do not fit."""
    first = [node.node] if isinstance(node, nodes.Filter) else []
    try:
        bound = REGISTRY[name].signature.bind(*first, *node.args, **{str(pair.key): pair.value for pair in node.kwargs})
    except TypeError:
        return None
    return bound.arguments
