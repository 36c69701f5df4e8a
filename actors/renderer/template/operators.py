"""Steps made of steps: logic, choices, comparison and what builds a value of others. Nothing here knows the syntax tree.

An operand that Python would not work out for a row (the other side of `and`, `or`, a ternary, a chained comparison) is not
worked out for it here either.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jinja2.runtime import Undefined

from actors.renderer.functions import guards, ops
from actors.renderer.functions.choosing import select, spread, weave
from actors.renderer.functions.scope import each, truth
from actors.renderer.functions.values import Lit, Mask, Value, bools
from actors.renderer.template.frame import Frame, Step


def constant(value: Any) -> Step:
    """The same value in every row."""
    literal = Lit(value)
    return lambda frame: literal


def named(name: str, undefined: Any) -> Step:
    """What the name stands for; `undefined` where it stands for nothing."""
    missing = Lit(undefined)

    def run(frame: Frame) -> Value:
        value = frame.load(name)
        return missing if value is None else value

    return run


def loaded(frame: Frame, name: str) -> Value:
    """What a name stands for that is always set."""
    value = frame.load(name)
    assert value is not None
    return value


def binary(op: str, left: Step, right: Step) -> Step:
    """Arithmetic."""
    return lambda frame: ops.binary(frame, op, left(frame), right(frame))


def unary(op: str, operand: Step) -> Step:
    """A sign."""
    return lambda frame: ops.unary(frame, op, operand(frame))


def negated(operand: Step) -> Step:
    """`not`."""
    return lambda frame: bools(~truth(frame, operand(frame)))


def both(left: Step, right: Step) -> Step:
    """`and`."""

    def run(frame: Frame) -> Value:
        value = left(frame)
        return _where(frame, truth(frame, value), right, value)

    return run


def either(left: Step, right: Step) -> Step:
    """`or`."""

    def run(frame: Frame) -> Value:
        value = left(frame)
        return _where(frame, ~truth(frame, value), right, value)

    return run


def choice(test: Step, yes: Step, no: Step | None, simple: bool) -> Step:
    """`yes if test else no`. `simple`: to work out both sides for all rows costs nothing and cannot fail."""
    other = _missing_else if no is None else no

    def run(frame: Frame) -> Value:
        mask = truth(frame, test(frame))
        if simple:
            return select(mask, yes(frame), other(frame))
        return _branch(frame, mask, yes, other)

    return run


def compared(first: Step, pairs: Sequence[tuple[str, Step]]) -> Step:
    """A chain of comparisons, each with its operator and right side."""

    def chain(frame: Frame, left: Value, at: int) -> Value:
        op, operand = pairs[at]
        right = operand(frame)
        result = ops.compare(frame, op, left, right)
        if at + 1 == len(pairs):
            return result
        mask = truth(frame, result)
        if mask.all():
            return chain(frame, right, at + 1)
        if not mask.any():
            return result
        return spread(mask, chain(frame.among(mask), right.take(np.flatnonzero(mask)), at + 1), result)

    return lambda frame: chain(frame, first(frame), 0)


def concatenated(parts: Sequence[Step], markup: bool) -> Step:
    """`~`. `markup`: the template escapes."""
    return applied(lambda *values: guards.tilde(values, markup), parts)


def listed(items: Sequence[Step]) -> Step:
    """A list of these values in each row."""
    return applied(lambda *values: list(values), items)


def tupled(items: Sequence[Step]) -> Step:
    """A tuple of these values in each row."""
    return applied(lambda *values: values, items)


def applied(function: Callable[..., Any], args: Sequence[Step]) -> Step:
    """A scalar function of these values, row by row."""
    return lambda frame: each(frame, function, [arg(frame) for arg in args])


def _missing_else(frame: Frame) -> Value:
    """Jinja2 prints nothing here, also where undefined values are strict."""
    return Lit(Undefined("the inline if has no else"))


def _branch(frame: Frame, mask: Mask, yes: Step, no: Step) -> Value:
    """`yes` for the rows where the mask is true, `no` for the others; each runs for its rows only."""
    if mask.all():
        return yes(frame)
    if not mask.any():
        return no(frame)
    return weave(mask, yes(frame.among(mask)), no(frame.among(~mask)))


def _where(frame: Frame, mask: Mask, step: Step, value: Value) -> Value:
    """`step` for the rows where the mask is true, the value that is there for the others."""
    if mask.all():
        return step(frame)
    return spread(mask, step(frame.among(mask)), value) if mask.any() else value
