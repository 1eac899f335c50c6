"""An administrator begins to publish over HTTP, and all three rooms state the same month."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest

from services.console.composition import Running, embedded
from services.runtime.clock import ManualClock
from services.runtime.embedded.postgres import forgetful_postgres
from tests.rigs.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.timeout(120)]

NOW = datetime(2026, 7, 20, 9, tzinfo=UTC)
ADDRESS = "/v1/publications"
ROOMS = ("indicators", "incentives", "notifier")

REGISTERED = {
    "specversion": "1.0", "id": "r1", "source": "registry/joensuu", "subject": "case:1",
    "type": "fi.askelma.client.registered.v1", "time": "2026-05-04T09:00:00+03:00", "data": {"municipality": "167"},
}  # fmt: skip


@dataclass(frozen=True)
class System:
    """A running system, its clock, and one who asks."""

    running: Running
    clock: ManualClock
    http: httpx.AsyncClient

    async def begin(self, token: str) -> httpx.Response:
        return await self.http.post(ADDRESS, headers={"Authorization": f"Bearer {token}"})

    async def months(self, service: str) -> object:
        bearing = {"Authorization": f"Bearer {self.running.keys.finance_token}"}
        return (await self.http.get(ADDRESS, params={"service": service}, headers=bearing)).json()


@pytest.fixture
async def system(folder: Path) -> AsyncIterator[System]:
    clock = ManualClock(NOW)
    async with (
        embedded(folder, 0, clock, store=forgetful_postgres) as running,
        httpx.AsyncClient(base_url=running.host.url, timeout=60) as http,
    ):
        await until(lambda: _ready(running), "the system is ready")
        yield System(running, clock, http)


async def _ready(running: Running) -> bool:
    return not await running.host.ready()


async def test_an_administrator_makes_the_first_publication_of_all_rooms_once(system: System) -> None:
    keys = system.running.keys
    assert (await system.begin(keys.supervisor_token)).status_code == 403
    empty = await system.begin(keys.admin_token)
    assert (empty.status_code, empty.json()["title"]) == (409, "Nothing to publish")

    sent = await system.http.post(
        "/v1/events",
        json=REGISTERED,
        headers={"Authorization": f"Bearer {keys.ingest_key}", "Content-Type": "application/cloudevents+json"},
    )
    assert sent.json() == {"status": "accepted"}
    system.clock.advance(timedelta(seconds=1))

    first = await system.begin(keys.admin_token)
    assert (first.status_code, first.json()) == (201, {"month": "2026-06", "as_of": "2026-06-30"})
    second = await system.begin(keys.admin_token)
    assert (second.status_code, second.headers["content-type"]) == (409, "application/problem+json")
    assert second.json()["title"] == "Already begun"
    assert "2026-06" in second.json()["detail"]

    for room in ROOMS:
        await until(partial(_has, system, room, ["2026-06"]), f"{room} has published")
    system.clock.set(datetime(2026, 8, 5, 9, tzinfo=UTC))
    for room in ROOMS:
        await until(partial(_has, system, room, ["2026-06", "2026-07"]), f"{room} goes on")


async def _has(system: System, room: str, months: list[str]) -> bool:
    return await system.months(room) == {"months": months}


async def test_a_service_that_does_not_answer_here_is_named_with_those_that_do(system: System) -> None:
    answer = await system.http.get(
        ADDRESS, params={"service": "console"}, headers={"Authorization": f"Bearer {system.running.keys.finance_token}"}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "service"
    assert "indicators, incentives, notifier" in answer.json()["detail"]
