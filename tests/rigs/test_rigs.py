"""The parts that other tests stand on do what they promise."""

import asyncio

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from sqlalchemy import make_url

from services.runtime.database import plain_dsn
from tests.rigs.kafka import RealKafka
from tests.rigs.postgres import SystemPostgres


async def fetch(url: str, query: str) -> object:
    connection = await asyncpg.connect(plain_dsn(url))
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def written(address: str, topic: str, value: bytes) -> int:
    async with AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True) as producer:
        return int((await producer.send_and_wait(topic, value)).offset)


async def first_record(address: str, topic: str) -> bytes | None:
    async with AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest") as consumer:
        record = await asyncio.wait_for(consumer.getone(), 30)
        return bytes(record.value)


@pytest.mark.store
async def test_every_test_gets_a_database_of_its_own(database_url: str) -> None:
    assert await fetch(database_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    assert await fetch(database_url, "SELECT current_database()") == make_url(database_url).database


@pytest.mark.wire
async def test_the_mock_cluster_speaks_kafka(log: str) -> None:
    assert await written(log, "rigs.mock", b"x") == 0
    assert await first_record(log, "rigs.mock") == b"x"


@pytest.mark.kafka
async def test_a_killed_broker_comes_back_with_what_it_had(own_kafka: RealKafka) -> None:
    own_kafka.create_topics({"rigs.real": 1})
    assert await written(own_kafka.address, "rigs.real", b"kept") == 0
    await asyncio.to_thread(own_kafka.kill)
    await asyncio.to_thread(own_kafka.start)
    assert await first_record(own_kafka.address, "rigs.real") == b"kept"


@pytest.mark.store
async def test_a_killed_database_comes_back_with_what_it_had(system_postgres: SystemPostgres) -> None:
    assert str(await fetch(system_postgres.url, "SHOW server_version")).startswith("15.")
    await fetch(system_postgres.url, "CREATE TABLE rigs (word text)")
    await fetch(system_postgres.url, "INSERT INTO rigs VALUES ('kept')")
    await asyncio.to_thread(system_postgres.kill)
    await asyncio.to_thread(system_postgres.start)
    assert await fetch(system_postgres.url, "SELECT word FROM rigs") == "kept"
    await fetch(system_postgres.url, "DROP TABLE rigs")
