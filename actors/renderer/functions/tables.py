"""Functions that join rows with a table of the bundle: the table and its columns are named, the key is any value.

Names are checked when a template is compiled (`template.tabling`); here only a file that a row's value named can be wrong.
"""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actors.renderer.functions.aggregates import AGGREGATES, NUMERIC, aggregate
from actors.renderer.functions.choosing import spread
from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Limit, Refused
from actors.renderer.functions.guards import binop, checked
from actors.renderer.functions.inputs import whole
from actors.renderer.functions.limits import MAX_ITEMS
from actors.renderer.functions.listcols import Fields, ListCol, RowCol, edges
from actors.renderer.functions.registry import LITERALS, REGISTRY, SETTINGS, Function
from actors.renderer.functions.scope import Part, Scope, each, fail_all
from actors.renderer.functions.table import Table, key_text
from actors.renderer.functions.values import INT, TEXT, Col, Index, Lit, Value, column_of, list_of, null_of, numbers

FAMILY = "Tables"
_ADDS = ("sum", "avg")
_NO_LIMIT = 2**62


Fault = tuple[str, str]  # a parameter, and what it must be


def said(function: str, fault: Fault | None) -> str:
    """A fault as a problem says it."""
    return f"{function}: {' '.join(fault)}" if fault else ""


def constant(value: Value) -> Any:
    """What a setting is in all rows; a column has no such value unless it has one row."""
    return value.value if isinstance(value, Lit) else value.list()[0] if value.n == 1 else None


def no_column(table: Table, name: Any, argument: str, types: Collection[str] = ()) -> Fault | None:
    """What is wrong with the name of a column; with `types`, also with what the column holds."""
    if not isinstance(name, str) or name not in table.shape.types:
        near = get_close_matches(str(name), table.shape.types, 1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(table.shape.types)}"
        return argument, f"must name a column of the table {table.name!r} ({hint})"
    if types and table.shape.types[name] not in types:
        return argument, (
            f"must name a column of {' or '.join(sorted(types))}, and {name!r} is {table.shape.types[name]}: "
            f"declare it under tables.{table.name}.columns"
        )
    return None


def _key_column(scope: Scope, key: Value) -> Col:
    """The keys; null where a value can be none (the row has failed)."""
    if isinstance(key, Lit):
        key = each(scope, lambda v: v if v is None else key_text(v), (key,))
        return column_of([constant(key)])
    if key.kind in (TEXT, INT):
        return key
    return column_of(list_of(each(scope, lambda v: v if v is None else key_text(v), (key,)), key.n))


Worked = Callable[[Scope, Table, Index], Value]  # the values of the rows whose keys have these numbers


def _joined(scope: Scope, table: Table, key: Value, work: Worked, rest: Value) -> Value:
    """`work` for the rows whose key is in the table, `rest` for the others."""
    keys = _key_column(scope, key)
    group = table.find(keys)
    if keys.n != scope.n:  # a literal: one answer for all rows
        if group[0] < 0:
            return rest
        made = work(scope, table, group)
        return Lit(list_of(made, 1)[0])
    hit = group >= 0
    if hit.all():
        return work(scope, table, group)
    if not hit.any():
        return rest
    at = np.flatnonzero(hit)
    return spread(hit, work(Part(scope, at), table, group[at]), rest)


def no_table(job: Context, name: Any) -> Fault | None:
    """What is wrong with the name of a table."""
    if isinstance(name, str) and name in job.tables:
        return None
    near = get_close_matches(str(name), list(job.tables), 1)
    return "tbl", f"names no table of the bundle ({f'did you mean {near[0]}?' if near else f'put it at tables/{name}.csv'})"


Judge = Callable[[Table, Mapping[str, Any]], Fault | None]


