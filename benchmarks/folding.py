"""Facts a second from the facts topic to told pathways: Kafka 4, PostgreSQL and indicators on one machine.

The topic is filled first, with the lives that the demo makes up, in the order in which they would have come. Then the
service starts as `askelma run indicators` does, and the time runs from when it has joined its group until it has
acknowledged everything, which it does once a batch is committed and the broker has confirmed every snapshot of it.
Memory is the service's own, at each quarter of the stream.
"""

import asyncio
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Final

import asyncpg
import psutil
from aiokafka import AIOKafkaProducer

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


async def fill(bootstrap: str) -> int:
    """Write all facts to the topic and return how many there are."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, linger_ms=20)
    await producer.start()
    count = 0
    try:
        for count, fact in enumerate(facts(), 1):  # noqa: B007 - the count is what is returned
            headers = [(name, value.encode()) for name, value in headers_of(fact).items()]
            await producer.send(FACTS.name, body_of(fact.data), fact.subject.encode(), headers=headers)
        await producer.flush()
    finally:
        await producer.stop()
    return count


def serve(environment: dict[str, str], ready: Connection) -> None:
    """Run indicators until the process is ended."""
    os.environ.update(environment)
    asyncio.run(_serve(ready))


async def _serve(ready: Connection) -> None:
    async with alone("indicators", "127.0.0.1", 0, SystemClock()):
        ready.send("ready")
        await asyncio.Event().wait()


async def measured(bootstrap: str, count: int, batch: int) -> Result:
    """Fold the whole topic on a fresh database, `batch` facts a commit at most."""
    async with embedded_postgres(throwaway_folder() / "postgres") as url:
        environment = {"ASKELMA_DATABASE_URL": url, "ASKELMA_KAFKA": bootstrap, "ASKELMA_MAX_BATCH": str(batch)}
        context = multiprocessing.get_context("spawn")
        mine, its = context.Pipe()
        process = context.Process(target=serve, args=(environment, its))
        process.start()
        its.close()  # so that a service that ends before it is ready ends the wait too
        try:
            await asyncio.to_thread(mine.recv)
            return await _watched(plain_dsn(url), bootstrap, psutil.Process(process.pid), count)
        finally:
            process.terminate()
            process.join()


async def _watched(dsn: str, bootstrap: str, service: psutil.Process, count: int) -> Result:
    began = time.perf_counter()
    connection, admin = await asyncpg.connect(dsn), LogAdmin(bootstrap)
    memory: list[int] = []
    try:
        await admin.start()
        ends = await admin.ends(FACTS.name)
        while not await admin.passed(ends, [GROUP]):
            if await connection.fetchval("SELECT count(*) FROM indicators.fact") * 4 >= count * (len(memory) + 1):
                memory.append(service.memory_info().rss)
            await asyncio.sleep(0.2)
        return Result(count, time.perf_counter() - began, [*memory, service.memory_info().rss])
    finally:
        await admin.close()
        await connection.close()


async def folded_per_second(batch: int) -> Result:
    """Return one run with at most `batch` facts a commit."""
    folder = throwaway_folder() / "kafka"
    folder.mkdir()
    kafka = RealKafka(folder)
    kafka.start()
    try:
        kafka.create_topics({topic.name: PARTITIONS for topic in TOPICS if "<" not in topic.name})
        return await measured(kafka.address, await fill(kafka.address), batch)
    finally:
        kafka.stop()


def lines_of(result: Result, batch: int) -> str:
    """Say what one run took."""
    memory = " ".join(f"{each / MIB:.0f}" for each in result.memory)
    rate = result.facts / result.seconds
    return f"{rate:,.0f} facts a second to told pathways, {batch:,} a commit; MiB at each quarter: {memory}\n"


if __name__ == "__main__":
    for size in (5_000, 20_000):
        sys.stdout.write(lines_of(asyncio.run(folded_per_second(size)), size))
