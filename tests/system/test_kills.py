"""Every service is killed again and again while facts stream; afterwards all is as if nothing had happened.

Real Kafka 4, the operating system's PostgreSQL 15, each service a process of its own. What stands in the database in
the end, what was published and what the services answer is compared with a clean pass of the same facts.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest
import pytest_asyncio

from contracts.topics import ALERTS, EXPOSURES, PATHWAYS
from services.demo.domain.events import DoorEvent
from services.runtime.migrations import SERVICES
from tests.rigs.kafka import RealKafka
from tests.rigs.logs import all_records
from tests.rigs.postgres import SystemPostgres
from tests.rigs.store import Databases, rows
from tests.rigs.waiting import until
from tests.system.conftest import started_on
from tests.system.passes import (
    PUBLISHED_AT,
    SENT_AT,
    Outcome,
    all_published,
    batches,
    differences,
    outcome,
    published_outcome,
    send_all,
    settled_outcome,
    with_known_keys,
)
from tests.system.processes import Deployment, Process, deployed

pytestmark = [pytest.mark.kafka, pytest.mark.store, pytest.mark.timeout(900)]

Parts = Sequence[Sequence[DoorEvent]]

CLIENTS: Final = 850
FEW: Final = 6
"""Batches that are enough for a part that is stopped once."""

KILLS_EACH: Final = 4
KILLS_WHILE_PUBLISHING: Final = ("indicators", "incentives", "notifier")
LONGEST_DELAY_S: Final = 0.5
BETWEEN_BATCHES_S: Final = 0.1
"""So that the stream lasts while services are killed and come back, rather than wait for them in the journal."""
LAST_BATCHES: Final = 8
"""Sent after the last kill was called for, so that it, too, falls into the stream."""


@dataclass(frozen=True)
class Clean:
    """What a clean pass comes to: after the first few batches, and in the end."""

    few: Outcome
    every: Outcome


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clean(session_folder: Path) -> Clean:
    """Give the outcomes of an undisturbed embedded system: one process, another log, another PostgreSQL."""
    parts = batches(CLIENTS)
    async with started_on(with_known_keys(session_folder / "clean"), SENT_AT) as system:
        await send_all(system, parts[:FEW])
        few = await settled_outcome(system)
        await send_all(system, parts[FEW:])
        every = await published_outcome(system)
    assert all(every.tables.values()), "there is something to compare in every table"
    return Clean(few, every)


@pytest.fixture
async def database_15_url(system_postgres: SystemPostgres) -> AsyncIterator[str]:
    async with Databases(system_postgres.url).empty() as url:
        yield url


@pytest.fixture
async def deployment(own_kafka: RealKafka, database_15_url: str, folder: Path) -> AsyncIterator[Deployment]:
    async with deployed(own_kafka, database_15_url, folder, SENT_AT) as system:
        yield system


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Give the chance of this run; its seed is pytest-randomly's, and is printed where the test fails."""
    seed: int = request.config.getoption("randomly_seed", 1)
    print(f"To kill at the same moments: --randomly-seed={seed}")  # noqa: T201 - shown on failure
    return random.Random(seed)  # noqa: S311 - a test that can be repeated is wanted, not secrecy


def moments(number_of_batches: int, chance: random.Random) -> dict[int, str]:
    """Return at which batch which service is to be killed, each service as often as the others."""
    victims = [service for service in SERVICES for _ in range(KILLS_EACH)]
    chance.shuffle(victims)
    return dict(zip(sorted(chance.sample(range(number_of_batches - LAST_BATCHES), len(victims))), victims, strict=True))


async def test_whatever_is_killed_while_facts_stream_every_figure_equals_a_clean_pass(
    clean: Clean, deployment: Deployment, chance: random.Random
) -> None:
    parts = batches(CLIENTS)
    assert sum(map(len, parts)) > 20_000
    await stream_under_kills(deployment, parts, chance)
    await deployment.ready()
    await deployment.settled()
    await holds_what_it_accepted(deployment, parts)
    await publish_under_kills(deployment, chance)
    await tells_what_it_holds(deployment)
    assert differences(await outcome_of(deployment), clean.every) == {}


async def stream_under_kills(deployment: Deployment, parts: Parts, chance: random.Random) -> None:
    """Send everything; the sender never stops for a kill, only for ingest when that does not answer."""
    deaths = moments(len(parts), chance)
    async with asyncio.TaskGroup() as killing:
        for number, part in enumerate(parts):
            if number in deaths:
                victim = deployment.processes[deaths[number]]
                await deployment.has(victim)  # to kill what has only been started would show less
                killing.create_task(killed(deployment, victim, chance.uniform(0, LONGEST_DELAY_S)))
            await deployment.send(part)
            await asyncio.sleep(BETWEEN_BATCHES_S)
    assert [process.kills for process in deployment.processes.values()] == [KILLS_EACH] * len(SERVICES)
    assert deployment.requests.cut > 0


