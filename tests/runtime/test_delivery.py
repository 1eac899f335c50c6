"""What the consumer promises about delivery, held on the mock cluster and on a real Kafka 4 alike."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord
from sqlalchemy.exc import OperationalError

from contracts.topics import DEAD
from services.runtime import broker as brokers
from services.runtime import consumer as consumers
from services.runtime.consumer import Consumer
from services.runtime.deadletters import Limit
from services.runtime.publisher import Outgoing, Publisher, PublishError, Unpaced
from tests.conftest import ExpectedErrors
from tests.rigs.logs import Log
from tests.rigs.station import Handled, Station, station
from tests.rigs.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.store]

WORDS = [f"w{number:03}" for number in range(40)]


@pytest.fixture
async def place(any_log: Log, database_url: str) -> AsyncIterator[Station]:
    async with station(any_log, database_url) as made:
        yield made


def away() -> OperationalError:
    """Return what SQLAlchemy raises when the database has gone."""
    return OperationalError("SELECT 1", {}, ConnectionResetError("gone"))


async def test_what_is_written_before_the_reader_first_starts_is_read(place: Station) -> None:
    await place.say(*WORDS)
    handled = Handled()
    async with place.reading(handled):
        await until(lambda: len(handled.words) == 40, "all words are handled")
    assert sorted(handled.words) == WORDS
    assert await place.acknowledged() == 40


async def test_a_record_with_binary_headers_arrives_like_any_other(place: Station) -> None:
    trace = [("traceparent", b"\xff\xfe\x00\x01"), ("nothing", None), ("ce_id", b"f1")]
    async with AIOKafkaProducer(bootstrap_servers=place.log.address) as java:
        await java.send_and_wait(place.topic, b"traced", headers=trace)
        await java.send_and_wait(place.topic, b"plain")
    handled = Handled()
    async with place.reading(handled):
        await until(lambda: len(handled.words) == 2, "both are handled")
    assert sorted(handled.words) == ["plain", "traced"]
    assert await place.acknowledged() == 2


async def test_what_cannot_be_read_is_parked_and_the_rest_goes_on(place: Station) -> None:
    await place.say("one", "?secret", "two")
    handled = Handled()
    async with place.reading(handled):
        await until(lambda: len(handled.words) == 2, "the readable are handled")
        await until(lambda: acknowledged(place, 3), "all three are acknowledged")
    (letter,) = await place.parked()
    assert (letter.topic, letter.reason) == (place.topic, "unreadable: not a word")
    assert place.counted("askelma_dead_letters_total") == 1
    (copy,) = await dead_letters(place)
    assert copy.value == b"?secret"
    assert dict(copy.headers)["x-origin"] == f"{place.topic}/{letter.partition}/{letter.offset}".encode()


async def acknowledged(place: Station, number: int) -> bool:
    return await place.acknowledged() == number


async def dead_letters(place: Station) -> list[ConsumerRecord]:
    records = await place.log.records(DEAD.name)
    return [record for record in records if dict(record.headers).get("x-service") == place.service.encode()]


async def test_what_is_of_a_type_not_known_yet_is_skipped_and_counted(place: Station) -> None:
    await place.say("one", "new type", "two")
    handled = Handled()
    async with place.reading(handled):
        await until(lambda: acknowledged(place, 3), "all three are acknowledged")
    assert sorted(handled.words) == ["one", "two"]
    skipped = {"service": place.service, "topic": place.topic}
    assert place.registry.get_sample_value("askelma_records_skipped_total", skipped) == 1
    assert await place.parked() == []


async def test_the_one_record_that_a_handler_fails_on_is_parked_alone(place: Station) -> None:
    handled = Handled()

    async def handle(words: Sequence[str]) -> None:
        if "w007" in words:
            raise ZeroDivisionError("010170-999R")
        await handled(words)

    await place.say(*WORDS)
    async with place.reading(handle):
        await until(lambda: acknowledged(place, 40), "all are acknowledged")
    assert set(handled.words) == set(WORDS) - {"w007"}
    (letter,) = await place.parked()
    assert letter.reason.startswith("handler failed: ZeroDivisionError at handle:")
    assert "010170" not in letter.reason


async def test_too_many_dead_letters_stop_the_reader_before_it_empties_the_log(
    place: Station, expected_errors: ExpectedErrors
) -> None:
    expected_errors.allow("stopped")
    place = replace(place, limit=Limit(in_a_row=5))
    await place.say(*(f"?{number}" for number in range(40)))
    async with place.reading(Handled()) as consumer:
        await until(lambda: consumer.failed is not None, "the consumer has stopped")
        assert "askelma dead list" in (await consumer.ready() or "")
    assert await place.acknowledged() == 0
    assert len(await place.parked()) == 4


class Refusing(Publisher):
    """Fails at every record, and not because a part is away."""

    async def send(self, records: Sequence[Outgoing]) -> None:
        raise RuntimeError(f"010170-999R in {len(records)}")


async def test_a_record_that_can_be_neither_used_nor_parked_stops_the_reader_and_nothing_is_acknowledged(
    place: Station, expected_errors: ExpectedErrors
) -> None:
    expected_errors.allow("stopped")
    handled = Handled()
    refusing = replace(place, publisher=lambda producer, meter: Refusing(producer, Unpaced(), meter))
    await place.say("one", "?secret", "two")
    async with refusing.reading(handled) as consumer:
        await until(lambda: consumer.failed is not None, "the consumer has stopped")
        await place.say("later")
        reason = await consumer.ready() or ""
    assert "neither used nor parked (RuntimeError at send:" in reason
    assert "010170" not in reason
    assert set(handled.words) == {"one", "two"}, "its neighbours do not depend on it"
    assert await place.acknowledged() == 0
    again = Handled()
    async with place.reading(again):
        await until(lambda: acknowledged(place, 4), "all are acknowledged")
    assert set(again.words) == {"one", "two", "later"}
    assert len(await place.parked()) == 1


async def test_a_record_with_a_key_that_no_text_can_hold_is_parked_like_any_other(place: Station) -> None:
    async with place.publishing() as publisher:
        await publisher.send([Outgoing(place.topic, "a\x00b", b"?secret", {"trace": "x\x00y"})])
    handled = Handled()
    await place.say("one")
    async with place.reading(handled):
        await until(lambda: acknowledged(place, 2), "both are acknowledged")
    assert handled.words == ["one"]
    assert len(await place.parked()) == 1


class Stammering(Publisher):
    """Fails five times before each success."""

    failures = 0

    async def send(self, records: Sequence[Outgoing]) -> None:
        self.failures += 1
        if self.failures % 6:
            raise PublishError("not now")
        await super().send(records)


async def test_a_dead_letter_that_takes_several_tries_is_kept_and_counted_once(place: Station) -> None:
    place = replace(
        place, limit=Limit(in_a_row=3), publisher=lambda producer, meter: Stammering(producer, Unpaced(), meter)
    )
    await place.say("one", "?secret", "two")
    async with place.reading(Handled()) as consumer:
        await until(lambda: acknowledged(place, 3), "all three are acknowledged")
        assert consumer.failed is None
    assert len(await place.parked()) == 1
    assert len(await dead_letters(place)) == 1


async def test_a_database_that_is_away_is_waited_for_and_nothing_is_acknowledged_meanwhile(place: Station) -> None:
    handled = Handled()
    back = asyncio.Event()

    async def handle(words: Sequence[str]) -> None:
        if not back.is_set():
            raise away()
        await handled(words)

    await place.say(*WORDS)
    async with place.reading(handle) as consumer:
        await until(lambda: place.counted("askelma_batch_retries_total") >= 3, "it was tried three times")
        assert "waits for the database" in (await consumer.ready() or "")
        assert await place.acknowledged() == 0
        back.set()
        await until(lambda: acknowledged(place, 40), "all are acknowledged")
        assert await consumer.ready() is None
    assert set(handled.words) == set(WORDS)
    assert await place.parked() == []


async def test_a_database_that_stays_away_hands_the_batch_back_and_gets_it_again(place: Station) -> None:
    place = replace(place, patience_seconds=0.3)
    handled = Handled()
    turns = iter([away(), away(), away()])

    async def handle(words: Sequence[str]) -> None:
        error = next(turns, None)
        if error is not None:
            raise error
        await handled(words)

    await place.say(*WORDS)
    async with place.reading(handle):
        await until(lambda: acknowledged(place, 40), "all are acknowledged")
    assert set(handled.words) == set(WORDS)
    assert await place.parked() == []


async def test_what_was_handled_and_not_acknowledged_comes_again(
    place: Station, expected_errors: ExpectedErrors
) -> None:
    expected_errors.allow("CancelledError")
    first, second = Handled(), Handled()
    died = asyncio.Event()

    async def dies_before_it_answers(words: Sequence[str]) -> None:
        await first(words)
        died.set()
        raise asyncio.CancelledError

    await place.say(*WORDS)
    async with place.reading(dies_before_it_answers):
        await died.wait()
    async with place.reading(second):
        await until(lambda: acknowledged(place, 40), "all are acknowledged")
    assert set(first.words) <= set(second.words) == set(WORDS)


# --- a batch that is not full lingers ---


@pytest.fixture
def _linger_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass for the consumer, so that only its other reasons end a batch."""
    monkeypatch.setattr(consumers, "time", SimpleNamespace(monotonic=lambda: 0.0))


