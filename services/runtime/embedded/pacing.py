"""The pace of embedded mode: whoever writes waits while the slowest reader is too far behind.

The mock cluster keeps 5 MiB per partition and silently drops the oldest beyond that. So all publishers of the process
together keep at most 2 MiB per partition beyond the lowest offset that the topic's reading groups have committed.

Waiting cannot run in a circle: the sender of an intake topic waits for ingest, ingest for indicators and incentives,
indicators for incentives and notifier, incentives for notifier, and notifier for nobody. A test holds
`contracts.topics` to that order.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from heapq import heappop, heappush
from types import MappingProxyType
from typing import Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from contracts.topics import TOPICS

LIMIT_BYTES: Final = 2 * 1024 * 1024
"""Of the 5 MiB that a partition holds. The rest is for records on their way: between asking for room and writing,
nothing is reserved, so each of several writers may pass the limit by the one piece (256 KiB) that it asks room for."""

POLL_S: Final = 0.05
"""How often a waiting writer asks for offsets. Shorter: the questions cost more than the wait. Longer: readers that
keep up (20,000 records are let through at once) would see the log run dry."""

NO_COMMIT: Final = -1


class Ledger:
    """What this process has written to one partition and some reader has not acknowledged yet."""

    def __init__(self) -> None:
        self.bytes = 0
        self._records: list[tuple[int, int]] = []

    def add(self, offset: int, size: int) -> None:
        """Note a batch by its last offset. Confirmations of several writers may come in any order."""
        heappush(self._records, (offset, size))
        self.bytes += size

    def acknowledge(self, committed: int) -> None:
        """Forget all below `committed`, the next offset to be read."""
        while self._records and self._records[0][0] < committed:
            self.bytes -= heappop(self._records)[1]


class Pacer:
    """Holds back the publishers of one process; connects on the first wait, so `close` it in the end."""

    def __init__(self, bootstrap: str, limit: int = LIMIT_BYTES) -> None:
        """`limit` is in bytes per partition."""
        self._bootstrap = bootstrap
        self._limit = limit
        self._admin: AIOKafkaAdminClient | None = None
        self._closed = False
        self._asking = asyncio.Lock()
        self._ledgers: defaultdict[str, defaultdict[int, Ledger]] = defaultdict(lambda: defaultdict(Ledger))

    async def room(self, topic: str, size: int) -> None:
        """Return when any partition of `topic` may take `size` more bytes; more than the limit waits for an empty one.

        Returns at once when the pacer is closed: readers are ending too, and the log is forgotten with the process.
        """
        groups = groups_of(topic)
        while groups and not self._closed and not self._has_room(topic, size):
            await self._learn(topic, groups)
            if not self._has_room(topic, size):
                await asyncio.sleep(POLL_S)

    def sent(self, topic: str, partition: int, offset: int, size: int) -> None:
        """Note that the broker confirmed a batch of `size` bytes whose last record is at `offset`."""
        if groups_of(topic):
            self._ledgers[topic][partition].add(offset, size)

    async def close(self) -> None:
        """Disconnect; whoever waits for room is let through."""
        self._closed = True
        async with self._asking:
            if self._admin is not None:
                await self._admin.close()
                self._admin = None

    def _has_room(self, topic: str, size: int) -> bool:
        fullest = max((ledger.bytes for ledger in self._ledgers[topic].values()), default=0)
        return fullest == 0 or fullest + size <= self._limit

    async def _learn(self, topic: str, groups: tuple[str, ...]) -> None:
        """Take note of what the slowest group has acknowledged; a broker that does not answer is asked again later."""
        async with self._asking:
            if self._closed:
                return
            with suppress(KafkaError, OSError, TimeoutError):
                for partition, offset in (await self._acknowledged(topic, groups)).items():
                    self._ledgers[topic][partition].acknowledge(offset)

    async def _acknowledged(self, topic: str, groups: tuple[str, ...]) -> Mapping[int, int]:
        partitions = [TopicPartition(topic, number) for number in self._ledgers[topic]]
        lowest: dict[int, int] = {}
        for group in groups:
            answer = await (await self._connected()).list_consumer_group_offsets(group, partitions=partitions)
            for place, committed in answer.items():
                offset = 0 if committed.offset == NO_COMMIT else committed.offset
                lowest[place.partition] = min(offset, lowest.get(place.partition, offset))
        return lowest

    async def _connected(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, client_id="askelma-pacer")
            await admin.start()
            self._admin = admin
        return self._admin


def groups_of(topic: str) -> tuple[str, ...]:
    """Return the groups that read a topic; none for one that nobody of this system reads or knows."""
    return _NAMED.get(topic) or next((groups for name, groups in _PATTERNS.items() if name.fullmatch(topic)), ())


_NAMED: Final = MappingProxyType({topic.name: topic.groups for topic in TOPICS if "<" not in topic.name})
_PATTERNS: Final = MappingProxyType(
    {
        re.compile(re.sub("<[a-z]+>", "[^.]+", re.escape(topic.name))): topic.groups
        for topic in TOPICS
        if "<" in topic.name
    }
)
