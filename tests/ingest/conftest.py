"""Fixtures of ingest's tests: a door, a running ingest over PostgreSQL, and events as a sender writes them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from services.ingest.domain.bindings import parsed, structured
from services.ingest.domain.door import Accepted, Door
from services.ingest.domain.refusals import Refused
from services.ingest.rules import load_rules
from tests.ingest.running import TODAY, Event, Examine, Example, Ingest, running_ingest

EXAMPLES: Final = Path(__file__).parents[2] / "contracts" / "examples"


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


@pytest.fixture
async def ingest(database_url: str) -> AsyncIterator[Ingest]:
    """Give ingest's HTTP API over a fresh database, with a sender `registry` of the authority `north`."""
    async with running_ingest(database_url) as ingest:
        yield ingest
