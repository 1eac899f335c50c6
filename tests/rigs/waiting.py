"""Waiting for what other tasks and processes do: for the thing itself, never for a fixed time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

Condition = Callable[[], bool | Awaitable[bool]]


async def until(condition: Condition, what: str, seconds: float = 60) -> None:
    """Return once `condition` holds; fail with `what` was awaited when the time is up."""
    deadline = time.monotonic() + seconds
    while not await holds(condition):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} seconds still waiting until {what}")
        await asyncio.sleep(0.05)


async def holds(condition: Condition) -> bool:
    answer = condition()
    return await answer if inspect.isawaitable(answer) else answer
