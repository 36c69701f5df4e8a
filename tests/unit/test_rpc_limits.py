"""The meter: so many calls together, so many a second, each account for itself."""

from contextlib import ExitStack

import pytest

from gateway.rpc.limits import LimitReached, Limits, Meter
from tests.fakes.clock import FakeClock


def test_calls_together_are_limited_and_freed():
    meter = Meter(Limits(streams=2), FakeClock())
    with ExitStack() as open_calls:
        open_calls.enter_context(meter.call("a"))
        open_calls.enter_context(meter.call("a"))
        with pytest.raises(LimitReached, match="calls under way"), meter.call("a"):
            pass
        with meter.call("b"):
            pass
    with meter.call("a"):
        pass


def test_a_failing_call_is_freed_too():
    meter = Meter(Limits(streams=1), FakeClock())
    for _ in range(3):
        with pytest.raises(RuntimeError), meter.call("a"):
            raise RuntimeError


def test_calls_a_second_with_a_burst():
    clock = FakeClock()
    meter = Meter(Limits(calls_per_second=2.0, burst=3), clock)

    waits: list[float] = []

    def calls() -> int:
        made = 0
        try:
            while made < 100:
                with meter.call("a"):
                    made += 1
        except LimitReached as error:
            waits.append(error.retry_after)
        return made

    assert calls() == 3
    clock.advance(1.0)
    assert calls() == 2
    clock.advance(3600.0)
    assert calls() == 3
    assert waits == [0.5, 0.5, 0.5]