async def assigned(consumer: Consumer) -> bool:
    return await consumer.ready() is None


@asynccontextmanager
async def talking(place: Station) -> AsyncIterator[None]:
    """Say a word ten times a second until the block ends."""

    async def talk(publisher: Publisher) -> None:
        for number in count():
            await publisher.send([Outgoing(place.topic, f"w{number}", f"w{number}".encode())])
            await asyncio.sleep(0.1)

    async with place.publishing() as publisher:
        talk_on = asyncio.create_task(talk(publisher))
        try:
            yield
        finally:
            talk_on.cancel()
            await asyncio.gather(talk_on, return_exceptions=True)


@pytest.mark.usefixtures("_linger_never_ends")
async def test_a_batch_gathers_what_comes_one_by_one_until_nothing_comes(place: Station) -> None:
    handled = Handled()
    async with replace(place, linger_seconds=8).reading(handled) as consumer, place.publishing() as publisher:
        await until(lambda: assigned(consumer), "it reads")
        for word in WORDS[:5]:
            await publisher.send([Outgoing(place.topic, word, word.encode())])
            await asyncio.sleep(0.1)
        assert handled.batches == []
        await until(lambda: acknowledged(place, 5), "the five are acknowledged")
    assert [sorted(batch) for batch in handled.batches] == [WORDS[:5]]


