"""This room hosted as in a process: records on the log in, exposures on the log out."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date

import pytest
from aiokafka import AIOKafkaConsumer
from prometheus_client import CollectorRegistry

from contracts.envelope import Fact, body_of, headers_of
from contracts.snapshots import EXPOSURE, PATHWAY, MunicipalityInterval, PathwaySnapshot
from contracts.topics import EXPOSURES, FACTS, PATHWAYS
from services.incentives.app import build_app
from services.incentives.settings import IncentivesSettings
from services.runtime.access import Access
from services.runtime.broker import LogAdmin, build_broker, build_producer
from services.runtime.clock import SystemClock
from services.runtime.database import Database
from services.runtime.hosting import Host, running
from services.runtime.publisher import Outgoing, Unpaced, publishing
from services.runtime.service import Platform
from tests.incentives.streams import ANN, AUTHORITY, BEN, counter, erased, paid
from tests.incentives.test_publishing import AREA

pytestmark = pytest.mark.wire

OCTOBER = (date(2025, 10, 1), date(2025, 10, 31))


@asynccontextmanager
async def hosted(database_url: str, log: str) -> AsyncIterator[Host]:
    settings = IncentivesSettings(database_url=database_url, kafka=log)
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        admin = LogAdmin(log)
        stack.push_async_callback(admin.close)
        await admin.start()
        platform = Platform(
            settings, SystemClock(), CollectorRegistry(), Database(database_url, service="incentives"),
            build_broker(log, "incentives"),
            build_producer(log, "incentives"), Unpaced(), admin, await admin.cluster(), {AUTHORITY: AREA},
        )  # fmt: skip
        yield await stack.enter_async_context(running([build_app(settings, platform)], platform, Access(), listener))


def record(fact: Fact) -> Outgoing:
    return Outgoing(FACTS.name, fact.subject, body_of(fact.data), headers_of(fact))


def snapshot(revision: int, client: str = ANN) -> Outgoing:
    homes = (MunicipalityInterval(date(2024, 1, 1), None, "398"),)
    told = PathwaySnapshot(AUTHORITY, client, revision, date(2025, 1, 1), 1, "rules", municipalities=homes)
    return Outgoing(PATHWAYS.name, client, PATHWAY.dump_json(told), {"content-type": "application/json"})


async def sent(log: str, *records: Outgoing) -> None:
    async with publishing(log, "test") as publisher:
        await publisher.send(records)


async def exposures(log: str) -> dict[str, bytes | None]:
    """Return the newest record of each client on the topic."""
    consumer = AIOKafkaConsumer(EXPOSURES.name, bootstrap_servers=log, auto_offset_reset="earliest")
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        newest: dict[str, bytes | None] = {}
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                newest |= {one.key.decode(): one.value for one in records}
        return newest
    finally:
        await consumer.stop()


async def test_payments_and_pathways_on_the_log_become_exposures_on_the_log(database_url: str, own_log: str) -> None:
    facts = [counter("c", OCTOBER[0], 187), paid("p", *OCTOBER, 20), paid("b", *OCTOBER, 20, client=BEN), erased(BEN)]
    await sent(own_log, *map(record, facts), snapshot(1), snapshot(2))
    async with hosted(database_url, own_log) as host:
        async with asyncio.timeout(60):
            await host.settled()
    newest = await exposures(own_log)
    told = EXPOSURE.validate_json(newest[ANN] or b"")
    law = told.under("law")
    assert law is not None
    assert (told.authority, told.client, law.days, law.total_cents) == (AUTHORITY, ANN, 207, 10046)
    assert newest[BEN] is None


async def test_after_a_restart_what_comes_again_changes_nothing_and_what_is_new_is_told(
    database_url: str, own_log: str
) -> None:
    first = [snapshot(1), record(counter("c", OCTOBER[0], 187)), record(paid("p", *OCTOBER, 20))]
    await sent(own_log, *first)
    async with hosted(database_url, own_log) as host, asyncio.timeout(60):
        await host.settled()
    before = await exposures(own_log)
    await sent(own_log, *first, record(paid("q", date(2025, 11, 1), date(2025, 11, 30), 20)))
    async with hosted(database_url, own_log) as host, asyncio.timeout(60):
        await host.settled()
    after = EXPOSURE.validate_json((await exposures(own_log))[ANN] or b"")
    assert after.law_2025_days == 227
    assert after.revision > EXPOSURE.validate_json(before[ANN] or b"").revision
