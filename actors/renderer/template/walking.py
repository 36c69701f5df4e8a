"""The nodes of a syntax tree in the order of the source. Jinja2's own `find_all` hands each node up through all those above it;
a template is walked some thirty times when it is compiled.
"""

from collections.abc import Iterable
from typing import Final, TypeVar

from jinja2 import nodes

N = TypeVar("N", bound=nodes.Node)
_LEAVES: Final = frozenset((nodes.Name, nodes.Const, nodes.TemplateData, nodes.NSRef))  # most nodes: nothing is under them


def below(tree: nodes.Node) -> list[nodes.Node]:
    """All nodes under this one."""
    found: list[nodes.Node] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        found.append(node)
        if type(node) in _LEAVES:
            continue
        children: list[nodes.Node] = []
        for field in node.fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                children += [item for item in value if isinstance(item, nodes.Node)]
            elif isinstance(value, nodes.Node):
                children.append(value)
        waiting += children[::-1]
    return found[1:]


def find_all(tree: nodes.Node, kinds: type[N] | tuple[type[N], ...]) -> list[N]:
    """Those of these kinds: as they are now, whatever is changed while the caller goes through them."""
    return [node for node in below(tree) if isinstance(node, kinds)]


def defined_names(found: Iterable[nodes.Node]) -> set[str]:
    """The names of the macros and imports among these nodes."""
    names: set[str] = set()
    for node in found:
        if isinstance(node, nodes.Macro):
            names.add(node.name)
        elif isinstance(node, nodes.Import):
            names.add(node.target)
        elif isinstance(node, nodes.FromImport):
            names.update(name if isinstance(name, str) else name[1] for name in node.names)
    return names
