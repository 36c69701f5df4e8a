"""`nearest` against the haversine formula row by row, `json_get` against Python's json, `list_join` and `content`."""

import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.model.errors import InvalidInput
from actors.model.spec import ContentSpec
from actors.renderer.functions import distances
from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.extracts import json_get, list_join
from actors.renderer.functions.snippet import snippet_keys
from actors.renderer.functions.table import Table
from actors.renderer.template import compile_template
from cluster.config import Config
from cluster.workbench import opened
from tests.examples import examples
from tests.fakes.bundles import CONTROL, bundle_files
from tests.fakes.mailing import Mailing
from tests.fakes.tables import made_table

AS_OF = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
JOB = Context(types={}, as_of=AS_OF)
LAT, LON = st.floats(-90, 90, width=16), st.floats(-180, 180, width=16)
CORNERS = st.sampled_from([(90.0, 0.0), (-90.0, 17.0), (0.0, 180.0), (0.0, -180.0), (25.0, 121.0)])
POINTS = st.tuples(LAT, LON) | CORNERS


def haversine(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Kilometres, by the formula of the textbooks."""
    (p, o), (q, m) = (tuple(map(math.radians, point)) for point in (a, b))
    h = math.sin((q - p) / 2) ** 2 + math.cos(p) * math.cos(q) * math.sin((m - o) / 2) ** 2
    return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(h)))


def places(points: list[tuple[float | None, float | None]], chunk: int = 0) -> Table:
    columns = {"id": list(range(len(points))), "lat": [p[0] for p in points], "lon": [p[1] for p in points]}
    return made_table("t", columns, {"id": "int", "lat": "float", "lon": "float"}, chunk=chunk)


def run(source: str, table: Table, columns: dict[str, tuple[str, list[Any]]]) -> list[str | None]:
    arrays = {"float": pa.float64(), "int": pa.int64(), "text": pa.string(), "bool": pa.bool_()}
    context = Context(types={n: k for n, (k, _) in columns.items()}, as_of=AS_OF, tables={"t": table})
    plan = compile_template(source, name="b", context=context, escape=False)
    data = pa.table({n: pa.array(v, arrays[k]) for n, (k, v) in columns.items()})
    found = plan.run(data, np.arange(data.num_rows))
    return [None if i in found.failed else found.text(plan.statics, i) for i in range(found.n)]


@settings(max_examples=examples(20))
@given(
    st.lists(st.one_of(POINTS, st.just((None, 1.0)), st.just((1.0, None))), max_size=12),
    st.lists(st.one_of(POINTS, st.just((None, 1.0))), min_size=1, max_size=5),
    st.integers(1, 5),
    st.sampled_from([0, 3]),
)
def test_nearest(points: list[Any], asked: list[Any], n: int, chunk: int) -> None:
    table = places(points, chunk)
    loop = f"{{% for r in nearest('t', a, o, {n}) %}}{{{{ r.id }}}} {{{{ r.distance_km }}}},{{% endfor %}}"
    columns = {"a": ("float", [p[0] for p in asked]), "o": ("float", [p[1] for p in asked])}
    found = run(f"{loop}|{{% for i in [1] recursive %}}{loop}{{% endfor %}}", table, columns)
    there = [(i, p) for i, p in enumerate(points) if None not in p]
    for point, text in zip(asked, found, strict=True):
        assert text is not None
        whole, _, by_row = text.partition("|")
        assert whole == by_row
        got = [(int(i), float(km)) for i, km in (part.split() for part in whole.split(",") if part)]
        if None in point:
            assert got == []
            continue
        wanted = sorted(haversine(point, p) for _, p in there)[:n]
        assert [km for _, km in got] == pytest.approx(wanted, abs=0.0011)
        assert [haversine(point, points[i]) for i, _ in got] == pytest.approx(wanted, abs=1e-4)
        assert len({i for i, _ in got}) == len(got)


def test_equal_distances_keep_the_order_of_the_table() -> None:
    table = places([(0.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 1.0)])
    ids = "{{ nearest('t', 0, 1, n) | map(attribute='id') | join }}"
    assert run(ids, table, {"n": ("int", [1, 2, 3, 4, 100])}) == ["0", "02", "023", "0231", "0231"]
    assert run("{{ nearest('t', 0, 1) | length }}", table, {"n": ("int", [1])}) == ["1"]


def test_degrees_may_be_texts_but_must_be_degrees() -> None:
    table = made_table("t", {"id": ["a", "b"], "lat": ["25.0330", " 24"], "lon": ["121.56", "120.670"]})
    source = "{{ nearest('t', a, 121.5) | map(attribute='id') | join }}"
    assert run(source, table, {"a": ("text", ["25.00", "x", "91", "nan", None])}) == ["a", None, None, None, ""]
    assert run(source, table, {"a": ("bool", [True])}) == [None]
    for n in (0, 101, -1):
        assert run(f"{{{{ nearest('t', 1, 1, {n}) }}}}", table, {"a": ("int", [1])}) == [None]


@pytest.mark.parametrize(
    ("lat", "lon", "types", "message"),
    [
        ([1.0], None, {"lat": "float"}, "must name a table with the columns lat and lon, and 't' has no numbers in lon"),
        (["x"], ["1"], {}, "must name a table with degrees in the columns lat and lon, and lat of 't' holds a text"),
        ([1.0, 91.0], [1.0, 1.0], {"lat": "float", "lon": "float"}, "has a lat beyond 90 degrees in row 2 of 't'"),
    ],
)
def test_a_table_without_places_is_told_at_once(lat: Any, lon: Any, types: Any, message: str) -> None:
    columns = {"id": ["a"] * len(lat), "lat": lat} | ({} if lon is None else {"lon": lon})
    with pytest.raises(InvalidInput) as caught:
        run("{{ nearest('t', 1, 1) }}", made_table("t", columns, types), {"a": ("int", [1])})
    assert [p.message for p in caught.value.problems] == [f"nearest: tbl {message}"]


def test_too_many_places_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "MAX_PLACES", 1)
    with pytest.raises(InvalidInput, match="more than 1 places"):
        run("{{ nearest('t', 1, 1) }}", places([(0.0, 1.0)] * 2), {"a": ("int", [1])})


def test_blocks_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    table = places([tuple(p) for p in rng.uniform(-80, 80, (50, 2)).round(2).tolist()])
    columns = {n: ("float", rng.uniform(-80, 80, 40).tolist()) for n in "ao"}
    source = "{{ nearest('t', a, o, 3) | map(attribute='id') | join(' ') }}"
    whole = run(source, table, columns)
    monkeypatch.setattr(distances, "_BLOCK", 150)
    assert run(source, table, columns) == whole


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b c", "名", "0", ""]), inner, max_size=3)
    ),
    max_leaves=12,
)


def ways(value: Any) -> list[list[str | int]]:
    """Every path in a value."""
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, item in inner for path in ([key], *([key, *rest] for rest in ways(item)))]


@given(JSON, st.data())
def test_json_get_is_pythons_own_walk(value: Any, data: Any) -> None:
    document = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    for path in ways(value):
        wanted: Any = value
        for step in path:
            wanted = wanted[step]
        text = "".join(f"[{s}]" if isinstance(s, int) else f'["{s}"]' for s in path)
        found = json_get(JOB, text)(document)
        assert (found, type(found)) == (wanted, type(wanted))
        assert json_get(JOB, text + '["no"]', "alt")(document) == "alt"


def test_json_paths() -> None:
    document = '{"a": {"b": [1, {"c": 2.50}, null]}, "x y": true, "0": "zero"}'
    expected = {
        "a.b[0]": 1, "a.b[1].c": 2.5, "a['b'][-1]": None, "['x y']": True, "0": "zero", '["0"]': "zero", "a.b[9]": None,
        "a.b.c": None, "z": None, "[0]": None, "a.b[-3]": 1, "a.b[-4]": None,
    }  # fmt: skip
    assert {path: json_get(JOB, path)(document) for path in expected} == expected
    for bad in ("", ".", "a..b", "a.", "a[", "a[b]", "a b", "a[0]b", ".a['b", "a" * 501, "a[12345678]"):
        with pytest.raises(Refused, match="path is no path"):
            json_get(JOB, bad)


@pytest.mark.parametrize(
    "document", ["", "{", "nan", "[NaN]", "[1e999]", "[9223372036854775808]", "[" * 100_000, "1 2", "[1,]"]
)
def test_what_is_no_json_is_refused_or_replaced(document: str) -> None:
    with pytest.raises(Refused, match="t is no JSON"):
        json_get(JOB, "a")(document)
    assert json_get(JOB, "a", "none")(document) == "none"


def test_lists_become_texts() -> None:
    assert [list_join(JOB, xs, ", ", " and ") for xs in ([], [1], [1, "b"], (1, None, 2.5, "c"))] == [
        "",
        "1",
        "1 and b",
        "1, 2.5 and c",
    ]
    assert list_join(JOB, ["甲", "乙", "丙"], "、") == "甲、乙、丙"
    for wrong in ("abc", 5, {"a": 1}):
        with pytest.raises(Refused, match="xs is no list"):
            list_join(JOB, wrong, ",")
    plan = compile_template(
        "{{ [x, '<i>' | safe] | list_join(' < ', '>') }}",
        name="b",
        escape=True,
        context=Context(types={"x": "text"}, as_of=AS_OF),
    )
    assert plan.run(pa.table({"x": ["&"]}), np.arange(1)).text(plan.statics, 0) == "&amp;&gt;<i>"


@pytest.mark.parametrize(
    ("stem", "keys"),
    [
        ("terms", [("terms", "")]),
        ("terms.zh-TW", [("terms", "zh-tw"), ("terms.zh-TW", "")]),
        ("terms.zh_Hant_TW", [("terms", "zh-hant-tw"), ("terms.zh_Hant_TW", "")]),
        ("terms.v2", [("terms.v2", "")]),
        (".en", [(".en", "")]),
    ],
)  # fmt: skip
def test_names_of_snippets(stem: str, keys: list[tuple[str, str]]) -> None:
    assert snippet_keys(stem) == keys


SNIPPETS = {
    "snippets/hello.zh-TW.txt": "您好 <b>",
    "snippets/hello.en.html": "<b>Hi</b> &amp; bye",
    "snippets/hello.en.txt": "Hi & bye",
    "snippets/hello.html": "<p>…</p>{{ name }}",
    "snippets/only.ja.txt": "only",
}


def test_content_finds_the_nearest_language_and_is_markup_only_as_html() -> None:
    source = "{{ content(n, l) }}|{{ content('hello') }}|{{ n | content(locale='en-GB') }}"
    columns = {"n": ["hello"] * 5 + ["only", "only", None], "l": ["zh-TW", "zh_tw", "en-US", "fr", None, "ja", "fr", "ja"]}
    with Mailing(
        ContentSpec("s", html="p.html", text="p.txt", locale="fr"), SNIPPETS | {"p.html": source, "p.txt": source}, columns
    ) as m:
        found = m.parsed()
    assert sorted(found) == [0, 1, 2, 3, 4, 7], "a snippet that its locale has not ends the row"
    html, text = ({i: found[i].get_body((kind,)).get_content().strip() for i in found} for kind in ("html", "plain"))  # type: ignore[union-attr]
    bare, hi = "<p>…</p>{{ name }}", "<b>Hi</b> &amp; bye"
    assert html == {
        0: f"您好 &lt;b&gt;|{bare}|{hi}", 1: f"您好 &lt;b&gt;|{bare}|{hi}", 2: f"{hi}|{bare}|{hi}", 3: f"{bare}|{bare}|{hi}",
        4: f"{bare}|{bare}|{hi}", 7: f"|{bare}|",
    }  # fmt: skip
    assert text[0] == "您好 <b>|…\r\n\r\n{{ name }}|Hi & bye"


async def test_an_unknown_snippet_refuses_the_bundle(tmp_path: Path) -> None:
    files = (
        bundle_files("email\na@b.test\n", CONTROL)
        | {"body.txt": "{{ content('helo') }}", "snippets/bad.txt": b"\xff"}
        | SNIPPETS
    )
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(InvalidInput) as caught:
        async with opened(tmp_path, Config()):
            pass
    assert {(p.file, p.line, p.message) for p in caught.value.problems} == {
        ("body.txt", 1, "content: name names no snippet (did you mean hello?)"),
        ("snippets/bad.txt", 1, "is not UTF-8"),
    }
