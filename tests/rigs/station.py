"""One service's reading end on a log of its own, wired as the runtime wires it, with a handler that a test gives."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from contracts.envelope import UnknownTypeError, UnreadableFactError
from services.runtime.broker import build_broker, build_producer
from services.runtime.clock import SystemClock
from services.runtime.consumer import Consumer, Reader
from services.runtime.database import Database
from services.runtime.deadletters import DeadLetter, DeadLetters, Limit, listed
from services.runtime.gaps import GapWatch
from services.runtime.metrics import Meter
from services.runtime.migrations import migrate
from services.runtime.publisher import Outgoing, Publisher, Unpaced, publishing
from services.runtime.records import Record
from services.runtime.settings import Settings
from tests.rigs.logs import Log

Handle = Callable[[Sequence[str]], Awaitable[None]]


def decode(record: Record) -> str:
    """Read a word: `?` cannot be read, `new` is of a type not known yet."""
    word = (record.body or b"").decode()
    if word.startswith("?"):
        raise UnreadableFactError("not a word")
    if word.startswith("new"):
        raise UnknownTypeError("new")
    return word


@dataclass
class Handled:
    """A handler that keeps what it is given."""

    batches: list[Sequence[str]] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        return [word for batch in self.batches for word in batch]

    async def __call__(self, words: Sequence[str]) -> None:
        self.batches.append(words)


@dataclass
class Station:
    """A database, a log, a service of a name of its own; `reading` runs its consumer."""

    log: Log
    database: Database
    service: str
    topic: str
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    limit: Limit = field(default_factory=Limit)
    patience_seconds: float = 30
    linger_seconds: float = 0
    max_batch: int = 5_000
    publisher: Callable[[AIOKafkaProducer, Meter], Publisher] = field(
        default=lambda producer, meter: Publisher(producer, Unpaced(), meter)
    )

    @property
    def group(self) -> str:
        return f"askelma.{self.service}"

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[Publisher]:
        async with publishing(self.log.address, self.service) as publisher:
            yield publisher

    async def say(self, *words: str) -> None:
        """Write words to the topic, each under itself as key."""
        async with self.publishing() as publisher:
            await publisher.send([Outgoing(self.topic, word, word.encode()) for word in words])

    @asynccontextmanager
    async def reading(self, handle: Handle, instance: str | None = None) -> AsyncIterator[Consumer]:
        """Run one replica that gives words to `handle`."""
        settings = Settings(
            database_url=self.database.url, kafka=self.log.address, instance=instance,
            poll_interval_seconds=3 * self.patience_seconds, linger_seconds=self.linger_seconds,
            max_batch=self.max_batch,
        )  # fmt: skip
        broker, producer = build_broker(self.log.address, self.service), build_producer(self.log.address, self.service)
        meter = Meter(self.registry, self.service)
        dead = DeadLetters(
            self.service, self.database, self.publisher(producer, meter), SystemClock(), meter, self.limit
        )

        async def give(words: Sequence[object]) -> None:
            await handle([str(word) for word in words])

        readers = [Reader[object](self.topic, decode, give)]
        consumer = Consumer(self.service, broker, readers, dead, settings, meter, GapWatch())
        await producer.start()
        await broker.start()
        try:
            yield consumer
        finally:
            await broker.stop()
            await producer.stop()

    async def acknowledged(self) -> int:
        return await self.log.committed(self.group, self.topic)

    async def parked(self) -> list[DeadLetter]:
        async with self.database.transaction() as session:
            return await listed(session, self.service)

    def counted(self, name: str) -> float:
        return self.registry.get_sample_value(name, {"service": self.service}) or 0.0


@asynccontextmanager
async def station(log: Log, database_url: str) -> AsyncIterator[Station]:
    """Give a station with tables of its own."""
    service = f"t{secrets.token_hex(5)}"
    await migrate(database_url, service)
    database = Database(database_url, service=service)
    try:
        yield Station(log, database, service, log.topic())
    finally:
        await database.close()


async def kept_words(database: Database) -> list[str]:
    """Return what a test's handler has written to its table `word`."""
    async with database.transaction() as session:
        return [row.word for row in await session.execute(text("SELECT word FROM word ORDER BY word"))]
