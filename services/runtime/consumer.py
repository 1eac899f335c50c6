"""The one way in which services read topics: raw batches, each record judged by itself, nothing acknowledged early.

A handler is given the decoded items of one topic and returns when their effect is committed and its consequences are
confirmed by the broker. Records may come again at any time, so handlers are idempotent. What happens on failure:

- a record that cannot be read, or that makes the handler fail by itself, is parked (with a limit) and the rest goes on;
- one of a type this program does not know is skipped and counted;
- a database or broker that is away is waited for in place, up to a third of the poll interval, then the batch is
  handed back and read again after a pause. Readiness is false meanwhile.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage as RawMessage

from contracts.envelope import UnknownTypeError
from services.runtime.database import is_transient
from services.runtime.deadletters import DeadLetters, TooManyDeadLettersError
from services.runtime.gaps import GapWatch
from services.runtime.metrics import Meter
from services.runtime.publisher import PublishError
from services.runtime.records import Record
from services.runtime.settings import Settings

T = TypeVar("T")

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
# A consumer that has something to read but finished no batch for so long does not move.
_STUCK_SECONDS: Final = 60.0
_LAG_EVERY_SECONDS: Final = 2.0
# How long the broker may hold back its answer when there is nothing to read. A real one answers as soon as there is;
# the mock cluster lets the time pass, so that each topic on the way of a fact would cost half a second.
_FETCH_WAIT_MS: Final = 500
_EMBEDDED_FETCH_WAIT_MS: Final = 50

_log = structlog.get_logger("consumer")


@dataclass(frozen=True)
class Reader(Generic[T]):
    """How one topic is read: `decode` a record (raises ValueError), `handle` the items of a batch."""

    topic: str
    decode: Callable[[Record], T]
    handle: Callable[[Sequence[T]], Awaitable[None]]


class _OutOfPatienceError(Exception):
    """The database or broker stayed away longer than the batch may be held."""


class Consumer:
    """Reads all topics of one service in one consumer group."""

    def __init__(  # noqa: PLR0913, PLR0917 - one argument for each part that is wired
        self,
        service: str,
        broker: KafkaBroker,
        readers: Sequence[Reader[object]],
        dead: DeadLetters,
        settings: Settings,
        meter: Meter,
        gaps: GapWatch,
    ) -> None:
        self.service = service
        self.failed: str | None = None
        self._readers = {reader.topic: reader for reader in readers}
        self._dead = dead
        self._gaps = gaps
        self._patience = settings.poll_interval_seconds / 3
        self._linger = settings.linger_seconds
        self._full = settings.max_batch
        self._waiting_for: str | None = None
        self._read: dict[TopicPartition, int] = {}
        self._last_batch = time.monotonic()
        topics = {"topic": list(self._readers)}
        self._handled = meter.counter("askelma_records_handled_total", "Records whose effect is committed.", topics)
        self._skipped = meter.counter("askelma_records_skipped_total", "Records of a type not known here.", topics)
        self._lag = meter.gauge("askelma_consumer_lag_records", "Records not yet read.", topics)
        self._seconds = meter.histogram("askelma_batch_seconds", "Time to handle one batch of one topic.", topics)
        self._retries = meter.counter("askelma_batch_retries_total", "Batches tried again because a part was away.")
        self._subscriber = broker.subscriber(
            *self._readers,
            batch=True,
            group_id=f"askelma.{service}",
            group_instance_id=f"{settings.instance}.{service}" if settings.instance else None,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            max_records=settings.max_batch,
            batch_timeout_ms=settings.batch_timeout_ms,
            fetch_max_wait_ms=_EMBEDDED_FETCH_WAIT_MS if settings.embedded else _FETCH_WAIT_MS,
            max_poll_interval_ms=int(settings.poll_interval_seconds * 1000),
            parser=tolerant_parser,
            decoder=_no_decoding,
        )
        # FastStream keeps handlers weakly, so this reference must live as long as the subscriber.
        self._handler = self._subscriber(self._take)

    async def _take(self, message: RawMessage) -> None:
        first = [_record(raw, h) for raw, h in zip(message.raw_message, message.batch_headers, strict=True)]
        if self.failed is not None:
            await self._give_back(message, first)
            return
        records = first
        try:
            await self._gather(records)
            await self._feed(records)
        except (_OutOfPatienceError, KafkaError):
            await self._give_back(message, records)
        except TooManyDeadLettersError:
            await self._stop(message, records, "too many records cannot be used; look at them with `askelma dead list`")
        except Exception as error:  # noqa: BLE001 - FastStream would pass over it and acknowledge the next batch
            await self._stop(message, records, f"a record could be neither used nor parked ({_where(error)})")
        else:
            await message.ack()  # commits all that was read, what was gathered included
            self._read |= {TopicPartition(record.topic, record.partition): record.offset + 1 for record in records}
        self._last_batch = time.monotonic()

    async def _stop(self, message: RawMessage, records: Sequence[Record], reason: str) -> None:
        """Take nothing more until a person has looked: what cannot even be parked must not be acknowledged."""
        self.failed = f"{reason}; then restart"
        _log.error("stopped", service=self.service, reason=self.failed)
        await self._give_back(message, records)

    async def _gather(self, records: list[Record]) -> None:
        """Add to `records` what comes within the linger, until the batch is full or nothing comes for a quarter of it.

        The mock cluster hands out a few hundred at a time.
        """
        until = time.monotonic() + self._linger
        while (left := until - time.monotonic()) > 0 and len(records) < self._full and self._consumer is not None:
            pause = min(left, self._linger / 4)
            found = await self._consumer.getmany(timeout_ms=int(pause * 1000), max_records=self._full - len(records))
            if not found:
                break
            records += [_record(raw, _text_headers(raw)) for batch in found.values() for raw in batch]

    async def _give_back(self, message: RawMessage, records: Sequence[Record]) -> None:
        """Let all of `records` be read again after a pause."""
        await message.nack()
        if self._consumer is not None:
            for record in sorted(records, key=lambda record: -record.offset):  # the earliest of each partition is last
                self._consumer.seek(TopicPartition(record.topic, record.partition), record.offset)
        await asyncio.sleep(_LONGEST_PAUSE_SECONDS)

    async def _feed(self, records: Sequence[Record]) -> None:
        gap = self._gaps.look(records)
        for topic, reader in self._readers.items():
            mine = [record for record in records if record.topic == topic]
            if mine:
                with self._seconds.labels(topic=topic).time():
                    await self._feed_one(reader, mine)
                self._handled.labels(topic=topic).inc(len(mine))
        if gap is not None:
            await self._patiently(lambda: self._gaps.fill(gap))

    async def _feed_one(self, reader: Reader[object], records: Sequence[Record]) -> None:
        readable: list[tuple[Record, object]] = []
        unreadable: list[tuple[Record, str]] = []
        for record in records:
            try:
                readable.append((record, reader.decode(record)))
            except UnknownTypeError:
                self._skipped.labels(topic=reader.topic).inc()
            except ValueError as error:
                unreadable.append((record, f"unreadable: {error}"))
        if readable:
            await self._handle(reader, readable)
        for record, reason in unreadable:
            await self._park(record, reason)

    async def _handle(self, reader: Reader[object], readable: Sequence[tuple[Record, object]]) -> None:
        try:
            await self._patiently(lambda: reader.handle([item for _, item in readable]))
        except _OutOfPatienceError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours must park one record, not lose or block the rest
            if len(readable) > 1:
                half = len(readable) // 2
                await self._handle(reader, readable[:half])
                await self._handle(reader, readable[half:])
                return
            await self._park(readable[0][0], f"handler failed: {_where(error)}")
        else:
            for _ in readable:
                self._dead.tally.used()

    async def _park(self, record: Record, reason: str) -> None:
        self._dead.tally.parked()
        await self._patiently(lambda: self._dead.park(record, reason))

    async def _patiently(self, work: Callable[[], Awaitable[None]]) -> None:
        until = time.monotonic() + self._patience
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await work()
            except Exception as error:
                if not may_succeed_later(error):
                    raise
                self._waiting_for = type(error).__name__
                self._retries.labels().inc()
                _log.warning("batch_waits", service=self.service, reason=self._waiting_for)
                if time.monotonic() + pause > until:
                    raise _OutOfPatienceError from None
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                self._waiting_for = None
                return

    @property
    def _consumer(self) -> AIOKafkaConsumer | None:
        return self._subscriber.consumer

    async def watch(self) -> None:
        """Keep the lag gauge true, for ever."""
        while True:
            self._show_lag()
            await asyncio.sleep(_LAG_EVERY_SECONDS)

    def _show_lag(self) -> None:
        behind = dict.fromkeys(self._readers, 0)
        for topic, records in self._behind():
            behind[topic] += records
        for topic, records in behind.items():
            self._lag.labels(topic=topic).set(records)

    def _behind(self) -> list[tuple[str, int]]:
        consumer = self._consumer
        if consumer is None:
            return []
        return [
            (partition.topic, max(0, (consumer.highwater(partition) or 0) - self._read.get(partition, 0)))
            for partition in consumer.assignment()
            if partition in self._read
        ]

    async def ready(self) -> str | None:
        """Return why this consumer is not ready, or None: assigned, moving, nothing away, no gap open."""
        if self.failed is not None:
            return self.failed
        if self._consumer is None or not self._consumer.assignment():
            return f"{self.service} has no partitions assigned yet"
        if self._waiting_for is not None:
            return f"{self.service} waits for the database or the broker"
        if self._gaps.open:
            return f"{self.service} fills a gap in its topic"
        if time.monotonic() - self._last_batch > _STUCK_SECONDS and any(records for _, records in self._behind()):
            return f"{self.service} has records to read but does not move"
        return None

    async def idle(self) -> bool:
        """Tell whether everything now on its topics is acknowledged."""
        consumer = self._consumer
        if consumer is None or not consumer.assignment():
            return False
        if any(records for _, records in self._behind()):
            return False  # known without asking
        partitions = list(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            committed = await consumer.committed(partition)
            if ends[partition] > (committed or 0):
                return False
        return not self._gaps.open


async def tolerant_parser(
    message: tuple[ConsumerRecord, ...], original: Callable[[tuple[ConsumerRecord, ...]], Awaitable[RawMessage]]
) -> RawMessage:
    """Drop headers that are not text, as Java's tracing writes them, instead of losing the record with them."""
    try:
        return await original(message)
    except (UnicodeDecodeError, AttributeError):
        return await original(tuple(_with_text_headers(record) for record in message))


