"""Every service is killed again and again while facts stream; afterwards all is as if nothing had happened.

Real Kafka 4, the operating system's PostgreSQL 15, each service a process of its own. What stands in the database in
the end is compared with a single undisturbed pass of the same facts through the embedded system: another log, another
PostgreSQL, one process.
"""

import asyncio
import json
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Final

import httpx
import pytest
from sqlalchemy import make_url

from contracts.topics import ALERTS, EXPOSURES, PATHWAYS
from services.console.composition import Keys, Running, embedded
from services.console.connection import KEYS_FILE
from services.demo.domain.events import DoorEvent
from services.demo.stream import stream
from services.ingest.sending import EventSender, Numbered
from services.runtime.clock import SystemClock
from services.runtime.migrations import SERVICES
from tests.rigs.kafka import RealKafka
from tests.rigs.logs import all_records
from tests.rigs.postgres import SystemPostgres
from tests.rigs.store import execute, rows
from tests.rigs.waiting import until
from tests.system.processes import BATCH, SUPERVISOR, VAULT_SECRETS, Deployment, deployed

pytestmark = [pytest.mark.kafka, pytest.mark.store, pytest.mark.timeout(900)]

SEED: Final = 20
KILLS_EACH: Final = 3
BETWEEN_BATCHES_S: Final = 0.05
"""So that the stream lasts while services are killed and come back, rather than wait for them in the journal."""


