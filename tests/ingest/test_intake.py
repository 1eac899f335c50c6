"""Intake topics: what a sender writes to its own topic comes in as over HTTP, and nothing of it stops the rest."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

import pytest
from aiokafka import AIOKafkaProducer

from contracts.topics import intake_topic
from services.ingest.domain.bindings import Sent
from services.ingest.domain.scopes import Scope
from services.ingest.handlers import Intake, arrived, intake_reader
from services.ingest.journaling import Outcome
from services.ingest.metrics import Way
from services.ingest.reception import Reception
from services.ingest.upkeep import Checkpoints
from services.runtime.broker import LogAdmin, build_broker
from services.runtime.clock import SystemClock
from services.runtime.consumer import Consumer
from services.runtime.deadletters import DeadLetters, Limit, listed
from services.runtime.gaps import GapWatch
from services.runtime.metrics import Meter
from services.runtime.publisher import Publisher, Unpaced
from services.runtime.records import Record
from services.runtime.settings import Settings
from tests.conftest import ExpectedErrors
from tests.ingest.running import Event, Example, Ingest
from tests.rigs.waiting import until

pytestmark = [pytest.mark.store, pytest.mark.wire]

STRUCTURED: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


@dataclass(frozen=True)
class Topic:
    """The intake topic of the sender `registry`, being read, and a producer that writes to it."""

    ingest: Ingest
    producer: AIOKafkaProducer
    name: str
    consumer: Consumer

    async def write(self, body: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> None:
        """Write one record."""
        await self.producer.send_and_wait(self.name, body, key=b"any", headers=headers, partition=0)

    async def write_event(self, event: Event) -> None:
        """Write one event in structured mode."""
        await self.write(json.dumps(event).encode(), STRUCTURED)

    async def read(self) -> None:
        """Return when everything written has been read."""
        await until(self.consumer.idle, "the intake topic is read")

    async def ids(self) -> list[str]:
        """Return the ids in the journal once everything has been read."""
        await self.read()
        return sorted(row["id"] for row in await self.ingest.journal())

    async def refused(self) -> list[str]:
        """Return why items were refused once everything has been read."""
        await self.read()
        rows = await self.ingest.rows("SELECT reason FROM ingest.quarantine ORDER BY number")
        return [row["reason"] for row in rows]


@pytest.fixture
async def topic(ingest: Ingest, own_log: str) -> AsyncIterator[Topic]:
    """Give the topic of `registry` on a log of its own, read as the runtime reads it."""
    settings = Settings(database_url=ingest.database.url, kafka=own_log)
    broker, meter = build_broker(own_log, "ingest"), Meter(ingest.registry, "ingest")
    reader = intake_reader("registry", ingest.reception, ingest.database)
    async with AIOKafkaProducer(bootstrap_servers=own_log) as producer:
        publisher = Publisher(producer, Unpaced(), meter)
        dead = DeadLetters("ingest", ingest.database, publisher, SystemClock(), meter, Limit())
        consumer = Consumer("ingest", broker, [reader], dead, settings, meter, GapWatch())
        await producer.partitions_for(reader.topic)
        await broker.start()
        yield Topic(ingest, producer, reader.topic, consumer)
        await broker.stop()


async def test_both_modes_bring_the_same_event(topic: Topic, example: Example) -> None:
    event = example("status.changed")
    await topic.write_event(event)
    attributes = [(f"ce_{name}", str(value).encode()) for name, value in event.items() if name != "data"]
    await topic.write(json.dumps(event["data"]).encode(), [*attributes, ("content-type", b"application/json")])
    assert await topic.ids() == ["status-417-1"]
    assert await topic.refused() == []
    counted = topic.ingest.registry.get_sample_value
    assert counted("askelma_facts_known_total", {"service": "ingest", "way": "topic"}) == 1


async def test_a_record_with_binary_headers_neither_stops_nor_vanishes(topic: Topic, example: Example) -> None:
    event = example("status.changed")
    traced = [*STRUCTURED, ("traceparent", b"\xff\x00\xfe"), ("nothing", None)]
    await topic.write(json.dumps(event | {"id": "a"}).encode(), traced)
    await topic.write(json.dumps(event["data"]).encode(), [("ce_id", b"\xff\xfe"), ("ce_specversion", b"1.0")])
    await topic.write_event(event | {"id": "b"})
    assert await topic.ids() == ["a", "b"]
    assert await topic.refused() == ["missing_attribute"]


async def test_what_cannot_be_used_goes_to_quarantine_and_never_to_a_topic(topic: Topic, example: Example) -> None:
    event = example("status.changed")
    await topic.write(b"not json", STRUCTURED)
    await topic.write(b"\xff\xfe", STRUCTURED)
    await topic.write(None, STRUCTURED)
    await topic.write(b"[1]", STRUCTURED)
    await topic.write(b"{}", [])
    await topic.write_event(event | {"subject": "140385-901E"})
    await topic.write_event(event)
    assert await topic.ids() == ["status-417-1"]
    assert await topic.refused() == [*["unreadable"] * 4, "missing_attribute", "personal_data"]
    async with topic.ingest.database.transaction() as session:
        assert await listed(session, "ingest") == []


async def test_the_scope_of_the_topics_sender_holds(topic: Topic, example: Example) -> None:
    await topic.ingest.key_for(Scope("registry", "north", types=frozenset({"fi.askelma.client.exited.v1"})))
    await topic.write_event(example("status.changed"))
    assert await topic.refused() == ["out_of_scope"]


def record(body: bytes, offset: int = 0) -> Record:
    return Record(intake_topic("registry"), 0, offset, None, {"content-type": "application/cloudevents+json"}, body)


async def test_a_topic_of_nobody_registered_is_kept_in_quarantine(ingest: Ingest, example: Example) -> None:
    await Intake("stranger", ingest.reception, ingest.database).handle([
        arrived(record(json.dumps(example("status.changed")).encode()))
    ])  # fmt: skip
    assert await ingest.journal() == []
    (row,) = await ingest.rows("SELECT authority, sender, reason FROM ingest.quarantine")
    assert tuple(row) == ("nobody", "stranger", "out_of_scope")


async def test_a_fault_of_ours_holds_up_one_record_and_shows_it_to_nobody(
    ingest: Ingest, example: Example, expected_errors: ExpectedErrors
) -> None:
    expected_errors.allow("intake failed")

    class Faulty(Reception):
        async def receive(self, scope: Scope, events: Sequence[Sent], way: Way) -> list[Outcome]:
            if any(sent.attributes.get("id") == "bad" for sent in events):
                raise ZeroDivisionError
            return await super().receive(scope, events, way)

    event = example("status.changed")
    records = [arrived(record(json.dumps(event | {"id": id_}).encode())) for id_ in ("a", "b", "bad", "c")]
    await Intake("registry", Faulty(ingest.tools), ingest.database).handle(records)
    assert [row["id"] for row in await ingest.journal()] == ["a", "b", "c"]
    (row,) = await ingest.rows("SELECT reason FROM ingest.quarantine")
    assert row["reason"] == "unreadable"


async def test_a_gap_in_an_embedded_topic_is_counted(ingest: Ingest, example: Example) -> None:
    gaps: list[None] = []
    intake = Intake("registry", ingest.reception, ingest.database, lambda: gaps.append(None))
    body = json.dumps(example("status.changed")).encode()
    await intake.handle([arrived(record(body, 0)), arrived(record(body, 1))])
    await intake.handle([arrived(record(body, 1)), arrived(record(body, 2))])
    assert gaps == []
    await intake.handle([arrived(record(body, 9))])
    assert gaps == [None]


async def test_a_checkpoint_is_made_once_every_group_has_read(ingest: Ingest, example: Example, own_log: str) -> None:
    admin = LogAdmin(own_log)
    await admin.start()
    checkpoints = Checkpoints(ingest.database, admin, "cluster-1", 1)
    assert not await checkpoints.turn()
    await ingest.send(example("status.changed"))
    assert not await checkpoints.turn()
    await ingest.rows("DELETE FROM ingest.unpublished")
    assert await checkpoints.turn()
    assert not await checkpoints.turn()
    assert [row["seq"] for row in await ingest.rows("SELECT seq FROM ingest.checkpoint")] == [1]
    await admin.close()
