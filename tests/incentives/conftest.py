"""Fixtures of this room's tests."""

from collections.abc import AsyncIterator

import pytest

from services.runtime.database import Database
from services.runtime.migrations import migrate
from tests.incentives.streams import Room


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Give a database with this room's tables."""
    await migrate(database_url, "incentives")
    database = Database(database_url, service="incentives")
    yield database
    await database.close()


@pytest.fixture
def room(database: Database) -> Room:
    """Give the stream side of this room, whose word is kept instead of sent."""
    return Room(database)