@pytest.mark.usefixtures("_linger_never_ends")
async def test_a_batch_that_is_full_is_handled_though_more_comes(place: Station) -> None:
    handled = Handled()
    async with replace(place, linger_seconds=8, max_batch=10).reading(handled), talking(place):
        await until(lambda: len(handled.batches) == 2, "two batches are handled")
    assert [len(batch) for batch in handled.batches[:2]] == [10, 10]


async def test_a_batch_is_handled_when_its_linger_is_over_though_more_comes(place: Station) -> None:
    handled = Handled()
    async with replace(place, linger_seconds=1).reading(handled), talking(place):
        await until(lambda: len(handled.batches) == 2, "two batches are handled")


async def test_what_lingers_when_the_reader_is_ended_is_handled_by_the_next(
    place: Station, monkeypatch: pytest.MonkeyPatch, expected_errors: ExpectedErrors
) -> None:
    monkeypatch.setattr(brokers, "_GRACE_SECONDS", 0.1)  # else its end waits until nothing more comes
    expected_errors.allow("CancelledError")
    first, second = Handled(), Handled()
    await place.say(*WORDS)
    async with replace(place, linger_seconds=60).reading(first) as consumer:
        await until(lambda: holds(consumer, 40), "it holds all and lingers")
    assert first.batches == []
    assert await place.acknowledged() == 0
    async with place.reading(second):
        await until(lambda: acknowledged(place, 40), "all are acknowledged")
    assert sorted(second.words) == WORDS


async def holds(consumer: Consumer, number: int) -> bool:
    reading = consumer._consumer  # noqa: SLF001 - only it knows what it has fetched
    positions: list[int] = [await reading.position(place) for place in reading.assignment()] if reading else []
    return sum(positions) == number
