"""How the sandbox counts what a row uses: loop turns, calls, list sizes, characters written.

The syntax tree is changed so that every loop, macro, block and included file charges the meter. These counts end a row alike on
every machine; the time limit, whose clock is handed in, is only there for what they let pass.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from jinja2 import nodes

from actors.renderer.functions import guards
from actors.renderer.functions.errors import Limit
from actors.renderer.functions.limits import ITEMS_A_STEP, MAX_OUTPUT_CHARS, MAX_STEPS
from actors.renderer.template.naming import name_codes, name_columns
from actors.renderer.template.timelimit import Spent
from actors.renderer.template.walking import below, defined_names, find_all
from actors.renderer.template.watch import FILTER

STEPS_A_LOOK = 16  # at the clock: a step takes 5 ms at worst
NODES_A_STEP = 64  # of a loop's body: slots that print nothing are no free work
FUNCTION = "hongyan_function_"  # prefix of the names that calls of functions go by in the sandbox


class RowSandbox(Protocol):
    """What a tree is readied for."""

    functions: frozenset[str]
    shadowed: frozenset[str]


class Meter:
    """What the running row has used."""

    __slots__ = ("_due", "_from", "_left", "_row", "chars", "spent", "steps")

    def __init__(self) -> None:
        self.spent: Spent | None = None
        self.begin(0)

    def begin(self, steps: int, spent: Spent | None = None, row: int = 0) -> None:
        """A program starts for a row that has used so many steps before; the time that it may take."""
        self.steps = steps
        self.chars = 0
        self.spent, self._row = spent, row
        self._due = steps + STEPS_A_LOOK
        self._from, self._left = (0.0, 0.0) if spent is None else (spent.limit.clock(), spent.left(row))

    def step(self, steps: int = 1) -> None:
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise Limit("takes too many steps")
        if self.spent is not None and self.steps >= self._due:
            self._due = self.steps + STEPS_A_LOOK
            seconds = self.spent.limit.clock() - self._from
            if seconds > self._left:
                raise Limit(self.spent.reason(self._row, seconds))

    def touch(self, *values: Any) -> None:
        """Charges lists and the like by their size; other values are free."""
        weight = guards.weigh_lists(values)
        if weight:
            self.step(1 + weight // ITEMS_A_STEP)

    def emit(self, chars: int) -> None:
        self.chars += chars
        if self.chars > MAX_OUTPUT_CHARS:
            raise Limit("writes a text that is too long")


class Counted:
    """The items of a loop, each charged to the row's meter with the steps and the literal text of the loop's body."""

    __slots__ = ("_chars", "_items", "_meter", "_steps")

    def __init__(self, items: Iterable[Any], chars: int, steps: int, meter: Meter):
        self._items, self._chars, self._steps, self._meter = items, chars, steps, meter

    def __len__(self) -> int:
        return len(self._items)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            self._meter.step(self._steps)
            self._meter.emit(self._chars)
            yield item


def prepare(tree: nodes.Node, environment: RowSandbox) -> None:
    """Readies a tree for the sandbox, in place and once: wraps every `for`, heads every macro and block, and lets a call of a
    function mean the function also where a list column has its name."""
    for loop in find_all(tree, nodes.For):
        costs = nodes.Const(literal_chars(loop.body)), nodes.Const(turn_steps(loop))
        loop.iter = _internal(loop, "counted", loop.iter, *costs)
    for block in find_all(tree, (nodes.Macro, nodes.CallBlock, nodes.Block)):
        head_with_charge(block.body, block.lineno)  # type: ignore[attr-defined]
    own = environment.shadowed | set_names(tree)
    name_codes(tree, own)
    name_columns(tree, own)  # of a file that only a row's value names; all others have it already
    for call in find_all(tree, nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in environment.functions and call.node.name not in own:
            call.node = nodes.Name(FUNCTION + call.node.name, "load", lineno=call.lineno)
    tree.set_environment(environment)  # type: ignore[arg-type]


def head_with_charge(body: list[nodes.Node], line: int) -> None:
    """Puts a slot that prints nothing and charges the body's literal text before the body."""
    charge = _internal(nodes.Const("", lineno=line), "charge", nodes.Const(literal_chars(body)))
    body.insert(0, nodes.Output([charge], lineno=line))


def set_names(tree: nodes.Node) -> frozenset[str]:
    """Every name that the tree itself gives a meaning: set, loop targets, macros and their parameters, imports."""
    whole = below(tree)
    stored = {node.name for node in whole if isinstance(node, nodes.Name) and node.ctx != "load"}
    return frozenset(stored | defined_names(whole))


def _internal(place: nodes.Node, method: str, *args: nodes.Node) -> nodes.Call:
    call = nodes.Call(nodes.EnvironmentAttribute(method), list(args), [], None, None)
    call.set_lineno(place.lineno)
    return call


def turn_steps(loop: nodes.For) -> int:
    """Steps of one turn, without the calls in it: one, and more where the body is very large."""
    return 1 + len(below(loop)) // NODES_A_STEP


def body_steps(body: Iterable[nodes.Node]) -> int:
    """Steps of one run of a macro's or block's body."""
    body = list(body)
    return 1 + turn_calls(body) + sum(len(below(node)) for node in body) // NODES_A_STEP


def turn_calls(body: Iterable[nodes.Node]) -> int:
    """Calls and filters of one turn outside of inner loops' bodies: of branches, those of the one that has most."""
    total = 0
    for node in body:
        if isinstance(node, nodes.If):
            tests = [clause.test for clause in (node, *node.elif_)]
            bodies = [node.body, node.else_, *(clause.body for clause in node.elif_)]
            total += turn_calls(tests) + max(map(turn_calls, bodies))
        elif isinstance(node, nodes.For):
            total += turn_calls([node.iter]) + turn_calls(node.else_)
        else:
            called = isinstance(node, nodes.Call) or (isinstance(node, nodes.Filter) and node.name != FILTER)
            total += called + turn_calls(node.iter_child_nodes())
    return total


def literal_chars(body: Iterable[nodes.Node]) -> int:
    """Characters of literal text directly or deeper in these statements."""
    return sum(len(data.data) for node in body for data in find_all(node, nodes.TemplateData)) + sum(
        len(node.data) for node in body if isinstance(node, nodes.TemplateData)
    )
