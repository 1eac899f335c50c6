"""The broker or the database goes away for a while: that costs time and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.runtime.database import Database
from services.runtime.metrics import Meter
from services.runtime.publisher import Outgoing, Publisher, PublishError
from services.runtime.relay import Relay
from tests.conftest import ExpectedErrors
from tests.rigs.kafka import RealKafka
from tests.rigs.logs import Log
from tests.rigs.postgres import SystemPostgres
from tests.rigs.station import Handled, Station, kept_words, station
from tests.rigs.store import Databases
from tests.rigs.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.store]

WORDS = [f"w{number:03}" for number in range(40)]


@pytest.fixture
async def place(own_kafka: RealKafka, database_url: str) -> AsyncIterator[Station]:
    async with station(Log(own_kafka.address, own_kafka.create_topics), database_url) as made:
        yield made


@pytest.fixture
async def place_on_15(real_kafka: RealKafka, system_postgres: SystemPostgres) -> AsyncIterator[Station]:
    log = Log(real_kafka.address, real_kafka.create_topics)
    async with Databases(system_postgres.url).empty() as url, station(log, url) as made:
        yield made


async def acknowledged(place: Station, number: int) -> bool:
    return await place.acknowledged() == number


async def say_until_confirmed(place: Station, publisher: Publisher, *words: str) -> None:
    while True:
        with suppress(PublishError):
            await publisher.send([Outgoing(place.topic, word, word.encode()) for word in words])
            return


async def test_a_broker_that_is_away_for_a_while_costs_only_time(
    place: Station, own_kafka: RealKafka, expected_errors: ExpectedErrors
) -> None:
    expected_errors.allow("^aiokafka")
    handled = Handled()
    async with place.reading(handled), place.publishing() as publisher:
        await place.say(*WORDS)
        await until(lambda: acknowledged(place, 40), "the first words are acknowledged")
        await asyncio.to_thread(own_kafka.kill)
        sending = asyncio.create_task(say_until_confirmed(place, publisher, "late", "later"))
        await asyncio.sleep(2)  # long enough that the clients notice; nothing is claimed about the time
        assert not sending.done()
        await asyncio.to_thread(own_kafka.start)
        await sending
        await until(lambda: {"late", "later"} <= set(handled.words), "what was said meanwhile has come")
    assert set(handled.words) == {*WORDS, "late", "later"}


async def outbox_of(database: Database, words: Sequence[str]) -> None:
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE outbox (word text)"))
        await session.execute(text("INSERT INTO outbox SELECT unnest(CAST(:words AS text[]))"), {"words": words})


async def left_in(database: Database) -> int:
    async with database.transaction() as session:
        return int((await session.execute(text("SELECT count(*) FROM outbox"))).scalar_one())


async def is_empty(database: Database) -> bool:
    return await left_in(database) == 0


def relay(place: Station, publisher: Publisher) -> Relay:
    async def take(session: AsyncSession, limit: int) -> list[Outgoing]:
        statement = """DELETE FROM outbox WHERE ctid IN (SELECT ctid FROM outbox LIMIT :n FOR UPDATE SKIP LOCKED)
                       RETURNING word"""
        rows = await session.execute(text(statement), {"n": limit})
        return [Outgoing(place.topic, row.word, row.word.encode()) for row in rows]

    meter = Meter(CollectorRegistry(), place.service)
    return Relay(place.database, publisher, take, "outbox", meter)


async def test_an_outbox_keeps_its_rows_until_the_broker_has_confirmed_them(
    place: Station, own_kafka: RealKafka, expected_errors: ExpectedErrors
) -> None:
    expected_errors.allow("^aiokafka")
    words = [f"w{number:05}" for number in range(2_500)]
    await outbox_of(place.database, words)
    async with place.publishing() as publisher:
        await asyncio.to_thread(own_kafka.stop)
        running = asyncio.create_task(relay(place, publisher).run())
        await asyncio.sleep(1)
        assert await left_in(place.database) == 2_500
        await asyncio.to_thread(own_kafka.start)
        await until(lambda: is_empty(place.database), "the outbox is empty")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert {record.value.decode() for record in await place.log.records(place.topic)} == set(words)


async def test_two_relays_send_every_row_once(place_on_15: Station) -> None:
    words = [f"w{number:05}" for number in range(5_000)]
    await outbox_of(place_on_15.database, words)
    async with place_on_15.publishing() as one, place_on_15.publishing() as other:
        both = [asyncio.create_task(relay(place_on_15, publisher).run()) for publisher in (one, other)]
        await until(lambda: is_empty(place_on_15.database), "the outbox is empty")
        await until(lambda: arrived(place_on_15, 5_000), "all records are on the topic")
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
    assert sorted(record.value.decode() for record in await place_on_15.log.records(place_on_15.topic)) == words


async def arrived(place: Station, number: int) -> bool:
    return len(await place.log.records(place.topic)) >= number


async def test_a_database_that_is_killed_loses_nothing_that_was_acknowledged(
    place_on_15: Station, system_postgres: SystemPostgres
) -> None:
    place = place_on_15

    async def keep(words: Sequence[str]) -> None:
        async with place.database.transaction() as session:
            statement = "INSERT INTO word SELECT unnest(CAST(:words AS text[])) ON CONFLICT DO NOTHING"
            await session.execute(text(statement), {"words": list(words)})

    async with place.database.transaction() as session:
        await session.execute(text("CREATE TABLE word (word text PRIMARY KEY)"))
    async with place.reading(keep) as consumer:
        await place.say(*WORDS[:20])
        await until(lambda: acknowledged(place, 20), "the first half is acknowledged")
        await asyncio.to_thread(system_postgres.kill)
        await place.say(*WORDS[20:])
        await until(lambda: place.counted("askelma_batch_retries_total") >= 2, "the reader has tried again")
        assert "waits for the database" in (await consumer.ready() or "")
        assert await place.acknowledged() == 20
        await asyncio.to_thread(system_postgres.start)
        await until(lambda: acknowledged(place, 40), "all are acknowledged")
    assert await kept_words(place.database) == WORDS
