"""The mock cluster and the real Kafka behind one face, so that one suite of tests runs on both."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

PARTITIONS = 4
"""What the mock cluster gives every topic; the real one is asked for the same."""


@dataclass(frozen=True)
class Log:
    """A log for one test: `create` makes topics where they do not appear by themselves."""

    address: str
    create: Callable[[Mapping[str, int]], None]

    def topic(self) -> str:
        """Make a topic that no other test has."""
        name = f"tests.{secrets.token_hex(6)}.v1"
        self.create({name: PARTITIONS})
        return name

    async def committed(self, group: str, topic: str) -> int:
        """Return how many records of `topic` the group has acknowledged."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
        await admin.start()
        try:
            answer = await admin.list_consumer_group_offsets(group, partitions=places(topic))
        finally:
            await admin.close()
        return sum(max(0, found.offset) for found in answer.values())

    async def records(self, topic: str) -> list[ConsumerRecord]:
        """Return all records of `topic`, partition by partition."""
        return await all_records(self.address, topic)


async def all_records(address: str, topic: str) -> list[ConsumerRecord]:
    """Return all records that `topic` holds now, partition by partition, each in its order."""
    async with AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest") as consumer:
        held = await partitions_of(address, topic)
        consumer.assign(held)
        ends = await consumer.end_offsets(held)
        found: list[ConsumerRecord] = []
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for some in (await consumer.getmany(timeout_ms=200)).values():
                found += some
    return sorted(found, key=lambda record: (record.partition, record.offset))


async def partitions_of(address: str, topic: str) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        (found,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    return [TopicPartition(topic, row["partition"]) for row in found["partitions"]]


def places(topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in range(PARTITIONS)]
