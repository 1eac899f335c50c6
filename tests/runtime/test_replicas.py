"""Replicas of one service share its partitions: what only a real Kafka shows."""

from collections.abc import AsyncIterator

import pytest

from services.runtime.consumer import Consumer
from tests.rigs.kafka import RealKafka
from tests.rigs.logs import Log
from tests.rigs.station import Handled, Station, station
from tests.rigs.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.store]

WORDS = [f"w{number:03}" for number in range(40)]


@pytest.fixture
async def place(real_kafka: RealKafka, database_url: str) -> AsyncIterator[Station]:
    async with station(Log(real_kafka.address, real_kafka.create_topics), database_url) as made:
        yield made


async def acknowledged(place: Station, number: int) -> bool:
    return await place.acknowledged() == number


async def test_two_replicas_share_the_work_and_one_takes_over_what_the_other_leaves(place: Station) -> None:
    left, right = Handled(), Handled()
    async with place.reading(left) as one:
        async with place.reading(right) as other:
            await until(lambda: shared(one, other), "each has half of the partitions", 90)
            await place.say(*WORDS)
            await until(lambda: acknowledged(place, 40), "all are acknowledged")
            assert left.words
            assert right.words
        await place.say("late", "later", "last")
        await until(lambda: acknowledged(place, 43), "the rest is acknowledged by who stayed", 90)
    assert set(left.words + right.words) == {*WORDS, "late", "later", "last"}
    assert {"late", "later", "last"} <= set(left.words)


def shared(*consumers: Consumer) -> bool:
    held = [consumer._consumer for consumer in consumers]  # noqa: SLF001 - readiness does not say how many
    return all(one is not None and len(one.assignment()) == 2 for one in held)
