"""Fixtures of this room's tests."""

import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import make_url

from services.runtime.database import Database, plain_dsn
from services.runtime.migrations import migrate
from tests.incentives.streams import Room


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(plain_dsn(url))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def named(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated(postgres_url: str) -> AsyncIterator[str]:
    """Give the name of a database with this room's tables, to be copied: migrating takes longer than copying."""
    name = f"incentives_{secrets.token_hex(6)}"
    await execute(postgres_url, f"CREATE DATABASE {name}")
    await migrate(named(postgres_url, name), "incentives")
    yield name
    await execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(postgres_url: str, migrated: str) -> AsyncIterator[Database]:
    """Give a database with this room's empty tables."""
    name = f"t{secrets.token_hex(6)}"
    await execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {migrated}")
    database = Database(named(postgres_url, name), service="incentives")
    yield database
    await database.close()
    await execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def room(database: Database) -> Room:
    """Give the stream side of this room, whose word is kept instead of sent."""
    return Room(database)
