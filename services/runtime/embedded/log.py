"""The log of embedded mode: librdkafka's mock cluster, real Kafka protocol, in memory.

It keeps 5 MiB per partition and drops the oldest beyond that without a word (`pacing` keeps writers from it), compacts
nothing, creates topics on first use with 4 partitions and forgets everything when the process ends.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from confluent_kafka import Producer

START_TIMEOUT_S: Final = 10
"""The cluster answers within a fifth of a second; ten seconds is a machine that is swapping."""

CRITICAL: Final = "2"
"""syslog level; below it librdkafka announces on stderr that this is a mock cluster, which is no news here."""


@asynccontextmanager
async def embedded_log() -> AsyncIterator[str]:
    """Start a cluster of one broker on a free loopback port and give its address, `host:port`.

    Every start is a new, empty cluster. Its cluster id is made from a memory address and may repeat, so whoever asks
    "is this still the log that I wrote to?" treats every embedded start as a new cluster.
    """
    cluster = Producer({"bootstrap.servers": "replaced", "test.mock.num.brokers": 1, "log_level": CRITICAL})
    metadata = await asyncio.to_thread(cluster.list_topics, timeout=START_TIMEOUT_S)
    broker = next(iter(metadata.brokers.values()))
    try:
        yield f"{broker.host}:{broker.port}"
    finally:
        cluster.flush(0)  # also keeps the producer alive until here: the cluster dies with it
