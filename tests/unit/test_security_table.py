"""docs/security-tests.md is what the tests are, and every promise has a test. Also the promise that only the source shows."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.security_table import PAGE, PROMISES, REQUIRED, ROOT, found, page

SOURCES = sorted(
    f for folder in ("actors", "cluster", "gateway", "sandbox", "clients/python") for f in (ROOT / folder).rglob("*.py")
)
UNPICKLERS = {"pickle", "cPickle", "cloudpickle", "dill", "shelve", "marshal", "jsonpickle", "joblib"}
UNSAFE_YAML = {"load", "load_all", "unsafe_load", "unsafe_load_all", "full_load", "full_load_all"}


def test_every_required_id_has_a_test() -> None:
    assert sorted(REQUIRED - found().keys()) == []


def test_every_id_says_what_it_promises() -> None:
    assert found().keys() == PROMISES.keys()


def test_the_page_lists_the_tests_as_they_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(found()), "call: python -m tests.security_table"


def test_ids_are_read_from_names(tmp_path: Path) -> None:
    text = "def test_s3_a(): ...\nasync def test_s15_s18_b(x): ...\ndef test_s3x(): ...\ndef test_c_s4_d(): ...\n"
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text(text)
    both = "tests/test_x.py::test_s15_s18_b"
    assert found(tmp_path / "tests") == {"S3": ["tests/test_x.py::test_s3_a"], "S15": [both], "S18": [both]}


def unsafe(tree: ast.AST) -> Iterator[int]:
    """Lines that read objects out of bytes, or YAML that makes objects."""
    for node in ast.walk(tree):
        modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(m.partition(".")[0] in UNPICKLERS for m in modules):
            yield node.lineno  # type: ignore[attr-defined]
        elif isinstance(node, ast.Attribute) and node.attr in UNSAFE_YAML and ast.unparse(node.value) == "yaml":
            yield node.lineno


def test_s14_nothing_is_unpickled() -> None:
    """Ray pickles between its own, token-guarded processes; our code never reads objects out of bytes from outside."""
    assert len(SOURCES) > 100
    lines = {f.relative_to(ROOT): list(unsafe(ast.parse(f.read_text(encoding="utf-8")))) for f in SOURCES}
    assert {file: found for file, found in lines.items() if found} == {}


def test_what_would_be_found() -> None:
    text = "import pickle\nfrom cloudpickle import loads\nimport yaml\nyaml.load(x)\nyaml.safe_load(x)\njson.load(x)\n"
    assert list(unsafe(ast.parse(text))) == [1, 2, 4]
