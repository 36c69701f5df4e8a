"""Jinja2's own renderer for what cannot be a column: allow-listed names, bounded work, the same functions as scalars.

One environment belongs to one plan and runs one row at a time; `meter` counts what the row has used. Nothing here
reads a clock: the bounds are counts, so a row ends alike on every machine.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from types import CodeType
from typing import Any

from jinja2 import DictLoader, StrictUndefined, nodes, pass_context
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateModule
from jinja2.filters import _GroupTuple
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Cycler, Joiner, Namespace
from markupsafe import Markup

from actors.renderer.functions import guards
from actors.renderer.functions.decimals import COMPARE
from actors.renderer.functions.errors import Limit
from actors.renderer.functions.limits import MAX_RANGE, MAX_SIZE_ARGUMENT, MAX_TEXT_CHARS
from actors.renderer.template import inherited
from actors.renderer.template.metering import FUNCTION, Counted, Meter, head_with_charge, prepare
from actors.renderer.template.syntax import Source
from actors.renderer.template.watch import FILTER, Watch


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
    ((_GroupTuple,), frozenset(("grouper", "list"))),
    ((dict,), _DICT),
    ((LoopContext,), _LOOP),
    ((Cycler,), frozenset(("next", "current", "reset", "pos", "items"))),
    ((Macro,), frozenset(("name", "arguments", "caller", "catch_kwargs", "catch_varargs"))),
    ((BlockReference,), frozenset(("super",))),
)
_OPEN_TYPES = (Namespace, TemplateReference, TemplateModule)  # hold only what the template put there
_WIDTH_METHODS = frozenset(("center", "ljust", "rjust", "zfill"))


class _Generator(CodeGenerator):
    """Sends `~`, comparisons and displays of lists through the guards; everything else is Jinja2's code."""

    def _held(self, visit: Callable[[Any, Frame], None], node: nodes.Expr, frame: Frame) -> None:
        self.write("environment.held(")
        visit(node, frame)
        self.write(")")

    def visit_List(self, node: nodes.List, frame: Frame) -> None:
        self._held(super().visit_List, node, frame)

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:
        self._held(super().visit_Dict, node, frame)

    def visit_Tuple(self, node: nodes.Tuple, frame: Frame) -> None:
        if node.ctx == "load":
            self._held(super().visit_Tuple, node, frame)
        else:
            super().visit_Tuple(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.tilde((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("), context.eval_ctx.autoescape)" if frame.eval_ctx.volatile else f"), {frame.eval_ctx.autoescape!r})")

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:
        self.write("environment.chain(")
        self.visit(node.expr, frame)
        for at, operand in enumerate(node.ops):
            self.write(f", {operand.op!r}, ")
            if at:  # Python works these out only where all before holds
                self.write("lambda: ")
            self.visit(operand.expr, frame)
        self.write(")")


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
        watch: Watch | None = None,
    ):
        self.meter = Meter()
        self.functions, self.shadowed, self.watch = frozenset(scalars), shadowed, watch
        # optimized=False and a finalize that needs the context: nothing of the template runs while it is compiled.
        super().__init__(
            autoescape=escape,
            undefined=StrictUndefined,
            finalize=_finalize,
            optimized=False,
            auto_reload=False,
            loader=DictLoader(files),
        )
        names: dict[str, Any] = {
            "dict": dict,
            "namespace": Namespace,
            "cycler": Cycler,
            "joiner": Joiner,
            "range": bounded_range,
        }
        self.globals = {**names, **scalars, **{FUNCTION + name: call for name, call in scalars.items()}}
        table: dict[str, Any] = {**inherited.filters(self.meter), **scalars}
        if watch is not None:
            table[FILTER] = watch.seen
        self.filters = table
        tests: dict[str, Any] = inherited.tests(self.meter)
        self.tests = tests

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)  # of a file that is taken in
        if self.watch is not None:
            self.watch.attach(Source(name or "", tree, {}, {}))
        prepare(tree, self)
        head_with_charge(tree.body, 1)
        tree.set_environment(self)
        return tree

    def _compile(self, source: str, filename: str) -> CodeType:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # Python's remarks on things like {{ 0[1] }}: the row tells
            return super()._compile(source, filename)

    def counted(self, items: Iterable[Any], chars: int, steps: int = 1) -> Counted:
        """Wraps what a `for` runs over."""
        return Counted(items, chars, steps, self.meter)

    def charge(self, chars: int) -> str:
        """Stands at the head of every macro, block and included file."""
        self.meter.step()
        self.meter.emit(chars)
        return ""

    def held(self, value: Any) -> Any:
        """A list, tuple or dict that the template writes down."""
        self.meter.touch(value)
        return value

    def tilde(self, parts: tuple[Any, ...], markup: bool) -> str:
        """`a ~ b`."""
        self.meter.touch(*parts)
        return guards.tilde(parts, markup)

    def chain(self, left: Any, op: str, right: Any, *more: Any) -> Any:
        """`a < b`, and `a < b < c` with name and function of each further operand."""
        self.meter.touch(left, right)
        result = COMPARE[op](left, right)
        for at in range(0, len(more), 2):
            if not result:
                break
            left, right = right, more[at + 1]()
            self.meter.touch(right)
            result = COMPARE[more[at]](left, right)
        return result

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`: a tuple is hashed all through."""
        self.meter.touch(argument)
        return super().getitem(obj, argument)

    def method(self, value: Any, name: str, args: Sequence[Any]) -> Any:
        """A method call of a column step: the same checks as `call`."""
        bound = self.getattr(value, name)
        if isinstance(value, str):
            _check_method(value, name, args, {})
        return guards.checked(bound(*args))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        result = guards.binop(operator, left, right)
        self.meter.touch(left, right, result)
        return result

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
        __self.meter.touch(owner, *args, *kwargs.values())
        result = guards.checked(super().call(__context, __obj, *args, **kwargs))
        __self.meter.touch(result)
        return result


@pass_context
def _finalize(context: Context, value: Any) -> Any:
    """What a slot prints: null as nothing; the row's output is counted."""
    if value is None:
        return ""
    environment: Any = context.environment
    environment.meter.emit(guards.weigh(value))
    environment.meter.touch(value)
    return value


def bounded_range(*args: int) -> range:
    """`range(...)` with a bounded number of items."""
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
