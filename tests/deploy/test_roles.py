from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from deploy.dashboards.publish import dashboard_json
from deploy.database.roles import REPORTING, ROLES, RolesError, apply_roles
from services.runtime.database import plain_dsn
from services.runtime.migrations import SERVICES, migrate

pytestmark = pytest.mark.store

PASSWORD = "it's \\ quoted"
PASSWORDS = dict.fromkeys(ROLES, SecretStr(PASSWORD))
ALL_TABLES = """
    SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND n.nspname NOT LIKE 'pg\\_%'
"""


async def connected(url: str, role: str | None = None) -> asyncpg.Connection:
    address = make_url(plain_dsn(url))
    if role is not None:
        address = address.set(username=role, password=PASSWORD)
    return await asyncpg.connect(address.render_as_string(hide_password=False))


@pytest.fixture
async def url(database_url: str) -> str:
    """Give a migrated database with its roles applied and two tables more: one published, one not."""
    for service in SERVICES:
        await migrate(database_url, service)
    owner = await connected(database_url)
    await owner.execute("CREATE TABLE indicators.published_example (month date, clients integer)")
    await owner.execute("CREATE TABLE indicators.unpublished_example (client text)")
    await owner.close()
    await apply_roles(database_url, PASSWORDS)
    return database_url


@pytest.fixture
async def reporting(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connected(url, REPORTING)
    yield connection
    await connection.close()


async def readable(connection: asyncpg.Connection, table: str) -> bool:
    try:
        await connection.execute(f"SELECT * FROM {table} LIMIT 1")  # noqa: S608 - names out of the catalogue
    except asyncpg.InsufficientPrivilegeError:
        return False
    return True


async def test_the_reporting_role_reads_every_published_table_and_no_other(
    url: str, reporting: asyncpg.Connection
) -> None:
    owner = await connected(url)
    tables = {f"{row['schema']}.{row['name']}" for row in await owner.fetch(ALL_TABLES)}
    await owner.close()
    seen = {table for table in tables if await readable(reporting, table)}
    assert seen == {table for table in tables if table.partition(".")[2].startswith("published_")}
    assert "indicators.published_example" in seen
    assert {"indicators.unpublished_example", "ingest.dead_letter", "notifier.publication"} <= tables - seen


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO indicators.published_example VALUES ('2026-06-01', 5)",
        "UPDATE indicators.published_example SET clients = 6",
        "DELETE FROM indicators.published_example",
        "CREATE TEMPORARY TABLE copy (month date)",
        "CREATE TABLE indicators.mine (month date)",
        "CREATE TABLE public.mine (month date)",
        "CREATE SCHEMA mine",
    ],
)
async def test_the_reporting_role_writes_nothing_even_where_it_asks_to(
    reporting: asyncpg.Connection, statement: str
) -> None:
    await reporting.execute("SET default_transaction_read_only = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reporting.execute(statement)


async def test_a_service_works_in_its_own_schema_and_sees_no_other(url: str) -> None:
    connection = await connected(url, "askelma_indicators")
    await connection.execute("INSERT INTO indicators.unpublished_example VALUES ('c')")
    await connection.execute("ALTER TABLE indicators.unpublished_example ADD COLUMN on_day date")
    assert not await readable(connection, "notifier.dead_letter")
    assert not await readable(connection, "ingest.publication")
    await connection.close()


async def test_a_service_migrates_with_its_own_role(url: str) -> None:
    own = make_url(url).set(username="askelma_notifier", password=PASSWORD)
    await migrate(own.render_as_string(hide_password=False), "notifier")


async def test_applying_twice_changes_nothing_and_a_new_published_table_shows_after_it(
    url: str, reporting: asyncpg.Connection
) -> None:
    owner = await connected(url)
    await owner.execute("CREATE TABLE incentives.published_later (month date)")
    assert not await readable(reporting, "incentives.published_later")
    await apply_roles(url)
    await apply_roles(url)
    assert await readable(reporting, "incentives.published_later")
    await owner.close()


async def test_what_is_no_longer_published_is_no_longer_readable(url: str, reporting: asyncpg.Connection) -> None:
    owner = await connected(url)
    await owner.execute("ALTER TABLE indicators.published_example RENAME TO withdrawn_example")
    await apply_roles(url)
    assert not await readable(reporting, "indicators.withdrawn_example")
    await owner.close()


async def test_a_password_for_a_role_that_is_not_ours_is_refused_by_name() -> None:
    with pytest.raises(RolesError, match="There is no role 'postgres'; a password can be given to askelma_ingest"):
        await apply_roles("postgresql://nowhere", {"postgres": SecretStr("x")})


@pytest.mark.parametrize("address", ["no address", "postgresql://owner@host:/askelma"])
async def test_what_is_not_an_address_is_told(address: str) -> None:
    with pytest.raises(RolesError, match="not one of a database"):
        await apply_roles(address)


async def test_a_role_that_may_not_apply_roles_is_told_so(url: str) -> None:
    own = make_url(url).set(username="askelma_notifier", password=PASSWORD)
    with pytest.raises(RolesError, match="use the owner of the database"):
        await apply_roles(own.render_as_string(hide_password=False))


async def test_every_question_of_the_dashboard_is_one_that_the_reporting_role_may_ask(
    reporting: asyncpg.Connection,
) -> None:
    board: dict[str, Any] = dict(dashboard_json("en"))
    targets = [target for panel in board["panels"] for target in panel.get("targets", [])]
    asked = [target["rawSql"] for target in targets if "rawSql" in target]
    asked += [variable["query"] for variable in board["templating"]["list"]]
    assert len(asked) > 1
    for sql in asked:
        await reporting.execute("EXPLAIN " + without_macros(sql))


def without_macros(sql: str) -> str:
    """Put in what Grafana would: the chosen authority and the shown time range."""
    return sql.replace("${authority:sqlstring}", "'joensuu'").replace(
        "$__timeFilter(month)", "month BETWEEN '2025-01-01T00:00:00Z' AND '2026-12-31T00:00:00Z'"
    )
