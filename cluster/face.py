"""What others see of a role: its place, what it says of itself, its public methods.

Read from the role's source: whoever shows a role imports nothing of what it works with.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

Method = ast.FunctionDef | ast.AsyncFunctionDef
MAIN_LOOP = "run"


@dataclass(frozen=True, slots=True)
class Face:
    """`place` as `pkgutil.resolve_name` takes it: "actors.ledger.actor:Ledger". `methods`: the public ones, and whether each is
    a coroutine function. `loops`: there is a main loop besides, `run()`."""

    place: str
    says: str
    methods: Mapping[str, bool]
    loops: bool

    @property
    def name(self) -> str:
        return self.place.rpartition(":")[2]


def read(place: str) -> Face:
    """The face of the class there, which stands at its module's top. ModuleNotFoundError and LookupError: there is none.
    TypeError: it has base classes, whose methods would be missed."""
    module, _, name = place.partition(":")
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no module named {module!r}", name=module)
    body = ast.parse(Path(spec.origin).read_bytes()).body
    found = [n for n in body if isinstance(n, ast.ClassDef) and n.name == name]
    if not found:
        raise LookupError(f"no class {name} in {module}")
    if found[0].bases:
        raise TypeError(f"{place} has base classes")
    methods = {
        n.name: isinstance(n, ast.AsyncFunctionDef) for n in found[0].body if isinstance(n, Method) and not n.decorator_list
    }
    public = {name: waits for name, waits in methods.items() if not name.startswith("_") and name != MAIN_LOOP}
    return Face(place, ast.get_docstring(found[0]) or "", public, MAIN_LOOP in methods)
