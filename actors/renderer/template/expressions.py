"""Expressions of the syntax tree as steps over columns. What no step can do raises `RowByRow` while compiling.

Here is what a node means; what its step does with columns is in `operators` and in the functions.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from jinja2 import nodes
from jinja2.nodes import EvalContext
from jinja2.sandbox import SandboxedEnvironment

from actors.renderer.functions import REGISTRY
from actors.renderer.functions.listcols import RowCol
from actors.renderer.functions.scope import each
from actors.renderer.functions.values import Col, Lit, Value
from actors.renderer.template import inherited, operators
from actors.renderer.template.filters import FAST
from actors.renderer.template.frame import Frame, Step
from actors.renderer.template.loops import ATTRIBUTES, LOOP
from actors.renderer.template.operands import SIGNS
from actors.renderer.template.sandbox import TEXT_METHODS, RowEnvironment, bounded_range
from actors.renderer.template.watch import FILTER

METHODS = TEXT_METHODS - {"format", "format_map"}


class RowByRow(Exception):
    """This expression cannot be a column step."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class Expressions:
    """Compiles the expressions of one plan. `shadowed`: functions whose name the template uses for something else."""

    def __init__(self, environment: RowEnvironment, escape: bool, shadowed: frozenset[str]):
        self._environment = environment
        self._shadowed = shadowed
        self._filters, self._tests = inherited.plain_filters(), inherited.tests(None)  # these do not charge the meter of a row
        self._eval = EvalContext(environment)
        self._eval.autoescape = escape
        self.loops = 0  # loops around what is being compiled whose `loop` can be read there
        self.strict = False  # what stands inside of a loop or macro must not fall back on its own
        self.inline: Callable[[nodes.Call], Step | None] = lambda node: None  # calls of the template's own macros
        self.template_names: frozenset[str] = frozenset()  # macros, modules and the like

    @property
    def environment(self) -> RowEnvironment:
        """The sandbox that the steps share their rules with."""
        return self._environment

    def escaping(self, escape: bool) -> bool:
        """From here on values are escaped or not; gives what was before."""
        before = self._eval.autoescape
        self._eval = EvalContext(self._environment)
        self._eval.autoescape = escape
        return bool(before)

    @contextmanager
    def inside(self, *, loops: int | None = None, strict: bool = False) -> Iterator[None]:
        """While something is compiled inside of so many loops (None: as many as now). `strict`: it must not fall back."""
        before = self.loops, self.strict
        self.loops, self.strict = before[0] if loops is None else loops, before[1] or strict
        try:
            yield
        finally:
            self.loops, self.strict = before

    def step(self, node: nodes.Node) -> Step:
        """The step of one expression. Raises RowByRow."""
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is None:
            raise RowByRow(f"{type(node).__name__} has no column form")
        step: Step = method(node)
        return step

    def _const(self, node: nodes.Const) -> Step:
        return operators.constant(node.value)

    def _environmentattribute(self, node: nodes.EnvironmentAttribute) -> Step:
        """A constant that the tree cannot hold."""
        return operators.constant(getattr(self._environment, node.name))

    def _name(self, node: nodes.Name) -> Step:
        if node.name == "loop" and self.loops:
            raise RowByRow("hands `loop` over")
        if node.name in self.template_names:
            raise RowByRow(f"hands {node.name} over")
        return operators.named(node.name, self._environment.undefined(name=node.name))

    def _steps(self, found: Sequence[nodes.Node]) -> list[Step]:
        return [self.step(node) for node in found]

    def _binary(self, node: nodes.BinExpr) -> Step:
        return operators.binary(SIGNS[type(node)], self.step(node.left), self.step(node.right))

    _add = _sub = _mul = _div = _floordiv = _mod = _pow = _binary

    def _neg(self, node: nodes.Neg) -> Step:
        return operators.unary("-", self.step(node.node))

    def _pos(self, node: nodes.Pos) -> Step:
        return operators.unary("+", self.step(node.node))

    def _not(self, node: nodes.Not) -> Step:
        return operators.negated(self.step(node.node))

    def _and(self, node: nodes.And) -> Step:
        return operators.both(self.step(node.left), self.step(node.right))

    def _or(self, node: nodes.Or) -> Step:
        return operators.either(self.step(node.left), self.step(node.right))

    def _condexpr(self, node: nodes.CondExpr) -> Step:
        test, yes = self.step(node.test), self.step(node.expr1)
        no = self.step(node.expr2) if node.expr2 is not None else None
        simple = all(isinstance(n, nodes.Const | nodes.Name | None) for n in (node.expr1, node.expr2))
        return operators.choice(test, yes, no, simple)

    def _compare(self, node: nodes.Compare) -> Step:
        first = self.step(node.expr)
        return operators.compared(first, [(operand.op, self.step(operand.expr)) for operand in node.ops])

    def _concat(self, node: nodes.Concat) -> Step:
        return operators.concatenated(self._steps(node.nodes), self._eval.autoescape)

    def _list(self, node: nodes.List) -> Step:
        return operators.listed(self._steps(node.items))

    def _tuple(self, node: nodes.Tuple) -> Step:
        return operators.tupled(self._steps(node.items))

    def _getattr(self, node: nodes.Getattr) -> Step:
        name, get = node.attr, self._environment.getattr
        if self._is_loop(node.node):
            if name not in ATTRIBUTES:
                raise RowByRow(f"loop.{name} is not worked out for all items at once")
            return lambda frame: operators.loaded(frame, LOOP + name)
        obj = self.step(node.node)
        hidden = hasattr(dict, name)  # Jinja2 finds the methods of a row before its fields

        def run(frame: Frame) -> Value:
            value = obj(frame)
            if isinstance(value, RowCol) and not hidden and name in value.fields:
                return value.fields[name]
            return each(frame, lambda value: get(value, name), (value,))

        return run

    def _is_loop(self, node: nodes.Node) -> bool:
        return self.loops > 0 and isinstance(node, nodes.Name) and node.name == "loop"

    def _getitem(self, node: nodes.Getitem) -> Step:
        obj = self.step(node.node)
        get = partial(SandboxedEnvironment.getitem, self._environment)  # does not charge the meter of a row
        if isinstance(node.arg, nodes.Slice):
            edges = [Lit(None) if e is None else self.step(e) for e in (node.arg.start, node.arg.stop, node.arg.step)]

            def cut(frame: Frame) -> Value:
                bounds = [e if isinstance(e, Lit) else e(frame) for e in edges]
                return each(frame, lambda v, a, b, c: v[a:b:c], [obj(frame), *bounds])

            return cut
        key = self.step(node.arg)

        def run(frame: Frame) -> Value:
            value, at = obj(frame), key(frame)
            if isinstance(value, RowCol) and isinstance(at, Lit) and type(at.value) is str and at.value in value.fields:
                return value.fields[at.value]
            return each(frame, get, (value, at))

        return run

    def _call(self, node: nodes.Call) -> Step:
        inlined = self.inline(node)
        if inlined is not None:
            return inlined
        named = node.kwargs or node.dyn_args or node.dyn_kwargs
        if isinstance(node.node, nodes.Name) and node.node.name in REGISTRY and node.node.name not in self._shadowed:
            return self._function(node.node.name, node, [])
        if isinstance(node.node, nodes.Name) and node.node.name == "range" and "range" not in self._shadowed and not named:
            return self._range(node.args)
        if isinstance(node.node, nodes.Getattr) and self._is_loop(node.node.node):
            return self._cycle(node.node.attr, node.args, bool(named))
        if isinstance(node.node, nodes.Getattr) and node.node.attr in METHODS and not named:
            return self._method(node.node, node.args)
        raise RowByRow("calls something that is no function of the table")

    def _range(self, given: list[nodes.Expr]) -> Step:
        return operators.applied(bounded_range, self._steps(given))

    def _cycle(self, name: str, given: list[nodes.Expr], named: bool) -> Step:
        """`loop.cycle(a, b)`."""
        if name != "cycle" or named or not given:
            raise RowByRow(f"loop.{name}() is not worked out for all items at once")
        args = self._steps(given)

        def run(frame: Frame) -> Value:
            turn = operators.loaded(frame, LOOP + "index0")
            return each(frame, lambda i, *values: values[i % len(values)], [turn, *(arg(frame) for arg in args)])

        return run

    def _method(self, node: nodes.Getattr, given: list[nodes.Expr]) -> Step:
        name, call = node.attr, self._environment.method
        return operators.applied(lambda value, *rest: call(value, name, rest), self._steps([node.node, *given]))

    def iterable(self, node: nodes.Node) -> Step:
        """The step of what a loop runs over: an iterator will do, as nobody else reads it. Raises RowByRow."""
        if isinstance(node, nodes.Filter) and node.name in inherited.LAZY:
            return self._filter(node, once=True)
        return self.step(node)

    def _filter(self, node: nodes.Filter, once: bool = False) -> Step:
        if node.node is None:
            raise RowByRow("filters a block")
        if node.name == FILTER and self._environment.watch is not None:
            return self._environment.watch.step(node, self.step(node.node))
        if node.name in REGISTRY:
            return self._function(node.name, node, [node.node])
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise RowByRow("hands over arguments with * or **")
        if node.name in inherited.LAZY and not once:
            raise RowByRow(f"{node.name} gives an iterator")
        value = self.step(node.node)
        args = self._steps([*node.args, *(pair.value for pair in node.kwargs)])
        apply = self._applied(node.name, self._filters[node.name], node)
        fast = FAST.get(node.name) if not args else None

        def run(frame: Frame) -> Value:
            subject = value(frame)
            if fast is not None and isinstance(subject, Col):
                result = fast(subject)
                if result is not None:
                    return result
            return each(frame, apply, [subject, *(arg(frame) for arg in args)])

        return run

    def _test(self, node: nodes.Test) -> Step:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise RowByRow("hands over arguments with * or **")
        args = self._steps([node.node, *node.args, *(pair.value for pair in node.kwargs)])
        return operators.applied(self._applied(node.name, self._tests[node.name], node), args)

    def _applied(self, name: str, function: Any, node: nodes.Filter | nodes.Test) -> Callable[..., Any]:
        """A filter or test of Jinja2 as a function of positional values."""
        plain, keys = len(node.args), [str(pair.key) for pair in node.kwargs]
        wants = getattr(function, "jinja_pass_arg", None)
        label = "" if wants is None else wants.name
        if label == "context":
            raise RowByRow(f"{name} needs the row's context")
        first = {"environment": (self._environment,), "eval_context": (self._eval,)}.get(label, ())
        if not keys and not first:
            return function  # type: ignore[no-any-return]
        return lambda *values: function(*first, *values[: plain + 1], **dict(zip(keys, values[plain + 1 :], strict=True)))

    def _function(self, name: str, node: nodes.Call | nodes.Filter, before: list[nodes.Expr]) -> Step:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise RowByRow("hands over arguments with * or **")
        function = REGISTRY[name]
        given = self._steps([*before, *node.args])
        named = {str(pair.key): self.step(pair.value) for pair in node.kwargs}
        steps: list[Step | Lit] = function.arguments(given, named, Lit)

        def run(frame: Frame) -> Value:
            return frame.once(function, [step if isinstance(step, Lit) else step(frame) for step in steps])

        return run
