"""Time as an input: the system's clock, one that a driver sets, and one that runs faster."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from contracts.dates import civil_date


class Clock(Protocol):
    """Says what time it is, and sleeps by its own time."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        ...

    def today(self) -> date:
        """Return the present civil day in Finland."""
        ...

    async def sleep_until(self, instant: datetime) -> None:
        """Return when this clock shows `instant` or later."""
        ...


class SystemClock:
    """The machine's clock."""

    # A long sleep is cut so that a machine that was suspended or set wakes within this many seconds.
    _LONGEST = 60.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def today(self) -> date:
        return civil_date(self.now())

    async def sleep_until(self, instant: datetime) -> None:
        while (left := (instant - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - time itself is awaited
            await asyncio.sleep(min(left, self._LONGEST))


class ManualClock:
    """A clock that stands still until it is set; setting it wakes who waits. It never goes back."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def today(self) -> date:
        return civil_date(self._now)

    def set(self, instant: datetime) -> None:
        """Move to `instant`; an earlier one changes nothing."""
        if instant > self._now:
            self._now = instant.astimezone(UTC)
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()

    def advance(self, by: timedelta) -> None:
        """Move on by a positive duration."""
        self.set(self._now + by)

    async def sleep_until(self, instant: datetime) -> None:
        while self._now < instant:
            await self._moved.wait()


class ScaledClock:
    """A clock that starts at `start` and runs `factor` times as fast as the machine's."""

    def __init__(self, start: datetime, factor: float) -> None:
        self._start = start.astimezone(UTC)
        self._factor = factor
        self._began = datetime.now(UTC)

    def now(self) -> datetime:
        return self._start + (datetime.now(UTC) - self._began) * self._factor

    def today(self) -> date:
        return civil_date(self.now())

    async def sleep_until(self, instant: datetime) -> None:
        while (left := (instant - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - time itself is awaited
            await asyncio.sleep(left / self._factor)
