"""docs/templates.md line by line: the way that a feature goes is the one told there, and its bytes are Jinja2's own."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from jinja2 import DictLoader, StrictUndefined, nodes, pass_context
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.filters import FILTERS
from jinja2.sandbox import SandboxedEnvironment
from jinja2.tests import TESTS

from actors.model.errors import InvalidInput
from actors.model.states import RowState
from actors.renderer.template import Context, Plan, compile_template
from actors.renderer.template.syntax import parse
from actors.renderer.template.walking import below, find_all
from tests.template_features import COLUMN, FILES, PAGE, PARTS, REFUSED, ROWS, ROWS_OF_TEST, STOPPED, Feature, page

LINE = pa.struct({"item": pa.string(), "n": pa.int64()})
SCHEMA = pa.schema(
    {
        "name": pa.string(),
        "n": pa.int64(),
        "f": pa.float64(),
        "ok": pa.bool_(),
        "xs": pa.list_(pa.int64()),
        "lines": pa.list_(LINE),
    }
)
TYPES = {"name": "text", "n": "int", "f": "float", "ok": "bool", "xs": "list", "lines": "list"}
CONTEXT = Context(types=TYPES, as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
FEATURES = [feature for features in PARTS.values() for feature in features]


@pass_context
def nothing_for_null(context: Any, value: Any) -> Any:
    return "" if value is None else value


def compiled(feature: Feature, escape: bool) -> Plan:
    return compile_template(feature.template, name="t.html", context=CONTEXT, escape=escape, typed=True, files=FILES)


def ways(plan: Plan) -> set[str]:
    """The ways of the plan's slots and statements; literals alone are a column step."""
    return {slot.mode for slot in plan.explain()} or {COLUMN}


@pytest.mark.parametrize("escape", [True, False])
@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_feature(feature: Feature, escape: bool) -> None:
    if feature.way == REFUSED:
        with pytest.raises(InvalidInput) as refused:
            compiled(feature, escape)
        assert all(problem.line > 0 and problem.file for problem in refused.value.problems)
        return
    plan = compiled(feature, escape)
    columns = plan.run(pa.Table.from_pylist(ROWS_OF_TEST, SCHEMA), np.arange(len(ROWS_OF_TEST)))
    if feature.way == STOPPED:
        assert {failure.state for failure in columns.failed.values()} == {RowState.RENDER_ERROR}
        assert len(columns.failed) == len(ROWS_OF_TEST)
        return
    assert (ROWS in ways(plan)) == (feature.way == ROWS), plan.explain()
    jinja2 = SandboxedEnvironment(
        autoescape=escape, undefined=StrictUndefined, finalize=nothing_for_null, loader=DictLoader(FILES)
    )
    template = jinja2.from_string(feature.template)
    assert not columns.failed
    assert [columns.text(plan.statics, i) for i in range(columns.n)] == [template.render(row) for row in ROWS_OF_TEST]


def test_no_filter_test_or_global_of_jinja2_is_left_out() -> None:
    def listed(part: str) -> set[str]:
        return {name for feature in PARTS[part] for name in feature.name.split(", ")}

    assert listed("Filters") == set(FILTERS)
    assert listed("Tests") == set(TESTS)
    assert listed("Global functions") == set(DEFAULT_NAMESPACE)


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "call: python -m tests.template_features"


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_tree_is_walked_as_jinja2_walks_it(feature: Feature) -> None:
    """The same nodes, each once, in the same order."""
    try:
        tree = parse(feature.template, "page.html")
    except InvalidInput:
        pytest.skip("no tree")
    theirs = list(tree.find_all(nodes.Node))
    assert [id(node) for node in below(tree)] == [id(node) for node in theirs]
    assert all(a is b for a, b in zip(find_all(tree, nodes.Name), tree.find_all(nodes.Name), strict=True))
