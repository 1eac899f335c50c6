"""Writes what other systems read about the contracts: a JSON Schema for each payload, and one AsyncAPI document.

Both are generated from `contracts`, committed beside it and compared in the tests:
`python -m deploy.contracts_docs` writes them anew.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias, get_args

from pydantic import BaseModel

import contracts
from contracts.facts import DOOR_PAYLOADS, PAYLOADS, Payload
from contracts.snapshots import ALERT, EXPOSURE, PATHWAY
from contracts.topics import (
    ALERTS,
    DEAD,
    EXPOSURES,
    FACTS,
    INTAKE,
    PARAMETERS,
    PATHWAYS,
    TOPICS,
    Service,
    Topic,
    group_of,
)

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"
Schema: TypeAlias = dict[str, Json]

FOLDER: Final = Path(contracts.__file__).parent
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
HOST: Final = "kafka.example.fi:9093"
RECORD_SCHEMAS: Final[Mapping[str, Schema]] = {
    "PathwaySnapshot": PATHWAY.json_schema(),
    "ExposureSnapshot": EXPOSURE.json_schema(),
    "AlertEvent": ALERT.json_schema(),
}

_TEXT: Final[Schema] = {"type": "string"}
_MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}


def documents() -> dict[str, str]:
    """Return every generated file: path below `contracts/`, and its text."""
    schemas = {f"schemas/{name}.json": schema for name, schema in payload_schemas().items()}
    return {path: _text(content) for path, content in {**schemas, "asyncapi.json": asyncapi()}.items()}


def write(folder: Path = FOLDER) -> None:
    """Write every generated file below `folder` and remove schemas of types that are no more."""
    wanted = documents()
    (folder / "schemas").mkdir(exist_ok=True)
    for stale in (folder / "schemas").glob("*.json"):
        if f"schemas/{stale.name}" not in wanted:
            stale.unlink()
    for path, text in wanted.items():
        (folder / path).write_text(text, encoding="utf-8")


def payload_schemas() -> dict[str, Schema]:
    """Return the JSON Schema of each payload at the door by type, and of each record between services by name."""
    facts = {kind: _model_schema(kind, model) for kind, model in DOOR_PAYLOADS.items()}
    records = {name: _record_schema(name, schema) for name, schema in RECORD_SCHEMAS.items()}
    return {**facts, **records}


def asyncapi() -> Schema:
    """Return the AsyncAPI 3.0 document of all topics: who sends what, and who receives it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Askelma",
            "version": "1",
            "description": "Topics of Askelma. Facts are CloudEvents 1.0; senders write to an intake topic only.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": HOST, "protocol": "kafka", "description": "Your own cluster."}},
        "channels": {_channel_name(topic): _channel(topic) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {"messages": _messages(), "schemas": _component_schemas()},
    }


def _model_schema(kind: str, model: type[BaseModel]) -> Schema:
    schema = model.model_json_schema(by_alias=True)
    return {"$schema": DIALECT, "$id": f"{kind}.json", **schema, "additionalProperties": False}


def _record_schema(name: str, schema: Schema) -> Schema:
    return {"$schema": DIALECT, "$id": f"{name}.json", **schema}


def _channel_name(topic: Topic) -> str:
    return topic.name.removeprefix("askelma.").removesuffix(".v1").replace(".<sender>", "")


def _channel(topic: Topic) -> Schema:
    channel: Schema = {
        "address": topic.name.replace("<", "{").replace(">", "}"),
        "description": f"Key: {topic.key}. {_kept(topic)}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _messages_on(topic)},
        "bindings": {"kafka": _binding(topic)},
    }
    if topic is INTAKE:
        channel["parameters"] = {"sender": {"description": "The name under which the sender is registered."}}
    return channel


def _kept(topic: Topic) -> str:
    if topic.retention_ms is None:
        return "The newest record of each key is kept; one without a body says that the client was erased."
    return f"Records are kept for {topic.retention_ms // 86_400_000} days."


def _binding(topic: Topic) -> Schema:
    settings: Schema = {"cleanup.policy": [topic.cleanup]}
    if topic.retention_ms is not None:
        settings["retention.ms"] = topic.retention_ms
    return {"partitions": topic.partitions, "topicConfiguration": settings, "bindingVersion": "0.5.0"}


