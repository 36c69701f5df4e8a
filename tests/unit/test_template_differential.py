"""Random templates over random columns: the plan gives what Jinja2 gives, row by row, to the byte.

The oracle is Jinja2 itself with four rules of ours: a null prints as nothing, undefined is strict, an int that leaves int64
ends the row, and a float that meets a decimal is the decimal that it prints. Functions are called there as scalars.
"""

import datetime as dt
import itertools
import math
import operator
import warnings
from collections.abc import Callable
from decimal import Decimal
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, seed, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined, nodes, pass_context, pass_environment
from jinja2.filters import do_sum
from jinja2.sandbox import SandboxedEnvironment
from jinja2.visitor import NodeTransformer

from actors.model.states import RowState
from actors.renderer.functions import REGISTRY
from actors.renderer.template import Context, Failure, compile_template

TYPES = {"i": "int", "j": "int", "f": "float", "s": "text", "t": "text", "b": "bool", "m": "decimal", "day": "date"}
CONTEXT = Context(types=TYPES, as_of=dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC), keys={"k": b"key"})
ARROW = {
    "i": pa.int64(),
    "j": pa.int64(),
    "f": pa.float64(),
    "s": pa.string(),
    "t": pa.string(),
    "b": pa.bool_(),
    "m": pa.decimal128(20, 2),
    "day": pa.date32(),
}


def together(a: Any, b: Any) -> tuple[Any, Any]:
    """The rule of decimals and floats, as it is told to users."""
    if {type(a), type(b)} != {Decimal, float}:
        return a, b
    pair = Decimal(str(a)), Decimal(str(b))
    if not all(value.is_finite() for value in pair):
        raise ValueError
    return pair


def ruled(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: function(*together(a, b))


def among(a: Any, b: Any) -> Any:
    if type(b) in (list, tuple) and {type(a), *map(type, b)} >= {Decimal, float}:
        return True in [a is item or operator.eq(*together(a, item)) for item in b]
    return a in b


@pass_environment
def total(environment: Any, values: Any, attribute: Any = None, start: Any = 0) -> Any:
    values = list(values)
    if {*map(type, values), type(start)} >= {Decimal, float}:
        return sum((together(value, Decimal(0))[0] for value in values), together(start, Decimal(0))[0])
    return do_sum(environment, values, attribute, start)


COMPARE = {name: ruled(getattr(operator, name)) for name in ("eq", "ne", "lt", "gt")}
COMPARE |= {"lteq": ruled(operator.le), "gteq": ruled(operator.ge), "in": among, "notin": lambda a, b: not among(a, b)}
SYMBOLS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "lteq", ">": "gt", ">=": "gteq"}
SYMBOLS |= {"equalto": "eq", "lessthan": "lt", "le": "lteq", "greaterthan": "gt", "ge": "gteq"}


class Comparisons(NodeTransformer):
    """`a < b < c` as `compare_lt(a, b) and compare_lt(b, c)`."""

    def visit_Compare(self, node: nodes.Compare) -> nodes.Expr:
        self.generic_visit(node)
        calls: list[nodes.Expr] = []
        left = node.expr
        for operand in node.ops:
            name = nodes.Name(f"compare_{operand.op}", "load")
            calls.append(nodes.Call(name, [left, operand.expr], [], None, None))
            left = operand.expr
        return reduce(nodes.And, calls)


class Oracle(SandboxedEnvironment):
    """Jinja2 with int64 and decimals."""

    def _parse(self, *args: Any) -> nodes.Template:
        tree: nodes.Template = Comparisons().visit(super()._parse(*args))
        for node in tree.find_all(nodes.Node):
            node.set_lineno(1)
        return tree.set_environment(self)

    intercepted_binops = frozenset(SandboxedEnvironment.default_binop_table)
    intercepted_unops = frozenset("+-")

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" and type(left) is type(right) is int and right > 300 and abs(left) > 1:
            raise OverflowError
        return self._real(super().call_binop(context, operator, *together(left, right)))

    def call_unop(self, context: Any, operator: str, arg: Any) -> Any:
        return self._real(super().call_unop(context, operator, arg))

    def _real(self, value: Any) -> Any:
        if type(value) is int and not -(2**63) <= value < 2**63:
            raise OverflowError
        if type(value) is complex:
            raise ValueError
        return value


