"""Functions of other packages: the guide's own package installed and rendered with, and packages that cannot be used."""

import datetime as dt
import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from decimal import Decimal
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from actors.renderer.functions import REGISTRY, Function
from actors.renderer.functions.own import Refused, column, made, scalar
from actors.renderer.functions.plugins import GROUP, BrokenPlugin, load
from actors.renderer.functions.values import Lit, column_of, list_of
from tests.fakes.functions import CONTEXT, FAILED, Rows

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "own-functions.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)[0]


def install(folder: Path, name: str, version: str, points: dict[str, str], **modules: str) -> list[EntryPoint]:
    """A distribution as pip would leave it; its entry points."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    found = distributions(path=[str(folder)])
    return [point for dist in found for point in dist.entry_points if point.group == GROUP]


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = [str(folder), str(ROOT), str(ROOT / "proto"), str(ROOT / "clients" / "python")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


RENDER = """
import datetime as dt, json
import numpy as np, pyarrow as pa
from actors.renderer.template import Context, compile_template
context = Context(types={"card": "text", "amount": "int"}, as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
rows = pa.table({"card": ["g", "S", None, "x"], "amount": [100, None, 2**63 - 1, -15]})
slots = "{{ tier_label(card) }}|{{ card | tier_label(other='?') }}|{{ amount | with_fee }}|{{ with_fee(amount, fee=30) }}"
texts = []
for source in (slots, "{% for i in [1] recursive %}" + slots + "{% endfor %}"):
    plan = compile_template(source, name="t", context=context, escape=False)
    columns = plan.run(rows, np.arange(4))
    texts.append([None if i in columns.failed else columns.text(plan.statics, i) for i in range(4)])
from actors.renderer.functions import REGISTRY
from gateway.cli.functions import described
print(json.dumps([texts, [described(function) for function in REGISTRY.values()]]))
"""


def test_the_guides_package_renders(tmp_path: Path) -> None:
    project = tomllib.loads(block("toml"))["project"]
    install(tmp_path, project["name"], project["version"], project["entry-points"][GROUP], acme_mail=block("python"))
    rendered = python(tmp_path, "-c", RENDER)
    assert rendered.returncode == 0, rendered.stderr
    expected = ["金卡|金卡|115|130", "銀卡|銀卡||", None, "一般|?|0|15"]
    texts, listed = json.loads(rendered.stdout)
    assert texts == [expected, expected]
    found = {f["name"]: f for f in listed}
    assert found["with_fee"]["source"] == "acme-mail 1.2"
    assert found["with_fee"]["how"] == "column kernel"
    assert found["tier_label"]["meaning"].startswith("The card's name")
    assert found.keys() >= REGISTRY.keys()


def test_a_broken_package_stops_the_start_by_name(tmp_path: Path) -> None:
    install(tmp_path, "acme-mail", "1.3", {"tier_label": "acme_mail:tier_label"}, acme_mail="import no_such_module_of_acme")
    (tmp_path / "hongyan.yaml").write_text("data: data\n")
    result = python(tmp_path, "-m", "gateway.cli.main", "up", "--config", str(tmp_path / "hongyan.yaml"))
    assert result.returncode == 1, result.stderr
    assert "acme-mail 1.3: function tier_label" in result.stderr, result.stderr
    assert "no_such_module_of_acme" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("mask_name", "def f(x): 'Hides.'", "the name is taken by a function of Hongyan itself"),
        ("upper", "def f(x): 'Loud.'", "Jinja2 has something of this name already"),
        ("range", "def f(x): 'Long.'", "Jinja2 has something of this name already"),
        ("loop", "def f(x): 'Round.'", "this is no name for a function of templates"),
        ("two words", "def f(x): 'Two.'", "this is no name"),
        ("_own", "def f(x): 'Hidden.'", "this is no name"),
        ("mine", "def f(x): pass", "it needs a docstring"),
        ("mine", "def f(): 'Nothing.'", "it needs an argument"),
        ("mine", "def f(x, **more): 'More.'", "its arguments must have names"),
        ("mine", "f = 5", "it is no function"),
        ("mine", "g = 5", "AttributeError"),
        ("mine", "raise RuntimeError('no licence file')", "RuntimeError: no licence file"),
        ("mine", "def f(:", "SyntaxError"),
    ],
)
def test_what_cannot_be_a_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: str, reason: str, request: pytest.FixtureRequest
) -> None:
    module = "own_" + re.sub(r"\W", "_", request.node.callspec.id)
    monkeypatch.syspath_prepend(str(tmp_path))
    points = install(tmp_path, "acme-mail", "1.2", {name: f"{module}:f"}, **{module: code})
    with pytest.raises(BrokenPlugin, match=re.escape(f"acme-mail 1.2: function {name}")) as error:
        load(dict(REGISTRY), points)
    assert reason in str(error.value)


def test_two_packages_with_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    install(tmp_path, "acme-mail", "1.2", {"tier": "own_tier:tier"}, own_tier="def tier(x): 'A tier.'")
    points = install(tmp_path, "other-mail", "2.0", {"tier": "own_tier:tier"})
    with pytest.raises(BrokenPlugin, match=r"^other-mail 2\.0: .* taken by acme-mail 1\.2"):
        load(dict(REGISTRY), points)


def call(function: Function, n: int, *args: Any) -> list[Any]:
    scope = Rows(n)
    values = [column_of(list(arg)) if isinstance(arg, list) else Lit(arg) for arg in args]
    got = list_of(function.run(scope, function.arguments(values, {}, Lit)), n)
    return [FAILED if i in scope.reasons else value for i, value in enumerate(got)]


@scalar()
def echo(x: Any) -> Any:
    """Gives what the test asks for."""
    results = {
        "numpy": np.int64(5),
        "huge": 2**70,
        "object": object(),
        "tuple": (1, np.float64(0.5)),
        "none": None,
        "bytes": b"x",
    }
    return results.get(x, x)


def test_only_values_of_templates_come_out() -> None:
    function = made(echo, "echo", "acme-mail 1.2")
    values = ["numpy", "huge", "object", "tuple", "none", "bytes", "<b>", None]
    assert call(function, 8, values) == [5, FAILED, FAILED, [1, 0.5], None, FAILED, "<b>", None]
    assert call(function, 3, [dt.date(2026, 1, 1), Decimal("1.5"), True]) == [dt.date(2026, 1, 1), Decimal("1.5"), True]
    assert function.scalar(CONTEXT)("numpy") == 5
    with pytest.raises(Refused):
        function.scalar(CONTEXT)("object")


@column()
def halves(x: pa.Array, by: int = 2) -> Any:
    """Shares of whole numbers."""
    if by == 7:
        return [1]
    if any(v.as_py() % by for v in x):
        raise Refused("halves", "x", "cannot be shared")
    return np.array([v.as_py() // by for v in x])


def test_columns_fail_by_row_and_keep_their_length() -> None:
    function = made(halves, "halves", "acme-mail 1.2")
    assert call(function, 5, [2, 3, None, 8, "x"]) == [1, FAILED, None, 4, FAILED]
    assert call(function, 3, [9, 10, None], 3) == [3, FAILED, None]
    assert call(function, 3, [9, 10, 12], [3, 5, None]) == [3, 2, 6]
    assert call(function, 2, [14, 21], 7) == [1, 1]  # called again row by row: one value for one row
    assert call(function, 2, 8) == [4, 4]
    assert function.scalar(CONTEXT)(8) == 4
