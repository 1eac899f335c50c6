import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts.facts import DOOR_PAYLOADS, PAYLOADS
from contracts.topics import TOPICS
from deploy.contracts_docs import FOLDER, asyncapi, documents, payload_schemas, write


def test_what_is_committed_is_what_the_contracts_say_now() -> None:
    committed = {
        str(path.relative_to(FOLDER)): path.read_text(encoding="utf-8")
        for path in (FOLDER / "asyncapi.json", *(FOLDER / "schemas").glob("*.json"))
    }
    generated = documents()
    changed = {path for path in committed.keys() | generated.keys() if committed.get(path) != generated.get(path)}
    assert changed == set(), "run `python -m deploy.contracts_docs` and commit what it writes"


def test_a_schema_of_a_type_that_is_no_more_is_removed(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "schemas" / "fi.askelma.client.forgotten.v1.json").write_text("{}")
    write(tmp_path)
    assert not (tmp_path / "schemas" / "fi.askelma.client.forgotten.v1.json").exists()


@pytest.mark.parametrize("name", payload_schemas())
def test_every_schema_is_a_valid_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(payload_schemas()[name])


def test_there_is_a_schema_for_every_type_of_fact_and_for_each_snapshot() -> None:
    assert set(payload_schemas()) == {*PAYLOADS, "PathwaySnapshot", "ExposureSnapshot", "AlertEvent"}


@pytest.mark.parametrize(
    ("payload", "valid"),
    [
        ({"municipality": "167"}, True),
        ({"municipality": "167", "identity_code": "010190-9132"}, True),
        ({"municipality": 167}, False),
        ({"municipality": "167", "shoe_size": 43}, False),
        ({}, False),
    ],
)
def test_the_schema_of_a_registration_takes_what_the_door_takes(payload: dict[str, object], *, valid: bool) -> None:
    schema = payload_schemas()["fi.askelma.client.registered.v1"]
    assert Draft202012Validator(schema).is_valid(payload) is valid


@pytest.mark.parametrize("path", sorted((FOLDER / "examples").glob("*.json")), ids=lambda path: path.stem)
def test_every_example_is_as_its_schema_says(path: Path) -> None:
    event = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator(payload_schemas()[event["type"]]).validate(event["data"])


def test_every_topic_is_a_channel_with_its_messages_and_every_reader_an_operation() -> None:
    document = json.loads(json.dumps(asyncapi()))
    assert [channel["address"] for channel in document["channels"].values()] == [
        topic.name.replace("<sender>", "{sender}") for topic in TOPICS
    ]
    assert len(document["channels"]["facts"]["messages"]) == len(PAYLOADS)
    assert len(document["channels"]["intake"]["messages"]) == len(DOOR_PAYLOADS)
    receivers = {name for name, one in document["operations"].items() if one["action"] == "receive"}
    assert receivers == {f"{reader}.receive.{name}" for name, reader in readers()}


def readers() -> Iterator[tuple[str, str]]:
    for topic in TOPICS:
        for reader in topic.readers:
            yield topic.name.split(".")[1], reader


def test_every_reference_inside_the_document_leads_somewhere() -> None:
    document = json.loads(json.dumps(asyncapi()))
    for reference in references(document):
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)
