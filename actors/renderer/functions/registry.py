"""The table of functions: one entry each, from which calls, filters, `hongyan functions` and the page of functions are made.

Three ways to write one: `scalar` (a Python function of one row's values), `prepared` (a function of the settings that gives the
function of one value, made once where the settings are literals), `kernel` (a function of columns). The scalar form that the
sandbox calls is always the column form on one row. Functions of other packages come in through plugins.py.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from actors.renderer.functions.choosing import spread
from actors.renderer.functions.context import Context
from actors.renderer.functions.distinct import Done, each_distinct
from actors.renderer.functions.scope import OneRow, Part, Scope, each, fail_all, some_null
from actors.renderer.functions.values import Col, Lit, Value, column_of, list_of

NULL_IN_NULL_OUT = "null in, null out"
HOW = {"N": "column kernel", "D": "once a distinct value", "J": "join with a table", "R": "row by row"}
Run = Callable[[Scope, Sequence[Value]], Value]


@dataclass(frozen=True)
class Function:
    """One function that a template can call. `run` takes one value a parameter (those of `*args` follow one another)."""

    name: str
    family: str
    kind: str  # N column kernel, D a distinct value, R a row at a time
    meaning: str
    example: str  # a slot's inside
    expected: str  # what it prints
    nulls: str
    signature: inspect.Signature
    run: Run
    source: str = ""  # the distribution that it came from; Hongyan's own have none

    @property
    def how(self) -> str:
        """How it is computed, in words."""
        return HOW[self.kind]

    @property
    def gives(self) -> str:
        """What the example prints, in one line: a line break is shown as ⏎."""
        return self.expected.replace("\n", "⏎")

    @property
    def usage(self) -> str:
        """`mask_phone(p, keep=3)`."""
        return f"{self.name}{inspect.Signature(self._bare())}"

    @property
    def filter_usage(self) -> str:
        """`p | mask_phone(keep=3)`."""
        first, *rest = self._bare()
        more = [first, *rest] if first.kind is first.VAR_POSITIONAL else rest
        return f"{first.name} | {self.name}{inspect.Signature(more) if more else ''}"

    def _bare(self) -> list[inspect.Parameter]:
        return [p.replace(annotation=inspect.Parameter.empty) for p in self.signature.parameters.values()]

    def arguments(self, args: Sequence[Any], kwargs: dict[str, Any], wrap: Callable[[Any], Any]) -> list[Any]:
        """The call's arguments in the order of the parameters, defaults (wrapped) filled in. Raises TypeError."""
        bound = self.signature.bind(*args, **kwargs)
        ordered: list[Any] = []
        for name, parameter in self.signature.parameters.items():
            if parameter.kind is parameter.VAR_POSITIONAL:
                ordered.extend(bound.arguments.get(name, ()))
            elif name in bound.arguments:
                ordered.append(bound.arguments[name])
            else:
                ordered.append(wrap(parameter.default))
        return ordered

    def scalar(self, job: Context) -> Callable[..., Any]:
        """The function of one row's values, for the sandbox."""
        scope = OneRow(job)

        def call(*args: Any, **kwargs: Any) -> Any:
            values: list[Any] = self.arguments(args, kwargs, lambda default: default)
            result = self.run(scope, [column_of([v]) for v in values])
            return list_of(result, 1)[0]

        call.__name__ = self.name
        return call


REGISTRY: dict[str, Function] = {}
# By function: what is wrong with the settings that a template writes down, or nothing. Asked when the template is compiled.
SETTINGS: dict[str, Callable[[Context, Mapping[str, Any]], str]] = {}
# By function: the parameters that every template writes down.
LITERALS: dict[str, frozenset[str]] = {}


def _register(
    function: Callable[..., Any],
    signature: inspect.Signature,
    run: Run,
    family: str,
    kind: str,
    example: str,
    expected: str,
    nulls: str,
) -> None:
    name = function.__name__.rstrip("_")
    meaning = " ".join((function.__doc__ or "").split())
    if name in REGISTRY or not meaning:
        raise ValueError(f"{name}: registered twice or without a docstring")
    REGISTRY[name] = Function(name, family, kind, meaning, example, expected, nulls, signature, run)


def signature(*names: str, **defaults: Any) -> inspect.Signature:
    """Of a function that is put into the table by hand: parameters without and with a default, in this order."""
    kind, empty = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty
    given = {**dict.fromkeys(names, empty), **defaults}
    return inspect.Signature([inspect.Parameter(name, kind, default=default) for name, default in given.items()])


def _split(function: Callable[..., Any]) -> tuple[bool, list[inspect.Parameter]]:
    """Whether the function wants the job's constants, and the parameters that a template sees."""
    parameters = list(inspect.signature(function).parameters.values())
    wants_job = bool(parameters) and parameters[0].name == "job"
    return wants_job, parameters[1:] if wants_job else parameters


