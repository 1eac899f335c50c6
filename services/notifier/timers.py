"""Timers: when the civil day turns, the clients on whom something changes by itself are looked at.

Every client's row holds the next such day, so a turn costs what changes, not how many clients there are. After an
outage the same look raises what is still true, once, as of the day it is.
"""

import asyncio
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from contracts.dates import start_of
from contracts.snapshots import exposure_from, pathway_from
from services.notifier import store
from services.notifier.lookout import Lookout, Sight
from services.notifier.metrics import Metrics
from services.notifier.store import Due
from services.runtime.clock import Clock
from services.runtime.database import Database, is_transient

_PAUSE_SECONDS: Final = 1.0

_log = structlog.get_logger("timers")


class Timers:
    """One of perhaps several schedulers; each takes only rows that no other holds."""

    def __init__(self, database: Database, clock: Clock, lookout: Lookout, metrics: Metrics, batch: int) -> None:
        """`batch` clients are looked at in one transaction: more hold their rows longer, fewer commit more often."""
        self._database = database
        self._clock = clock
        self._lookout = lookout
        self._metrics = metrics
        self._batch = batch

    async def run(self) -> None:
        """Keep the timers for ever; a database that is away delays them, and what is late is made up for."""
        while True:
            today = self._clock.today()
            if await self._caught_up():
                await self._clock.sleep_until(start_of(today + timedelta(days=1)))
            else:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _caught_up(self) -> bool:
        """Look at who is due; false where some are left: another scheduler holds them, or the database is away."""
        try:
            await self.catch_up()
            return await self._show_due() == 0
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            if not is_transient(error):
                raise
            _log.warning("timers_wait", reason=type(error).__name__)
            return False

    async def catch_up(self) -> int:
        """Look at every client whose day has come and whom nobody else holds; return how many there were."""
        looked = 0
        while number := await self._turn():
            looked += number
            await self._show_due()
        return looked

    async def _turn(self) -> int:
        try:
            return await self._look(self._batch)
        except Exception as error:
            if is_transient(error):
                raise
            return await self._look_at_one()

    async def _look(self, most: int) -> int:
        async with self._database.transaction() as session:
            due = await store.take_due(session, self._clock.today(), most)
            await self._lookout.look(session, [_sight(one) for one in due], "timer")
        return len(due)

    async def _look_at_one(self) -> int:
        """Find out whether it is the first client at whom looking fails; that one waits until tomorrow."""
        try:
            return await self._look(1)
        except Exception as error:
            if is_transient(error):
                raise
            _log.exception("look_failed", error=type(error).__name__)
        async with self._database.transaction() as session:
            today = self._clock.today()
            for one in await store.take_due(session, today, 1):
                await store.put_off(session, one.client, today + timedelta(days=1))
        return 1

    async def _show_due(self) -> int:
        async with self._database.transaction() as session:
            due = await store.count_due(session, self._clock.today())
        self._metrics.timers_due.labels().set(due)
        return due

    async def look_again_under_new_rules(self) -> None:
        """Look at all clients whom another rule file judged last, so that nothing old and new is mixed."""
        async with self._database.transaction() as session:
            await store.wake_all_of_other_rules(session, self._lookout.evaluator.rulebook.digest, self._clock.today())
        await self.catch_up()

    async def idle(self) -> bool:
        """Tell whether no client waits for a look and no event for the relay."""
        async with self._database.transaction() as session:
            due = await store.count_due(session, self._clock.today())
            return due == 0 and await store.outbox_is_empty(session)


def _sight(due: Due) -> Sight:
    exposure = exposure_from(due.exposure) if due.exposure else None
    return Sight(pathway_from(due.pathway), exposure, due.looked_on)
