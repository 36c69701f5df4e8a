"""Statements of the syntax tree as steps over a frame. Each step adds the pieces of its rows; what no step can do becomes a
program of the sandbox for that statement alone.

Literals, slots, `if`, `for`, `set` and `include` of a named file are column steps. `with`, `filter` and `autoescape` blocks
keep what they set to themselves, so each can run row by row on its own. Macros, imports and blocks need the whole template.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from jinja2 import nodes
from markupsafe import Markup

from actors.renderer.functions.limits import MAX_INCLUDES
from actors.renderer.functions.scope import each, truth
from actors.renderer.functions.values import Value, list_of
from actors.renderer.template.columns import Piece, SlotReport
from actors.renderer.template.expressions import Expressions, RowByRow
from actors.renderer.template.frame import Act, Frame, Step
from actors.renderer.template.loops import ATTRIBUTES, Loop, binding
from actors.renderer.template.macros import (
    Macro,
    Namespace,
    WholeByRow,
    arguments,
    blocks_of,
    call_step,
    chain_of,
    markup,
    stored_names,
    template_names,
)
from actors.renderer.template.metering import body_steps, set_names, turn_calls, turn_steps
from actors.renderer.template.printing import text_of
from actors.renderer.template.rows import Program, run_statement, value_step
from actors.renderer.template.sandbox import RowEnvironment
from actors.renderer.template.syntax import Source
from actors.renderer.template.timing import kernel_of

_WORDS: dict[type[nodes.Node], str] = {
    nodes.ScopedEvalContextModifier: "autoescape",
    nodes.Scope: "autoescape",
    nodes.FilterBlock: "filter",
}
_SETTING = (nodes.Assign, nodes.AssignBlock, nodes.Macro, nodes.Import, nodes.FromImport)
_NOT_ALONE = (nodes.Macro, nodes.CallBlock, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block)
MOST_CHARS_JOINED = 1_000  # of a constant slot that becomes literal text: all of a plan's literals are kept and encoded
_BLOCK = "hongyan block"  # the name of a filtered block's text: no template can write it


class Static(NamedTuple):
    """A literal; `closes`: it stands behind a slot, in every row that has the slot."""

    text: str
    closes: bool


class Statements:
    """Compiles the statements of one plan; collects its literals and its report."""

    def __init__(self, environment: RowEnvironment, escape: bool, shadowed: frozenset[str], sources: Mapping[str, Source]):
        self._environment, self._escape, self._sources = environment, escape, sources
        self._whole_escape = escape
        self._expressions = Expressions(environment, escape, shadowed)
        self._expressions.inline = self._inline
        self._includes = self._level = 0
        self._whole = False  # all of it row by row
        self._namespace = Namespace()
        self._blocks: dict[str, list[tuple[Source, nodes.Block]]] = {}
        self._around: list[tuple[str, int]] = []  # blocks and macros that are being compiled
        self._stored: frozenset[str] = frozenset()
        self.statics: list[Static] = []
        self.reports: list[SlotReport] = []

    def template(self, source: Source) -> Act:
        """The plan's own file, as columns or else whole by row."""
        trees = [file.tree for file in (source, *self._sources.values())]
        self._expressions.template_names, self._stored = template_names(trees), stored_names(trees)
        try:
            return self._file(source)
        except (WholeByRow, RowByRow) as why:
            self.reports.clear()
            self.statics.clear()
            for file in (source, *self._sources.values()):
                for line, text in file.slots.values():
                    self.reports.append(SlotReport(file.name, line, text, "row by row", why.reason))
            self._whole = True
            return self._program(source.tree.body, source)

    def _file(self, source: Source) -> Act:
        """A file and the layouts that it extends."""
        chain = chain_of(source, self._sources)
        before, self._blocks = self._blocks, blocks_of(chain)
        acts = [self._top(file, extended=file is not chain[-1]) for file in chain]
        self._blocks = before
        return acts[0] if len(acts) == 1 else _one_after_the_other(acts)

    def _top(self, source: Source, extended: bool) -> Act:
        """The top level of a file; of one that extends another only what it sets, defines or writes before that."""
        body: list[nodes.Node] = []
        silent = False
        for node in source.tree.body:
            if isinstance(node, nodes.Extends):
                silent = True
            elif not silent or isinstance(
                node, nodes.Assign | nodes.AssignBlock | nodes.Macro | nodes.Import | nodes.FromImport
            ):
                body.append(node)
            elif not isinstance(node, nodes.Output | nodes.Block):
                raise WholeByRow(f"{type(node).__name__.lower()} beside the blocks at line {node.lineno}")
        return self.body(body, source, top=True)

    def body(self, body: Sequence[nodes.Node], source: Source, top: bool = False) -> Act:
        """Statements in a row; a row that fails in one does not run the next. `top`: they may define macros."""
        acts = [act for node in body if not (top and self._defines(node, source)) for act in self._acts(node, source)]

        def run(frame: Frame, pieces: list[Piece], at: int = 0) -> None:
            failed = frame.shard.failed
            for i in range(at, len(acts)):
                before = len(failed)
                acts[i](frame, pieces)
                frame.late()
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
        if isinstance(node, nodes.Block):
            return [self._block(node.name, 0, node.scoped)]
        if isinstance(node, nodes.Include):
            act = self._include(node, source)
            if act is not None:
                return [act]
        word = _WORDS.get(type(node), type(node).__name__.lower())
        act = self._inner(node, source)
        if act is not None:
            return [act]
        if self._expressions.strict:
            raise RowByRow(f"{word} at line {node.lineno}")
        self.reports.append(SlotReport(source.name, node.lineno, source.block(node.lineno), "row by row", word))
        return [self._program([node], source)]

    def _inner(self, node: nodes.Node, source: Source) -> Act | None:
        """Statements with a body of their own; None where they have no column form."""
        state = len(self.reports), len(self.statics), self._includes
        self._expressions.strict += 1
        try:
            if isinstance(node, nodes.With):
                return self._with(node, source)
            if isinstance(node, nodes.FilterBlock):
                return self._filter_block(node, source)
            if isinstance(node, nodes.AssignBlock):
                return self._set_block(node, source)
            if isinstance(node, nodes.Scope):
                return self._autoescape(node, source)
            return None
        except RowByRow:
            del self.reports[state[0] :], self.statics[state[1] :]
            self._includes = state[2]
            return None
        finally:
            self._expressions.strict -= 1

    def _with(self, node: nodes.With, source: Source) -> Act:
        steps = [self._value(value, source) for value in node.values]
        if not all(isinstance(target, nodes.Name) for target in node.targets):
            raise RowByRow("unpacks values")
        names = [target.name for target in node.targets if isinstance(target, nodes.Name)]
        body, place = self.body(node.body, source), source.place(node.lineno)

        def run(frame: Frame, pieces: list[Piece]) -> None:
            frame.shard.place = place
            scope = frame.scoped()
            scope.names.update(zip(names, [step(frame) for step in steps], strict=True))
            _living(scope, pieces, body)

        return run

    def _filtered(self, node: nodes.Filter, body: Sequence[nodes.Node]) -> Step:
        """The filters of a block as an expression over its text."""
        inside = set_names(nodes.Template(list(body)))
        if any(name.name in inside for name in node.find_all(nodes.Name)):
            raise RowByRow("filters a block by what it sets")
        chain: list[nodes.Filter] = [node]
        while isinstance(chain[-1].node, nodes.Filter):
            chain.append(chain[-1].node)
        expression: nodes.Expr = nodes.Name(_BLOCK, "load", lineno=node.lineno)
        for link in reversed(chain):
            expression = nodes.Filter(
                expression, link.name, link.args, link.kwargs, link.dyn_args, link.dyn_kwargs, lineno=link.lineno
            )
        return self._expressions.step(expression)

    def _captured(self, body: Act, filters: Step | None) -> Step:
        """A block's text as a value."""
        escape = self._escape

        def run(frame: Frame) -> Value:
            text = markup(frame.captured(body), escape)
            if filters is None:
                return text
            scope = frame.scoped()
            scope.names[_BLOCK] = text
            return filters(scope)

        return run

    def _filter_block(self, node: nodes.FilterBlock, source: Source) -> Act:
        step = self._captured(self.body(node.body, source), self._filtered(node.filter, node.body))
        place = source.place(node.lineno)

        def run(frame: Frame, pieces: list[Piece]) -> None:
            value = step(frame)
            frame.shard.place = place
            frame.emit(pieces, [text or "" for text in list_of(each(frame, _text_only, (value,)), frame.n)])

        self.reports.append(SlotReport(source.name, node.lineno, source.block(node.lineno), "column"))
        return run

    def _set_block(self, node: nodes.AssignBlock, source: Source) -> Act:
        if not isinstance(node.target, nodes.Name):
            raise RowByRow("sets more than a name")
        filters = None if node.filter is None else self._filtered(node.filter, node.body)
        step, name, escape = self._captured(self.body(node.body, source), filters), node.target.name, self._escape
        place = source.place(node.lineno)

        def run(frame: Frame, pieces: list[Piece]) -> None:
            value = step(frame)
            frame.shard.place = place
            frame.names[name] = each(frame, Markup, (value,)) if filters is not None and escape else value

        self.reports.append(SlotReport(source.name, node.lineno, source.block(node.lineno), "column"))
        return run

    def _autoescape(self, node: nodes.Scope, source: Source) -> Act:
        (inner,) = node.body
        if not isinstance(inner, nodes.ScopedEvalContextModifier) or len(inner.options) != 1:
            raise RowByRow("autoescape")
        value = inner.options[0].value
        if not isinstance(value, nodes.Const) or inner.options[0].key != "autoescape":
            raise RowByRow("autoescape by row")
        self._escape = bool(value.value)
        before = self._expressions.escaping(self._escape)
        try:
            body = self.body(inner.body, source)
        finally:
            self._escape = before
            self._expressions.escaping(before)
        return lambda frame, pieces: body(frame.scoped(), pieces)

    def _defines(self, node: nodes.Node, source: Source) -> bool:
        """Notes macros and imports of a file's top level; they run nothing by themselves."""
        if isinstance(node, nodes.Macro):
            self._macro(node, source, self._namespace)
        elif isinstance(node, nodes.Import) and not node.with_context:
            self._namespace.modules[node.target] = self._module(node)
            if node.target in self._stored:
                raise WholeByRow(f"{node.target} is set elsewhere")
        elif isinstance(node, nodes.FromImport) and not node.with_context:
            module = self._module(node)
            for name in node.names:
                mine, theirs = (name, name) if isinstance(name, str) else (name[1], name[0])
                if theirs not in module.macros or mine in self._stored or mine in self._namespace.macros:
                    raise WholeByRow(f"import of {theirs} at line {node.lineno}")
                self._namespace.macros[mine] = module.macros[theirs]
        else:
            return False
        return True

    def _macro(self, node: nodes.Macro, source: Source, namespace: Namespace) -> None:
        name = node.name
        if name in namespace.macros or name in self._stored or self._escape != self._whole_escape:
            raise WholeByRow(f"macro {name} at line {node.lineno} is set more than once")
        if any(n.name in ("caller", "varargs", "kwargs") for n in node.find_all(nodes.Name)):
            raise WholeByRow(f"macro {name} at line {node.lineno} takes whatever it is given")
        namespace.macros[name] = Macro(node, source, namespace, self._level)

    def _module(self, node: nodes.Import | nodes.FromImport) -> Namespace:
        """The macros of an imported file."""
        target = node.template.value if isinstance(node.template, nodes.Const) else None
        source = self._sources.get(target) if isinstance(target, str) else None
        if source is None:
            raise WholeByRow(f"import of a file that only a row names, line {node.lineno}")
        namespace = Namespace(is_module=True)
        for inner in source.tree.body:
            if isinstance(inner, nodes.Macro):
                self._macro(inner, source, namespace)
            elif not isinstance(inner, nodes.Output) or not all(isinstance(p, nodes.TemplateData) for p in inner.nodes):
                raise WholeByRow(f"import of {target}, which does more than define macros")
        return namespace

    def _inline(self, node: nodes.Call) -> Step | None:
        """A call of a macro or of super(); None for all other calls."""
        if isinstance(node.node, nodes.Name) and node.node.name == "super" and self._around and self._around[-1][1] >= 0:
            return self._super(node)
        macro = self._namespace.find(node.node)
        if macro is None:
            return None
        if self._escape != self._whole_escape or macro.level != self._level:
            raise WholeByRow(f"call of {macro.node.name} from elsewhere, line {node.lineno}")
        given = {name: self._expressions.step(value) for name, value in arguments(macro, node)}
        self._compile(macro)
        return call_step(macro, given, self._expressions, self._escape)

    def _compile(self, macro: Macro) -> None:
        if macro.body is not None:
            return
        if (macro.source.name + macro.node.name, -1) in self._around:
            raise WholeByRow(f"macro {macro.node.name} at line {macro.node.lineno} calls itself")
        expressions, namespace = self._expressions, self._namespace
        loops, expressions.loops, self._namespace = expressions.loops, 0, macro.namespace
        expressions.strict += 1
        self._around.append((macro.source.name + macro.node.name, -1))
        try:
            first = len(macro.names) - len(macro.node.defaults)
            for name, default in zip(macro.names[first:], macro.node.defaults, strict=True):
                macro.defaults[name] = expressions.step(default)
            macro.body = self.body(macro.node.body, macro.source)
        except RowByRow as why:
            raise WholeByRow(f"macro {macro.node.name}: {why.reason}") from None
        finally:
            self._around.pop()
            expressions.strict -= 1
            expressions.loops, self._namespace = loops, namespace

    def _block(self, name: str, at: int, scoped: bool) -> Act:
        """The block of this name, `at` steps from the most derived one."""
        source, node = self._blocks[name][at]
        if (name, at) in self._around or self._escape != self._whole_escape:
            raise WholeByRow(f"block {name} at line {node.lineno}")
        expressions = self._expressions
        loops = expressions.loops
        expressions.loops = loops if scoped else 0
        self._around.append((name, at))
        try:
            body = self.body(node.body, source)
        finally:
            self._around.pop()
            expressions.loops = loops
        cost = body_steps(node.body)

        def run(frame: Frame, pieces: list[Piece]) -> None:
            scope = frame.scoped(None if scoped else frame.base)
            scope.charge(cost)
            _living(scope, pieces, body)

        return run

    def _super(self, node: nodes.Call) -> Step:
        name, at = self._around[-1]
        if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs or at + 1 >= len(self._blocks[name]):
            raise WholeByRow(f"super() at line {node.lineno}")
        act, escape = self._block(name, at + 1, self._blocks[name][at][1].scoped), self._escape
        return lambda frame: markup(frame.captured(act), escape)

    def _output(self, node: nodes.Output, source: Source) -> list[Act]:
        acts: list[Act] = []
        after_slot = False
        for part, after in pairwise([*_stretches(node), None]):
            if isinstance(part, nodes.Expr):
                acts.append(self._slot(part, source, closed=isinstance(after, list)))
            elif part is not None and ((text := self._fixed(part, source)) or after_slot):
                acts.append(self._literal(text, closes=after_slot))
            after_slot = isinstance(part, nodes.Expr)
        return acts

    def _fixed(self, parts: Sequence[nodes.TemplateData | nodes.Const], source: Source) -> str:
        """The text of literals and constants."""
        text = ""
        for part in parts:
            if isinstance(part, nodes.TemplateData):
                text += part.data
            else:
                text += text_of(part.value, self._escape)
                line, said = source.slots.get(id(part), (part.lineno, ""))
                self.reports.append(SlotReport(source.name, line, said or source.block(line), "column", kernel="constant"))
        return text

    def _literal(self, text: str, closes: bool) -> Act:
        static = len(self.statics)
        self.statics.append(Static(text, closes))
        return lambda frame, pieces: pieces.append(Piece(static, mask=frame.mask()))

    def _slot(self, node: nodes.Expr, source: Source, closed: bool) -> Act:
        step, place, escape = self._value(node, source), source.place(node.lineno), self._escape

        def run(frame: Frame, pieces: list[Piece]) -> None:
            frame.shard.place = place
            frame.emit(pieces, frame.printed(step(frame), escape), closed)

        return run

    def _value(self, node: nodes.Node, source: Source) -> Step:
        """An expression as a column step, or else row by row."""
        line, text = source.slots.get(id(node), (node.lineno, ""))
        try:
            step = self._expressions.step(node)
        except RowByRow as why:
            if self._expressions.strict:
                raise RowByRow(f"line {line} {why.reason}") from None
            self.reports.append(SlotReport(source.name, line, text or source.block(line), "row by row", why.reason))
            self._alone([node])
            return _timed(value_step(self._environment, node, source.name), len(self.reports) - 1)
        number = len(self.reports)
        self.reports.append(SlotReport(source.name, line, text or source.block(line), "column", kernel=kernel_of(node)))
        return _timed(step, number)

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
            if self._expressions.strict:
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
        expressions.strict += 1
        try:
            body = self.body(node.body, source)
        finally:
            expressions.loops -= 1
            expressions.strict -= 1
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
        if inner is None or not node.with_context or self._includes >= MAX_INCLUDES or self._escape != self._whole_escape:
            return None
        if self._expressions.loops and any(name.name == "loop" for name in inner.tree.find_all(nodes.Name)):
            return None
        self._includes += 1
        namespace, around = self._namespace, self._around
        self._namespace, self._around = namespace.copy(), []
        self._level += 1
        try:
            body = self._file(inner)
        finally:
            self._level -= 1
            self._namespace, self._around = namespace, around

        def run(frame: Frame, pieces: list[Piece]) -> None:
            scope = frame.scoped()
            scope.base = scope.depth
            body(scope, pieces)

        return run

    def _alone(self, body: Sequence[nodes.Node]) -> None:
        """Raises WholeByRow where these nodes need what only the whole template has."""
        if self._whole:
            return
        for node in body:
            for inner in [node, *node.find_all((*_NOT_ALONE, nodes.Name))]:
                if isinstance(inner, _NOT_ALONE):
                    raise WholeByRow(f"{type(inner).__name__.lower()} at line {inner.lineno}")
                if isinstance(inner, nodes.Name) and inner.name in self._expressions.template_names:
                    raise WholeByRow(f"{inner.name} at line {inner.lineno}")

    def _program(self, body: Sequence[nodes.Node], source: Source) -> Act:
        self._alone(body)
        act = run_statement(Program(self._environment, body, source.name), source.place(body[0].lineno if body else 1))
        number = len(self.reports) - 1

        def run(frame: Frame, pieces: list[Piece]) -> None:
            timing = frame.shard.timing
            start = timing.clock() if timing is not None else 0.0
            act(frame, pieces)
            if timing is not None:
                for at in range(len(self.reports)) if self._whole else (number,):
                    timing.note(at, frame.n, start)

        return run


def _timed(step: Step, number: int) -> Step:
    """The step, noted where a run is measured."""

    def run(frame: Frame) -> Value:
        timing = frame.shard.timing
        if timing is None:
            return step(frame)
        start = timing.clock()
        value = step(frame)
        timing.note(number, frame.n, start, value)
        return value

    return run


def _one_after_the_other(acts: Sequence[Act]) -> Act:
    def run(frame: Frame, pieces: list[Piece]) -> None:
        for act in acts:
            _living(frame, pieces, act)

    return run


def _living(frame: Frame, pieces: list[Piece], act: Act) -> None:
    """Runs the act for the rows that have not failed."""
    alive = frame.alive()
    if alive is None:
        act(frame, pieces)
    elif alive.any():
        branch = frame.among(alive)
        act(branch, pieces)
        frame.merge(alive, branch)


def _stretches(node: nodes.Output) -> list[list[nodes.TemplateData | nodes.Const] | nodes.Expr]:
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


def _text_only(value: object) -> str:
    """What a filtered block writes as it is."""
    if not isinstance(value, str):
        raise TypeError
    return str(value)
