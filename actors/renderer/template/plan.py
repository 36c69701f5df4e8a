"""A template compiled for columns: `compile_template` finds every problem at once, `Plan.run` gives a shard's texts.

A plan keeps no state between shards; one thread at a time runs it.
"""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from jinja2 import nodes
from numpy.typing import NDArray

from actors.model.errors import InvalidInput
from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import reason_of, state_of
from actors.renderer.functions.values import python_values
from actors.renderer.template.check import check
from actors.renderer.template.columns import Columns, Failure, Piece, SlotReport
from actors.renderer.template.rows import Program
from actors.renderer.template.sandbox import RowEnvironment
from actors.renderer.template.syntax import parse


class Plan:
    """One compiled template. `statics` are its literal stretches."""

    def __init__(self, name: str, statics: Sequence[str], program: Program, zone: ZoneInfo):
        self.name = name
        self.statics = tuple(statics)
        self._program = program
        self._zone = zone

    def run(self, table: pa.Table | pa.RecordBatch, rows: NDArray[np.int64]) -> Columns:
        """The texts of these rows. `table` holds their list columns, `rows` their numbers in the job."""
        n = len(rows)
        program = self._program
        names = [name for name in table.schema.names if program.reads_all or name in program.reads]
        columns = {name: python_values(table.column(name), self._zone) for name in names}
        texts = [""] * n
        failed: dict[int, Failure] = {}
        for i in range(n):
            try:
                texts[i], _ = program.run({name: column[i] for name, column in columns.items()})
            except Exception as error:
                failed[i] = Failure(state_of(error), f"{self.name}: {reason_of(error)}")
        return Columns(n, [Piece(values=texts)], failed)

    def explain(self) -> list[SlotReport]:
        """How each slot is worked out."""
        return [SlotReport(self.name, 1, "", "row by row", "whole template")]


def compile_template(source: str, *, name: str, context: Context, escape: bool, files: Mapping[str, str] | None = None) -> Plan:
    """The plan of one template. `files` are what it may include. Raises InvalidInput with every problem and its line."""
    tree: nodes.Template = parse(source, name)
    problems = check(tree, name, context.types, files or {})
    if problems:
        raise InvalidInput(tuple(problems))
    environment = RowEnvironment({}, escape=escape, files=files or {})
    return Plan(name, (), Program(environment, tree.body), ZoneInfo(context.timezone))
