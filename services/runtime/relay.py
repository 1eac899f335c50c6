"""The outbox's other end: what a transaction left to be sent is sent, and leaves the table once it is confirmed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.runtime.database import Database
from services.runtime.metrics import Meter
from services.runtime.publisher import Outgoing, Publisher, PublishError

Take = Callable[[AsyncSession, int], Awaitable[Sequence[Outgoing]]]

# Rows per transaction. Larger: fewer commits, more sent again after a crash. Smaller: slower.
_ROWS: Final = 1_000
_PAUSE_SECONDS: Final = 1.0

_log = structlog.get_logger("relay")


class Relay:
    """Empties one outbox. Several may run at once: `take` skips rows that another holds."""

    def __init__(self, database: Database, publisher: Publisher, take: Take, channel: str, meter: Meter) -> None:
        """`take(session, n)` deletes up to n rows and returns their records; writers notify `channel`."""
        self._database = database
        self._publisher = publisher
        self._take = take
        self._channel = channel
        self._failures = meter.counter("askelma_relay_failures_total", "Turns of the relay that sent nothing.")
        self._failures.labels()  # so that the first one shows as a rise from 0

    async def run(self) -> None:
        """Send for ever; a broker or database that is away delays, never loses."""
        async with aclosing(self._database.listen(self._channel)) as notes:
            async for _ in notes:
                await self._empty()

    async def _empty(self) -> None:
        try:
            while await self.turn() == _ROWS:
                pass
        except (PublishError, SQLAlchemyError, OSError, TimeoutError) as error:
            self._failures.labels().inc()
            _log.warning("relay_waits", reason=type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def turn(self) -> int:
        """Send what one transaction takes and return how much that was; nothing leaves the table unconfirmed."""
        async with self._database.transaction() as session:
            records = await self._take(session, _ROWS)
            await self._publisher.send(records)
        return len(records)