def _in_order(function: Callable[..., Any], parameters: Sequence[inspect.Parameter]) -> Callable[..., Any]:
    """The function of values in the order of the parameters: those that only have a name come last."""
    names = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    if not names:
        return function
    count = len(names)
    return lambda *values: function(*values[:-count], **dict(zip(names, values[-count:], strict=True)))


def required(parameters: Sequence[inspect.Parameter]) -> list[int]:
    """The places of the parameters that have no default."""
    return [i for i, p in enumerate(parameters) if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]


def without_nulls(scope: Scope, args: Sequence[Value], needed: Sequence[int], work: Run) -> Value:
    """Runs the work on the rows that have no null among the needed arguments; the others are null."""
    nulls = some_null([args[i] for i in needed], scope.n)
    if nulls is None:
        return work(scope, args)
    if nulls.all():
        return Lit(None)
    keep = ~nulls
    index = np.flatnonzero(keep)
    return spread(keep, work(Part(scope, index), [arg.take(index) for arg in args]), Lit(None))


def by_rows(
    function: Callable[..., Any],
    parameters: Sequence[inspect.Parameter],
    needed: Sequence[int],
    wants_job: bool,
    column: Callable[..., Done | None] | None = None,
) -> Run:
    """A Python function of one row's values as a step over rows; null where one of the needed arguments is. `wants_job`: it
    takes the job's constants first. `column`: its form for whole columns, as `scalar` has it."""
    ordered = _in_order(function, parameters)

    def work(scope: Scope, args: Sequence[Value]) -> Value:
        call = partial(ordered, scope.job) if wants_job else ordered
        columns = [i for i, arg in enumerate(args) if isinstance(arg, Col)]
        if len(columns) == 1 and columns[0] == 0:
            settings = [arg.value for arg in args[1:]]  # type: ignore[union-attr]
            made = (lambda value: call(value, *settings)) if settings else call
            whole = (lambda value: column(value, *settings)) if column else None
            return each_distinct(scope, made, args[0], (function, *map(repr, settings)), whole)
        return each(scope, call, args)

    return lambda scope, args: without_nulls(scope, args, needed, work) if needed else work(scope, args)


def scalar(
    family: str,
    example: str,
    expected: str,
    *,
    kind: str = "D",
    nulls: str = NULL_IN_NULL_OUT,
    needed: Sequence[str] | None = None,
    column: Callable[..., Done | None] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a Python function of one row's values. `needed`: parameters whose null makes the result null (default: those
    without a default). A first parameter `job` gets the job's constants. `column`: the same for a whole column without nulls
    and the settings after it, for the rows that have a common form."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        wants_job, parameters = _split(function)
        places = required(parameters) if needed is None else [i for i, p in enumerate(parameters) if p.name in needed]
        run = by_rows(function, parameters, places, wants_job, column)
        _register(function, inspect.Signature(parameters), run, family, kind, example, expected, nulls)
        return function

    return register


def prepared(
    family: str, example: str, expected: str, *, value: str, kind: str = "D", nulls: str = NULL_IN_NULL_OUT
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a function of (job, settings) that gives the function of one value, which is named `value` in the signature."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        _, settings = _split(function)
        parameters = [inspect.Parameter(value, inspect.Parameter.POSITIONAL_OR_KEYWORD), *settings]
        defaults, needed = [p.default for p in settings], required(parameters)

        def prepare(job: Context, given: Sequence[Any]) -> Callable[[Any], Any]:
            made: Callable[[Any], Any] = function(
                job, *[d if v is None and d is not inspect.Parameter.empty else v for v, d in zip(given, defaults, strict=True)]
            )
            return made

        def work(scope: Scope, args: Sequence[Value]) -> Value:
            if all(isinstance(arg, Lit) for arg in args[1:]):
                try:
                    made = prepare(scope.job, [arg.value for arg in args[1:]])  # type: ignore[union-attr]
                except Exception as error:
                    return fail_all(scope, error)
                key = (function, *(repr(arg.value) for arg in args[1:]))  # type: ignore[union-attr]
                return each_distinct(scope, made, args[0], key, getattr(made, "column", None))
            return each(scope, lambda x, *given: prepare(scope.job, given)(x), args)

        def run(scope: Scope, args: Sequence[Value]) -> Value:
            return without_nulls(scope, args, needed, work)

        _register(function, inspect.Signature(parameters), run, family, kind, example, expected, nulls)
        return function

    return register


def kernel(
    family: str, example: str, expected: str, *, nulls: str = NULL_IN_NULL_OUT
) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Registers a function of (scope, columns), which sees to nulls itself."""

    def register(function: Callable[..., Value]) -> Callable[..., Value]:
        parameters = list(inspect.signature(function).parameters.values())[1:]

        def run(scope: Scope, args: Sequence[Value]) -> Value:
            return function(scope, *args)

        _register(function, inspect.Signature(parameters), run, family, "N", example, expected, nulls)
        return function

    return register
