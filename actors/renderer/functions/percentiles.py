"""`rank_pct`: the one function that looks at the whole list, through ranks that were worked out before the first mail.

It is told the column's name beside its values (`template.naming` writes it into the call), because ranks belong to a column.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from actors.renderer.functions.errors import Refused
from actors.renderer.functions.ranks import column_keys
from actors.renderer.functions.registry import REGISTRY, Function
from actors.renderer.functions.scope import Scope, fail_all
from actors.renderer.functions.values import Col, Lit, Value, list_of, numbers

FAMILY = "Numbers"
COLUMN = "hongyan_column"  # the argument that the compiler adds; no template can write it
_COL = inspect.Parameter("col", inspect.Parameter.POSITIONAL_OR_KEYWORD)


class ColumnFunction(Function):
    """A function whose one argument is a list column; `run` takes the values and the column's name."""

    def arguments(self, args: Sequence[Any], kwargs: dict[str, Any], wrap: Callable[[Any], Any]) -> list[Any]:
        """The values, then the name; null where the call does not name a column."""
        given = dict(kwargs)
        column = given.pop(COLUMN) if COLUMN in given else wrap(None)
        return [*super().arguments(args, given, wrap), column]


def rank_pct(scope: Scope, args: Sequence[Value]) -> Value:
    """Percent rank of this row's value of a column of numbers or dates within the job's whole list: 100 * rows with a smaller
    value / (rows with a value - 1), and 0 in a list of one; 20 among 10, 20 and 30 gives 50.0. Rows that will not be sent do
    not count. Not rounded."""
    values, column = args
    if list_of(values, 1)[0] is None and (isinstance(values, Lit) or values.n == 1):
        return Lit(None)
    name = list_of(column, 1)[0]
    ranks = scope.job.ranks.get(name) if isinstance(name, str) else None
    if ranks is None or not isinstance(values, Col):
        return fail_all(scope, Refused("rank_pct", "col", "must be the name of a column of numbers or dates"))
    null = values.null
    if null is not None and null.all():
        return Lit(None)
    try:
        keys = column_keys(values, null, ranks.kind)
    except (TypeError, ValueError):
        return fail_all(scope, Refused("rank_pct", "col", "has a value of another type than its column"))
    if keys.dtype == np.float64 and np.isnan(keys).any():
        null = np.isnan(keys) if null is None else null | np.isnan(keys)  # no number: it stands nowhere in an order
    return numbers("float", ranks.percent(keys), null)


REGISTRY["rank_pct"] = ColumnFunction(
    name="rank_pct",
    family=FAMILY,
    kind="N",
    meaning=" ".join((rank_pct.__doc__ or "").split()),
    example="rank_pct(points)",
    expected="50.0",
    nulls="null where the column is null",
    signature=inspect.Signature([_COL]),
    run=rank_pct,
)
