"""Jinja2's own filters and tests that a template may use, each with its meaning unchanged and its work bounded; where a decimal
meets a float the rule of functions/decimals.py holds (`sum`, and the tests that compare).

Left out: `attr` (ways around the sandbox), `random` and `pprint` (not the same bytes on every run).
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jinja2 import Environment, pass_environment
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.tests import TESTS
from markupsafe import soft_str

from actors.renderer.functions import guards
from actors.renderer.functions.decimals import COMPARE, ORDER, alike, equal
from actors.renderer.functions.errors import Limit
from actors.renderer.functions.limits import MAX_SIZE_ARGUMENT, MAX_TEXT_CHARS
from actors.renderer.template.metering import Meter

LEFT_OUT = frozenset(("attr", "random", "pprint"))
FILTER_NAMES = frozenset(FILTERS) - LEFT_OUT
TEST_NAMES = frozenset(TESTS) - {"callable"}
LAZY = frozenset(("batch", "items", "reverse", "slice", "unique"))  # give iterators, which only one consumer may read
_SIZED = frozenset(("batch", "center", "filesizeformat", "indent", "round", "slice", "truncate", "wordwrap"))


def _first(args: Sequence[Any], kwargs: Mapping[str, Any], at: int, name: str, default: Any) -> Any:
    return args[at] if len(args) > at else kwargs.get(name, default)


def _before(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuses calls whose work or result would be out of all bounds. `args[0]` is the filtered value."""
    for value in (*args, *kwargs.values()):
        guards.weigh(value)
    if name in _SIZED:
        for value in (*args[1:], *kwargs.values()):
            if isinstance(value, int) and abs(value) > MAX_SIZE_ARGUMENT:
                raise Limit(f"{name} is asked for too large a size")
    if name == "replace" and len(args) + len(kwargs) >= 3:
        guards.check_replace(args[0], _first(args, kwargs, 1, "old", ""), _first(args, kwargs, 2, "new", ""))
    elif name == "format":
        guards.check_percent(soft_str(args[0]), kwargs or args[1:])
    elif name == "indent":
        width = _first(args, kwargs, 1, "width", 4)
        cells = len(width) if isinstance(width, str) else width
        if (soft_str(args[0]).count("\n") + 1) * cells > MAX_TEXT_CHARS:
            raise Limit("indent gives a text that is too long")
    elif name == "wordwrap":
        wrapped = _first(args, kwargs, 3, "wrapstring", None)
        if wrapped and len(soft_str(args[0])) * len(wrapped) > MAX_TEXT_CHARS:
            raise Limit("wordwrap gives a text that is too long")
    elif name == "join" and hasattr(args[0], "__len__"):
        glue = soft_str(_first(args, kwargs, 1, "d", ""))
        if len(args[0]) * len(glue) > MAX_TEXT_CHARS:
            raise Limit("join gives a text that is too long")


def _bounded(name: str, function: Callable[..., Any], meter: Meter | None) -> Callable[..., Any]:
    skip = 1 if hasattr(function, "jinja_pass_arg") else 0

    def filter_(*args: Any, **kwargs: Any) -> Any:
        _before(name, args[skip:], kwargs)
        if meter is not None:
            meter.step()
            meter.touch(*args[skip:], *kwargs.values())
        result = guards.checked(function(*args, **kwargs))
        if meter is not None:
            meter.touch(result)
        return result

    functools.update_wrapper(filter_, function, assigned=("__doc__",))  # keeps jinja_pass_arg and jinja_async_variant
    filter_.__name__ = name
    bounded: Callable[..., Any] = filter_
    return bounded


@pass_environment
def _sum(environment: Environment, iterable: Iterable[Any], attribute: str | int | None = None, start: Any = 0) -> Any:
    """Jinja2's `sum`."""
    if attribute is not None:
        iterable = map(make_attrgetter(environment, attribute), iterable)
    *values, first = alike([*iterable, start])
    return sum(values, first)


# Jinja2's tests that compare, under all of their names.
_COMPARING: dict[str, Callable[..., Any]] = {
    **{name: COMPARE[op] for op, plain in ORDER.items() for name, test in TESTS.items() if test is plain},
    "in": COMPARE["in"],
    "divisibleby": lambda value, num: equal(guards.binop("%", value, num), 0),
}


@functools.cache
def plain_filters() -> Mapping[str, Callable[..., Any]]:
    """The filters by name; they charge nobody."""
    return filters(None)


def filters(meter: Meter | None) -> dict[str, Callable[..., Any]]:
    """The filters by name; each call charges the meter."""
    table: dict[str, Callable[..., Any]] = {}
    for name in FILTER_NAMES:
        function: Any = _sum if name == "sum" else FILTERS[name]
        table[name] = _bounded(name, function, meter)
    return table


def _weighed(test: Callable[..., Any], meter: Meter) -> Callable[..., Any]:
    def weighed(*args: Any) -> Any:
        meter.touch(*args)
        return test(*args)

    return weighed


def tests(meter: Meter | None) -> dict[str, Callable[..., Any]]:
    """The tests by name; those that compare charge the meter with the lists that they compare."""
    table: dict[str, Callable[..., Any]] = {}
    for name in TEST_NAMES:
        function: Any = _COMPARING.get(name, TESTS[name])
        table[name] = _weighed(function, meter) if name in _COMPARING and meter is not None else function
    return table
