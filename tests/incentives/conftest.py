"""Fixtures of this room's tests."""

from collections.abc import AsyncIterator

import httpx
import pytest

from services.runtime.database import Database
from tests.incentives.site import site
from tests.incentives.streams import Room
from tests.rigs.store import Databases


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[Database]:
    """Give a database with this room's empty tables."""
    async with databases.migrated("incentives") as url:
        database = Database(url, service="incentives")
        yield database
        await database.close()


@pytest.fixture
def room(database: Database) -> Room:
    """Give the stream side of this room, whose word is kept instead of sent."""
    return Room(database)


@pytest.fixture
async def client(room: Room) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of this room's routes, over six clients of Lahti in October 2025."""
    async with site(room) as given:
        yield given
