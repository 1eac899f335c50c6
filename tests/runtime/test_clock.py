"""Time as an input."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from services.runtime.clock import ManualClock, ScaledClock, SystemClock

NEW_YEAR_EVE = datetime(2025, 12, 31, 21, 59, tzinfo=UTC)


def test_the_civil_day_turns_at_midnight_in_finland() -> None:
    clock = ManualClock(NEW_YEAR_EVE)
    assert clock.today() == date(2025, 12, 31)
    clock.advance(timedelta(minutes=1))
    assert clock.today() == date(2026, 1, 1)


def test_a_manual_clock_never_goes_back() -> None:
    clock = ManualClock(NEW_YEAR_EVE)
    clock.set(NEW_YEAR_EVE - timedelta(days=1))
    assert clock.now() == NEW_YEAR_EVE


async def test_setting_a_manual_clock_wakes_only_those_whose_time_has_come() -> None:
    clock = ManualClock(NEW_YEAR_EVE)
    soon = asyncio.create_task(clock.sleep_until(NEW_YEAR_EVE + timedelta(hours=1)))
    late = asyncio.create_task(clock.sleep_until(NEW_YEAR_EVE + timedelta(hours=3)))
    await asyncio.sleep(0)
    clock.advance(timedelta(hours=2))
    await soon
    assert not late.done()
    clock.advance(timedelta(hours=2))
    await late


async def test_a_scaled_clock_sleeps_by_its_own_time() -> None:
    clock = ScaledClock(NEW_YEAR_EVE, factor=100_000)
    await clock.sleep_until(NEW_YEAR_EVE + timedelta(hours=1))
    assert clock.today() == date(2026, 1, 1)


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock(NEW_YEAR_EVE)])
async def test_what_is_past_is_not_waited_for(clock: SystemClock | ManualClock) -> None:
    await clock.sleep_until(datetime(2020, 1, 1, tzinfo=UTC))
