"""The notifier as a process runs it: from topics to topics and pages, over a turn of the day and a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from socket import create_server

import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from prometheus_client import CollectorRegistry

from contracts.snapshots import ALERT, PATHWAY, AlertEvent, PathwaySnapshot
from contracts.topics import ALERTS, PATHWAYS
from services.notifier.app import NAME, build_app
from services.notifier.settings import NotifierSettings
from services.runtime.access import Access, Principal, Role
from services.runtime.broker import LogAdmin, build_broker, build_producer
from services.runtime.clock import ManualClock
from services.runtime.database import Database
from services.runtime.hosting import Host, running
from services.runtime.publisher import Outgoing, Unpaced, publishing
from services.runtime.service import Platform
from tests.notifier.conftest import AUTHORITIES, at, client
from tests.rigs.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.store]

SPELL = [{"start": "2026-01-12"}]
MET = [{"on": "2026-01-15", "kind": "initial"}]


@asynccontextmanager
async def notifier(log: str, database_url: str, clock: ManualClock) -> AsyncIterator[Host]:
    settings = NotifierSettings(database_url=database_url, kafka=log, embedded=True)
    access = Access()
    access.add("supervisor", Principal(Role.SUPERVISOR, "demo", "supervisor"))
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(create_server(("127.0.0.1", 0)))
        admin = LogAdmin(log)
        stack.push_async_callback(admin.close)
        await admin.start()
        platform = Platform(
            settings, clock, CollectorRegistry(), Database(database_url, service=NAME), build_broker(log, NAME),
            build_producer(log, NAME), Unpaced(), admin, "embedded", AUTHORITIES,
        )  # fmt: skip
        yield await stack.enter_async_context(running([build_app(settings, platform)], platform, access, listener))


async def tell(log: str, *snapshots: PathwaySnapshot) -> None:
    async with publishing(log, "test") as publisher:
        await publisher.send([Outgoing(PATHWAYS.name, one.client, PATHWAY.dump_json(one)) for one in snapshots])


@asynccontextmanager
async def listening(log: str) -> AsyncIterator[list[AlertEvent]]:
    """Give the list of events that have come on the topic so far; it grows while the block runs."""
    heard: list[AlertEvent] = []
    async with AIOKafkaConsumer(ALERTS.name, bootstrap_servers=log, auto_offset_reset="earliest") as consumer:

        async def hear() -> None:
            async for record in consumer:
                heard.append(ALERT.validate_json(record.value))  # noqa: PERF401 - read while it grows

        listener = asyncio.create_task(hear())
        yield heard
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


async def settled(host: Host, heard: list[AlertEvent], number: int) -> None:
    """Wait until so many events were heard and the notifier has nothing left to do."""
    await until(lambda: len(heard) >= number, f"{number} events are on the topic")
    await host.settled()


async def test_from_a_snapshot_to_the_topic_and_the_page_over_midnight_and_a_restart(
    own_log: str, database_url: str
) -> None:
    clock = ManualClock(at(date(2026, 4, 15)))
    people = [client(f"c1-{n}", spells=SPELL, meetings=MET) for n in range(20)]
    late = client("c1-late", spells=[{"start": "2026-03-02"}])
    async with listening(own_log) as heard:
        async with notifier(own_log, database_url, clock) as host:
            await tell(own_log, late, *people)
            await settled(host, heard, 1)
            clock.set(at(date(2026, 4, 16)))
            await settled(host, heard, 21)
            async with httpx.AsyncClient(base_url=host.url, headers={"authorization": "Bearer supervisor"}) as asker:
                listed = (await asker.get("/v1/alerts", params={"limit": 100})).json()
                ready = (await asker.get("/ready")).json()
                metrics = (await asker.get("/metrics")).text
        async with notifier(own_log, database_url, clock) as host:
            met = client("c1-0", 2, spells=SPELL, meetings=[*MET, {"on": "2026-04-16", "kind": "other"}])
            await tell(own_log, *people, met)
            await settled(host, heard, 22)
    assert listed["counts"] == {"contact_gap": 20, "initial_interview_missing": 1}
    assert ready == {"ready": True, "reasons": []}
    assert 'askelma_alert_timers_due{service="notifier"} 0.0' in metrics
    assert len({event.id for event in heard}) == len(heard) == 22
    assert [event.client for event in heard if event.state == "resolved"] == ["c1-0"]
