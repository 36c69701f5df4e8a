"""Statements of the syntax tree as steps over a frame. Each step adds the pieces of its rows; what no step can do becomes a
program of the sandbox for that statement alone.

Literals, slots, `if`, `for`, `set` and `include` of a named file are column steps. `with`, `filter` and `autoescape` blocks
keep what they set to themselves, so each can run row by row on its own. Macros, imports and blocks need the whole template.
"""

from collections.abc import Callable, Mapping, Sequence

from jinja2 import nodes

from actors.renderer.functions.limits import MAX_INCLUDES
from actors.renderer.functions.scope import truth
from actors.renderer.template.columns import Piece, SlotReport
from actors.renderer.template.expressions import Expressions, RowByRow, Step
from actors.renderer.template.frame import Frame
from actors.renderer.template.loops import ATTRIBUTES, Loop, binding
from actors.renderer.template.metering import turn_calls, turn_steps
from actors.renderer.template.printing import printed
from actors.renderer.template.rows import Program, run_statement, value_step
from actors.renderer.template.sandbox import RowEnvironment
from actors.renderer.template.syntax import Source

Act = Callable[[Frame, list[Piece]], None]
_WHOLE = (nodes.Macro, nodes.CallBlock, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block)
_WORDS: dict[type[nodes.Node], str] = {
    nodes.ScopedEvalContextModifier: "autoescape",
    nodes.Scope: "autoescape",
    nodes.FilterBlock: "filter",
}


def whole_reason(tree: nodes.Template) -> str:
    """Why the whole template must run row by row; empty: it need not."""
    for kind in _WHOLE:
        for node in tree.find_all(kind):
            return f"{kind.__name__.lower()} at line {node.lineno}"
    for name in tree.find_all(nodes.Name):
        if name.name in ("self", "super", "caller"):
            return f"{name.name} at line {name.lineno}"
    return ""


