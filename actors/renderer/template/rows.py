"""Programs that run row by row: a stretch of a template's syntax tree, compiled once in the sandbox.

A program sees the values of its free names for one row and gives its text, the names that it sets, or one expression's value.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jinja2 import Template, nodes

from actors.renderer.functions.values import Value, column_of
from actors.renderer.template.columns import Piece
from actors.renderer.template.frame import Frame
from actors.renderer.template.metering import prepare
from actors.renderer.template.sandbox import RowEnvironment
from actors.renderer.template.timelimit import Spent
from actors.renderer.template.walking import find_all

_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_SETS = (nodes.Assign, nodes.AssignBlock)
RESULT = "hongyan_result"  # the name that an expression's value is set to


class Program:
    """Statements in the sandbox. `reads`: the names that they use (all names where they take in files); `sets`: the names
    that they set for what follows."""

    def __init__(self, environment: RowEnvironment, body: Sequence[nodes.Node], name: str):
        tree = nodes.Template(list(body), lineno=body[0].lineno if body else 1)
        prepare(tree, environment)
        self._reads = {node.name for node in find_all(tree, nodes.Name)} | {node.name for node in find_all(tree, nodes.NSRef)}
        self._reads_all = bool(find_all(tree, _FILES))
        self.sets = sorted({n for node in body if isinstance(node, _SETS) for n in _targets(node.target)})
        self._environment, self._name, self.watch = environment, name, environment.watch
        self._template: Template = environment.from_string(tree)

    def reads(self, frame: Frame) -> set[str]:
        """The names whose values it needs from the frame."""
        return frame.visible() if self._reads_all else self._reads

    def run(
        self, values: Mapping[str, Any], steps: int, spent: Spent | None = None, row: int = 0
    ) -> tuple[str, dict[str, Any]]:
        """One row's text and the names that it set. Raises whatever the row's values make it raise; `used` tells the steps.
        `spent`: the time that the shard's rows have taken, of which this is `row`."""
        self._environment.meter.begin(steps, spent, row)
        context = self._template.new_context(dict(values))
        return "".join(self._template.root_render_func(context)), context.vars

    def place(self, error: BaseException) -> str:
        """File and line where a row was stopped."""
        found = ""
        trace = error.__traceback__
        while trace is not None:
            template = trace.tb_frame.f_globals.get("__jinja_template__")
            if template is not None:
                found = f"{template.name or self._name} line {template.get_corresponding_lineno(trace.tb_lineno)}"
            trace = trace.tb_next
        return found

    @property
    def used(self) -> int:
        """Steps that the row has used, this program's among them."""
        return self._environment.meter.steps


def _targets(target: nodes.Node) -> Iterator[str]:
    if isinstance(target, nodes.Name):
        yield target.name
    for name in find_all(target, nodes.Name):
        yield name.name


def _outcomes(program: Program, frame: Frame) -> list[tuple[str, dict[str, Any]] | None]:
    """The program's result for each row of the frame; None for rows that have failed, now or before."""
    names, rows = frame.rows(program.reads(frame))
    alive = frame.alive()
    going = [True] * frame.n if alive is None else alive.tolist()
    outcomes: list[tuple[str, dict[str, Any]] | None] = []
    watch, spent = program.watch, frame.shard.spent
    frame.late(0.0)
    for i, row in enumerate(rows):  # a loop over rows: what comes here has no column form
        outcome = None
        at = frame.owner(i)
        if going[i] and at not in frame.shard.failed:  # an item before this one may have ended the row
            if watch is not None:
                watch.at = at
            try:
                outcome = program.run(dict(zip(names, row, strict=True)), int(frame.shard.steps[at]), spent, at)
            except Exception as error:
                frame.fail(i, error, program.place(error))
            frame.shard.steps[at] = program.used
            if spent is not None:
                spent.rows[at] += spent.take()
        outcomes.append(outcome)
    return outcomes


def value_step(environment: RowEnvironment, expression: nodes.Node, name: str) -> Callable[[Frame], Value]:
    """An expression's values, row by row."""
    target = nodes.Name(RESULT, "store", lineno=expression.lineno)
    program = Program(environment, [nodes.Assign(target, expression, lineno=expression.lineno)], name)

    def run(frame: Frame) -> Value:
        return column_of([None if o is None else o[1][RESULT] for o in _outcomes(program, frame)])

    return run


def run_statement(program: Program, place: str) -> Callable[[Frame, list[Piece]], None]:
    """A statement's texts, row by row; the names that it sets become columns of the frame."""

    def run(frame: Frame, pieces: list[Piece]) -> None:
        frame.shard.place = place
        outcomes = _outcomes(program, frame)
        frame.emit(pieces, ["" if o is None else o[0] for o in outcomes])
        for name in program.sets:
            frame.names[name] = column_of([None if o is None else o[1].get(name) for o in outcomes])

    return run