async def killed(deployment: Deployment, victim: Process, delay: float) -> None:
    """Kill -9 a service after `delay` seconds, ingest when a request is open, and start it again."""
    await asyncio.sleep(delay)
    if victim.service == "ingest":
        await until(lambda: deployment.requests.open > 0, "a request is open")
    victim.kill()
    victim.start()


async def publish_under_kills(deployment: Deployment, chance: random.Random) -> None:
    """Set the clock to when months are due, and kill everyone who publishes them."""
    deployment.clock.set(PUBLISHED_AT)
    async with asyncio.TaskGroup() as killing:
        for service in KILLS_WHILE_PUBLISHING:
            killing.create_task(killed(deployment, deployment.processes[service], chance.uniform(0, 3)))
    await deployment.ready()
    await all_published(deployment.database_url)
    await deployment.settled()


async def outcome_of(deployment: Deployment) -> Outcome:
    return await outcome(deployment.database_url, deployment.http, deployment.urls)


async def holds_what_it_accepted(deployment: Deployment, parts: Parts) -> None:
    """See that nothing accepted is missing and nothing stands twice."""
    problems = [problem.reason for report in deployment.reports for problem in report.problems]
    assert problems == []
    sent = {(event["source"], event["id"]) for part in parts for event in part}
    journaled = await rows(deployment.database_url, "SELECT source, id FROM ingest.journal")
    assert len(journaled) == len(sent)
    assert set(journaled) == sent


async def tells_what_it_holds(deployment: Deployment) -> None:
    """See that the newest record of every client is what the service holds, and every change of an alert was told."""
    url, kafka = deployment.database_url, deployment.kafka.address
    for topic, table in ((PATHWAYS, "indicators.pathway"), (EXPOSURES, "incentives.exposure")):
        told: dict[object, object] = {}
        for record in await all_records(kafka, topic.name):
            told[(record.key or b"").decode()] = json.loads(record.value or b"{}").get("revision")
        held = await rows(url, f"SELECT client, revision FROM {table}")  # noqa: S608 - our names
        assert told == {client: revision for client, revision in held}  # noqa: C416 - says what the two are
    ids = {dict(record.headers)["ce_id"].decode() for record in await all_records(kafka, ALERTS.name)}
    assert ids == {str(row[0]) for row in await rows(url, "SELECT id FROM notifier.alert_change")}


async def test_a_broker_that_is_stopped_delays_and_ingest_goes_on_accepting(
    clean: Clean, deployment: Deployment
) -> None:
    one, other, last = in_thirds(batches(CLIENTS)[:FEW])
    await deployment.send_all(one)
    await asyncio.to_thread(deployment.kafka.stop)
    await deployment.send_all(other)
    assert await rows(deployment.database_url, "SELECT count(*) FROM ingest.unpublished") != [(0,)]
    await asyncio.to_thread(deployment.kafka.start)
    await deployment.send_all(last)
    await ends_as(deployment, clean.few)


async def test_a_database_that_is_stopped_is_told_to_senders_and_nothing_acknowledged_is_lost(
    clean: Clean, deployment: Deployment, system_postgres: SystemPostgres
) -> None:
    one, other, last = in_thirds(batches(CLIENTS)[:FEW])
    await deployment.send_all(one)
    await asyncio.to_thread(system_postgres.kill)
    try:
        answer = await deployment.try_once(other[0])
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert answer.headers["content-type"].startswith("application/problem+json")
        await until(deployment.says_it_is_not_ready, "every service says that it is not ready")
    finally:
        await asyncio.to_thread(system_postgres.start)
    await deployment.send_all([*other, *last])
    await ends_as(deployment, clean.few)


def in_thirds(parts: Parts) -> tuple[Parts, Parts, Parts]:
    third = len(parts) // 3
    return parts[:third], parts[third : 2 * third], parts[2 * third :]


async def ends_as(deployment: Deployment, clean: Outcome) -> None:
    """See that the few batches, once all has settled, have come to what they come to undisturbed."""
    await deployment.ready()
    await deployment.settled()
    await holds_what_it_accepted(deployment, batches(CLIENTS)[:FEW])
    assert differences(await outcome_of(deployment), clean) == {}
