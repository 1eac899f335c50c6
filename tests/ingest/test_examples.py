"""Each type of fact has an example as a sender writes it, and it must parse for ever."""

from datetime import date
from pathlib import Path
from typing import Final

import pytest

from contracts.facts import DOOR_PAYLOADS, PAYLOADS
from services.ingest.domain.bindings import parsed, structured
from services.ingest.domain.door import Accepted, Door
from services.ingest.rules import load_rules

EXAMPLES: Final = sorted((Path(__file__).parents[2] / "contracts" / "examples").glob("*.json"))


def test_every_type_of_fact_has_an_example() -> None:
    assert {f"fi.askelma.{path.stem}.v1" for path in EXAMPLES} == set(DOOR_PAYLOADS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_passes_the_door_and_stands_inside(path: Path) -> None:
    sent = structured(parsed(path.read_bytes()))
    event = Door(load_rules(), temporary=True).examine(sent.attributes, sent.data, date(2026, 7, 5))
    assert isinstance(event, Accepted), event
    assert event.type == f"fi.askelma.{path.stem}.v1"
    PAYLOADS[event.type].model_validate_json(event.body, extra="forbid")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_shows_every_field_of_its_type(path: Path) -> None:
    event = parsed(path.read_bytes())
    assert isinstance(event, dict)
    fields = DOOR_PAYLOADS[event["type"]].model_fields
    assert set(event["data"]) == {field.alias or name for name, field in fields.items()}