def _with_text_headers(record: ConsumerRecord) -> ConsumerRecord:
    try:
        for _, value in record.headers:
            value.decode()
    except (UnicodeDecodeError, AttributeError):
        return replace(record, headers=tuple((name, value) for name, value in record.headers if _is_text(value)))
    return record


def _is_text(value: bytes | None) -> bool:
    try:
        (value or b"\xff").decode()
    except UnicodeDecodeError:
        return False
    return True


async def _no_decoding(_message: object) -> None:
    """Leave the body as it is: each record is decoded by its reader."""


def _text_headers(record: ConsumerRecord) -> dict[str, str]:
    try:
        return {name: value.decode() for name, value in record.headers}
    except (UnicodeDecodeError, AttributeError):
        return {name: value.decode() for name, value in _with_text_headers(record).headers}


def _record(raw: ConsumerRecord, headers: dict[str, str]) -> Record:
    return Record(raw.topic, raw.partition, raw.offset, raw.key, headers, raw.value)


def may_succeed_later(error: BaseException) -> bool:
    """Tell whether the same work may succeed when tried again: the database or the broker is away or busy."""
    return isinstance(error, PublishError | KafkaError) or is_transient(error)


def _where(error: Exception) -> str:
    """Name the kind of an error and the line of ours that raised it, never its text, which may quote a record."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "unknown"
    return f"{type(error).__name__} at {place}"
