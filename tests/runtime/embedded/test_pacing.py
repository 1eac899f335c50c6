"""Writers of embedded mode wait for slow readers, so that the mock cluster drops nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from graphlib import TopologicalSorter

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from contracts.topics import ALERTS, FACTS, PATHWAYS, TOPICS, group_of, intake_topic
from services.runtime.embedded.pacing import LIMIT_BYTES, Ledger, Pacer, groups_of
from tests.conftest import ExpectedErrors

KIB = 1024
RECORD = 8 * KIB


@asynccontextmanager
async def pacer_of(address: str) -> AsyncIterator[Pacer]:
    pacer = Pacer(address)
    yield pacer
    await pacer.close()


async def write(address: str, topic: str, pace: Pacer, records: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=address, linger_ms=0) as producer:
        for _ in range(records):
            await pace.room(topic, RECORD)
            place = await producer.send_and_wait(topic, bytes(RECORD), key=b"one partition")
            pace.sent(topic, place.partition, place.offset, RECORD)


@pytest.mark.wire
async def test_the_slowest_of_several_groups_decides(own_log: str) -> None:
    async with pacer_of(own_log) as pacer:
        await write(own_log, FACTS.name, pacer, LIMIT_BYTES // RECORD)
        await commit_all(own_log, FACTS.name, group_of("indicators"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pacer.room(FACTS.name, RECORD), 0.5)
        await commit_all(own_log, FACTS.name, group_of("incentives"))
        await asyncio.wait_for(pacer.room(FACTS.name, RECORD), 10)


async def commit_all(address: str, topic: str, group: str) -> None:
    async with AIOKafkaConsumer(bootstrap_servers=address, group_id=group, enable_auto_commit=False) as consumer:
        partitions = [TopicPartition(topic, number) for number in range(4)]
        consumer.assign(partitions)
        await consumer.commit(await consumer.end_offsets(partitions))


@pytest.mark.wire
async def test_a_piece_above_the_limit_waits_for_an_empty_partition_only(own_log: str) -> None:
    async with pacer_of(own_log) as pacer:
        await pacer.room(PATHWAYS.name, 2 * LIMIT_BYTES)


async def test_topics_without_reading_groups_are_not_paced() -> None:
    async with pacer_of("127.0.0.1:1") as pacer:
        for offset in range(1_000):
            pacer.sent(ALERTS.name, 0, offset, LIMIT_BYTES)
        await pacer.room(ALERTS.name, LIMIT_BYTES)


async def test_a_pacer_that_is_closed_lets_through_who_waits(expected_errors: ExpectedErrors) -> None:
    expected_errors.allow("^aiokafka")  # nobody is at that address
    pacer = Pacer("127.0.0.1:1")
    pacer.sent(FACTS.name, 0, 0, LIMIT_BYTES)
    waiting = asyncio.create_task(pacer.room(FACTS.name, 1))
    await asyncio.sleep(0)
    assert not waiting.done()
    await pacer.close()
    await waiting


def test_confirmations_may_come_in_any_order() -> None:
    ledger = Ledger()
    for offset in (3, 0, 2, 1):
        ledger.add(offset, 10 + offset)
    ledger.acknowledge(2)
    assert ledger.bytes == 12 + 13


def test_every_intake_topic_is_read_by_ingest() -> None:
    assert groups_of(intake_topic("lahti-register")) == ("askelma.ingest",)
    assert groups_of("somebody.else.v1") == ()


def test_waits_follow_one_order_and_never_a_circle() -> None:
    waits: dict[str, set[str]] = {}
    for topic in TOPICS:
        waits.setdefault(topic.owner, set()).update(topic.readers)
    first_to_be_free = [name for name in TopologicalSorter(waits).static_order() if name not in {"sender", "all"}]
    assert first_to_be_free == ["notifier", "incentives", "indicators", "ingest"]
