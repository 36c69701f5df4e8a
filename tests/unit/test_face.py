"""A role's face, read from its source, is what an import of the role would show."""

import inspect
import pkgutil
from pathlib import Path

import pytest

from cluster.build import PLACES
from cluster.face import read


@pytest.mark.parametrize("place", PLACES.values())
def test_the_face_of_a_role_is_that_of_its_class(place: str) -> None:
    face, role = read(place), pkgutil.resolve_name(place)
    shown = {n: inspect.iscoroutinefunction(f) for n, f in inspect.getmembers(role, inspect.isfunction) if n[0] != "_"}
    assert shown.pop("run", None) is None or face.loops
    assert dict(face.methods) == shown
    assert (face.name, face.says) == (role.__name__, inspect.getdoc(role))


LOUD = """
raise RuntimeError

class Loud:
    @property
    def kind(self): ...
    def _own(self): ...
    async def run(self): ...
    def ask(self): ...
"""


@pytest.mark.parametrize(
    ("place", "error"),
    [("actors.nobody:Nobody", ModuleNotFoundError), ("role_of_test:Other", LookupError), ("role_of_test:Heir", TypeError)],
)
def test_what_has_no_face(place: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "role_of_test.py").write_text("class Heir(dict):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(error):
        read(place)


def test_reading_a_face_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loud_role.py").write_text(LOUD)
    monkeypatch.syspath_prepend(tmp_path)
    face = read("loud_role:Loud")
    assert (dict(face.methods), face.loops, face.says) == ({"ask": False}, True, "")
