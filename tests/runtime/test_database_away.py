"""What a route answers while the database is away."""

import logging
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from services.runtime.access import Access, Principal, Role, allow
from services.runtime.database import BusyError, Database, is_transient
from services.runtime.problems import install_problems
from tests.rigs.postgres import SystemPostgres


def site(database: Database) -> FastAPI:
    app = FastAPI()
    app.state.access = Access()
    app.state.access.add("finance-token", Principal(Role.FINANCE, "itu", "Finance officer"))
    install_problems(app)

    @app.get("/figures/{name}")
    async def figures(name: str, _who: Annotated[Principal, Depends(allow(Role.FINANCE))]) -> str:
        async with database.transaction() as session:
            return str((await session.execute(text(f"SELECT {name}"))).scalar())

    @app.get("/missing")
    async def missing() -> str:
        raise FileNotFoundError("rules.yaml")

    @app.get("/busy")
    async def busy() -> str:
        raise BusyError

    return app


@pytest.fixture
async def client(system_postgres: SystemPostgres) -> AsyncIterator[httpx.AsyncClient]:
    database = Database(system_postgres.url, service="indicators")
    transport = httpx.ASGITransport(site(database), raise_app_exceptions=False)
    headers = {"Authorization": "Bearer finance-token"}
    async with httpx.AsyncClient(transport=transport, base_url="http://desk", headers=headers) as given:
        yield given
    await database.close()


@pytest.mark.store
async def test_while_the_database_is_away_a_route_asks_to_come_again(
    client: httpx.AsyncClient, system_postgres: SystemPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await client.get("/figures/7")).json() == "7"
    system_postgres.stop()
    try:
        answers = [await client.get("/figures/7") for _ in range(2)]
    finally:
        system_postgres.start()
    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[0].headers["retry-after"] == "5"
    assert answers[0].headers["content-type"] == "application/problem+json"
    assert answers[0].json()["title"] == "Database away"
    told = [record for record in caplog.records if "database_away" in record.getMessage()]
    assert [record.levelno for record in told] == [logging.WARNING] * 2
    assert all("/figures/{name}" in record.getMessage() and not record.exc_info for record in told)
    assert (await client.get("/figures/7")).json() == "7"


@pytest.mark.store
async def test_a_fault_of_ours_in_the_database_stays_an_internal_error(client: httpx.AsyncClient) -> None:
    assert (await client.get("/figures/no_such_column")).status_code == 500


@pytest.mark.store
async def test_a_database_that_is_too_busy_asks_to_come_again(client: httpx.AsyncClient) -> None:
    answer = await client.get("/busy")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize("error", [BusyError(), PoolTimeoutError(), ConnectionRefusedError()])
def test_what_may_pass_is_no_fault_of_a_record(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.store
async def test_a_missing_file_is_no_outage(client: httpx.AsyncClient) -> None:
    answer = await client.get("/missing")
    assert (answer.status_code, answer.json()["title"]) == (500, "Internal error")
