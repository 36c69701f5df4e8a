"""A template compiled for columns: `compile_template` finds every problem at once, `Plan.run` gives a shard's texts.

A plan keeps no state between shards; one thread at a time runs it.
"""

from collections.abc import Mapping
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from jinja2 import TemplateError
from numpy.typing import NDArray

from actors.model.errors import InvalidInput, Problem
from actors.renderer.functions import REGISTRY
from actors.renderer.functions.context import Context
from actors.renderer.template.calls import called, first_literals, setting_problems
from actors.renderer.template.check import check
from actors.renderer.template.columns import Columns, SlotReport
from actors.renderer.template.constants import Constants
from actors.renderer.template.fields import field_problems, wrap_fields
from actors.renderer.template.frame import Act, Frame
from actors.renderer.template.kinds import kind_problems
from actors.renderer.template.metering import set_names
from actors.renderer.template.naming import column_problems, name_codes, name_columns
from actors.renderer.template.private import all_files, private_problems
from actors.renderer.template.sandbox import RowEnvironment
from actors.renderer.template.shard import Shard
from actors.renderer.template.statements import Statements
from actors.renderer.template.syntax import Source
from actors.renderer.template.timelimit import Spent
from actors.renderer.template.timing import Timing
from actors.renderer.template.watch import Watch


class Plan:
    """One compiled template. `statics` are its literal stretches, each to be encoded once, `closing` the numbers of those
    that follow a slot, `ranked` the columns whose ranks it asks for."""

    def __init__(
        self, name: str, act: Act, statements: Statements, environment: RowEnvironment, context: Context, ranked: frozenset[str]
    ):
        self.name, self.ranked = name, ranked
        self.statics = tuple(static.text for static in statements.statics)
        self.closing = frozenset(at for at, static in enumerate(statements.statics) if static.closes)
        self.calls: frozenset[str] = frozenset()  # the functions that it calls
        self.attached: frozenset[str] = frozenset()  # what pdf_attach names
        self._act, self._reports = act, statements.reports
        self._environment, self._context = environment, context
        self._zone = ZoneInfo(context.timezone)

    def run(
        self,
        table: pa.Table | pa.RecordBatch,
        rows: NDArray[np.int64],
        timing: Timing | None = None,
        spent: Spent | None = None,
    ) -> Columns:
        """The texts of these rows. `table` holds their list columns, `rows` their numbers in the job; `timing` notes what each
        slot takes, `spent` the time that each row takes, and ends those that take too long."""
        shard = Shard(table, len(rows), self._context, self._environment, self._zone, self.statics)
        shard.timing, shard.spent = timing, spent
        if spent is not None:
            spent.begin()
        columns = Columns(shard.n, [], shard.failed)
        if shard.n:
            with np.errstate(all="ignore"):
                self._act(Frame(shard), columns.pieces)
        return columns

    def explain(self) -> list[SlotReport]:
        """How each slot and statement is worked out."""
        return list(self._reports)


def compile_template(
    source: str,
    *,
    name: str,
    context: Context,
    escape: bool,
    files: Mapping[str, str] | None = None,
    watch: Watch | None = None,
    fields: str = "",
    typed: bool = False,
) -> Plan:
    """The plan of one template. `files` are what it may include; `watch` is told what the plan's slots and branches see;
    `fields` is the suffix of a format with fields, which each slot then is. `typed`: what fails in every row for the types of
    the columns is a problem too, and not left to the rows. Raises InvalidInput with every problem and line."""
    context = replace(context, html=escape)
    main = Source.read(name, source)
    taken: dict[str, Source] = {}
    problems = check(main, context.types, files or {}, taken)
    sources = (main, *taken.values())
    shadowed = frozenset(n for source in sources for n in set_names(source.tree))
    problems += column_problems(sources, context.types, shadowed)
    reached = all_files(sources, files or {})
    problems += private_problems(reached, context.private)
    problems += setting_problems(reached, context, shadowed)
    if typed:
        problems += kind_problems(sources, context, shadowed)
    if fields:
        problems += [problem for source in sources for problem in field_problems(source, fields)]
    scalars = {name: function.scalar(context) for name, function in REGISTRY.items()}
    environment = RowEnvironment(scalars, escape=escape, files=files or {}, shadowed=shadowed, watch=watch)
    constants = Constants(environment, context, escape, shadowed)
    constants.fold(sources)
    if typed:
        told = {(problem.file, problem.line, problem.column) for problem in problems}
        problems += [p for p in constants.problems if (p.file, p.line, p.column) not in told]
    if problems:
        raise InvalidInput(tuple(problems))
    calls, attached = called(reached), first_literals(reached, "pdf_attach")
    for read in sources:
        name_codes(read.tree, shadowed)
    ranked = frozenset(column for source in sources for column in name_columns(source.tree, shadowed))
    if watch is not None:
        printing = private_problems(all_files(sources, files or {}), watch.private)
        watch.hidden = frozenset((p.file, p.line) for p in printing)
        for read in sources:
            watch.attach(read)
    for read in sources if fields else ():
        wrap_fields(read, fields)
    statements = Statements(environment, escape, shadowed, taken)
    try:
        act = statements.template(main)
    except TemplateError as error:
        raise InvalidInput((Problem(name, error.message or "cannot be compiled", getattr(error, "lineno", 0) or 0),)) from None
    except (SyntaxError, RecursionError, MemoryError):  # Python's own compiler gives up on the code made from it
        raise InvalidInput((Problem(name, "is nested too deeply"),)) from None
    plan = Plan(name, act, statements, environment, context, ranked)
    plan.calls, plan.attached = calls, attached
    return plan
