"""Sending records: keyed, confirmed by the broker every one, and at the pace that an embedded log can hold."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata
from prometheus_client import CollectorRegistry

from services.runtime.broker import build_producer
from services.runtime.metrics import Meter

# Per record beside key, headers' text and body: the log's own framing, rounded up.
_FRAMING: Final = 120

# One wait for room covers this much. Larger: waits until more of the log is read. Smaller: more waits.
_CHUNK_BYTES: Final = 256 * 1024

# Keys whose place is remembered: hashing one in Python costs more than the rest of sending its record. Some 200 bytes
# each. Fewer than the clients of an authority would hash again and again.
_REMEMBERED_KEYS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to send; `body` None is a tombstone."""

    topic: str
    key: str
    body: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes that the record takes on the log, at most."""
        headers = sum(len(name) + len(value) for name, value in self.headers.items())
        return len(self.key) + len(self.body or b"") + headers + _FRAMING


class Pace(Protocol):
    """Makes writers wait while readers are behind, where the log would otherwise drop what they have not read."""

    async def room(self, topic: str, size: int) -> None:
        """Return when any partition of `topic` may take `size` more bytes."""
        ...

    def sent(self, topic: str, partition: int, offset: int, size: int) -> None:
        """Note that `size` bytes were written, the last record of them at `offset`."""
        ...


class Unpaced:
    """For brokers that keep what they promise to keep."""

    async def room(self, topic: str, size: int) -> None:
        """Return at once."""

    def sent(self, topic: str, partition: int, offset: int, size: int) -> None:
        """Note nothing."""


class PublishError(Exception):
    """The broker did not confirm everything; sending all again is safe."""


@dataclass(slots=True)
class _Batch:
    """Records for one partition on their way."""

    topic: str
    partition: int
    records: BatchBuilder
    size: int = 0


class Publisher:
    """Sends records through one producer, in batches by partition: one confirmation for each instead of each record."""

    def __init__(self, producer: AIOKafkaProducer, pace: Pace, meter: Meter) -> None:
        """Wire it; `producer` is to be started before the first record and stopped after the last."""
        self._producer = producer
        self._pace = pace
        self._sent = meter.counter("askelma_records_published_total", "Records that the broker confirmed.")

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Send all and return when the broker has confirmed all; raise PublishError otherwise.

        Records of one key stay in their order.
        """
        for chunk, sizes in _chunks(records):
            for topic, size in sizes.items():
                await self._pace.room(topic, size)
            await self._send(chunk)

    async def _send(self, chunk: Sequence[Outgoing]) -> None:
        try:
            batches = await self._batches(chunk)
            futures = [
                await self._producer.send_batch(batch.records, batch.topic, partition=batch.partition)
                for batch in batches
            ]
            confirmed = await asyncio.gather(*futures, return_exceptions=True)
        except (KafkaError, OSError, TimeoutError) as error:
            raise PublishError(type(error).__name__) from None
        failures = [outcome for outcome in confirmed if isinstance(outcome, BaseException)]
        if failures:
            raise PublishError(type(failures[0]).__name__)
        self._note(batches, [outcome for outcome in confirmed if not isinstance(outcome, BaseException)])

    async def _batches(self, chunk: Sequence[Outgoing]) -> list[_Batch]:
        partitions = {topic: await self._partitions(topic) for topic in {record.topic for record in chunk}}
        open_ones: dict[tuple[str, int], _Batch] = {}
        batches: list[_Batch] = []
        for record in chunk:
            key = record.key.encode()
            place = record.topic, _place(key, partitions[record.topic])
            batch = open_ones.get(place)
            if batch is None or not _appended(batch, key, record):
                batch = open_ones[place] = _Batch(*place, self._producer.create_batch())
                batches.append(batch)
                _appended(batch, key, record)  # the first record of a batch always has room
        for batch in batches:
            batch.records.close()  # so that it is sent as it stands
        return batches

    async def _partitions(self, topic: str) -> tuple[int, ...]:
        return tuple(sorted(await self._producer.partitions_for(topic)))

    def _note(self, batches: Sequence[_Batch], confirmed: Sequence[RecordMetadata]) -> None:
        for batch, first in zip(batches, confirmed, strict=True):
            count = batch.records.record_count()
            self._sent.labels().inc(count)
            self._pace.sent(batch.topic, batch.partition, first.offset + count - 1, batch.size)


@asynccontextmanager
async def publishing(bootstrap: str, name: str, pace: Pace | None = None) -> AsyncIterator[Publisher]:
    """Give a publisher with a connection of its own, for what is no service. Raises KafkaError: no broker answers."""
    producer = build_producer(bootstrap, name)
    try:
        await producer.start()
        yield Publisher(producer, pace or Unpaced(), Meter(CollectorRegistry(), name))
    finally:
        await producer.stop()


def _appended(batch: _Batch, key: bytes, record: Outgoing) -> bool:
    headers = [(name, value.encode()) for name, value in record.headers.items()]
    if batch.records.append(timestamp=None, key=key, value=record.body, headers=headers) is None:
        return False
    batch.size += record.size
    return True


def _place(key: bytes, partitions: Sequence[int]) -> int:
    """Return the partition of `key`, as Kafka's own clients choose it."""
    return partitions[(_hash(key) & 0x7FFFFFFF) % len(partitions)]


@lru_cache(_REMEMBERED_KEYS)
def _hash(key: bytes) -> int:
    return int(murmur2(key))


def _chunks(records: Sequence[Outgoing]) -> Iterator[tuple[list[Outgoing], Mapping[str, int]]]:
    """Cut `records` into pieces to ask room for, each with its bytes by topic."""
    chunk: list[Outgoing] = []
    sizes: defaultdict[str, int] = defaultdict(int)
    total = 0
    for record in records:
        size = record.size
        if chunk and total + size > _CHUNK_BYTES:
            yield chunk, sizes
            chunk, sizes, total = [], defaultdict(int), 0
        chunk.append(record)
        sizes[record.topic] += size
        total += size
    if chunk:
        yield chunk, sizes
