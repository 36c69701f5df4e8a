"""Jinja2's own renderer for what cannot be a column: allow-listed names, bounded work, the same functions as scalars.

One environment belongs to one plan and runs one row at a time; `meter` counts what the row has used. Nothing here
reads a clock: the bounds are counts, so a row ends alike on every machine.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from types import CodeType
from typing import Any

from jinja2 import DictLoader, StrictUndefined, nodes, pass_context
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateModule
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Cycler, Joiner, Namespace
from markupsafe import Markup

from actors.renderer.functions import guards
from actors.renderer.functions.errors import Limit
from actors.renderer.functions.limits import MAX_OUTPUT_CHARS, MAX_RANGE, MAX_SIZE_ARGUMENT, MAX_STEPS, MAX_TEXT_CHARS
from actors.renderer.template import inherited


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TEXT_METHODS = _words(
    """
    capitalize casefold center count endswith find format format_map index isalnum isalpha isascii isdecimal
    isdigit islower isnumeric isspace istitle isupper join ljust lower lstrip partition removeprefix removesuffix
    replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title upper
    zfill striptags unescape
    """
)
_DATE = _words(
    """
    year month day hour minute second microsecond tzinfo date time isoformat weekday isoweekday isocalendar
    strftime timetuple timestamp toordinal utcoffset tzname astimezone days seconds microseconds total_seconds
    """
)
_LIST = frozenset(("count", "index"))
_DICT = frozenset(("items", "keys", "values", "get"))
_LOOP = _words(
    """
    index index0 revindex revindex0 first last length depth depth0 previtem nextitem cycle changed
    """
)
ATTRIBUTES: tuple[tuple[tuple[type, ...], frozenset[str]], ...] = (
    ((str,), TEXT_METHODS),
    ((date, datetime, time, timedelta), _DATE),
    ((list, tuple), _LIST),
    ((dict,), _DICT),
    ((LoopContext,), _LOOP),
    ((Cycler,), frozenset(("next", "current", "reset", "pos", "items"))),
    ((Macro,), frozenset(("name", "arguments", "caller", "catch_kwargs", "catch_varargs"))),
    ((BlockReference,), frozenset(("super",))),
)
_OPEN_TYPES = (Namespace, TemplateReference, TemplateModule)  # hold only what the template put there
FUNCTION = "hongyan_function_"  # prefix of the names that calls of functions go by in the sandbox
_WIDTH_METHODS = frozenset(("center", "ljust", "rjust", "zfill"))


class Meter:
    """What the running row has used."""

    __slots__ = ("chars", "steps")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.steps = 0
        self.chars = 0

    def step(self, steps: int = 1) -> None:
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise Limit("takes too many steps")

    def emit(self, chars: int) -> None:
        self.chars += chars
        if self.chars > MAX_OUTPUT_CHARS:
            raise Limit("writes a text that is too long")


class Counted:
    """The items of a loop, each charged to the row's meter with the literal text of the loop's body."""

    __slots__ = ("_chars", "_items", "_meter")

    def __init__(self, items: Iterable[Any], chars: int, meter: Meter):
        self._items, self._chars, self._meter = items, chars, meter

    def __len__(self) -> int:
        return len(self._items)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            self._meter.step()
            self._meter.emit(self._chars)
            yield item


class _Generator(CodeGenerator):
    """Sends `~` through the guards; everything else is Jinja2's code."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.tilde((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("), context.eval_ctx.autoescape)" if frame.eval_ctx.volatile else f"), {frame.eval_ctx.autoescape!r})")


class RowEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox of one plan."""

    intercepted_binops = frozenset(guards.OPERATORS)
    intercepted_unops = frozenset("+-")
    code_generator_class = _Generator

    def __init__(
        self,
        scalars: Mapping[str, Callable[..., Any]],
        *,
        escape: bool,
        files: Mapping[str, str],
        shadowed: frozenset[str] = frozenset(),
    ):
        self.meter = Meter()
        self.functions, self.shadowed = frozenset(scalars), shadowed
        # optimized=False and a finalize that needs the context: nothing of the template runs while it is compiled.
        super().__init__(
            autoescape=escape,
            undefined=StrictUndefined,
            finalize=_finalize,
            optimized=False,
            auto_reload=False,
            loader=DictLoader(files),
        )
        names: dict[str, Any] = {"dict": dict, "namespace": Namespace, "cycler": Cycler, "joiner": Joiner, "range": _range}
        self.globals = {**names, **scalars, **{FUNCTION + name: call for name, call in scalars.items()}}
        table: dict[str, Any] = {**inherited.filters(self.meter.step), **scalars}
        self.filters = table
        tests: dict[str, Any] = inherited.tests()
        self.tests = tests

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        prepare(tree, self)
        return tree

    def _compile(self, source: str, filename: str) -> CodeType:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # Python's remarks on things like {{ 0[1] }}: the row tells
            return super()._compile(source, filename)

    def counted(self, items: Iterable[Any], chars: int) -> Counted:
        """Wraps what a `for` runs over."""
        return Counted(items, chars, self.meter)

    def charge(self, chars: int) -> str:
        """Stands at the head of every macro."""
        self.meter.step()
        self.meter.emit(chars)
        return ""

    def tilde(self, parts: Iterable[Any], markup: bool) -> str:
        """`a ~ b`."""
        return guards.tilde(parts, markup)

    def method(self, value: Any, name: str, args: Sequence[Any]) -> Any:
        """A method call of a column step: the same checks as `call`."""
        bound = self.getattr(value, name)
        if isinstance(value, str):
            _check_method(value, name, args, {})
        return guards.checked(bound(*args))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        return guards.binop(operator, left, right)

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        return guards.unop(operator, arg)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if attr.startswith("_"):
            return False
        if isinstance(obj, _OPEN_TYPES):
            return True
        return any(isinstance(obj, kinds) and attr in names for kinds, names in ATTRIBUTES)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is None:
            return None
        pattern: str = value.__self__
        as_map = value.__name__ == "format_map"
        kind = guards.MarkupFormatter if isinstance(pattern, Markup) else guards.PlainFormatter
        formatter = kind(self, **({"escape": pattern.escape} if isinstance(pattern, Markup) else {}))

        def bounded_format(*args: Any, **kwargs: Any) -> str:
            if as_map:
                (kwargs,), args = args, ()
            fields = pattern.count("{")
            if fields * guards.weigh([args, kwargs]) > 100 * MAX_TEXT_CHARS:
                raise Limit("formats too many fields")
            result: str = type(pattern)(guards.checked(formatter.vformat(pattern, args, kwargs)))
            return result

        return bounded_format

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        __self.meter.step()
        if isinstance(__obj, LoopContext) and args:
            args = (__self.counted(args[0], 0), *args[1:])
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, str):
            _check_method(owner, getattr(__obj, "__name__", ""), args, kwargs)
        result = super().call(__context, __obj, *args, **kwargs)
        return guards.checked(result)


@pass_context
def _finalize(context: Context, value: Any) -> Any:
    """What a slot prints: null as nothing; the row's output is counted."""
    if value is None:
        return ""
    environment: Any = context.environment
    environment.meter.emit(len(value) if isinstance(value, str) else guards.weigh(value))
    return value


def _range(*args: int) -> range:
    numbers = range(*args)
    if len(numbers) > MAX_RANGE:
        raise Limit("asks for a range that is too long")
    for edge in (numbers.start, numbers.stop):
        guards.checked(edge)
    return numbers


def _check_method(owner: str, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    if name in _WIDTH_METHODS and any(isinstance(a, int) and a > MAX_SIZE_ARGUMENT for a in args):
        raise Limit("pads a text too far")
    if name == "replace" and len(args) >= 2:
        guards.check_replace(owner, args[0], args[1])
    if name == "join" and args and isinstance(args[0], Sequence | Mapping):
        guards.weigh(args[0])
        if len(args[0]) * len(owner) > MAX_TEXT_CHARS:
            raise Limit("joins a text that is too long")


def prepare(tree: nodes.Node, environment: "RowEnvironment") -> None:
    """Readies a tree for the sandbox, in place and once: wraps every `for`, heads every macro, and lets a call of a function
    mean the function also where a list column has its name."""
    for loop in tree.find_all(nodes.For):
        loop.iter = _internal(loop, "counted", loop.iter, nodes.Const(literal_chars(loop.body)))
    for macro in tree.find_all((nodes.Macro, nodes.CallBlock)):
        body: list[nodes.Node] = macro.body  # type: ignore[attr-defined]
        head = nodes.Output([_internal(macro, "charge", nodes.Const(literal_chars(body)))])
        body.insert(0, head.set_lineno(macro.lineno))
    own = environment.shadowed | set_names(tree)
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in environment.functions and call.node.name not in own:
            call.node = nodes.Name(FUNCTION + call.node.name, "load", lineno=call.lineno)
    tree.set_environment(environment)


def set_names(tree: nodes.Node) -> frozenset[str]:
    """Every name that the tree itself gives a meaning: set, loop targets, macros and their parameters, imports."""
    names = {node.name for node in tree.find_all(nodes.Name) if node.ctx != "load"}
    names.update(macro.name for macro in tree.find_all(nodes.Macro))
    names.update(imported.target for imported in tree.find_all(nodes.Import))
    for chosen in tree.find_all(nodes.FromImport):
        names.update(name if isinstance(name, str) else name[1] for name in chosen.names)
    return frozenset(names)


def _internal(place: nodes.Node, method: str, *args: nodes.Node) -> nodes.Call:
    call = nodes.Call(nodes.EnvironmentAttribute(method), list(args), [], None, None)
    call.set_lineno(place.lineno)
    return call


def literal_chars(body: Iterable[nodes.Node]) -> int:
    """Characters of literal text directly or deeper in these statements."""
    return sum(len(data.data) for node in body for data in node.find_all(nodes.TemplateData)) + sum(
        len(node.data) for node in body if isinstance(node, nodes.TemplateData)
    )
