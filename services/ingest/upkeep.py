"""What ingest does by itself: checkpoints of what all have read, expiry of the quarantine, and its gauges."""

import asyncio
from dataclasses import dataclass

from aiokafka.errors import KafkaError
from sqlalchemy.exc import SQLAlchemyError

from contracts.topics import FACTS
from services.ingest.metrics import IngestMetrics
from services.ingest.store import journal, quarantine
from services.runtime.broker import LogAdmin
from services.runtime.clock import Clock
from services.runtime.database import Database
from services.runtime.logs import log_of

_SHOW_SECONDS = 2.0

_log = log_of("ingest")


@dataclass(frozen=True)
class Checkpoints:
    """Notes now and then up to where every reading group has confirmed, so that a new log is told only the rest."""

    database: Database
    log_admin: LogAdmin
    cluster: str
    seconds: float

    async def run(self) -> None:
        """Go on for ever; a broker or database that is away delays."""
        while True:
            await asyncio.sleep(self.seconds)
            try:
                await self.turn()
            except (KafkaError, SQLAlchemyError, OSError, TimeoutError) as error:
                _log.info("checkpoint waits", reason=type(error).__name__)

    async def turn(self) -> bool:
        """Make a checkpoint if there is something new and all have read it; tell whether."""
        async with self.database.transaction() as session:
            seq = await journal.published_up_to(session)
            if seq <= await journal.last_checkpoint(session):
                return False
        ends = await self.log_admin.ends(FACTS.name)
        if not await self.log_admin.passed(ends, FACTS.groups):
            return False
        async with self.database.transaction() as session:
            await journal.checkpoint(session, self.cluster, seq)
        return True


@dataclass(frozen=True)
class Upkeep:
    """Deletes what has expired and keeps the gauges true."""

    database: Database
    clock: Clock
    metrics: IngestMetrics

    async def run(self) -> None:
        """Go on for ever; a database that is away delays."""
        while True:
            try:
                await self.turn()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                _log.info("upkeep waits", reason=type(error).__name__)
            await asyncio.sleep(_SHOW_SECONDS)

    async def turn(self) -> None:
        """Do it once."""
        async with self.database.transaction() as session:
            await quarantine.expire(session, self.clock.now())
            self.metrics.unpublished.labels().set(await journal.waiting(session))
            self.metrics.quarantined.labels().set(await quarantine.kept(session))

    async def idle(self) -> bool:
        """Tell whether the broker has confirmed everything."""
        async with self.database.transaction() as session:
            return await journal.waiting(session) == 0

    async def announce(self) -> None:
        """Publish again what a new log does not have: everything since the last checkpoint."""
        async with self.database.transaction() as session:
            count = await journal.republish_from(session, await journal.last_checkpoint(session))
        _log.info("facts queued again", facts=count)
