"""The clients of the log: FastStream reads, aiokafka's producer writes, both set so that nothing is lost."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import UnknownTopicOrPartitionError
from aiokafka.structs import OffsetAndMetadata
from faststream.kafka import KafkaBroker

# Above the slowest batch and below the time a supervisor gives a process to end.
_GRACE_SECONDS: Final = 20.0
# Snapshots of a long life may pass aiokafka's one mebibyte when many share one produce request.
_LARGEST_REQUEST: Final = 4 * 1024 * 1024


def build_broker(bootstrap: str, service: str) -> KafkaBroker:
    """Return an unconnected broker for reading: no topic made by accident, a bounded wait at the end."""
    return KafkaBroker(
        bootstrap.split(","),
        client_id=f"askelma-{service}",
        allow_auto_create_topics=False,
        graceful_timeout=_GRACE_SECONDS,
        logger=logging.getLogger("faststream"),
        log_level=logging.DEBUG,
    )


def build_producer(bootstrap: str, service: str) -> AIOKafkaProducer:
    """Return an unconnected producer: idempotent, confirmed by all replicas. To be called in a running loop."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap.split(","),
        client_id=f"askelma-{service}",
        enable_idempotence=True,
        max_batch_size=256 * 1024,
        max_request_size=_LARGEST_REQUEST,
    )


async def start_together(broker: KafkaBroker) -> None:
    """Connect and start all subscribers at once; one after another, each would wait for its group to gather."""
    await broker.connect()
    await asyncio.gather(*(subscriber.start() for subscriber in broker.subscribers))


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a topic ended at one moment: next offset by partition."""

    topic: str
    by_partition: dict[int, int]


class LogAdmin:
    """Asks the log about itself: which cluster it is, where topics end, how far groups have come."""

    def __init__(self, bootstrap: str) -> None:
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        self._probe = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)

    async def start(self) -> None:
        """Connect."""
        await self._admin.start()
        await self._probe.start()

    async def close(self) -> None:
        """Disconnect."""
        await self._probe.stop()
        await self._admin.close()

    async def cluster(self) -> str:
        """Return the id of the cluster."""
        return str((await self._admin.describe_cluster())["cluster_id"])

    async def ends(self, topic: str) -> Ends:
        """Return where `topic` ends now. Raises KafkaError: the broker does not know the topic (yet)."""
        partitions = [TopicPartition(topic, number) for number in await self._partitions(topic)]
        found = await self._probe.end_offsets(partitions)
        return Ends(topic, {place.partition: offset for place, offset in found.items()})

    async def passed(self, ends: Ends, groups: Sequence[str]) -> bool:
        """Tell whether every one of `groups` has acknowledged everything before `ends`."""
        partitions = [TopicPartition(ends.topic, number) for number in ends.by_partition]
        for group in groups:
            committed = await self._admin.list_consumer_group_offsets(group, partitions=partitions)
            if not all(_has_passed(ends, place, committed) for place in partitions):
                return False
        return True

    async def _partitions(self, topic: str) -> list[int]:
        described = (await self._admin.describe_topics([topic]))[0]
        if described["error_code"] or not described["partitions"]:
            raise UnknownTopicOrPartitionError(topic)
        return [row["partition"] for row in described["partitions"]]


def _has_passed(ends: Ends, place: TopicPartition, committed: Mapping[TopicPartition, OffsetAndMetadata]) -> bool:
    end = ends.by_partition[place.partition]
    # A broker that has just started names no partition until it has loaded the group.
    return end == 0 or (place in committed and committed[place].offset >= end)
