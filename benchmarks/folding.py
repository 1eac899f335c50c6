"""Facts a second from the facts topic to told pathways: Kafka 4, PostgreSQL and indicators on one machine.

Indicators starts as `askelma run indicators` does, in as many processes of one group as asked. When each has its
partitions, the lives that the demo makes up are written to the topic, in the order in which they would have come, in
about a second. The time runs from the first of them until everything is acknowledged, which a service does once a
batch is committed and the broker has confirmed every snapshot of it. Memory is one service's own, at each quarter.
"""

import asyncio
import json
import multiprocessing
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Final

import asyncpg
import psutil
from confluent_kafka import ConsumerGroupState, Producer
from confluent_kafka.admin import AdminClient

from contracts.envelope import Fact, body_of, headers_of
from contracts.facts import PAYLOADS
from contracts.topics import FACTS, TOPICS
from services.console.composition import alone
from services.demo.stream import stream
from services.runtime.broker import LogAdmin
from services.runtime.clock import SystemClock
from services.runtime.database import plain_dsn
from services.runtime.embedded.postgres import embedded_postgres, throwaway_folder
from tests.rigs.kafka import RealKafka

CLIENTS: Final = 3_000
PARTITIONS: Final = 4
GROUP: Final = "askelma.indicators"
MIB: Final = 1024 * 1024
RUNS: Final = ((5_000, 1), (5_000, 2), (20_000, 2))
"""Facts a commit and processes of each run."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one run took; memory in bytes at each quarter."""

    facts: int
    seconds: float
    memory: list[int]


def facts() -> Iterator[Fact]:
    """Yield the demo's facts as ingest would have written them; the second sending of one is left out, as there."""
    known: set[tuple[str, str]] = set()
    for sending in stream(1, clients=CLIENTS):
        for event in sending.events:
            told = json.loads(json.dumps(event))
            if (told["source"], told["id"]) in known:
                continue
            known.add((told["source"], told["id"]))
            yield _fact(told, len(known))


def _fact(told: dict[str, str], number: int) -> Fact:
    reference = "c1-" + "".join(letter for letter in told["subject"].lower() if letter.isalnum())
    data = PAYLOADS[told["type"]].model_validate(told["data"])
    time_ = datetime.fromisoformat(told["time"]).astimezone(UTC)
    return Fact(told["source"], told["id"], data.type, f"client/{reference}", time_, "finland", time_, number, data)


def fill(bootstrap: str, stream: list[Fact]) -> None:
    """Write all facts to the topic, each client's in its order."""
    room = {"queue.buffering.max.messages": len(stream), "log_level": "0"}
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 20} | room)
    for fact in stream:
        headers: dict[str, str | bytes | None] = {**headers_of(fact)}
        producer.produce(FACTS.name, body_of(fact.data), fact.subject.encode(), headers=headers)
    left = producer.flush(60)
    assert left == 0, f"{left} facts could not be written"


def serve(environment: dict[str, str], ready: Connection) -> None:
    """Run indicators until the process is ended."""
    os.environ.update(environment)
    asyncio.run(_serve(ready))


async def _serve(ready: Connection) -> None:
    async with alone("indicators", "127.0.0.1", 0, SystemClock()):
        ready.send("ready")
        await asyncio.Event().wait()


@asynccontextmanager
async def serving(url: str, bootstrap: str, batch: int, processes: int) -> AsyncIterator[list[psutil.Process]]:
    """Start the service in so many processes and wait until they share the partitions."""
    environment = {"ASKELMA_DATABASE_URL": url, "ASKELMA_KAFKA": bootstrap, "ASKELMA_MAX_BATCH": str(batch)}
    context = multiprocessing.get_context("spawn")
    started: list[SpawnProcess] = []
    try:
        for _ in range(processes):
            mine, its = context.Pipe()
            started.append(context.Process(target=serve, args=(environment, its)))
            started[-1].start()
            its.close()  # so that a service that ends before it is ready ends the wait too
            await asyncio.to_thread(mine.recv)
        await asyncio.to_thread(_until_shared, bootstrap, processes)
        yield [psutil.Process(process.pid) for process in started]
    finally:
        for process in started:
            process.terminate()
            process.join()


def _until_shared(bootstrap: str, processes: int) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    while True:
        group = admin.describe_consumer_groups([GROUP])[GROUP].result(timeout=10)
        if group.state is ConsumerGroupState.STABLE and len(group.members) == processes:
            return
        time.sleep(0.1)


async def measured(bootstrap: str, batch: int, processes: int) -> Result:
    """Fold all facts on a fresh database, `batch` facts a commit at most, by so many processes."""
    stream = list(facts())
    async with (
        embedded_postgres(throwaway_folder() / "postgres") as url,
        serving(url, bootstrap, batch, processes) as services,
    ):
        connection, admin = await asyncpg.connect(plain_dsn(url)), LogAdmin(bootstrap)
        try:
            await admin.start()
            began = time.perf_counter()
            await asyncio.to_thread(fill, bootstrap, stream)
            memory = await _watched(connection, admin, services[0], len(stream))
            return Result(len(stream), time.perf_counter() - began, memory)
        finally:
            await admin.close()
            await connection.close()


async def _watched(connection: asyncpg.Connection, admin: LogAdmin, service: psutil.Process, count: int) -> list[int]:
    """Return the service's memory at each quarter, when all is acknowledged."""
    ends = await admin.ends(FACTS.name)
    memory: list[int] = []
    while not await admin.passed(ends, [GROUP]):
        if await connection.fetchval("SELECT count(*) FROM indicators.fact") * 4 >= count * (len(memory) + 1):
            memory.append(service.memory_info().rss)
        await asyncio.sleep(0.2)
    return [*memory, service.memory_info().rss]


async def folded_per_second(batch: int, processes: int) -> Result:
    """Return one run with at most `batch` facts a commit, by so many processes of the service."""
    folder = throwaway_folder() / "kafka"
    folder.mkdir()
    kafka = RealKafka(folder)
    kafka.start()
    try:
        kafka.create_topics({topic.name: PARTITIONS for topic in TOPICS if "<" not in topic.name})
        return await measured(kafka.address, batch, processes)
    finally:
        kafka.stop()


def line_of(batch: int, processes: int) -> str:
    """Measure once and say what it took."""
    result = asyncio.run(folded_per_second(batch, processes))
    memory = " ".join(f"{each / MIB:.0f}" for each in result.memory)
    rate = result.facts / result.seconds
    return (
        f"{rate:,.0f} facts a second to told pathways, {batch:,} a commit, processes: {processes}; "
        f"MiB at each quarter: {memory}\n"
    )


if __name__ == "__main__":
    for size, number in RUNS:
        sys.stdout.write(line_of(size, number))