def oracle(source: str, rows: list[dict[str, Any]], escape: bool) -> list[str | None]:
    finalize = pass_context(lambda context, value: "" if value is None else value)
    environment = Oracle(autoescape=escape, undefined=StrictUndefined, finalize=finalize, optimized=False)
    for name, function in REGISTRY.items():
        environment.globals[name] = environment.filters[name] = function.scalar(CONTEXT)
    environment.globals.pop("lipsum")
    environment.globals |= {f"compare_{name}": compare for name, compare in COMPARE.items()}
    environment.tests |= {name: COMPARE[SYMBOLS.get(name, name)] for name in (*SYMBOLS, "eq", "ne", "lt", "gt")}
    environment.tests |= {"in": among, "divisibleby": lambda a, b: not operator.mod(*together(a, b))}
    environment.filters["sum"] = total
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        template = environment.from_string(source)
    texts: list[str | None] = []
    for row in rows:
        try:
            texts.append(template.render(row))
        except Exception:
            texts.append(None)
    return texts


def compare(source: str, rows: list[dict[str, Any]], escape: bool) -> None:
    table = pa.table({name: pa.array([row[name] for row in rows], ARROW[name]) for name in TYPES})
    plan = compile_template(source, name="t", context=CONTEXT, escape=escape)
    columns = plan.run(table, np.arange(len(rows)))
    for i, expected in enumerate(oracle(source, rows, escape)):
        if expected is None:
            assert i in columns.failed, (source, rows[i], columns.text(plan.statics, i))
        elif not _bounded(rows[i], columns.failed.get(i)):
            assert i not in columns.failed, (source, rows[i], columns.failed[i], expected)
            assert columns.text(plan.statics, i) == expected, (source, rows[i])
    assert all(failure.state is RowState.RENDER_ERROR for failure in columns.failed.values())


def _bounded(row: dict[str, Any], failure: Failure | None) -> bool:
    """Whether a row was ended for a text of over 200,000 characters, which Jinja2 makes."""
    large = isinstance(row["i"], int) and abs(row["i"]) > 20_000
    return failure is not None and large and failure.reason.endswith(("repeats a value too often", "a value that is too long"))


TEXTS = st.text(alphabet="aBc 1.<&>'\"%王小明鴻雁éß👍🏽\n", max_size=6)
ROW = st.fixed_dictionaries(
    {
        "i": st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5),
        "j": st.none() | st.integers(-3, 3),
        "f": st.none()
        | st.sampled_from([0.0, -0.0, 1.5, 2.675, -7.25, 0.1, 1e300, 1e-7, 9007199254740993.0, math.inf])
        | st.floats(-1e6, 1e6),
        "s": st.none() | TEXTS,
        "t": st.none() | st.sampled_from(["a", "VIP", "王小明", "1,234", "<b>"]),
        "b": st.none() | st.booleans(),
        "m": st.none() | st.decimals(-(10**6), 10**6, places=2) | st.sampled_from([Decimal("0.10"), Decimal("1.50")]),
        "day": st.none() | st.dates(dt.date(1912, 1, 1), dt.date(2100, 1, 1)),
    }
)
ROWS = st.lists(ROW, min_size=1, max_size=6)

NAMES = st.sampled_from([*TYPES, *TYPES, "v", "w"])
LITERALS = st.sampled_from(
    ["0", "1", "2", "-3", "2.5", "0.1", "'a'", "'<i>'", "'王'", "''", "none", "true", "false", "9223372036854775807"]
)
OPERATORS = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "~"])
COMPARISONS = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in"])
FILTER_WORDS = """
    upper lower title trim length abs int float string round round(1) default('x') d('x',true) e escape safe
    replace('a','b') capitalize truncate(4) truncate(3,true,'') center(7) first last reverse list join('-')
    wordcount urlencode striptags tojson int(5) float(1.5) indent filesizeformat format(1) unique|list sort|join
    map('upper')|join batch(2)|list string|length forceescape mask_name mask_keep(1,1) fmt_number
    fmt_number('#,##0.00') fmt_currency fmt_currency('USD') fmt_percent(1) fmt_compact sign round_half_up(1) trunc
    to_number if_blank('-') is_empty ceil floor(0.5) fmt_date roc_date is_null
"""
FILTERS = st.sampled_from(FILTER_WORDS.split())
SEVERAL = ["min_of", "max_of", "sum_of", "avg_of", "safe_div", "mod", "null_if", "percent_of", "pct_change", "ceil", "power"]
TESTS = st.sampled_from(
    [
        "none",
        "defined",
        "undefined",
        "string",
        "number",
        "odd",
        "even",
        "divisibleby(2)",
        "sameas(none)",
        "in 'abc'",
        "in [0.1, m]",
        "gt(0.1)",
        "divisibleby(0.05)",
        "mapping",
        "iterable",
        "true",
        "integer",
        "float",
        "lower",
        "eq(1)",
        "ge(1)",
    ]
)
METHODS = st.sampled_from(
    [
        "upper()",
        "strip()",
        "split(' ')",
        "replace('a','bb')",
        "startswith('a')",
        "zfill(5)",
        "isdigit()",
        "year",
        "count('a')",
        "nothing",
        "find('a')",
    ]
)