@pytest.fixture
async def database_15_url(system_postgres: SystemPostgres) -> str:
    name = f"t{secrets.token_hex(6)}"
    await execute(system_postgres.url, f"CREATE DATABASE {name}")
    return make_url(system_postgres.url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
async def deployment(own_kafka: RealKafka, database_15_url: str, folder: Path) -> AsyncIterator[Deployment]:
    async with deployed(own_kafka, database_15_url, folder) as system:
        yield system


def facts(clients: int) -> list[DoorEvent]:
    """Return a synthetic authority's stream: late, shuffled, doubled and retracted facts among them.

    The year lies wholly in the past of any machine that runs this: the door refuses what is dated in the future.
    """
    sendings = stream(SEED, clients=clients, start=date(2024, 7, 1), end=date(2025, 6, 30))
    return [event for sending in sendings for event in sending.events]


def batches(events: Sequence[DoorEvent]) -> list[Sequence[DoorEvent]]:
    return [events[at : at + BATCH] for at in range(0, len(events), BATCH)]


def moments(number_of_batches: int) -> dict[int, str]:
    """Return after which batch which service is killed: seeded, each service as often as the others."""
    chance = random.Random(SEED)  # noqa: S311 - a test that repeats is wanted, not secrecy
    victims = [service for service in SERVICES for _ in range(KILLS_EACH)]
    chance.shuffle(victims)
    return dict(zip(sorted(chance.sample(range(1, number_of_batches), len(victims))), victims, strict=True))


async def test_whatever_is_killed_every_figure_equals_a_single_pass(deployment: Deployment, folder: Path) -> None:
    events = facts(clients=800)
    assert len(events) > 20_000
    deaths = moments(len(batches(events)))
    for number, batch in enumerate(batches(events)):
        await deployment.send(batch)
        await asyncio.sleep(BETWEEN_BATCHES_S)
        if number in deaths:
            victim = deployment.processes[deaths[number]]
            victim.kill()
            victim.start()
    await deployment.ready()
    await deployment.settled()

    assert [process.kills for process in deployment.processes.values()] == [KILLS_EACH] * len(SERVICES)
    await holds_what_it_accepted(deployment, events)
    await tells_what_it_holds(deployment)
    async with single_pass(events, folder / "single") as single:
        url = single.host.platform.settings.database_url
        assert differences(await state_of(deployment.database_url), await state_of(url)) == {}
        one_for_all = dict.fromkeys(SERVICES, single.host.url)
        assert await figures(deployment.http, deployment.urls) == await figures(deployment.http, one_for_all)


async def holds_what_it_accepted(deployment: Deployment, events: Sequence[DoorEvent]) -> None:
    """See that nothing accepted is missing and nothing stands twice."""
    problems = [problem.reason for report in deployment.reports for problem in report.problems]
    assert problems == []
    sent = {(event["source"], event["id"]) for event in events}
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


@asynccontextmanager
async def single_pass(events: Sequence[DoorEvent], folder: Path) -> AsyncIterator[Running]:
    """Send the events undisturbed through an embedded system with the same vault, and give it.

    In the same batches, because a reference is made of what was first known of a client, a case number or a code.
    """
    folder.mkdir(mode=0o711)
    keys = Keys("key", SUPERVISOR, "finance", "coordinator", "admin", "service", VAULT_SECRETS)
    (folder / KEYS_FILE).write_text(json.dumps(asdict(keys)))
    async with embedded(folder, 0, SystemClock()) as running, httpx.AsyncClient(timeout=60) as http:
        sender = EventSender(http, running.host.url, keys.ingest_key)
        for batch in batches(events):
            await sender.send(Numbered(number, json.dumps(event).encode()) for number, event in enumerate(batch))
        await running.host.settled()
        yield running


async def figures(http: httpx.AsyncClient, urls: Mapping[str, str]) -> Mapping[str, object]:
    """Return the figures that a supervisor is shown."""
    months = {"from": "2024-07", "to": "2025-06"}
    return {
        "stock": await asked(http, f"{urls['indicators']}/v1/indicators/stock", on="2025-06-30"),
        "flow": await asked(
            http, f"{urls['indicators']}/v1/indicators/flow", **{"from": "2024-07-01", "to": "2025-06-30"}
        ),
        "transitions": await asked(http, f"{urls['indicators']}/v1/indicators/transitions", of="step", **months),
        "costs": await asked(http, f"{urls['incentives']}/v1/costs", **months),
        "alerts": await asked(http, f"{urls['notifier']}/v1/alerts"),
    }


async def asked(http: httpx.AsyncClient, url: str, **query: str) -> object:
    answer = await http.get(url, params=query, headers={"Authorization": f"Bearer {SUPERVISOR}"})
    assert answer.status_code == httpx.codes.OK, answer.text
    found: dict[str, object] = answer.json()
    for alert in listed(found):
        alert.pop("state")  # which one it is depends on the way that it came
    return found


def listed(found: dict[str, object]) -> list[dict[str, object]]:
    alerts = found.get("alerts", [])
    assert isinstance(alerts, list)
    return alerts


async def state_of(url: str) -> Mapping[str, Counter[str]]:
    """Return all that the services hold and that must not depend on how the facts came, table by table."""
    return {name: Counter(map(repr, await rows(url, query))) for name, query in STATE.items()}


def differences(one: Mapping[str, Counter[str]], other: Mapping[str, Counter[str]]) -> Mapping[str, object]:
    """Return by table what only one side has; a few rows of each are enough to see what is wrong."""
    pairs = {name: (one[name] - other[name], other[name] - one[name]) for name in one}
    return {name: [list(side)[:3] for side in pair] for name, pair in pairs.items() if any(pair)}


# Left out is only what may differ: revisions, journal numbers, instants of recording, and which state an alert went
# through on its way (it may be raised, withdrawn and raised again while facts are still to come).
STATE: Final = {
    "journal": "SELECT authority, source, id, type, subject, time FROM ingest.journal",
    "facts": "SELECT source, id, client, type, time, body FROM indicators.fact",
    "retractions": "SELECT source, id, client FROM indicators.retraction",
    "pathways": """SELECT client, rules, convert_from(snapshot, 'UTF8')::jsonb - 'revision' - 'as_of_seq' - 'as_of'
                   FROM indicators.pathway""",
    "payments": """SELECT source, id, client, posted_on, batch, days, paid_cents, basic_part_cents
                   FROM incentives.payment""",
    "counters": "SELECT source, id, client, counter, set_on, days, reason FROM incentives.counter_set",
    "costs": """SELECT client, month, scheme, municipality, cost_class, authority, days, base_cents, cents
                FROM incentives.cost""",
    "exposures": """SELECT client, rules, convert_from(content, 'UTF8')::jsonb - 'revision' - 'pathway_revision'
                    FROM incentives.exposure""",
    "alerts": """SELECT client, rule, key, authority, since, severity, municipality, coordinator, reasons::text
                 FROM notifier.alert WHERE open""",
}


async def test_a_broker_that_is_stopped_delays_and_ingest_goes_on_accepting(deployment: Deployment) -> None:
    events = facts(clients=60)
    third = len(events) // 3
    await deployment.send(events[:third])
    await asyncio.to_thread(deployment.kafka.stop)
    await deployment.send(events[third : 2 * third])
    assert deployment.reports[-1].problems == []
    assert await rows(deployment.database_url, "SELECT count(*) FROM ingest.unpublished") != [(0,)]
    await asyncio.to_thread(deployment.kafka.start)
    await deployment.send(events[2 * third :])
    await deployment.ready()
    await deployment.settled()
    await holds_what_it_accepted(deployment, events)
    await all_folded(deployment)


async def all_folded(deployment: Deployment) -> None:
    """See that every fact about a client that was journaled and not taken back stands in the next room."""
    missing = """SELECT source, id FROM ingest.journal j
                 WHERE type NOT LIKE '%event.retracted%'
                   AND NOT EXISTS (SELECT FROM indicators.retraction r WHERE (r.source, r.id) = (j.source, j.id))
                   AND NOT EXISTS (SELECT FROM indicators.fact f WHERE (f.source, f.id) = (j.source, j.id))
                   AND EXISTS (SELECT FROM indicators.fact f WHERE f.type = j.type)"""
    assert await rows(deployment.database_url, missing) == []


async def test_a_database_that_is_stopped_is_told_to_senders_and_nothing_acknowledged_is_lost(
    deployment: Deployment, system_postgres: SystemPostgres
) -> None:
    events = facts(clients=60)
    half = len(events) // 2
    await deployment.send(events[:half])
    await asyncio.to_thread(system_postgres.kill)
    try:
        answer = await deployment.try_once(events[half:][:BATCH])
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert answer.headers["content-type"].startswith("application/problem+json")
        await until(deployment.says_it_is_not_ready, "every service says that it is not ready")
    finally:
        await asyncio.to_thread(system_postgres.start)
    await deployment.send(events[half:])
    await deployment.ready()
    await deployment.settled()
    await holds_what_it_accepted(deployment, events)
    await all_folded(deployment)
