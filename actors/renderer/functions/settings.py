"""Calls whose settings are mostly literals (a unit, a calendar): rows go together, settings are plain Python values."""

from collections.abc import Callable, Sequence
from typing import Any

from actors.renderer.functions.registry import without_nulls
from actors.renderer.functions.scope import OneRow, Scope, each, fail_all
from actors.renderer.functions.values import Lit, Value, column_of, list_of

Work = Callable[[Scope, Sequence[Value], Sequence[Any]], Value]


def by_settings(scope: Scope, values: Sequence[Value], settings: Sequence[Value], work: Work) -> Value:
    """The work on the rows where no value is null, with the settings as plain Python values (null: not given). Settings that
    differ from row to row, and calls of literals alone, are worked out by the same work on columns of one row."""
    if all(isinstance(v, Lit) for v in values) or not all(isinstance(s, Lit) for s in settings):
        count = len(values)

        def one(*given: Any) -> Any:
            row = [column_of([value]) for value in given[:count]]
            return list_of(without_nulls(alone, row, range(count), lambda s, args: work(s, args, given[count:])), 1)[0]

        alone = OneRow(scope.job)
        return each(scope, one, [*values, *settings])
    plain = [s.value for s in settings]  # type: ignore[union-attr]

    def together(part: Scope, args: Sequence[Value]) -> Value:
        try:
            return work(part, args, plain)
        except Exception as error:
            return fail_all(part, error)

    return without_nulls(scope, values, range(len(values)), together)