def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.builds(lambda a, op, b: f"({a} {op} {b})", inner, OPERATORS, inner),
        st.builds(lambda a, op, b: f"({a} {op} {b})", inner, COMPARISONS, inner),
        st.builds(lambda a, x, b, y, c: f"({a} {x} {b} {y} {c})", inner, COMPARISONS, inner, COMPARISONS, inner),
        st.builds(lambda a, op, b: f"({a} {op} {b})", inner, st.sampled_from(["and", "or"]), inner),
        st.builds(lambda a: f"(not {a})", inner),
        st.builds(lambda a: f"(-{a})", inner),
        st.builds(lambda c, a, b: f"({a} if {c} else {b})", inner, inner, inner),
        st.builds(lambda c, a: f"({a} if {c})", inner, inner),
        st.builds(lambda a, f: f"({a})|{f}", inner, FILTERS),
        st.builds(lambda a, t: f"(({a}) is {t})", inner, TESTS),
        st.builds(lambda a, m: f"({a}).{m}", inner, METHODS),
        st.builds(lambda a, k: f"({a})[{k}]", inner, st.sampled_from(["0", "-1", "1:", ":2", "::2", "'x'"])),
        st.builds(lambda p: f"[{p[0]}, {p[1]}]", pair),
        st.builds(lambda p: f"({p[0]}, {p[1]})", pair),
        st.builds(lambda c, a, b: f"iif({c}, {a}, {b})", inner, inner, inner),
        st.builds(lambda a, b: f"coalesce({a}, {b})", inner, inner),
        st.builds(lambda a, b, c: f"between({a}, {b}, {c})", inner, inner, inner),
        st.builds(lambda a: f"band({a}, [0, 2.5], ['lo', 'mid', 'hi'])", inner),
        st.builds(lambda a, b: f"band({a}, [0.1, {b}], ['lo', 'mid', 'hi'])", inner, inner),
        st.builds(lambda a, b, c: f"clamp({a}, {b}, {c})", inner, inner, inner),
        st.builds(lambda a, b, c: f"in_list({a}, {b}, [{c}, 0.1])", inner, inner, inner),
        st.builds(lambda a, b: f"[{a}, {b}, 0.1]|sum", inner, inner),
        st.builds(lambda a, b: f"switch({a}, {b}, 'same', 1, 'one', 'other')", inner, inner),
        st.builds(
            lambda f, p: f"{f}({p[0]}, {p[1]})",
            st.sampled_from(SEVERAL),
            pair,
        ),
        st.builds(lambda a, b, c: f"ifs({a}, {b}, {c}, 'z')", inner, inner, inner),
    )


EXPRESSIONS = st.recursive(NAMES | LITERALS, deeper, max_leaves=5)
LITERAL_TEXT = st.sampled_from(
    ["Dear ", "，您好<br>\n", " & ", "\n", "{# comment #}", "x{{ '' }}y", "{% raw %}{{ no }}{% endraw %}"]
)


def statements(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("".join, st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda c, a: f"{{% if {c} %}}{a}{{% endif %}}", EXPRESSIONS, inner),
        st.builds(lambda c, a, b: f"{{% if {c} %}}{a}{{% else %}}{b}{{% endif %}}", EXPRESSIONS, inner, inner),
        st.builds(
            lambda c, a, e, b, z: f"{{% if {c} %}}{a}{{% elif {e} %}}{b}{{% else %}}{z}{{% endif %}}",
            EXPRESSIONS,
            inner,
            EXPRESSIONS,
            inner,
            inner,
        ),
        st.builds(lambda a: f"{{% for v in [1, s] %}}{{{{ loop.index }}}}{a}{{% endfor %}}", inner),
        st.builds(lambda e, a: f"{{% for v in {e} %}}{a}{{% else %}}none{{% endfor %}}", EXPRESSIONS, inner),
        st.builds(lambda e, a: f"{{% with w = {e} %}}{a}{{% endwith %}}", EXPRESSIONS, inner),
        st.builds(lambda a: f"{{% filter upper %}}{a}{{% endfilter %}}", inner),
        st.builds(lambda a: f"{{% set w %}}{a}{{% endset %}}", inner),
        st.builds(lambda a: f"{{% autoescape false %}}{a}{{% endautoescape %}}", inner),
        st.builds(lambda e: f"{{% set ns = namespace(x={e}) %}}{{% set ns.x = ns.x ~ 1 %}}{{{{ ns.x }}}}", EXPRESSIONS),
        st.builds(lambda e, a: f"{{% macro p(v) %}}{a}{{{{ v }}}}{{% endmacro %}}{{{{ p({e}) }}}}", EXPRESSIONS, inner),
    )


