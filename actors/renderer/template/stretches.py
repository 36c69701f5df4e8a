"""What stands between the statements of a template: slots, and the literal stretches between them."""

from typing import NamedTuple

from jinja2 import nodes

MOST_CHARS_JOINED = 1_000  # of a constant slot that becomes literal text: all of a plan's literals are kept and encoded


class Static(NamedTuple):
    """A literal; `closes`: it stands behind a slot, in every row that has the slot."""

    text: str
    closes: bool


def stretches(node: nodes.Output) -> list[list[nodes.TemplateData | nodes.Const] | nodes.Expr]:
    """Slots, and between them what is known before: literals and constants."""
    found: list[list[nodes.TemplateData | nodes.Const] | nodes.Expr] = []
    for part in node.nodes:
        if isinstance(part, nodes.TemplateData) or (isinstance(part, nodes.Const) and not _is_long(part.value)):
            if not found or isinstance(found[-1], nodes.Expr):
                found.append([])
            assert isinstance(found[-1], list)
            found[-1].append(part)
        else:
            found.append(part)
    return found


def _is_long(value: object) -> bool:
    return isinstance(value, str) and len(value) > MOST_CHARS_JOINED
