"""The embedded system as a whole: neither a consumer that is too slow nor restarts in a stream change a figure."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final, ParamSpec

import pytest
from aiokafka import AIOKafkaConsumer

from contracts.topics import PATHWAYS
from services.demo.domain.events import DoorEvent
from services.notifier.handlers import Handlers
from services.runtime.embedded.pacing import Pacer
from tests.rigs.logs import partitions_of
from tests.system.conftest import System, started_on
from tests.system.passes import SENT_AT, batches, differences, published_outcome, send_all, with_known_keys

pytestmark = [pytest.mark.wire, pytest.mark.timeout(600)]

P = ParamSpec("P")

SLOWNESS: Final = 10
MAX_BATCH: Final = 100
RESTLESS_DAYS: Final = 5_000
"""So many that one client's pathways, one for each batch of facts, are 10 MiB in one partition, which holds 5."""


@pytest.fixture
def _slow_notifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the last in the row take ten times as long for each batch of pathways as it needs."""
    monkeypatch.setattr(Handlers, "pathways", slowed(Handlers.pathways))


def slowed(work: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
    async def slow(*args: P.args, **kwargs: P.kwargs) -> None:
        began = time.monotonic()
        await work(*args, **kwargs)
        await asyncio.sleep((SLOWNESS - 1) * (time.monotonic() - began))

    return slow


def restless() -> list[Sequence[DoorEvent]]:
    """Return the facts of one client whose status changes every day, so that the pathway grows and grows."""
    days = [date(2025, 6, 30) - timedelta(days=number) for number in reversed(range(RESTLESS_DAYS))]
    events = [fact("registered", days[0], "client.registered", municipality="398")]
    events += [fact("status", day, "status.changed", code=f"0{1 + day.toordinal() % 2}") for day in days]
    return [events[at : at + MAX_BATCH] for at in range(0, len(events), MAX_BATCH)]


def fact(name: str, day: date, kind: str, **data: str) -> DoorEvent:
    return {
        "specversion": "1.0", "id": f"{name}-{day}", "source": "register", "type": f"fi.askelma.{kind}.v1",
        "subject": "case:restless", "time": f"{day}T09:00:00Z", "datacontenttype": "application/json", "data": {**data},
    }  # fmt: skip


def pieces() -> Iterator[list[Sequence[DoorEvent]]]:
    """Yield what is sent before the first restart, between the two, and after the second."""
    many, one = batches(clients=40), restless()
    quarter, half = len(many) // 4, len(one) // 2
    yield many[:quarter]
    yield [*many[quarter : 2 * quarter], *one[:half]]
    yield [*one[half:], *many[2 * quarter :]]


@pytest.mark.usefixtures("_slow_notifier")
async def test_a_consumer_ten_times_too_slow_and_two_restarts_in_a_stream_change_no_figure(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disturbed = with_known_keys(folder / "disturbed")
    first, second, last = pieces()
    for some in (first, second):
        async with started_on(disturbed, SENT_AT, max_batch=MAX_BATCH) as system:
            await send_all(system, some)  # and stopped at once: much of it is journaled and nothing more
    async with started_on(disturbed, SENT_AT, max_batch=MAX_BATCH) as system:
        await send_all(system, last)
        found = await published_outcome(system)
        forgotten, written = await pathways_on_the_log(system)
        assert forgotten > 0, "more has passed than the log can hold"
        assert pathways_handled(system) == written
    monkeypatch.undo()
    async with started_on(with_known_keys(folder / "clean"), SENT_AT) as system:
        await send_all(system, [*first, *second, *last])
        clean = await published_outcome(system)
    assert differences(found, clean) == {}
    assert clean.tables["alerts"]
    assert clean.tables["published costs"]


@pytest.mark.usefixtures("_slow_notifier")
async def test_without_pacing_the_same_consumer_does_lose_records(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: if this fails, the test above shows nothing any more."""

    async def room(_pacer: Pacer, _topic: str, _size: int) -> None: ...

    monkeypatch.setattr(Pacer, "room", room)
    async with started_on(folder, SENT_AT, max_batch=MAX_BATCH) as system:
        await send_all(system, restless())
        await system.settled()
        _, written = await pathways_on_the_log(system)
        assert pathways_handled(system) < written


async def pathways_on_the_log(system: System) -> tuple[int, int]:
    """Return how many records of the topic the log has forgotten, and how many were written, since the last start."""
    address = system.running.host.platform.settings.kafka
    places = await partitions_of(address, PATHWAYS.name)
    async with AIOKafkaConsumer(bootstrap_servers=address) as asking:
        first, end = await asking.beginning_offsets(places), await asking.end_offsets(places)
    return sum(first.values()), sum(end.values())


def pathways_handled(system: System) -> float:
    of_notifier = {"service": "notifier", "topic": PATHWAYS.name}
    return system.running.host.platform.registry.get_sample_value("askelma_records_handled_total", of_notifier) or 0