SIMPLE = st.one_of(
    LITERAL_TEXT,
    st.builds(lambda e: f"{{{{ {e} }}}}", EXPRESSIONS),
    st.builds(lambda n, e: f"{{% set {n} = {e} %}}", st.sampled_from(["v", "w", "s", "i"]), EXPRESSIONS),
    st.builds(lambda e: f"{{% set v, w = [{e}, i] %}}", EXPRESSIONS),
)
# Both names are set somewhere, so that the compiler takes them for names; whether they are set where they are used is random.
BOTH_NAMES = "{% if false %}{% set v = 1 %}{% set w = 1 %}{% endif %}"
TEMPLATES = st.builds(
    lambda body: body + BOTH_NAMES,
    st.recursive(SIMPLE, statements, max_leaves=6),
)


@settings(max_examples=160, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@example("between('<i>', t, i)", [{**dict.fromkeys(TYPES), "i": 0, "t": "a"}, dict.fromkeys(TYPES)], False)
@given(EXPRESSIONS, ROWS, st.booleans())
def test_expressions_print_what_jinja2_prints(expression: str, rows: list[dict[str, Any]], escape: bool) -> None:
    compare(BOTH_NAMES + f"<{{{{ {expression} }}}}>", rows, escape)


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(TEMPLATES, ROWS, st.booleans())
def test_templates_print_what_jinja2_prints(source: str, rows: list[dict[str, Any]], escape: bool) -> None:
    compare(source, rows, escape)


PARTS = 10  # of a thousand cases each: `-k` runs one of them in some minutes
deep = settings(max_examples=1_000, deadline=None, derandomize=False, suppress_health_check=list(HealthCheck))


@pytest.mark.deep
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
def test_many_expressions_print_what_jinja2_prints(part: int) -> None:
    @seed(part)
    @deep
    @given(EXPRESSIONS, ROWS, st.booleans())
    def check(expression: str, rows: list[dict[str, Any]], escape: bool) -> None:
        compare(BOTH_NAMES + f"<{{{{ {expression} }}}}>", rows, escape)

    check()


@pytest.mark.deep
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
def test_many_templates_print_what_jinja2_prints(part: int) -> None:
    @seed(PARTS + part)
    @deep
    @given(TEMPLATES, ROWS, st.booleans())
    def check(source: str, rows: list[dict[str, Any]], escape: bool) -> None:
        compare(source, rows, escape)

    check()


EDGES = [None, -(2**63), -(2**63) + 1, -7, -2, -1, 0, 1, 2, 3, 7, 2**53, 2**53 + 1, 2**62, 2**63 - 1]


@pytest.mark.parametrize("op", ["+", "-", "*", "/", "//", "%", "**", "==", "<", ">="])
@pytest.mark.parametrize("right", ["j", "f", "i"])
def test_numbers_at_their_edges(op: str, right: str) -> None:
    floats = [None, -0.0, 0.0, 0.1, -7.5, 2.5, 1e16, float(2**53), 1e308, -1e308, 3.0]
    blank = dict.fromkeys(TYPES)
    rows = [
        {**blank, "i": a, "j": b, "f": c, "s": "x", "t": "y", "b": True, "m": Decimal("1.10")}
        for (a, b), c in zip(itertools.product(EDGES, EDGES), itertools.cycle(floats), strict=False)
    ]
    compare(f"{{{{ i {op} {right} }}}}|{{{{ f {op} {right} }}}}", rows, False)
    compare(f"{{{{ i {op} {right} }}}}", [row for row in rows if None not in (row["i"], row["j"], row["f"])], False)
    for i in (0, 3, 40, 100, 150, 200):  # rows on their own: nulls and huge values do not hide the fast way
        compare(f"{{{{ i {op} {right} }}}}", rows[i : i + 3], False)