def _messages_on(topic: Topic) -> tuple[str, ...]:
    return {
        INTAKE.name: tuple(f"{kind}.atDoor" for kind in DOOR_PAYLOADS),
        FACTS.name: tuple(PAYLOADS),
        PATHWAYS.name: ("PathwaySnapshot",),
        EXPOSURES.name: ("ExposureSnapshot",),
        PARAMETERS.name: ("Parameter",),
        ALERTS.name: ("AlertEvent",),
        DEAD.name: ("DeadLetter",),
    }[topic.name]


def _operations() -> Iterator[tuple[str, Json]]:
    for topic in TOPICS:
        channel = _channel_name(topic)
        reference: Json = {"$ref": f"#/channels/{channel}"}
        for writer in _writers(topic):
            yield f"{writer}.send.{channel}", {"action": "send", "channel": reference, "title": f"{writer} writes"}
        for reader in topic.readers:
            group: Json = {
                "kafka": {"groupId": {"type": "string", "const": group_of(reader)}, "bindingVersion": "0.5.0"}
            }
            operation: Json = {"action": "receive", "channel": reference, "title": f"{reader} reads", "bindings": group}
            yield f"{reader}.receive.{channel}", operation


def _writers(topic: Topic) -> tuple[str, ...]:
    return get_args(Service) if topic.owner == "all" else (topic.owner,)


def _messages() -> Schema:
    inside: Schema = {kind: _fact_message(kind, model, "FactHeaders", kind) for kind, model in PAYLOADS.items()}
    door: Schema = {
        f"{kind}.atDoor": _fact_message(kind, model, "DoorHeaders", f"{kind}.atDoor")
        for kind, model in DOOR_PAYLOADS.items()
    }
    records: Schema = {name: _message(name, "RecordHeaders", name) for name in RECORD_SCHEMAS}
    others: Schema = {name: _message(name, "OriginHeaders", None) for name in ("DeadLetter",)}
    return {**inside, **door, **records, **others, "Parameter": _message("Parameter", "RecordHeaders", None)}


def _fact_message(kind: str, model: type[Payload], headers: str, schema: str) -> Schema:
    message = _message(kind, headers, schema)
    return {**message, "summary": (model.__doc__ or kind).strip().splitlines()[0]}


def _message(title: str, headers: str, schema: str | None) -> Schema:
    payload: Json = {"$ref": f"#/components/schemas/{schema}"} if schema else {}
    return {
        "title": title,
        "contentType": "application/json",
        "headers": {"$ref": f"#/components/schemas/{headers}"},
        "payload": payload,
    }


def _component_schemas() -> Schema:
    inside = {kind: _inlined(model.model_json_schema(by_alias=True), kind) for kind, model in PAYLOADS.items()}
    door = {f"{kind}.atDoor": _inlined(_door_schema(model), f"{kind}.atDoor") for kind, model in DOOR_PAYLOADS.items()}
    records = {name: _inlined(schema, name) for name, schema in RECORD_SCHEMAS.items()}
    return {**inside, **door, **records, **_header_schemas()}


def _door_schema(model: type[BaseModel]) -> Schema:
    return {**model.model_json_schema(by_alias=True), "additionalProperties": False}


def _inlined(schema: Schema, name: str) -> Schema:
    """Point references inside a schema at its own definitions where it stands in the document."""
    moved = json.dumps(schema).replace("#/$defs/", f"#/components/schemas/{name}/$defs/")
    loaded: Schema = json.loads(moved)
    return loaded


def _header_schemas() -> Schema:
    door: Schema = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": _TEXT,
        "ce_source": _TEXT,
        "ce_type": {"enum": list(PAYLOADS)},
        "ce_subject": _TEXT,
        "ce_time": _MOMENT,
    }
    inside: Schema = {"ce_authority": _TEXT, "ce_recordedtime": _MOMENT, "ce_journalseq": _TEXT}
    return {
        "DoorHeaders": _headers(door),
        "FactHeaders": _headers({**door, **inside}),
        "RecordHeaders": _headers({"ce_id": {"type": "string", "format": "uuid"}, "ce_authority": _TEXT}),
        "OriginHeaders": _headers({"x-origin": _TEXT, "x-service": _TEXT, "x-reason": _TEXT}),
    }


def _headers(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _text(content: Schema) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write()
