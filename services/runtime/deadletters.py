"""Where records go that a service cannot use: a table of that service, and the dead-letter topic; with a limit."""

import json
from collections import deque
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.envelope import CLIENT_SUBJECT
from contracts.topics import DEAD
from services.runtime.clock import Clock
from services.runtime.database import Database
from services.runtime.metrics import Meter
from services.runtime.publisher import Outgoing, Publisher
from services.runtime.records import Record

# The topic takes a mebibyte with all headers; those of the origin come on top of a record that may be as large.
_LARGEST_COPY: Final = 900_000

_log = structlog.get_logger("deadletters")


@dataclass(frozen=True, slots=True)
class Limit:
    """When parking must stop, because the fault is ours and not the records': a bad deploy must not empty the log."""

    in_a_row: int = 50
    share: float = 0.2
    window: int = 1_000
    at_least: int = 100


class TooManyDeadLettersError(Exception):
    """The limit is reached: the service stops taking records until a person has looked."""


class Tally:
    """Counts what was used and what was parked, and says when the limit is reached."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._recent: deque[bool] = deque(maxlen=limit.window)
        self._in_a_row = 0

    def used(self) -> None:
        """Note a record that was used."""
        self._recent.append(False)
        self._in_a_row = 0

    def parked(self) -> None:
        """Note a record to be parked; raises TooManyDeadLettersError instead of going on for ever."""
        self._recent.append(True)
        self._in_a_row += 1
        parked = sum(self._recent)
        too_large_a_share = parked >= self._limit.at_least and parked > self._limit.share * len(self._recent)
        if self._in_a_row >= self._limit.in_a_row or too_large_a_share:
            raise TooManyDeadLettersError


class DeadLetters:
    """Parks records of one service; a record that cannot be parked must not be acknowledged."""

    def __init__(  # noqa: PLR0913, PLR0917 - one argument for each part that is wired
        self, service: str, database: Database, publisher: Publisher, clock: Clock, meter: Meter, limit: Limit
    ) -> None:
        self.tally = Tally(limit)
        self._service = service
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._insert = text(_INSERT.format(schema=service))
        self._parked = meter.counter("askelma_dead_letters_total", "Records parked because they could not be used.")
        self._parked.labels()  # so that the first one shows as a rise from 0

    async def park(self, record: Record, reason: str) -> None:
        """Keep `record` with its `reason` (which holds nothing of its content), on the topic and in the table.

        May be tried again until it succeeds: the table, which people read, comes last and so gets one row.
        """
        await self._publisher.send([self._outgoing(record, reason)])
        async with self._database.transaction() as session:
            await session.execute(self._insert, self._row(record, reason))
        self._parked.labels().inc()
        _log.warning("parked", topic=record.topic, partition=record.partition, offset=record.offset, reason=reason)

    def _row(self, record: Record, reason: str) -> dict[str, object]:
        return {
            "topic": record.topic,
            "partition": record.partition,
            "position": record.offset,
            "key": record.key,
            "headers": json.dumps({name: _storable(value) for name, value in record.headers.items()}),
            "body": record.body,
            "reason": reason,
            "client": client_of(record),
            "parked_at": self._clock.now(),
        }

    def _outgoing(self, record: Record, reason: str) -> Outgoing:
        origin = {
            "x-origin": f"{record.topic}/{record.partition}/{record.offset}",
            "x-service": self._service,
            "x-reason": reason,
        }
        key = (record.key or b"").decode(errors="replace")
        body = record.body or b""
        if len(body) > _LARGEST_COPY:
            body, origin = b"", origin | {"x-body": "too large for this topic; it is kept in the table"}
        return Outgoing(DEAD.name, key, body, record.headers | origin)


def client_of(record: Record) -> str | None:
    """Return the client that a record is about, as far as its key says."""
    key = _storable((record.key or b"").decode(errors="replace"))
    return key.removeprefix(CLIENT_SUBJECT) or None


def _storable(text_: str) -> str:
    """Return `text_` without the one character that PostgreSQL cannot keep in a text."""
    return text_.replace("\x00", "\ufffd")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A parked record as `askelma dead` shows it."""

    service: str
    number: int
    topic: str
    partition: int
    offset: int
    reason: str
    parked_at: str
    replayed: bool


async def listed(session: AsyncSession, service: str) -> list[DeadLetter]:
    """Return the dead letters of one service, oldest first."""
    rows = await session.execute(text(_LIST.format(schema=service)))
    return [
        DeadLetter(service, r.number, r.topic, r.partition, r.position, r.reason, r.parked_at.isoformat(), r.replayed)
        for r in rows
    ]


async def taken_for_replay(session: AsyncSession, service: str, number: int) -> Outgoing | None:
    """Mark one dead letter as replayed and return it as it came, to its own topic; None: no such number."""
    row = (await session.execute(text(_REPLAY.format(schema=service)), {"number": number})).one_or_none()
    if row is None:
        return None
    return Outgoing(row.topic, bytes(row.key or b"").decode(errors="replace"), row.body, json.loads(row.headers))


_INSERT: Final = """
    INSERT INTO {schema}.dead_letter (topic, partition, position, key, headers, body, reason, client, parked_at)
    VALUES (:topic, :partition, :position, :key, :headers, :body, :reason, :client, :parked_at)
"""
_LIST: Final = """
    SELECT number, topic, partition, position, reason, parked_at, replayed
    FROM {schema}.dead_letter ORDER BY number
"""
_REPLAY: Final = """
    UPDATE {schema}.dead_letter SET replayed = true WHERE number = :number RETURNING topic, key, headers, body
"""
