"""What statements do when a plan runs: acts made of steps and of other acts. Nothing here knows the syntax tree.

An act adds the pieces of its rows, and sets names in the frame. `place` is the file and line that a failing row is told.
"""

from collections.abc import Iterable, Sequence

import pyarrow as pa
from markupsafe import Markup

from actors.renderer.functions.scope import each, truth
from actors.renderer.functions.values import Value, column_of, list_of
from actors.renderer.template.columns import Piece
from actors.renderer.template.frame import Act, Frame, Step

BLOCK = "hongyan block"  # the name of a filtered block's text: no template can write it


def in_order(acts: Sequence[Act]) -> Act:
    """One after the other; a row that fails in one does not run the next."""

    def run(frame: Frame, pieces: list[Piece], at: int = 0) -> None:
        failed = frame.shard.failed
        for i in range(at, len(acts)):
            before = len(failed)
            acts[i](frame, pieces)
            frame.late()
            if len(failed) != before and i + 1 < len(acts):
                alive = frame.alive()
                if alive is not None:
                    if alive.any():
                        branch = frame.among(alive)
                        run(branch, pieces, i + 1)
                        frame.merge(alive, branch)
                    return

    return run


def living(frame: Frame, pieces: list[Piece], act: Act) -> None:
    """Runs the act for the rows that have not failed."""
    alive = frame.alive()
    if alive is None:
        act(frame, pieces)
    elif alive.any():
        branch = frame.among(alive)
        act(branch, pieces)
        frame.merge(alive, branch)


def each_living(acts: Sequence[Act]) -> Act:
    """All of the acts, each for the rows that have not failed before."""

    def run(frame: Frame, pieces: list[Piece]) -> None:
        for act in acts:
            living(frame, pieces, act)

    return acts[0] if len(acts) == 1 else run


def literal(static: int) -> Act:
    """Writes the plan's literal of this number."""
    return lambda frame, pieces: pieces.append(Piece(static, mask=frame.mask()))


def slot(step: Step, place: str, escape: bool, closed: bool) -> Act:
    """Writes the step's values. `closed`: a literal follows at once."""

    def run(frame: Frame, pieces: list[Piece]) -> None:
        frame.shard.place = place
        frame.emit(pieces, frame.printed(step(frame), escape), closed)

    return run


def setting(name: str, step: Step, place: str) -> Act:
    """`set name = ...`."""

    def run(frame: Frame, pieces: list[Piece]) -> None:
        frame.shard.place = place
        frame.names[name] = step(frame)

    return run


def condition(tests: Sequence[tuple[Step, str]], bodies: Sequence[Act], last: Act) -> Act:
    """`if`: for each row the body of the first test that holds (tests with their places), or else the last one."""

    def run(frame: Frame, pieces: list[Piece], at: int = 0) -> None:
        if at == len(tests):
            last(frame, pieces)
            return
        test, frame.shard.place = tests[at]
        mask = truth(frame, test(frame))
        if mask.all():
            bodies[at](frame, pieces)
            return
        if not mask.any():
            run(frame, pieces, at + 1)
            return
        yes, no = frame.among(mask), frame.among(~mask)
        bodies[at](yes, pieces)
        run(no, pieces, at + 1)
        frame.merge(mask, yes)
        frame.merge(~mask, no)

    return run


def with_names(names: Sequence[str], steps: Sequence[Step], body: Act, place: str) -> Act:
    """`with`: the body under names that it keeps to itself."""

    def run(frame: Frame, pieces: list[Piece]) -> None:
        frame.shard.place = place
        scope = frame.scoped()
        scope.names.update(zip(names, [step(frame) for step in steps], strict=True))
        living(scope, pieces, body)

    return run


def alone(body: Act) -> Act:
    """The body; what it sets does not come back."""
    return lambda frame, pieces: body(frame.scoped(), pieces)


def file_taken_in(body: Act) -> Act:
    """A file's statements, which see the names around them."""

    def run(frame: Frame, pieces: list[Piece]) -> None:
        scope = frame.scoped()
        scope.base = scope.depth
        body(scope, pieces)

    return run


def block(body: Act, scoped: bool, cost: int) -> Act:
    """A block of a layout. `scoped`: it sees the names of the loop that it stands in; `cost`: steps a row."""

    def run(frame: Frame, pieces: list[Piece]) -> None:
        scope = frame.scoped(None if scoped else frame.base)
        scope.charge(cost)
        living(scope, pieces, body)

    return run


def markup(texts: list[str] | pa.StringArray, escape: bool) -> Value:
    """Captured texts as values: safe ones where the template escapes."""
    plain: list[str] = texts if isinstance(texts, list) else texts.to_numpy(zero_copy_only=False).tolist()
    return column_of(list(map(Markup, plain)) if escape else list(plain))


def captured(body: Act, filters: Step | None, escape: bool) -> Step:
    """A body's text as a value, filtered if there are filters; these find it under the name BLOCK."""

    def run(frame: Frame) -> Value:
        text = markup(frame.captured(body), escape)
        if filters is None:
            return text
        scope = frame.scoped()
        scope.names[BLOCK] = text
        return filters(scope)

    return run


def filtered(step: Step, place: str) -> Act:
    """Writes a filtered block as it is."""

    def run(frame: Frame, pieces: list[Piece]) -> None:
        value = step(frame)
        frame.shard.place = place
        frame.emit(pieces, [text or "" for text in list_of(each(frame, _text_only, (value,)), frame.n)])

    return run


def setting_block(name: str, step: Step, place: str, safe: bool) -> Act:
    """`set` with a body. `safe`: the text is markup, whatever filters made of it."""

    def run(frame: Frame, pieces: list[Piece]) -> None:
        value = step(frame)
        frame.shard.place = place
        frame.names[name] = each(frame, Markup, (value,)) if safe else value

    return run


def timed(step: Step, number: int) -> Step:
    """The step, noted under its report's number where a run is measured."""

    def run(frame: Frame) -> Value:
        timing = frame.shard.timing
        if timing is None:
            return step(frame)
        start = timing.clock()
        value = step(frame)
        timing.note(number, frame.n, start, value)
        return value

    return run


def timed_act(act: Act, numbers: Iterable[int]) -> Act:
    """The act, noted under each of these reports where a run is measured."""

    def run(frame: Frame, pieces: list[Piece]) -> None:
        timing = frame.shard.timing
        start = timing.clock() if timing is not None else 0.0
        act(frame, pieces)
        if timing is not None:
            for number in numbers:
                timing.note(number, frame.n, start)

    return run


def _text_only(value: object) -> str:
    """What a filtered block writes as it is."""
    if not isinstance(value, str):
        raise TypeError
    return str(value)
