"""Waiting for an event, and for a part that is away."""

import asyncio

import pytest

from actors.model import waiting
from actors.model.errors import NotFound, Unavailable
from actors.model.waiting import patiently, set_within


async def test_an_event_is_waited_for_so_long() -> None:
    event = asyncio.Event()
    assert not await set_within(event, 0.01)
    assert not await set_within(event, -1.0)
    asyncio.get_running_loop().call_soon(event.set)
    assert await set_within(event, 5.0)


async def test_a_cancellation_comes_through_though_the_event_is_set_at_that_moment() -> None:
    event = asyncio.Event()
    task = asyncio.get_running_loop().create_task(set_within(event, 5.0))
    await asyncio.sleep(0)
    event.set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_part_that_is_away_is_asked_again_and_other_errors_come_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PAUSES", (0.0, 0.0))
    answers: list[Exception | int] = [
        Unavailable("ledger", "away"),
        Unavailable("ledger", "away"),
        Unavailable("ledger", "away"),
        7,
    ]

    async def ask() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await patiently(ask) == 7
    answers.append(NotFound("job", "J"))
    with pytest.raises(NotFound):
        await patiently(ask)
