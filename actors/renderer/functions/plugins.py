"""Functions of other packages: the entry points of the group `hongyan.functions`, put into the table when it is made.

Whoever imports the table has them: renderers, the checker, local commands. One that cannot be used stops the start, with the
name of its distribution: a job must never find a function missing on one machine.
"""

import inspect
import keyword
from collections.abc import Iterable, MutableMapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from jinja2 import Environment

from actors.model.errors import HongyanError
from actors.renderer.functions.own import Own, made
from actors.renderer.functions.registry import Function

GROUP = "hongyan.functions"
_PLAIN = Environment()
_JINJA = frozenset((*_PLAIN.filters, *_PLAIN.tests, *_PLAIN.globals))
_INSIDE = "loop self super caller varargs kwargs"  # names that Jinja2 gives a meaning inside of blocks and macros
_STATEMENTS = "block call do else endblock extends filter include macro recursive set true false none"
_WORDS = frozenset(f"{_INSIDE} {_STATEMENTS}".split())


class BrokenPlugin(HongyanError):
    """A function of another package cannot be used: the distribution, its entry point and what is wrong."""

    def __init__(self, source: str, entry: str, reason: str):
        super().__init__(source, entry, reason)

    def __str__(self) -> str:
        source, entry, reason = self.args
        return f"{source}: function {entry} ({GROUP}): {reason}; mend or uninstall this package, nothing starts before that"


def load(table: MutableMapping[str, Function], points: Iterable[EntryPoint] | None = None) -> None:
    """Puts the functions of all installed packages into the table. Raises BrokenPlugin."""
    found = entry_points(group=GROUP) if points is None else points
    for point in sorted(found, key=lambda p: (p.name, source_of(p))):
        source = source_of(point)
        reason = _unusable(point.name, table)
        if reason:
            raise BrokenPlugin(source, point.name, reason)
        try:
            table[point.name] = made(_marked(point.load()), point.name, source)
        except Exception as error:
            raise BrokenPlugin(source, point.name, f"{point.value} cannot be used: {_told(error)}") from error


def source_of(point: EntryPoint) -> str:
    """`acme-mail 1.2`."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unnamed distribution"


def _unusable(name: str, table: MutableMapping[str, Function]) -> str:
    if not (name.isidentifier() and name.isascii()) or keyword.iskeyword(name) or name.startswith("_") or name in _WORDS:
        return "this is no name for a function of templates"
    if name in _JINJA:
        return "Jinja2 has something of this name already"
    if name in table:
        return f"the name is taken by {table[name].source or 'a function of Hongyan itself'}"
    return ""


def _marked(loaded: Any) -> Own:
    if isinstance(loaded, Own):
        return loaded
    if inspect.isfunction(loaded):
        return Own(loaded, False)
    raise TypeError("it is no function (write one, or mark it with scalar or column of actors.renderer.functions.own)")


def _told(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ValueError | TypeError) and text else f"{type(error).__name__}: {text}"
