"""Fixtures of ingest's tests: a door, a running ingest over PostgreSQL, and events as a sender writes them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from sqlmodel import SQLModel

from services.ingest.domain.bindings import parsed, structured
from services.ingest.domain.door import Accepted, Door
from services.ingest.domain.refusals import Refused
from services.ingest.rules import load_rules
from services.ingest.store.tables import SCHEMA
from tests.ingest.running import TODAY, Event, Examine, Example, Ingest, run, running_ingest
from tests.rigs.store import Databases

EXAMPLES: Final = Path(__file__).parents[2] / "contracts" / "examples"
TABLES: Final = ", ".join(sorted(name for name in SQLModel.metadata.tables if name.startswith(f"{SCHEMA}.")))


@pytest.fixture
def door() -> Door:
    """Give a door that lets made-up identity codes pass, as the demo's does."""
    return Door(load_rules(), temporary=True)


@pytest.fixture
def examine(door: Door) -> Examine:
    """Examine one event of the JSON format on the fifth of July 2026."""

    def examined(event: Event) -> Accepted | Refused:
        sent = structured(event)
        return door.examine(sent.attributes, sent.data, TODAY)

    return examined


@pytest.fixture
def example() -> Example:
    """Read the example of a type, such as `status.changed`; each call gives a fresh one."""

    def read(name: str) -> Event:
        event = parsed((EXAMPLES / f"{name}.json").read_bytes())
        assert isinstance(event, dict)
        return event

    return read


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ingest_url(databases: Databases) -> AsyncIterator[str]:
    """Give the URL of a migrated database for all tests of the room, which empty it."""
    async with databases.migrated("ingest") as url:
        yield url


@pytest.fixture
async def ingest(ingest_url: str) -> AsyncIterator[Ingest]:
    """Give ingest's HTTP API over empty tables, with a sender `registry` of the authority `north`."""
    await run(ingest_url, f"TRUNCATE {TABLES} RESTART IDENTITY")
    async with running_ingest(ingest_url) as ingest:
        yield ingest
