"""What the tests of ingest share: a day, a door, and events as a sender writes them."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

import pytest
from pydantic import JsonValue

from services.ingest.domain.bindings import parsed, structured
from services.ingest.domain.door import Accepted, Door
from services.ingest.domain.refusals import Refused
from services.ingest.rules import load_rules

EXAMPLES: Final = Path(__file__).parents[2] / "contracts" / "examples"
TODAY: Final = date(2026, 7, 5)

Event = dict[str, JsonValue]
Examine = Callable[[Event], Accepted | Refused]


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
def example() -> Callable[[str], Event]:
    """Read the example of a type, such as `status.changed`; each call gives a fresh one."""

    def read(name: str) -> Event:
        event = parsed((EXAMPLES / f"{name}.json").read_bytes())
        assert isinstance(event, dict)
        return event

    return read
