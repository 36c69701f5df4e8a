"""Statements of the syntax tree as acts over a frame. What no act can do becomes a program of the sandbox for that statement
alone.

Literals, slots, `if`, `for`, `set` and `include` of a named file are column steps. `with`, `filter` and `autoescape` blocks
keep what they set to themselves, so each can run row by row on its own. Macros, imports and blocks need the whole template:
they are `references`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise

from jinja2 import nodes

from actors.renderer.template import acts
from actors.renderer.template.columns import SlotReport
from actors.renderer.template.expressions import Expressions, RowByRow
from actors.renderer.template.frame import Act, Step
from actors.renderer.template.loops import ATTRIBUTES, Loop, binding
from actors.renderer.template.macros import WholeByRow, template_names
from actors.renderer.template.metering import set_names, turn_calls, turn_steps
from actors.renderer.template.printing import text_of
from actors.renderer.template.references import References
from actors.renderer.template.rows import Program, run_statement, value_step
from actors.renderer.template.sandbox import RowEnvironment
from actors.renderer.template.stretches import Static, stretches
from actors.renderer.template.syntax import Source
from actors.renderer.template.timing import kernel_of
from actors.renderer.template.walking import find_all

_WORDS: dict[type[nodes.Node], str] = {
    nodes.ScopedEvalContextModifier: "autoescape",
    nodes.Scope: "autoescape",
    nodes.FilterBlock: "filter",
}
_NOT_ALONE = (nodes.Macro, nodes.CallBlock, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block)


class Statements:
    """Compiles the statements of one plan; collects its literals and its report."""

    def __init__(self, environment: RowEnvironment, escape: bool, shadowed: frozenset[str], sources: Mapping[str, Source]):
        self._environment, self._sources = environment, sources
        self.escape = escape  # in what is being compiled
        self.expressions = Expressions(environment, escape, shadowed)
        self.statics: list[Static] = []
        self.reports: list[SlotReport] = []
        self._whole = False  # all of it row by row
        self._references = References(self, sources)

    def template(self, source: Source) -> Act:
        """The plan's own file, as columns or else whole by row."""
        files = (source, *self._sources.values())
        self.expressions.template_names = template_names(file.tree for file in files)
        self.expressions.inline = self._references.call
        try:
            return self._references.template(source)
        except (WholeByRow, RowByRow) as why:
            self.reports.clear()
            self.statics.clear()
            for file in files:
                for line, text in file.slots.values():
                    self.reports.append(SlotReport(file.name, line, text, "row by row", why.reason))
            self._whole = True
            return self._program(source.tree.body, source)

    def body(self, body: Sequence[nodes.Node], source: Source, top: bool = False) -> Act:
        """Statements in a row; a row that fails in one does not run the next. `top`: they may define macros."""
        found: list[Act] = []
        for node in body:
            if not (top and self._references.defines(node, source)):
                found += self._acts(node, source)
        return acts.in_order(found)

    def _acts(self, node: nodes.Node, source: Source) -> list[Act]:
        if isinstance(node, nodes.Output):
            return self._output(node, source)
        if isinstance(node, nodes.If):
            return [self._if(node, source)]
        if isinstance(node, nodes.For):
            return [self._for(node, source)]
        if isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name):
            return [self._set(node.target.name, node.node, source)]
        if isinstance(node, nodes.Block):
            return [self._references.block(node.name, node.scoped)]
        if isinstance(node, nodes.Include):
            act = self._references.include(node)
            if act is not None:
                return [act]
        word = _WORDS.get(type(node), type(node).__name__.lower())
        act = self._inner(node, source)
        if act is not None:
            return [act]
        if self.expressions.strict:
            raise RowByRow(f"{word} at line {node.lineno}")
        self.reports.append(SlotReport(source.name, node.lineno, source.block(node.lineno), "row by row", word))
        return [self._program([node], source)]

    def _inner(self, node: nodes.Node, source: Source) -> Act | None:
        """Statements with a body of their own; None where they have no column form."""
        try:
            with self._attempt(), self.expressions.inside(strict=True):
                if isinstance(node, nodes.With):
                    return self._with(node, source)
                if isinstance(node, nodes.FilterBlock):
                    return self._filter_block(node, source)
                if isinstance(node, nodes.AssignBlock):
                    return self._set_block(node, source)
                if isinstance(node, nodes.Scope):
                    return self._autoescape(node, source)
        except RowByRow:
            pass
        return None

    @contextmanager
    def _attempt(self) -> Iterator[None]:
        """What is noted inside is forgotten again where it raises RowByRow."""
        reports, statics, includes = len(self.reports), len(self.statics), self._references.includes
        try:
            yield
        except RowByRow:
            del self.reports[reports:], self.statics[statics:]
            self._references.includes = includes
            raise

    def _with(self, node: nodes.With, source: Source) -> Act:
        steps = [self._value(value, source) for value in node.values]
        if not all(isinstance(target, nodes.Name) for target in node.targets):
            raise RowByRow("unpacks values")
        names = [target.name for target in node.targets if isinstance(target, nodes.Name)]
        return acts.with_names(names, steps, self.body(node.body, source), source.place(node.lineno))

    def _filtered(self, node: nodes.Filter, body: Sequence[nodes.Node]) -> Step:
        """The filters of a block as an expression over its text."""
        inside = set_names(nodes.Template(list(body)))
        if any(name.name in inside for name in find_all(node, nodes.Name)):
            raise RowByRow("filters a block by what it sets")
        chain: list[nodes.Filter] = [node]
        while isinstance(chain[-1].node, nodes.Filter):
            chain.append(chain[-1].node)
        expression: nodes.Expr = nodes.Name(acts.BLOCK, "load", lineno=node.lineno)
        for link in reversed(chain):
            expression = nodes.Filter(
                expression, link.name, link.args, link.kwargs, link.dyn_args, link.dyn_kwargs, lineno=link.lineno
            )
        return self.expressions.step(expression)

    def _filter_block(self, node: nodes.FilterBlock, source: Source) -> Act:
        body = self.body(node.body, source)
        step = acts.captured(body, self._filtered(node.filter, node.body), self.escape)
        self.reports.append(SlotReport(source.name, node.lineno, source.block(node.lineno), "column"))
        return acts.filtered(step, source.place(node.lineno))

    def _set_block(self, node: nodes.AssignBlock, source: Source) -> Act:
        if not isinstance(node.target, nodes.Name):
            raise RowByRow("sets more than a name")
        filters = None if node.filter is None else self._filtered(node.filter, node.body)
        step = acts.captured(self.body(node.body, source), filters, self.escape)
        self.reports.append(SlotReport(source.name, node.lineno, source.block(node.lineno), "column"))
        safe = filters is not None and self.escape
        return acts.setting_block(node.target.name, step, source.place(node.lineno), safe)

    def _autoescape(self, node: nodes.Scope, source: Source) -> Act:
        (inner,) = node.body
        if not isinstance(inner, nodes.ScopedEvalContextModifier) or len(inner.options) != 1:
            raise RowByRow("autoescape")
        value = inner.options[0].value
        if not isinstance(value, nodes.Const) or inner.options[0].key != "autoescape":
            raise RowByRow("autoescape by row")
        before = self._escaping(bool(value.value))
        try:
            return acts.alone(self.body(inner.body, source))
        finally:
            self._escaping(before)

    def _escaping(self, escape: bool) -> bool:
        """From here on values are escaped or not; gives what was before."""
        before, self.escape = self.escape, escape
        self.expressions.escaping(escape)
        return before

    def _output(self, node: nodes.Output, source: Source) -> list[Act]:
        found: list[Act] = []
        after_slot = False
        for part, after in pairwise([*stretches(node), None]):
            if isinstance(part, nodes.Expr):
                step = self._value(part, source)
                found.append(acts.slot(step, source.place(part.lineno), self.escape, closed=isinstance(after, list)))
            elif part is not None and ((text := self._fixed(part, source)) or after_slot):
                found.append(acts.literal(len(self.statics)))
                self.statics.append(Static(text, closes=after_slot))
            after_slot = isinstance(part, nodes.Expr)
        return found

    def _fixed(self, parts: Sequence[nodes.TemplateData | nodes.Const], source: Source) -> str:
        """The text of literals and constants."""
        text = ""
        for part in parts:
            if isinstance(part, nodes.TemplateData):
                text += part.data
            else:
                text += text_of(part.value, self.escape)
                line, said = source.slots.get(id(part), (part.lineno, ""))
                self.reports.append(SlotReport(source.name, line, said or source.block(line), "column", kernel="constant"))
        return text

    def _value(self, node: nodes.Node, source: Source) -> Step:
        """An expression as a column step, or else row by row."""
        line, text = source.slots.get(id(node), (node.lineno, ""))
        try:
            step = self.expressions.step(node)
        except RowByRow as why:
            if self.expressions.strict:
                raise RowByRow(f"line {line} {why.reason}") from None
            self.reports.append(SlotReport(source.name, line, text or source.block(line), "row by row", why.reason))
            self._alone([node])
            return acts.timed(value_step(self._environment, node, source.name), len(self.reports) - 1)
        number = len(self.reports)
        self.reports.append(SlotReport(source.name, line, text or source.block(line), "column", kernel=kernel_of(node)))
        return acts.timed(step, number)

    def _if(self, node: nodes.If, source: Source) -> Act:
        clauses = [node, *node.elif_]
        tests = [(self._value(clause.test, source), source.place(clause.lineno)) for clause in clauses]
        bodies = [self.body(clause.body, source) for clause in clauses]
        return acts.condition(tests, bodies, self.body(node.else_, source))

    def _for(self, node: nodes.For, source: Source) -> Act:
        """A loop as a column step, or all of it row by row: what its body does in one item may matter in the next."""
        try:
            with self._attempt():
                self.reports.append(SlotReport(source.name, node.lineno, source.block(node.lineno), "column"))
                return self._loop(node, source)
        except RowByRow as why:
            if self.expressions.strict:
                raise
            self.reports.append(SlotReport(source.name, node.lineno, source.block(node.lineno), "row by row", why.reason))
            return self._program([node], source)

    def _loop(self, node: nodes.For, source: Source) -> Act:
        if node.recursive:
            raise RowByRow("calls itself for each item")
        names = find_all(node, nodes.Name)
        if any(name.name == "loop" and name.ctx != "load" for name in names):
            raise RowByRow("sets a name `loop`")
        asked = {n.attr for n in find_all(node, nodes.Getattr) if isinstance(n.node, nodes.Name) and n.node.name == "loop"}
        expressions = self.expressions
        over = expressions.iterable(node.iter)
        test = expressions.step(node.test) if node.test is not None else None
        with expressions.inside(loops=expressions.loops + 1, strict=True):
            body = self.body(node.body, source)
        return Loop(
            over,
            binding(node.target),
            test,
            body,
            self.body(node.else_, source) if node.else_ else None,
            place=source.place(node.lineno),
            cost=turn_steps(node) + turn_calls([*node.body, *([node.test] if node.test else [])]),
            asks=ATTRIBUTES.intersection([*asked, *(["index0"] if "cycle" in asked else [])]),
        )

    def _set(self, name: str, node: nodes.Node, source: Source) -> Act:
        return acts.setting(name, self._value(node, source), source.place(node.lineno))

    def _alone(self, body: Sequence[nodes.Node]) -> None:
        """Raises WholeByRow where these nodes need what only the whole template has."""
        if self._whole:
            return
        for node in body:
            for inner in [node, *find_all(node, (*_NOT_ALONE, nodes.Name))]:
                if isinstance(inner, _NOT_ALONE):
                    raise WholeByRow(f"{type(inner).__name__.lower()} at line {inner.lineno}")
                if isinstance(inner, nodes.Name) and inner.name in self.expressions.template_names:
                    raise WholeByRow(f"{inner.name} at line {inner.lineno}")

    def _program(self, body: Sequence[nodes.Node], source: Source) -> Act:
        self._alone(body)
        act = run_statement(Program(self._environment, body, source.name), source.place(body[0].lineno if body else 1))
        last = len(self.reports) - 1
        return acts.timed_act(act, range(last + 1) if self._whole else (last,))
