"""When the ledger is called: full groups at once, others wait while nobody runs short."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from actors.sender.due import LOOKS, Due
from actors.sender.groups import FULL_GROUP


@dataclass
class StubLane:
    short: bool = False


@dataclass
class Stub:
    """As much of groups and hand as `Due` looks at, and the timers that it sets."""

    results: int = 0
    on_the_wire: int = 100
    lanes: dict[str, StubLane] = field(default_factory=lambda: {"a": StubLane(), "b": StubLane()})
    timers: list[Callable[[], None]] = field(default_factory=list)

    def call_later(self, _seconds: float, look: Callable[[], None]) -> object:
        self.timers.append(look)
        return look


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    made = Stub()
    monkeypatch.setattr("actors.sender.due.asyncio.get_running_loop", lambda: made)
    return made


def of(stub: Stub) -> Due:
    return Due(stub, stub)  # type: ignore[arg-type]


def is_due(due: Due) -> bool:
    return due._now.is_set()


def came(due: Due, stub: Stub, count: int = 1) -> None:
    for _ in range(count):
        stub.results += 1
        due.result()


def looked(due: Due, stub: Stub) -> bool:
    stub.timers.pop()()
    return is_due(due)


def test_a_full_group_goes_at_once(stub: Stub) -> None:
    due = of(stub)
    came(due, stub, FULL_GROUP - 1)
    assert not is_due(due)
    assert len(stub.timers) == 1
    came(due, stub)
    assert is_due(due)


def test_results_wait_while_no_lane_is_short_and_never_for_ever(stub: Stub) -> None:
    due = of(stub)
    came(due, stub)
    assert [looked(due, stub) for _ in range(LOOKS)] == [False] * (LOOKS - 1) + [True]
    assert not stub.timers


@pytest.mark.parametrize("change", [{"on_the_wire": 0}, {"lanes": {"a": StubLane(), "b": StubLane(short=True)}}])
def test_nothing_to_wait_for(stub: Stub, change: dict[str, object]) -> None:
    due = of(stub)
    came(due, stub)
    for name, value in change.items():
        setattr(stub, name, value)
    assert looked(due, stub)


async def test_a_call_that_took_all_results_leaves_nothing_to_look_at() -> None:
    stub = Stub()
    due = of(stub)
    due.now()
    await due.wait()
    due._waited()
    assert not is_due(due)
    assert due._timer is None


def test_a_lane_that_may_open_more_is_served_though_no_result_comes(stub: Stub) -> None:
    due = of(stub)
    due.look()
    assert not is_due(due)
    stub.lanes["b"].short = True
    due.look()
    assert is_due(due)
