"""The dashboard against the running system: every panel's question gets an answer from a real Prometheus and store."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from contracts.facts import BenefitCounterSet, BenefitPaid, ClientRegistered, Payload
from deploy.dashboards.publish import dashboard_json
from deploy.database.roles import REPORTING, apply_roles
from services.console.composition import Running, embedded
from services.runtime.clock import ManualClock
from services.runtime.database import plain_dsn
from tests.deploy.prometheus_server import Prometheus, prometheus, wait_until_scraped
from tests.deploy.test_roles import without_macros

pytestmark = pytest.mark.wire

BEFORE_PUBLICATION = datetime(2026, 7, 4, 9, 0, tzinfo=UTC)
PUBLICATION = datetime(2026, 7, 5, 9, 0, tzinfo=UTC)
# More than four, so that none of the figures is hidden.
CLIENTS = 6
PASSWORD = "reporting"
BOARD: dict[str, Any] = json.loads(json.dumps(dashboard_json("en")))
ASKING = [panel for panel in BOARD["panels"] if "targets" in panel]
PROMQL = {
    panel["title"]: [target["expr"] for target in panel["targets"]]
    for panel in ASKING
    if panel["datasource"]["type"] == "prometheus"
}
SQL = [target["rawSql"] for panel in ASKING for target in panel["targets"] if "rawSql" in target]


@pytest.fixture
async def running_system(folder: Path) -> AsyncIterator[Running]:
    """Give an embedded system that has published June 2026 of six clients in Joensuu."""
    clock = ManualClock(BEFORE_PUBLICATION)
    async with embedded(folder, 0, clock) as running:
        await until(running, "askelma_ready", 4)
        await send(running, [event for number in range(CLIENTS) for event in story(number)])
        await running.host.settled()
        clock.set(PUBLICATION)
        for gauge in ("askelma_clients", "askelma_cost_euros", "askelma_open_alerts"):
            await until(running, gauge, 1)
        yield running


def story(number: int) -> list[dict[str, object]]:
    """Return the facts of one client: registered and never met, paid for days that the municipality shares."""
    paid = {
        "benefit": "general_support", "basis": "unemployment", "batch": f"b{number}", "period_start": "2026-05-04",
        "period_end": "2026-05-29", "days": 20, "paid_cents": 74420, "basic_part_cents": 74420,
        "posted_on": "2026-06-03",
    }  # fmt: skip
    counter = {"counter": "law_2025", "days": 187, "on": "2026-05-01", "reason": "carried_over"}
    return [
        event(number, ClientRegistered, "2026-05-04T09:00:00+03:00", {"municipality": "167"}),
        event(number, BenefitCounterSet, "2026-05-04T09:00:00+03:00", counter),
        event(number, BenefitPaid, "2026-06-03T09:00:00+03:00", paid),
    ]


def event(number: int, payload: type[Payload], time: str, data: dict[str, object]) -> dict[str, object]:
    return {
        "specversion": "1.0", "id": f"{payload.__name__}-{number}", "source": "registry/joensuu", "type": payload.type,
        "subject": f"case:2026-{number}", "time": time, "datacontenttype": "application/json", "data": data,
    }  # fmt: skip


async def send(running: Running, events: list[dict[str, object]]) -> None:
    headers = {
        "Authorization": f"Bearer {running.keys.ingest_key}",
        "Content-Type": "application/cloudevents-batch+json",
    }
    async with httpx.AsyncClient(base_url=running.host.url) as client:
        answer = await client.post("/v1/events", content=json.dumps(events), headers=headers)
    assert {receipt["status"] for receipt in answer.json()["receipts"]} == {"accepted"}


async def until(running: Running, metric: str, least: float) -> None:
    """Return when the series of `metric` add up to at least `least`."""
    async with httpx.AsyncClient(base_url=running.host.url) as client:
        async with asyncio.timeout(60):
            while total((await client.get("/metrics")).text, metric) < least:  # noqa: ASYNC110 - over HTTP one asks
                await asyncio.sleep(0.1)


def total(text: str, metric: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{metric}{{"))


async def test_every_panel_on_prometheus_shows_a_number(running_system: Running, tmp_path: Path) -> None:
    answered = await asyncio.to_thread(numbers, tmp_path, running_system.host.url.removeprefix("http://"))
    assert [title for title, shown in answered.items() if not shown] == []


def numbers(folder: Path, target: str) -> dict[str, list[str]]:
    """Return what each panel shows, hidden figures (not a number) left out; ask until none is empty."""
    with prometheus(folder, [target]) as server:
        wait_until_scraped(server, "askelma", 1)
        for _ in range(100):
            found = {title: shown_by(server, expressions) for title, expressions in PROMQL.items()}
            if all(found.values()):
                break
            time.sleep(0.2)  # a rate needs two scrapes
        return found


def shown_by(server: Prometheus, expressions: list[str]) -> list[str]:
    asked = [expression.replace("$authority", "finland") for expression in expressions]
    values = [str(series["value"][1]) for expression in asked for series in server.query(expression)]
    return [value for value in values if value != "NaN"]


async def test_every_sql_of_the_dashboard_is_answered_to_the_reporting_role(running_system: Running) -> None:
    url = running_system.host.platform.settings.database_url
    await apply_roles(url, {REPORTING: SecretStr(PASSWORD)})
    address = make_url(plain_dsn(url)).set(username=REPORTING, password=PASSWORD)
    connection = await asyncpg.connect(address.render_as_string(hide_password=False))
    try:
        rows = {sql: await connection.fetch(without_macros(sql).replace("'joensuu'", "'finland'")) for sql in SQL}
    finally:
        await connection.close()
    figures = {
        sql: [value for row in found for value in row.values() if value is not None] for sql, found in rows.items()
    }
    # Beside the month, at least one figure that is shown.
    assert [sql for sql, values in figures.items() if len(values) < (1 if "as_of" in sql else 2)] == []
