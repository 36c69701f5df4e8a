"""Where a node of the tree stands in its file: line and column, both from 1.

Jinja2's tree has lines only. Names are matched with the tokens of the file, the n-th of its line with the n-th; where that
cannot be told, the place is the slot's or tag's beginning.
"""

from collections.abc import Iterator
from itertools import pairwise

from jinja2 import nodes

from actors.renderer.template.syntax import Source

_NO_VARIABLE_AFTER = frozenset((".", "|", "is"))
Token = tuple[int, int, str, str]


class Places:
    """The places of one file."""

    def __init__(self, source: Source):
        self._names: dict[tuple[int, str], list[int]] = {}
        self._slots: dict[int, tuple[int, int]] = {}
        self._tags: dict[int, int] = {}
        tokens = [token for token in source.tokens() if token[2] != "whitespace"]
        begins = [(line, column) for line, column, kind, _ in tokens if kind == "variable_begin"]
        if len(begins) == len(source.slots):  # both in the order of the file
            self._slots = dict(zip(source.slots, begins, strict=True))
        for line, column, kind, _ in tokens:
            if kind in ("variable_begin", "block_begin"):
                self._tags.setdefault(line, column)
        found: dict[tuple[int, str], list[int]] = {}
        for line, column, name in _variables(tokens):
            found.setdefault((line, name), []).append(column)
        mine: dict[tuple[int, str], list[int]] = {}
        for node in _in_order(source.tree):
            if isinstance(node, nodes.Name):
                mine.setdefault((node.lineno, node.name), []).append(id(node))
        self._columns = {
            one: column
            for key, ids in mine.items()
            if len(ids) == len(found.get(key, ()))
            for one, column in zip(ids, found[key], strict=True)
        }

    def of(self, slot: nodes.Node, *wanted: nodes.Node) -> tuple[int, int]:
        """The place of the first of `wanted` that is a name, else of the slot or tag. The column is 0 where it is not known."""
        for node in wanted:
            if isinstance(node, nodes.Name) and id(node) in self._columns:
                return node.lineno, self._columns[id(node)]
        if id(slot) in self._slots:
            return self._slots[id(slot)]
        return slot.lineno, self._tags.get(slot.lineno, 0)


def _variables(tokens: list[Token]) -> Iterator[tuple[int, int, str]]:
    """Tokens that are variables: no attribute, filter, test or named argument."""
    edge: Token = (0, 0, "", "")
    for (before, token), (_, after) in zip(pairwise([edge, *tokens]), pairwise([*tokens, edge]), strict=True):
        line, column, kind, value = token
        if kind == "name" and before[3] not in _NO_VARIABLE_AFTER and after[3] != "=":
            yield line, column, value


def _in_order(node: nodes.Node) -> Iterator[nodes.Node]:
    """The nodes as they stand in the file."""
    yield node
    children = list(node.iter_child_nodes())
    if isinstance(node, nodes.CondExpr):  # `a if test else b`
        children = [child for child in (node.expr1, node.test, node.expr2) if child is not None]
    for child in children:
        yield from _in_order(child)
