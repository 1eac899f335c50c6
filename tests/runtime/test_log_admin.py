"""What the log says of itself: where a topic ends, and whether its readers have come so far."""

from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.runtime.broker import LogAdmin
from tests.rigs.kafka import RealKafka

pytestmark = pytest.mark.kafka

TOPIC = "log-admin"


@pytest.fixture
async def admin(real_kafka: RealKafka) -> AsyncIterator[LogAdmin]:
    """Give one on a cluster where one partition of the topic has a record and the other has none."""
    real_kafka.ensure_topics({TOPIC: 2})
    producer = AIOKafkaProducer(bootstrap_servers=real_kafka.address)
    await producer.start()
    await producer.send_and_wait(TOPIC, b"fact", partition=1)
    await producer.stop()
    admin = LogAdmin(real_kafka.address)
    await admin.start()
    yield admin
    await admin.close()


async def test_the_end_of_a_topic_that_the_broker_does_not_know_is_no_end(admin: LogAdmin) -> None:
    with pytest.raises(KafkaError):
        await admin.ends("nowhere")


async def test_who_has_read_nothing_has_passed_only_what_is_empty(admin: LogAdmin) -> None:
    ends = await admin.ends(TOPIC)
    assert ends.by_partition[0] == 0
    assert not await admin.passed(ends, ["newcomers"])
    ends.by_partition[1] = 0
    assert await admin.passed(ends, ["newcomers"])


async def test_a_broker_that_has_not_loaded_a_group_yet_names_no_partition(
    admin: LogAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object, **__: object) -> dict[object, object]:
        return {}

    ends = await admin.ends(TOPIC)
    monkeypatch.setattr(AIOKafkaAdminClient, "list_consumer_group_offsets", nothing)
    assert not await admin.passed(ends, ["readers"])
