"""Templates as column plans: `compile_template` gives a `Plan`, `Plan.run` a shard's texts as `Columns`."""

from actors.renderer.functions.context import Context
from actors.renderer.template.columns import Columns, Failure, Piece, SlotReport
from actors.renderer.template.plan import Plan, compile_template

__all__ = ["Columns", "Context", "Failure", "Piece", "Plan", "SlotReport", "compile_template"]
