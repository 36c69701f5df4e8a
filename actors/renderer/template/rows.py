"""Programs that run row by row: a stretch of a template's syntax tree, compiled once in the sandbox.

A program sees the values of its free names for one row and gives its text, the names that it sets, or one expression's value.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Template, nodes

from actors.renderer.functions.errors import Limit
from actors.renderer.template.limits import MAX_OUTPUT_CHARS
from actors.renderer.template.sandbox import RowEnvironment, literal_chars, meter_loops

_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
RESULT = "hongyan_result"  # the name that an expression's value is set to


class Program:
    """Statements in the sandbox. `reads`: names whose values must be handed in (all names with `reads_all`)."""

    def __init__(self, environment: RowEnvironment, body: Sequence[nodes.Node], sets: Sequence[str] = ()):
        tree = nodes.Template(list(body), lineno=body[0].lineno if body else 1)
        tree.set_environment(environment)
        meter_loops(tree)
        self.reads = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "load"}
        self.reads_all = any(True for kind in _FILES for _ in tree.find_all(kind))
        self.sets = tuple(sets)
        self._environment = environment
        self._chars = literal_chars(body)
        self._template: Template = environment.from_string(tree)

    def run(self, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """One row's text and the names that it set. Raises whatever the row's values make it raise."""
        meter = self._environment.meter
        meter.reset()
        meter.emit(self._chars)
        context = self._template.new_context(dict(values))
        text = "".join(self._template.root_render_func(context))
        if len(text) > MAX_OUTPUT_CHARS:
            raise Limit("writes a text that is too long")
        return text, context.vars


def value_program(environment: RowEnvironment, expression: nodes.Expr) -> Program:
    """The program whose `sets` holds the expression's value."""
    target = nodes.Name(RESULT, "store", lineno=expression.lineno)
    return Program(environment, [nodes.Assign(target, expression, lineno=expression.lineno)], (RESULT,))
