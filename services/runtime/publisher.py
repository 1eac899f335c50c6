"""Sending records: keyed, confirmed by the broker every one, and at the pace that an embedded log can hold."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata
from faststream.exceptions import FastStreamException
from faststream.kafka import KafkaBroker

from services.runtime.metrics import Meter

# Per record beside key, headers' text and body: the log's own framing, rounded up.
_FRAMING: Final = 120

# One wait for room covers this much. Larger: waits until more of the log is read. Smaller: more waits.
_CHUNK_BYTES: Final = 256 * 1024


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
        """Note what was written where."""
        ...


class Unpaced:
    """For brokers that keep what they promise to keep."""

    async def room(self, topic: str, size: int) -> None:
        """Return at once."""

    def sent(self, topic: str, partition: int, offset: int, size: int) -> None:
        """Note nothing."""


class PublishError(Exception):
    """The broker did not confirm everything; sending all again is safe."""


class Publisher:
    """Sends records through one broker connection."""

    def __init__(self, broker: KafkaBroker, pace: Pace, meter: Meter) -> None:
        self._broker = broker
        self._pace = pace
        self._sent = meter.counter("askelma_records_published_total", "Records that the broker confirmed.")

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Send all and return when the broker has confirmed all; raise PublishError otherwise."""
        for chunk in _chunks(records):
            for topic in {record.topic for record in chunk}:
                await self._pace.room(topic, sum(record.size for record in chunk if record.topic == topic))
            await self._send(chunk)

    async def _send(self, chunk: Sequence[Outgoing]) -> None:
        try:
            futures = [await self._begin(record) for record in chunk]
            confirmed = await asyncio.gather(*futures, return_exceptions=True)
        except (KafkaError, FastStreamException, OSError, TimeoutError) as error:
            raise PublishError(type(error).__name__) from None
        failures = [outcome for outcome in confirmed if isinstance(outcome, BaseException)]
        if failures:
            raise PublishError(type(failures[0]).__name__)
        self._note(chunk, [outcome for outcome in confirmed if not isinstance(outcome, BaseException)])

    async def _begin(self, record: Outgoing) -> "asyncio.Future[RecordMetadata]":
        return await self._broker.publish(
            record.body, record.topic, key=record.key.encode(), headers=dict(record.headers), no_confirm=True
        )

    def _note(self, chunk: Sequence[Outgoing], confirmed: Sequence[RecordMetadata]) -> None:
        self._sent.labels().inc(len(chunk))
        for record, place in zip(chunk, confirmed, strict=True):
            self._pace.sent(place.topic, place.partition, place.offset, record.size)


def _chunks(records: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    chunk: list[Outgoing] = []
    size = 0
    for record in records:
        if chunk and size + record.size > _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(record)
        size += record.size
    if chunk:
        yield chunk