def registered(
    example: str, expected: str, nulls: str, judge: Judge, literals: str
) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Registers a function of (scope, table, columns); a template names the table as its first argument, `tbl`."""

    def register(function: Callable[..., Value]) -> Callable[..., Value]:
        name = function.__name__
        parameters = [
            p.replace(default=p.default.value) if isinstance(p.default, Lit) else p
            for p in list(inspect.signature(function).parameters.values())[2:]
        ]
        tbl = inspect.Parameter("tbl", inspect.Parameter.POSITIONAL_OR_KEYWORD)

        def fault(job: Context, given: Mapping[str, Any]) -> Fault | None:
            return no_table(job, given["tbl"]) or judge(job.tables[given["tbl"]], given)

        def run(scope: Scope, args: Sequence[Value]) -> Value:
            known = zip(["tbl", *(p.name for p in parameters)], args, strict=True)
            given = {k: constant(v) for k, v in known}
            wrong = fault(scope.job, given)  # what only a row's value named has not been judged
            if wrong:
                return fail_all(scope, Refused(name, *wrong))
            return function(scope, scope.job.tables[given["tbl"]], *args[1:])

        LITERALS[name] = frozenset(("tbl", *literals.split()))
        SETTINGS[name] = lambda job, given: said(name, fault(job, given))
        REGISTRY[name] = Function(
            name=name,
            family=FAMILY,
            kind="J",
            meaning=" ".join((function.__doc__ or "").split()),
            example=example,
            expected=expected,
            nulls=nulls,
            signature=inspect.Signature([tbl, *parameters]),
            run=run,
        )
        return function

    return register


def _lookup_fault(table: Table, given: Mapping[str, Any]) -> Fault | None:
    return no_column(table, given.get("col"), "col")


@registered("lookup('stores', 'T2', 'city')", "台中", "alt where the key is null or not in the table", _lookup_fault, "col")
def lookup(scope: Scope, table: Table, key: Value, col: Value, alt: Value = Lit(None)) -> Value:
    """The column's value in the first row with this key; alt where the table has no such key. A null in the table stays
    null."""
    column = constant(col)
    return _joined(scope, table, key, lambda part, table, group: table.column(column, table.first_rows(group)), alt)


def _rows_fault(table: Table, given: Mapping[str, Any]) -> Fault | None:
    order = given.get("order")
    return None if order is None else no_column(table, order.removeprefix("-") if isinstance(order, str) else order, "order")


@registered(
    "lookup_rows('lines', 'A7', order='-amount') | map(attribute='item') | join(' ')",
    "pen ink",
    "an empty list where the key is null or not in the table",
    _rows_fault,
    "order",
)
def lookup_rows(scope: Scope, table: Table, key: Value, limit: Value = Lit(None), order: Value = Lit(None)) -> Value:
    """The rows with this key, for a loop: in the table's order or in that of the column `order` ('-amount': falling; nulls
    last), at most `limit` of them. Columns are read as `row.amount` or `row['amount']`."""
    limits = each(scope, _limit, (limit,))
    keys = _key_column(scope, key)
    if isinstance(limits, Col) and keys.n != scope.n:
        keys = column_of(keys.list() * scope.n)
    counts, rows = _rows_of(table, table.find(keys), constant(order))
    most = np.array([_NO_LIMIT if v is None else v for v in list_of(limits, len(counts))], np.int64)
    for i in np.flatnonzero(np.minimum(counts, most) > MAX_ITEMS).tolist():
        scope.fail(i, Limit(f"finds more than {MAX_ITEMS} rows of a table: give a limit"))
        most[i] = 0
    counts, rows = _cut(counts, rows, most)
    lists = row_lists(table, counts, rows)
    return lists if keys.n == scope.n else Lit(lists.list()[0])


def _limit(limit: Any) -> int:
    return _NO_LIMIT if limit is None else whole(limit, "lookup_rows", "limit", 0, MAX_ITEMS)


def _rows_of(table: Table, group: Index, order: str | None) -> tuple[Index, Index]:
    """(how many rows of the table each row finds, all those one after the other). -1 finds none."""
    counts = np.zeros(len(group), np.int64)
    hit = np.flatnonzero(group >= 0)
    distinct, place = np.unique(group[hit], return_inverse=True)
    each_counts, rows = table.rows_of(distinct)
    if order is not None:
        rows = rows[_order(np.repeat(distinct, each_counts), table.arrow(order.removeprefix("-"), rows), order)]
    counts[hit] = each_counts[place]
    firsts = np.cumsum(each_counts) - each_counts
    return counts, rows[_runs(firsts[place], each_counts[place])]


def _order(owner: Index, values: pa.Array, order: str) -> Index:
    """The places of the values, owner by owner in the order asked for; equal ones stay as they are."""
    direction = "descending" if order.startswith("-") else "ascending"
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    given = pa.table({"owner": owner, "value": values})
    keys = [("owner", "ascending"), ("value", direction)]
    found: Index = pc.sort_indices(given, keys).to_numpy()
    return found


def _runs(firsts: Index, counts: Index) -> Index:
    """first, first + 1, ... of each, count numbers long, one after the other."""
    offsets = np.cumsum(counts) - counts
    return np.repeat(firsts - offsets, counts) + np.arange(int(counts.sum()))


def _cut(counts: Index, rows: Index, most: Index) -> tuple[Index, Index]:
    """At most so many rows each."""
    kept = np.minimum(counts, most)
    return kept, rows[_runs(np.cumsum(counts) - counts, kept)]


def row_lists(table: Table, counts: Index, rows: Index, more: Mapping[str, Col] = {}) -> ListCol:
    """Lists of rows of the table, so many each, one after the other in `rows`; `more` are further fields of them."""

    def field(name: str, at: Index | None) -> Col:
        if name in more:
            return more[name] if at is None else more[name].take(at)
        return table.column(name, rows if at is None else rows[at])

    return ListCol(edges(counts), RowCol(len(rows), Fields({**table.shape.types, **more}.keys(), field)))


def _agg_fault(table: Table, given: Mapping[str, Any]) -> Fault | None:
    fn, col = given.get("fn"), given.get("col")
    if fn not in AGGREGATES:
        return "fn", f"must be one of {', '.join(AGGREGATES)}"
    if col is None:
        return None if fn == "count" else ("col", f"is needed for {fn}")
    return no_column(table, col, "col", NUMERIC if fn in _ADDS else ())


@registered("agg_rows('lines', 'A7', 'sum', 'amount')", "7.50", "null where the key is null", _agg_fault, "fn col")
def agg_rows(scope: Scope, table: Table, key: Value, fn: Value, col: Value = Lit(None)) -> Value:
    """`sum`, `count`, `max`, `min` or `avg` of a column over the rows with this key; nulls do not count. Without such a row,
    null, and a count of 0. Sums are exact; floats are added as the decimals that they print."""
    name, column = constant(fn), constant(col)
    rest: Value = Lit(None)
    if name == "count":
        null = null_of(key, scope.n)
        rest = (
            Lit(0) if null is None else Lit(None) if isinstance(key, Lit) else numbers("int", np.zeros(scope.n, np.int64), null)
        )

    def work(part: Scope, table: Table, group: Index) -> Value:
        if name != "avg":
            return each(part, checked, (aggregate(table, name, column)(group),))
        total, count = aggregate(table, "sum", column)(group), aggregate(table, "count", column)(group)
        return each(part, lambda t, n: None if t is None else binop("/", t, n), (total, count))

    return _joined(scope, table, key, work, rest)
