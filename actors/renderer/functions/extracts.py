"""Values out of JSON texts, and lists into texts.

JSON of a row is hostile: its depth is Python's own bound, its numbers are int64 and finite, its size is a value's.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.guards import INT_MAX, INT_MIN, checked, tilde
from actors.renderer.functions.inputs import items, text
from actors.renderer.functions.registry import prepared, scalar

FAMILY = "Tables"
MAX_PATH_CHARS = 500
_STEP = re.compile(r"""\.?(?:([^\s.\[\]"']+)|\[(-?\d{1,6})\]|\["([^"]*)"\]|\['([^']*)'\])""")
_INT_CHARS = 20  # a sign and the digits of an int64
_MISSING = object()


@prepared(
    FAMILY,
    "json_get('{\"items\": [{\"qty\": 3}]}', 'items[0].qty')",
    "3",
    value="t",
    nulls="null in, null out; null too, or alt, where the path leads nowhere",
)
def json_get(job: Context, path: Any, alt: Any = None) -> Callable[[Any], Any]:
    """What stands at a path of a JSON text, with its type: `a.b`, `items[0].qty`, `['a key'][-1]`. alt where the path leads
    nowhere or the text is no JSON."""
    steps = _steps(text(path, "json_get", "path"))

    def get(value: Any) -> Any:
        try:
            found = _walk(_decoded(text(value, "json_get", "t")), steps)
        except (ValueError, RecursionError):
            if alt is None:
                raise Refused("json_get", "t", "is no JSON") from None
            return alt
        return alt if found is _MISSING else checked(found)

    return get


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    at = 0
    while at < len(path) <= MAX_PATH_CHARS:
        found = _STEP.match(path, at)
        if found is None or (path[at] == "." and not found[1]) or (at and found[1] and path[at] != "."):
            break
        steps.append(int(found[2]) if found[2] else next(name for name in found.group(1, 3, 4) if name is not None))
        at = found.end()
    if at < len(path) or not steps:
        raise Refused("json_get", "path", "is no path such as items[0].qty")
    return steps


def _walk(value: Any, steps: list[str | int]) -> Any:
    for step in steps:
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return _MISSING
        elif not isinstance(value, list) or not -len(value) <= step < len(value):
            return _MISSING
        value = value[step]
    return value


def _whole(digits: str) -> int:
    value = int(digits) if len(digits) <= _INT_CHARS else INT_MAX + 1
    if not INT_MIN <= value <= INT_MAX:
        raise ValueError
    return value


def _fraction(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError
    return value


def _no_constant(word: str) -> Any:
    raise ValueError


_decoded = json.JSONDecoder(parse_int=_whole, parse_float=_fraction, parse_constant=_no_constant).decode


@scalar(FAMILY, "list_join(['a', 'b', 'c'], '、', '和')", "a、b和c", kind="R")
def list_join(job: Context, xs: Any, sep: Any, last: Any = "、") -> str:
    """The list as text: `sep` between the items, `last` before the last one. Nulls are left out."""
    separator, final = text(sep, "list_join", "sep"), text(last, "list_join", "last")
    parts: list[Any] = []
    for item in items(xs, "list_join", "xs"):
        if item is not None:
            parts += [separator, item]
    if len(parts) > 2:
        parts[-2] = final
    return tilde(parts[1:], job.html)