class Statements:
    """Compiles the statements of one plan; collects its literals and its report."""

    def __init__(self, environment: RowEnvironment, escape: bool, shadowed: frozenset[str], sources: Mapping[str, Source]):
        self._environment, self._escape, self._sources = environment, escape, sources
        self._expressions = Expressions(environment, escape, shadowed)
        self._includes = 0
        self.statics: list[str] = []
        self.reports: list[SlotReport] = []

    def template(self, source: Source) -> Act:
        """A whole file."""
        reason = whole_reason(source.tree)
        if not reason:
            return self.body(source.tree.body, source)
        for file in (source, *self._sources.values()):
            for line, text in file.slots.values():
                self.reports.append(SlotReport(file.name, line, text, "row by row", reason))
        return self._program(source.tree.body, source)

    def body(self, body: Sequence[nodes.Node], source: Source) -> Act:
        """Statements in a row; a row that fails in one does not run the next."""
        acts = [act for node in body for act in self._acts(node, source)]

        def run(frame: Frame, pieces: list[Piece], at: int = 0) -> None:
            failed = frame.shard.failed
            for i in range(at, len(acts)):
                before = len(failed)
                acts[i](frame, pieces)
                if len(failed) != before and i + 1 < len(acts):
                    alive = frame.alive()
                    if alive is not None:
                        if alive.any():
                            branch = frame.among(alive)
                            run(branch, pieces, i + 1)
                            frame.merge(alive, branch)
                        return

        return run

    def _acts(self, node: nodes.Node, source: Source) -> list[Act]:
        if isinstance(node, nodes.Output):
            return self._output(node, source)
        if isinstance(node, nodes.If):
            return [self._if(node, source)]
        if isinstance(node, nodes.For):
            return [self._for(node, source)]
        if isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name):
            return [self._set(node.target.name, node.node, source)]
        if isinstance(node, nodes.Include):
            act = self._include(node, source)
            if act is not None:
                return [act]
        word = _WORDS.get(type(node), type(node).__name__.lower())
        if self._expressions.loops:
            raise RowByRow(f"{word} at line {node.lineno}")
        self.reports.append(SlotReport(source.name, node.lineno, source.block(node.lineno), "row by row", word))
        return [self._program([node], source)]

    def _output(self, node: nodes.Output, source: Source) -> list[Act]:
        acts: list[Act] = []
        literal = ""
        for part in [*node.nodes, None]:
            if isinstance(part, nodes.TemplateData):
                literal += part.data
                continue
            if literal:
                acts.append(self._literal(literal))
                literal = ""
            if part is not None:
                acts.append(self._slot(part, source))
        return acts

    def _literal(self, text: str) -> Act:
        static = len(self.statics)
        self.statics.append(text)
        return lambda frame, pieces: pieces.append(Piece(static, mask=frame.mask()))

    def _slot(self, node: nodes.Expr, source: Source) -> Act:
        step, place, escape = self._value(node, source), source.place(node.lineno), self._escape

        def run(frame: Frame, pieces: list[Piece]) -> None:
            frame.shard.place = place
            frame.emit(pieces, printed(frame, step(frame), escape))

        return run

    def _value(self, node: nodes.Node, source: Source) -> Step:
        """An expression as a column step, or else row by row."""
        line, text = source.slots.get(id(node), (node.lineno, ""))
        try:
            step = self._expressions.step(node)
        except RowByRow as why:
            if self._expressions.loops:
                raise RowByRow(f"line {line} {why.reason}") from None
            self.reports.append(SlotReport(source.name, line, text or source.block(line), "row by row", why.reason))
            return value_step(self._environment, node, source.name)
        self.reports.append(SlotReport(source.name, line, text or source.block(line), "column"))
        return step

    def _if(self, node: nodes.If, source: Source) -> Act:
        clauses = [node, *node.elif_]
        tests = [(self._value(clause.test, source), source.place(clause.lineno)) for clause in clauses]
        bodies = [self.body(clause.body, source) for clause in clauses]
        last = self.body(node.else_, source)

        def run(frame: Frame, pieces: list[Piece], at: int = 0) -> None:
            if at == len(tests):
                last(frame, pieces)
                return
            test, frame.shard.place = tests[at]
            mask = truth(frame, test(frame))
            if mask.all():
                bodies[at](frame, pieces)
                return
            if not mask.any():
                run(frame, pieces, at + 1)
                return
            yes, no = frame.among(mask), frame.among(~mask)
            bodies[at](yes, pieces)
            run(no, pieces, at + 1)
            frame.merge(mask, yes)
            frame.merge(~mask, no)

        return run

    def _for(self, node: nodes.For, source: Source) -> Act:
        """A loop as a column step, or all of it row by row: what its body does in one item may matter in the next."""
        reports, statics, includes = len(self.reports), len(self.statics), self._includes
        self.reports.append(SlotReport(source.name, node.lineno, source.block(node.lineno), "column"))
        try:
            return self._loop(node, source)
        except RowByRow as why:
            if self._expressions.loops:
                raise
            del self.reports[reports:], self.statics[statics:]
            self._includes = includes
            self.reports.append(SlotReport(source.name, node.lineno, source.block(node.lineno), "row by row", why.reason))
            return self._program([node], source)

    def _loop(self, node: nodes.For, source: Source) -> Act:
        if node.recursive:
            raise RowByRow("calls itself for each item")
        names = list(node.find_all(nodes.Name))
        if any(name.name == "loop" and name.ctx != "load" for name in names):
            raise RowByRow("sets a name `loop`")
        asked = {n.attr for n in node.find_all(nodes.Getattr) if isinstance(n.node, nodes.Name) and n.node.name == "loop"}
        expressions = self._expressions
        over = expressions.iterable(node.iter)
        test = expressions.step(node.test) if node.test is not None else None
        expressions.loops += 1
        try:
            body = self.body(node.body, source)
        finally:
            expressions.loops -= 1
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
        step, place = self._value(node, source), source.place(node.lineno)

        def run(frame: Frame, pieces: list[Piece]) -> None:
            frame.shard.place = place
            frame.names[name] = step(frame)

        return run

    def _include(self, node: nodes.Include, source: Source) -> Act | None:
        target = node.template.value if isinstance(node.template, nodes.Const) else None
        inner = self._sources.get(target) if isinstance(target, str) else None
        if inner is None or not node.with_context or whole_reason(inner.tree) or self._includes >= MAX_INCLUDES:
            return None
        if self._expressions.loops and any(name.name == "loop" for name in inner.tree.find_all(nodes.Name)):
            return None
        self._includes += 1
        body = self.body(inner.tree.body, inner)
        return lambda frame, pieces: body(frame.scoped(), pieces)

    def _program(self, body: Sequence[nodes.Node], source: Source) -> Act:
        return run_statement(Program(self._environment, body, source.name), source.place(body[0].lineno if body else 1))
