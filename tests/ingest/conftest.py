"""Fixtures of ingest's tests: a door, a running ingest over PostgreSQL, and events as a sender writes them."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from sqlalchemy import make_url
from sqlmodel import SQLModel

from services.ingest.domain.bindings import parsed, structured
from services.ingest.domain.door import Accepted, Door
from services.ingest.domain.refusals import Refused
from services.ingest.rules import load_rules
from services.ingest.store.tables import SCHEMA
from services.runtime.migrations import migrate
from tests.ingest.running import TODAY, Event, Examine, Example, Ingest, run, running_ingest

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
async def ingest_url(postgres_url: str) -> AsyncIterator[str]:
    """Give the URL of a migrated database for all tests of the room, which empty it."""
    name = f"ingest{secrets.token_hex(6)}"
    await run(postgres_url, f"CREATE DATABASE {name}")
    url = make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    await migrate(url, "ingest")
    yield url
    await run(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def ingest(ingest_url: str) -> AsyncIterator[Ingest]:
    """Give ingest's HTTP API over empty tables, with a sender `registry` of the authority `north`."""
    await run(ingest_url, f"TRUNCATE {TABLES} RESTART IDENTITY")
    async with running_ingest(ingest_url) as ingest:
        yield ingest
